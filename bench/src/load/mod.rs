//! The load generator: one thread, one epoll loop, frames that were built beforehand.

mod churn;
mod connection;
mod echo;
mod failure;
mod fanout;
mod idle;
mod mailboxes;
mod options;
mod pool;
mod report;
mod run;

use std::process::ExitCode;

use clap::Parser;

use failure::Failure;
use options::{Arguments, Work};
use report::Report;

/// The program: prints one line of JSON, or says on standard error what was lost or refused.
pub fn main() -> ExitCode {
    let report = work(&Arguments::parse());
    let line = report.and_then(|report| Ok(report.map(|report| serde_json::to_string(&report)).transpose()?));
    match line {
        Ok(line) => {
            line.iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Nothing is reported by who is only a part of the generator.
fn work(arguments: &Arguments) -> Result<Option<Report>, Failure> {
    let report = match &arguments.work {
        Work::Echo(echo) => echo::run(echo),
        Work::Fanout(fanout) => fanout::run(fanout),
        Work::Mailboxes(mailboxes) => mailboxes::run(mailboxes),
        Work::Idle(idle) => idle::run(idle),
        Work::IdlePart(part) => return idle::run_part(part).map(|()| None),
        Work::Churn(churn) => churn::run(churn),
    };
    report.map(Some)
}
