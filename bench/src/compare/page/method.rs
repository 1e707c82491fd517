//! How it was measured, and on what.

use super::wrapped;
use crate::compare::machine::Machine;
use crate::compare::sample::Samples;
use crate::compare::works::Figure;

/// Both, and what was left out.
pub(super) fn section(samples: &Samples) -> String {
    let settings = &samples.settings;
    let Machine {
        date,
        commit,
        processor,
        is_virtual,
        processors,
        memory_gib,
        kernel,
        congestion_control,
        rustc,
        peers,
    } = &samples.machine;
    let machine = if *is_virtual { "a virtual machine" } else { "a machine" };
    let peers: Vec<_> = peers
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let how = format!(
        "Rounds: {}. In each, {} s were counted for each program after {} s to warm up ({} s more where some clients do not \
         read).",
        settings.rounds,
        settings.seconds,
        settings.warmup,
        Figure::Tail.settles_in(),
    );
    let machine = format!(
        "Measured on {date} at commit `{commit}`, on {machine} with {processors} cores ({processor}) and {memory_gib:.0} GiB of \
         memory, Linux {kernel}, congestion control {congestion_control}, {rustc}. The peers: {}.",
        peers.join(", "),
    );
    let mut text = format!(
        "## How it was measured\n\n{METHOD}\n\n{}\n\n## The machine\n\n{}\n\n",
        wrapped(&how),
        wrapped(&machine)
    );
    if !samples.missing.is_empty() {
        let missing = format!("Left out, as they were not there: {}.", samples.missing.join("; "));
        text.push_str(&format!("{}\n\n", wrapped(&missing)));
    }
    text.push_str("## All works\n\n");
    text.push_str(&wrapped(COLUMNS));
    text.push('\n');
    text
}

const METHOD: &str = "\
- What counts is what a message costs: messages per second of the *server's* processor time, user and system, of all its
  threads. So it does not matter how fast the generator is, unless by being slow it makes the server sleep between messages.
- The server has one core to itself and the generator another (`taskset`), over loopback, without compression and TLS. The
  generator is a single loop with frames that were built beforehand; it checks that each message that is to come comes, and
  nothing else.
- All programs do the same: they parse JSON, look a name up among 100, read the payload into a struct, and encode the answer
  or the publication anew ([what they are](../bench/peers/README.md)). Each is written as its users write it.
- Works are done one after the other. Within a work the programs take turns, each with a new server process, for several
  rounds, so that what slows the machine down for a while slows all of them down.
- A number is the median of all rounds, the spread is from the least to the most. A ratio is made within each round, and its
  median and spread are given.
- Latencies are those of a generator that sends the next message when an answer has come: under such a load they show how
  evenly a server works, not how it does under a given number of messages.";

const COLUMNS: &str = "\"Switchboard to it\" says how many times as much Switchboard does for a second of processor time in the same round; \"server \
     busy\" is the share of its core that the server used.";
