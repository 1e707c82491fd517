//! A program that is given a text and says something about it: within a time, with so much output, and gone when nobody
//! waits for it any more.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use switchboard::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::time::timeout;

#[derive(Debug)]
pub(super) struct Command {
    program: String,
    arguments: Vec<String>,
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) output: String,
    pub(super) errors: String,
    pub(super) status: ExitStatus,
}

impl Command {
    /// A program and its arguments, with blanks between; none where there is nothing else.
    pub(super) fn parse(command: &str) -> Option<Self> {
        let mut words = command.split_whitespace().map(str::to_owned);
        Some(Self {
            program: words.next()?,
            arguments: words.collect(),
        })
    }

    /// Whether the program is in one of the folders that programs are looked for in.
    pub(super) fn is_installed(&self) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(&self.program).is_file())
    }

    /// Runs it. Dropping the future ends it, together with what it has started.
    pub(super) async fn run(&self, input: String) -> Result<Said, Error> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.arguments).kill_on_drop(true);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| {
            error_of(format!(
                "{} cannot be started: {error}; give another --lint-command, or an empty one",
                self.program
            ))
        })?;
        let group = Group::of(&child);
        let said = timeout(TIME, talk(&mut child, input)).await;
        let said =
            said.map_err(|_| error_of(format!("{} was not done within {TIME:?} and was ended", self.program)))?;
        let said = said.map_err(Error::internal)?;
        group.has_ended();
        Ok(said)
    }

    /// The error of a program that failed and found nothing.
    pub(super) fn failed(&self, said: &Said) -> Error {
        let why = said.errors.lines().next_back().unwrap_or("it does not say why");
        error_of(format!("{} failed ({}): {why}", self.program, said.status))
    }
}

async fn talk(child: &mut Child, input: String) -> std::io::Result<Said> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ((), output, errors) = tokio::join!(write(stdin, input), read(stdout), read(stderr));
    Ok(Said {
        output,
        errors,
        status: child.wait().await?,
    })
}

async fn write(stdin: Option<ChildStdin>, input: String) {
    if let Some(mut stdin) = stdin {
        // A program may end before it has read everything: what it says by then counts.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
}

/// What is more than enough is not read: the program cannot write it then, which ends it.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let _ = pipe.take(MOST).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A program and all that it has started, which end when this is dropped.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            leader: id.and_then(rustix::process::Pid::from_raw),
        }
    }

    /// From now on somebody else may get the number.
    fn has_ended(mut self) {
        self.leader = None;
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // All of them may have ended by themselves.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// Elsewhere only the program itself is ended.
#[cfg(not(unix))]
impl Group {
    fn of(_: &Child) -> Self {
        Self {}
    }

    fn has_ended(self) {}
}

fn error_of(message: String) -> Error {
    Error::new("lint_failed", message)
}

const TIME: Duration = Duration::from_secs(10);
const MOST: u64 = 256 << 10;
