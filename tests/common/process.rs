//! Servers as processes of their own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

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
    pub(crate) address: SocketAddr,
    /// What it said until its address was known.
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
            address: SocketAddr::from(([0; 4], 0)),
            said: Vec::new(),
            lines: mpsc::channel().1,
        };
        process.lines = match pipe {
            Pipe::Out => lines(process.child.stdout.take().unwrap()),
            Pipe::Err => lines(process.child.stderr.take().unwrap()),
        };
        while let Ok(line) = process.lines.recv_timeout(PATIENCE) {
            process.said.push(line);
            let address = process
                .said
                .last()
                .and_then(|line| line.split_once("listening on http"))
                .and_then(|(_, address)| address.split_once("://"));
            if let Some(address) = address.and_then(|(_, address)| address.split_whitespace().next()) {
                process.address = address.parse().unwrap();
                return process;
            }
        }
        panic!("it does not say where it listens: {:#?}", process.said);
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

const PATIENCE: Duration = Duration::from_secs(30);
