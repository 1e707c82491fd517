//! The checks of this workspace, one command each: `cargo xtask test` runs them all.

mod autobahn;
mod packages;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use run::{Failure, cargo, npm};

#[derive(Parser)]
#[command(about = "The checks of this workspace", long_about = None)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs every check: format, lints, docs, Rust, UI, JavaScript and browser tests.
    Test,
    /// Writes down anew what the compiler says to the wrong programs in tests/ui.
    Bless,
    /// Runs the benchmarks; arguments go to them, such as a filter.
    Bench {
        /// Passed on to criterion.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs a fuzz target; needs a nightly toolchain and cargo-fuzz.
    Fuzz {
        /// `frames` or `envelopes`.
        target: String,
        /// For how long, in seconds.
        #[arg(default_value_t = 600)]
        seconds: u32,
    },
    /// Runs the Autobahn test suite against an echo server of ours.
    Autobahn {
        /// A Python 2.7 that has the package autobahntestsuite.
        #[arg(long)]
        python: PathBuf,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test => test(),
        Task::Bless => cargo(&["test", "--test", "ui"]).env("TRYBUILD", "overwrite").run(),
        Task::Bench { arguments } => bench(&arguments),
        Task::Fuzz { target, seconds } => fuzz(&target, seconds),
        Task::Autobahn { python } => autobahn::run(&python),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn test() -> Result<(), Failure> {
    packages::ensure()?;
    cargo(&["fmt", "--all", "--check"]).run()?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]).run()?;
    cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()?;
    cargo(&["test", "--workspace"]).run()?;
    cargo(&["check", "--manifest-path", "fuzz/Cargo.toml", "--bins"]).run()?;
    javascript()?;
    browsers()
}

fn javascript() -> Result<(), Failure> {
    npm("client/javascript", &["ci"]).run()?;
    npm("client/javascript", &["run", "check"]).run()?;
    npm("client/javascript", &["test"]).run()
}

fn browsers() -> Result<(), Failure> {
    cargo(&["build", "--examples"]).run()?;
    npm("tests/browser", &["ci"]).run()?;
    npm("tests/browser", &["test"]).run()
}

fn bench(arguments: &[String]) -> Result<(), Failure> {
    let mut task = vec!["bench", "--package", "switchboard-bench", "--"];
    task.extend(arguments.iter().map(String::as_str));
    cargo(&task).run()
}

fn fuzz(target: &str, seconds: u32) -> Result<(), Failure> {
    let seconds = format!("-max_total_time={seconds}");
    cargo(&["+nightly", "fuzz", "run", target, "--", &seconds]).run()
}
