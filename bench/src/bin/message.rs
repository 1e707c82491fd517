//! Sends messages along one path of the framework, one after the other, so that a profiler can count what they cost:
//! `message --path echo --messages 1000`.
//!
//! Client and server are on one thread and talk over a real socket, so that the same is done in the same order each time.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use switchboard_bench::path::Path;
use switchboard_bench::talk::{self, Failure, Talk};
use tokio::time::timeout;

#[derive(Debug, Parser)]
struct Arguments {
    /// The path; `--list` names them.
    #[arg(long, required_unless_present = "list", value_parser = path)]
    path: Option<Path>,
    /// How many messages are sent, after those of the start; rounded up to whole batches.
    #[arg(long, default_value_t = 1000)]
    messages: usize,
    /// Names the paths, one a line.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let Arguments { path, messages, list } = Arguments::parse();
    if list {
        Path::ALL.iter().for_each(|path| println!("{}", path.name));
    }
    let Some(path) = path else {
        return ExitCode::SUCCESS;
    };
    talk::log_warnings();
    match send(path, messages) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn send(path: Path, messages: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sending = async {
        let mut talk = Talk::begin(path).await?;
        for _ in 0..messages.div_ceil(path.batch()) {
            talk.exchange().await?;
        }
        Ok(())
    };
    // A message that is lost would be waited for without end.
    runtime.block_on(async { timeout(PATIENCE, sending).await.unwrap_or(Err(Failure::Late(PATIENCE))) })
}

fn path(name: &str) -> Result<Path, String> {
    Path::of_name(name).ok_or_else(|| "there is no such path; `--list` names them".to_owned())
}

/// A profiler makes everything some fifty times as slow.
const PATIENCE: Duration = Duration::from_secs(600);
