//! The benchmarks: our server beside others, and parts of it by themselves.

use crate::packages::runs;
use crate::run::{Failure, Step, cargo, npm, target};

/// The micro-benchmarks; the arguments are criterion's.
pub(crate) fn micro(arguments: &[String]) -> Result<(), Failure> {
    // A pattern, as otherwise the tests of the library are taken for benchmarks too.
    let mut task = vec!["bench", "--package", "switchboard-bench", "--bench", "*", "--"];
    task.extend(arguments.iter().map(String::as_str));
    cargo(&task).run()
}

/// Builds all that is compared, and compares it; the arguments are those of bench/src/bin/compare.rs.
pub(crate) fn compare(arguments: &[String]) -> Result<(), Failure> {
    let has = |option: &str| {
        let is_it = |argument: &String| argument.split('=').next() == Some(option);
        arguments.iter().any(is_it)
    };
    let target = target()?;
    let path = |name: &str| target.join(name).to_string_lossy().into_owned();
    cargo(&["build", "--release", "--package", "switchboard-bench", "--bins"]).run()?;
    if !["--from", "--help", "-h"].into_iter().any(has) {
        peers(&path("peers"))?;
        if !has("--quick") {
            python(&path("peers/venv"));
        }
        if !["--quick", "--only", "--programs"].into_iter().any(has) {
            // Two of the goals are about these.
            micro(&[GOALS.to_owned()])?;
        }
    }
    Step::new(path("release/compare"), arguments).run()
}

/// The peers in Rust and in Node. They have a target folder of their own, as their crates' features differ from ours.
fn peers(folder: &str) -> Result<(), Failure> {
    let manifest = "bench/peers/rust/Cargo.toml";
    let build = ["build", "--release", "--locked", "--manifest-path", manifest];
    cargo(&[&build[..], &["--target-dir", folder]].concat()).run()?;
    if runs("node") && runs("npm") {
        return npm("bench/peers/node", &["ci"]).run();
    }
    eprintln!("left out: the peers in Node, as `node` or `npm` is missing");
    Ok(())
}

/// Where there is no Python, or it cannot install what is needed, the comparison goes without it.
fn python(venv: &str) {
    let pip = format!("{venv}/bin/pip");
    let install = [
        "install",
        "--quiet",
        "--requirement",
        "bench/peers/python/requirements.txt",
    ];
    let done = Step::new("python3", &["-m", "venv", venv])
        .run()
        .and_then(|()| Step::new(&pip, &install).run());
    if let Err(failure) = done {
        eprintln!("left out: Django Channels, as {failure}");
    }
}

const GOALS: &str = "^(paths/|flood/10000_regexes|regexes/32_a_segment/.*/10000$)";
