//! A server that runs as a process: started, heard to be ready, ended.

use std::future::pending;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::time::timeout;

use super::family::Family;
use super::lines::{Lines, Tail};
use super::{Command, Fault, WorkerLimits};

/// A server that said that it is ready. Dropping it kills it, and all that it has started.
#[derive(Debug)]
pub(super) struct Server {
    program: Box<str>,
    family: Family,
    output: Output,
}

impl Server {
    /// Starts it and waits until it says where it listens. Dropping the future kills it.
    pub(super) async fn start(command: &Command, limits: &WorkerLimits) -> Result<(Self, String), Fault> {
        let program = command.program();
        let mut process = command.to_process();
        process
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut family = match Family::start(&mut process, limits.stop) {
            Ok(family) => family,
            Err(error) => {
                let error = Arc::new(error);
                return Err(Fault::NotStarted { program, error });
            }
        };
        let output = Output::of(&mut family, limits.stderr_lines);
        let mut server = Self {
            program,
            family,
            output,
        };
        match timeout(limits.start, server.ready()).await {
            Ok(Ok(address)) => Ok((server, address)),
            Ok(Err(status)) => Err(Fault::StartFailed {
                status,
                stderr: server.output.stderr.text(),
                program: server.program,
            }),
            Err(_) => {
                server.kill().await;
                Err(Fault::NeverReady {
                    after: limits.start,
                    stderr: server.output.stderr.text(),
                    program: server.program,
                })
            }
        }
    }

    /// Where it listens, or how it ended before it said so.
    async fn ready(&mut self) -> Result<String, ExitStatus> {
        loop {
            let exited = tokio::select! {
                biased;
                () = self.output.read() => None,
                status = self.family.exited() => Some(status),
            };
            if let Some(address) = self.output.address.take() {
                return Ok(address);
            }
            if let Some(status) = exited {
                self.output.read_rest().await;
                return Err(status.unwrap_or_default());
            }
        }
    }

    /// Waits until it ends by itself, and hears what it says meanwhile. Dropping the future changes nothing.
    pub(super) async fn exited(&mut self) -> ExitStatus {
        let status = loop {
            tokio::select! {
                status = self.family.exited() => break status,
                () = self.output.read() => {}
            }
        };
        self.output.read_rest().await;
        status.unwrap_or_default()
    }

    /// Asks it to end, and kills it where that takes too long.
    pub(super) async fn stop(&mut self, limits: &WorkerLimits) {
        self.family.terminate();
        if timeout(limits.stop, self.exited()).await.is_err() {
            tracing::warn!("{} did not end within {:?} and is killed", self.program, limits.stop);
            self.kill().await;
        }
    }

    /// Ends it, without asking.
    pub(super) async fn kill(&mut self) {
        self.family.kill();
        self.exited().await;
    }

    /// The number of its process, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.family.child.id()
    }

    /// That it ended.
    pub(super) fn crashed(&self, status: ExitStatus) -> Fault {
        Fault::Crashed {
            program: self.program.clone(),
            status,
            stderr: self.output.stderr.text(),
        }
    }
}

/// What the server writes. It is read for as long as the server runs, so that no full pipe stops it.
#[derive(Debug)]
struct Output {
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
    stdout: Lines,
    stderr: Tail,
    /// Where it said last that it listens.
    address: Option<String>,
}

impl Output {
    fn of(family: &mut Family, stderr_lines: usize) -> Self {
        Self {
            out: family.child.stdout.take(),
            err: family.child.stderr.take(),
            stdout: Lines::default(),
            stderr: Tail::new(stderr_lines),
            address: None,
        }
    }

    /// Reads once; never ready when there is nothing more. Dropping the future loses nothing.
    async fn read(&mut self) {
        let (mut from_out, mut from_err) = ([0; 1024], [0; 1024]);
        tokio::select! {
            length = read(&mut self.out, &mut from_out) => {
                let address = &mut self.address;
                self.stdout.push(&from_out[..length], |line| {
                    if let Some(said) = line.strip_prefix(READY) {
                        *address = Some(said.to_owned());
                    }
                });
            }
            length = read(&mut self.err, &mut from_err) => self.stderr.push(&from_err[..length]),
        }
    }

    /// Reads what is left when the server has ended. What has left its group may hold the pipes open.
    async fn read_rest(&mut self) {
        let rest = async {
            while self.out.is_some() || self.err.is_some() {
                self.read().await;
            }
        };
        let _ = timeout(LAST_WORDS, rest).await;
    }
}

/// Waits for some bytes; at the end, and where reading fails, for ever from the next time on.
async fn read(pipe: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> usize {
    let Some(open) = pipe else { return pending().await };
    let length = open.read(buffer).await.unwrap_or(0);
    if length == 0 {
        *pipe = None;
    }
    length
}

const READY: &str = "listening on ";
const LAST_WORDS: Duration = Duration::from_millis(500);
