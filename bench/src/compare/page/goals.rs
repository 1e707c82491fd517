//! What was to be reached, and what was.

use super::numbers::{bytes, nanoseconds, ratio};
use super::sections::tail_ratio;
use super::table::Table;
use super::wrapped;
use crate::compare::programs::{AXUM, LIMIT, OURS, Program};
use crate::compare::sample::{Measured, Samples};
use crate::compare::statistics::Summary;
use crate::compare::works::{
    ECHO_64X1, ECHO_64X16, ECHO_1000X1, FANOUT_1000X1, FANOUT_1000X16, FANOUT_10000X1, IDLE, STALLED, Work,
};

/// A goal.
struct Goal {
    title: &'static str,
    bound: Bound,
}

/// What has to hold.
enum Bound {
    /// This work is done at so much of the limit's speed, at least.
    OfLimit(&'static str, f64),
    /// The tail grows to no more than so many times when some do not read.
    Tail(f64),
    /// An idle client takes no more than so many bytes.
    Memory(f64),
    /// The slowest of these benchmarks takes no more than so many nanoseconds.
    Time(fn(&str) -> bool, f64),
    /// No more than so many times the crates of axum.
    Crates(f64),
}

/// What was found: ours, axum's, and whether that is as it should be.
struct Reached {
    ours: String,
    axum: String,
    is_met: bool,
}

const GOALS: &[Goal] = &[
    goal("echo, 64 clients, 1 in flight", Bound::OfLimit(ECHO_64X1, 0.90)),
    goal("echo, 64 clients, 16 in flight", Bound::OfLimit(ECHO_64X16, 0.75)),
    goal("echo, 1,000 clients, 1 in flight", Bound::OfLimit(ECHO_1000X1, 0.90)),
    goal("fan-out to 1,000, 1 in flight", Bound::OfLimit(FANOUT_1000X1, 0.85)),
    goal("fan-out to 1,000, 16 in flight", Bound::OfLimit(FANOUT_1000X16, 0.80)),
    goal("fan-out to 10,000", Bound::OfLimit(FANOUT_10000X1, 0.95)),
    goal(
        "p99 of the others while a tenth does not read, to all reading",
        Bound::Tail(1.2),
    ),
    goal(
        "memory of an idle client, in a mailbox and used once",
        Bound::Memory(2.5 * 1024.0),
    ),
    goal(
        "match of a path among 10 to 100,000 routes",
        Bound::Time(is_path, 100.0),
    ),
    goal(
        "match among 10,000 regular expressions, names never seen before",
        Bound::Time(is_regex, 2000.0),
    ),
    goal("crates that the chat builds, to those of axum", Bound::Crates(1.3)),
];

/// The table.
pub(super) fn section(samples: &Samples) -> String {
    let mut table = Table::new(["work", "goal", "reached", "axum", "met"]);
    for Goal { title, bound } in GOALS {
        let goal = bound.goal();
        match bound.reached(samples) {
            Some(Reached { ours, axum, is_met }) => {
                let met = if is_met { "yes" } else { "**no**" };
                table.row([*title, &goal, &ours, &axum, met]);
            }
            None => table.row([*title, &goal, "not measured", "", "–"]),
        }
    }
    let mut text = format!("{}\n\n{table}", wrapped(ABOUT));
    if let Some(crates) = &samples.crates {
        let (chat, axum, log) = (crates.chat, crates.axum, crates.chat_with_log - crates.chat);
        let counted = format!(
            "The chat builds {chat} crates, a chat with axum {axum} (axum with `ws`, serde_json, serde with `derive`, and tokio \
             with `full`, as axum's own example has them). The command line and the log of our example, which a chat with axum \
             would need as well, are {log} more."
        );
        text.push_str(&format!("\n{}\n", wrapped(&counted)));
    }
    text
}

impl Bound {
    fn goal(&self) -> String {
        match self {
            Self::OfLimit(_, least) => format!("≥ {least:.2} of the limit"),
            Self::Tail(most) | Self::Crates(most) => format!("≤ {most} ×"),
            Self::Memory(most) => format!("≤ {} KiB", most / 1024.0),
            Self::Time(_, most) => format!("≤ {}", nanoseconds(*most)),
        }
    }

    fn reached(&self, samples: &Samples) -> Option<Reached> {
        let both = |of: &dyn Fn(&str) -> Option<Summary>, number: fn(f64) -> String, is_met: &dyn Fn(f64) -> bool| {
            let ours = of(OURS)?;
            Some(Reached {
                ours: format!("{} ({}–{})", number(ours.median), number(ours.least), number(ours.most)),
                axum: of(AXUM).map_or_else(String::new, |axum| number(axum.median)),
                is_met: is_met(ours.median),
            })
        };
        match self {
            Self::OfLimit(work, least) => {
                let rounds = |program: &str| samples.rounds((work, ""), program, Measured::per_cpu_second);
                let limit = rounds(LIMIT);
                both(
                    &|program| Summary::of_ratios(&rounds(program), &limit),
                    ratio,
                    &|median| median >= *least,
                )
            }
            Self::Tail(most) => {
                let work = Work::find(STALLED)?;
                let tail = |program: &str| tail_ratio(samples, work, Program::find(program)?);
                both(&tail, ratio, &|median| median <= *most)
            }
            Self::Memory(most) => {
                let memory = |program: &str| Summary::of(&samples.rounds((IDLE, ""), program, Measured::memory));
                both(&memory, bytes, &|median| median <= *most)
            }
            Self::Time(is_meant, most) => {
                let slowest = samples.micro.as_ref()?.slowest(is_meant)?;
                Some(Reached {
                    ours: nanoseconds(slowest),
                    axum: String::new(),
                    is_met: slowest <= *most,
                })
            }
            Self::Crates(most) => {
                let crates = samples.crates.as_ref()?;
                let times = crates.chat as f64 / crates.axum as f64;
                Some(Reached {
                    ours: ratio(times),
                    axum: "1.00".to_owned(),
                    is_met: times <= *most,
                })
            }
        }
    }
}

const fn goal(title: &'static str, bound: Bound) -> Goal {
    Goal { title, bound }
}

fn is_path(benchmark: &str) -> bool {
    benchmark.starts_with("paths/")
}

/// What writes no names alone, and has no more than 32 expressions to a literal first segment.
fn is_regex(benchmark: &str) -> bool {
    benchmark == "flood/10000_regexes"
        || (benchmark.starts_with("regexes/32_a_segment/") && benchmark.ends_with("/10000"))
}

const ABOUT: &str = "Medians, and in brackets the least and the most of all rounds. The limit is a bare loop of system calls on \
     one thread that looks at nothing but frame headers; Switchboard does the whole work, with decorators, extractors, \
     limits and a log. What axum is given is measured here as well, as it is usually written.";
