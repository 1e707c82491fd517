//! Lint: by a program, where there is one, or by the rules that are built in.

use serde::{Deserialize, Serialize};
use switchboard::CancellationToken;
use switchboard::prelude::*;
use tokio::sync::Semaphore;

use super::command::{Command, Said};
use super::rules;
use super::scan::Place;

/// Ends with its client, and so does the program that it runs.
#[silent("python_linter/lint", unordered, timeout = "30s")]
async fn lint(Payload(job): Payload<Job>, linter: State<Linter>, gone: CancellationToken) -> Result<Linted, Error> {
    let errors = tokio::select! {
        errors = linter.check(job.code) => errors?,
        () = gone.cancelled() => return Err(Error::new(code::CANCELLED, "nobody waits for it any more")),
    };
    Ok(Linted { errors })
}

#[derive(Deserialize)]
struct Job {
    code: String,
}

#[derive(Serialize)]
struct Linted {
    errors: Vec<Fault>,
}

/// What is wrong, as Anaconda's client shows it.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    level: Level,
    lineno: usize,
    offset: usize,
    message: String,
    raw_error: String,
    /// Whether the client underlines what stands at `offset`.
    underline_range: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) enum Level {
    #[serde(rename = "E")]
    Error,
    #[serde(rename = "W")]
    Warning,
    #[serde(rename = "V")]
    Violation,
}

impl Fault {
    pub(super) fn new(level: Level, place: Place, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            level,
            lineno: place.line,
            offset: place.column,
            raw_error: message.clone(),
            message,
            underline_range: true,
        }
    }

    pub(super) fn place(&self) -> Place {
        Place {
            line: self.lineno,
            column: self.offset,
        }
    }

    /// Reads `<stdin>:3:1: what is wrong`; the column, which is counted from 1, may be missing. None for any other line.
    fn parse(level: Level, line: &str) -> Option<Self> {
        line.match_indices(':').find_map(|(at, _)| {
            let (number, rest) = line[at + 1..].split_once(':')?;
            let number = number.parse().ok().filter(|&number| number > 0)?;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let column = rest[..end].parse().unwrap_or(1_usize).saturating_sub(1);
            let message = rest[end..].trim_start_matches(':').trim();
            Some(Self::new(level, Place { line: number, column }, message))
        })
    }
}

/// What lints.
#[derive(Debug)]
pub(crate) struct Linter {
    command: Option<Command>,
    /// Programs that run at a time; others wait.
    places: Semaphore,
}

impl Linter {
    /// Lints by this command, or by the built-in rules where it is empty.
    pub(crate) fn new(command: &str) -> Self {
        Self {
            command: Command::parse(command),
            places: Semaphore::new(AT_ONCE),
        }
    }

    /// Lints by a program that is installed here, or by the built-in rules where there is none.
    pub(crate) fn installed() -> Self {
        let found = KNOWN.iter().map(|command| Self::new(command));
        let is_there = |linter: &Self| linter.command.as_ref().is_some_and(Command::is_installed);
        found.into_iter().find(is_there).unwrap_or_else(|| Self::new(""))
    }

    async fn check(&self, code: String) -> Result<Vec<Fault>, Error> {
        let mut faults = match &self.command {
            Some(command) => {
                // Nobody ever closes the semaphore.
                let _place = self.places.acquire().await.map_err(Error::internal)?;
                read(command, &command.run(code).await?)?
            }
            None => tokio::task::spawn_blocking(move || rules::check(&code))
                .await
                .map_err(Error::internal)?,
        };
        faults.truncate(MOST);
        Ok(faults)
    }
}

/// What a program says on its standard error is about code that it could not read.
fn read(command: &Command, said: &Said) -> Result<Vec<Fault>, Error> {
    let errors = said.errors.lines().filter_map(|line| Fault::parse(Level::Error, line));
    let warnings = said
        .output
        .lines()
        .filter_map(|line| Fault::parse(Level::Warning, line));
    let mut faults: Vec<_> = errors.chain(warnings).collect();
    if faults.is_empty() && !said.status.success() {
        return Err(command.failed(said));
    }
    faults.sort_by_key(Fault::place);
    Ok(faults)
}

/// What is looked for, in this order.
const KNOWN: [&str; 2] = ["pyflakes", "ruff check --quiet --output-format=concise -"];
const AT_ONCE: usize = 4;
/// More than anybody looks through.
const MOST: usize = 1_000;
