//! The checks of this workspace, one command each: `cargo xtask test` runs them all.

mod autobahn;
mod bench;
mod instructions;
mod packages;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use run::{Failure, Step, cargo, npm};

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
    /// Compares our server with others, and writes docs/performance.md; `--quick` checks that this works.
    #[command(disable_help_flag = true)]
    Bench {
        /// Passed on to the comparison: `--help` shows them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs the micro-benchmarks; arguments go to them, such as a filter.
    Micro {
        /// Passed on to criterion.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Counts the instructions of a message along each path of the framework, and compares them with the budget.
    Instructions {
        /// Writes the budget down anew.
        #[arg(long)]
        bless: bool,
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
        Task::Bench { arguments } => bench::compare(&arguments),
        Task::Micro { arguments } => bench::micro(&arguments),
        Task::Instructions { bless } => instructions::run(bless),
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
    featured(&["clippy", "--all-targets"], &["--", "--deny", "warnings"]).run()?;
    cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()?;
    featured(&["doc", "--no-deps", "--document-private-items"], &[])
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()?;
    cargo(&["test", "--workspace"]).run()?;
    featured(&["test", "--lib", "--test", "tls", "--test", "worker"], &[]).run()?;
    featured(&["test", "--doc"], &[]).run()?;
    instructions::run(false)?;
    cargo(&["check", "--manifest-path", "fuzz/Cargo.toml", "--bins"]).run()?;
    javascript()?;
    browsers()?;
    bench::compare(&["--quick".to_owned()])
}

/// A cargo command for the packages that have features, with all of them.
fn featured(command: &[&str], behind: &[&str]) -> Step {
    let packages = [
        "--package",
        "switchboard-wire",
        "--package",
        "switchboard-server",
        "--package",
        "switchboard-client",
        "--package",
        "switchboard",
    ];
    cargo(&[command, &packages, &["--all-features"], behind].concat())
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

fn fuzz(target: &str, seconds: u32) -> Result<(), Failure> {
    let seconds = format!("-max_total_time={seconds}");
    cargo(&["+nightly", "fuzz", "run", target, "--", &seconds]).run()
}
