//! Servers as processes of their own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use switchboard::Endpoint;
use tokio::time::timeout;

/// Where a process says what it has to say.
#[derive(Clone, Copy)]
pub(crate) enum Pipe {
    Out,
    Err,
}

/// A server that was started, and is killed with this if it still runs.
pub(crate) struct Process {
    pub(crate) child: Child,
    /// Where it listens, as it said first.
    pub(crate) endpoint: Endpoint,
    /// What it said until that was known.
    pub(crate) said: Vec<String>,
    lines: mpsc::Receiver<String>,
}

impl Process {
    /// Starts it, and waits until it has said where it listens.
    pub(crate) fn start(command: &mut Command, pipe: Pipe) -> Self {
        match pipe {
            Pipe::Out => command.stdout(Stdio::piped()),
            Pipe::Err => command.stderr(Stdio::piped()).stdout(Stdio::null()),
        };
        let mut process = Self {
            child: command.spawn().unwrap(),
            endpoint: Endpoint::Tcp(String::new()),
            said: Vec::new(),
            lines: mpsc::channel().1,
        };
        process.lines = match pipe {
            Pipe::Out => lines(process.child.stdout.take().unwrap()),
            Pipe::Err => lines(process.child.stderr.take().unwrap()),
        };
        while let Ok(line) = process.lines.recv_timeout(PATIENCE) {
            let endpoint = listening(&line);
            process.said.push(line);
            if let Some(endpoint) = endpoint {
                process.endpoint = endpoint;
                return process;
            }
        }
        panic!("it does not say where it listens: {:#?}", process.said);
    }

    /// Where it listens, if that is over TCP.
    pub(crate) fn address(&self) -> SocketAddr {
        match &self.endpoint {
            Endpoint::Tcp(address) => address.parse().unwrap(),
            Endpoint::Unix(path) => panic!("it listens at {}", path.display()),
        }
    }

    /// The next line that has this in it.
    pub(crate) fn line_with(&self, words: &str) -> String {
        let mut said = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            if line.contains(words) {
                return line;
            }
            said.push(line);
        }
        panic!("it does not say {words:?}: {said:#?}");
    }

    /// What it still says, to the end.
    pub(crate) fn rest(&self) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Disconnected) => return said,
                Err(RecvTimeoutError::Timeout) => panic!("it goes on: {said:#?}"),
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until it ends by itself.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, ended).await.expect("the process goes on")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An example, which logs as it does unless told otherwise.
pub(crate) fn example(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let target = tests.ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
    let program = target.join("examples").join(name);
    assert!(
        program.exists(),
        "there is no {}: `cargo build --examples` makes it",
        program.display()
    );
    let mut command = Command::new(program);
    command.env_remove("RUST_LOG");
    command
}

/// Reads to the end, wanted or not: a process may fail that cannot say what it has to.
fn lines(output: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    receive
}

/// Where a line says that its server listens: as an address alone, or as one for browsers.
fn listening(line: &str) -> Option<Endpoint> {
    let (_, told) = line.split_once("listening on ")?;
    let address = told.split_whitespace().next()?;
    let address = address
        .strip_prefix("http://")
        .or_else(|| address.strip_prefix("https://"))
        .unwrap_or(address);
    Some(address.into())
}

const PATIENCE: Duration = Duration::from_secs(30);
