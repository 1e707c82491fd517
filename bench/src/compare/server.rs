//! A server under test, from its start to its end.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::failure::Failure;

/// A server under test. Ends with this.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    /// The server ends when this does.
    stdin: Option<ChildStdin>,
    address: String,
    log: PathBuf,
}

impl Server {
    /// Starts it and waits until it says where it listens. What it has to complain about goes into the file `log`.
    pub(super) fn start(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let errors = File::create(log).map_err(Failure::file(log))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(Failure::system("the server cannot be started"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let mut server = Self {
            child,
            stdin,
            address: String::new(),
            log: log.to_path_buf(),
        };
        let (tell, told) = mpsc::channel();
        // Reads on to the end, as a server that says more must not be stopped by a full pipe.
        thread::spawn(move || {
            for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
                // Nobody wants to know more than the first.
                let _ = tell.send(line.unwrap_or_default());
            }
        });
        let line = told.recv_timeout(START).unwrap_or_default();
        match line.strip_prefix("listening on ") {
            Some(address) => {
                server.address = address.trim().to_owned();
                Ok(server)
            }
            None => Err(Failure::NoAddress(server.complaints())),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it is doing, for who wonders why a client failed.
    pub(super) fn complaints(&mut self) -> String {
        let mut text = match self.child.try_wait() {
            Ok(Some(status)) => format!("; the server ended: {status}"),
            _ => String::new(),
        };
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = lines.len().saturating_sub(LINES);
        for line in &lines[last..] {
            text.push_str("\n    server: ");
            text.push_str(line);
        }
        text
    }

    /// Ends it, as it is agreed: by the end of its standard input.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        drop(self.stdin.take());
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.child.try_wait() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Err(Failure::Endless)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended by itself, unless something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const START: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(10);
/// How many lines of a server's complaints are shown.
const LINES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> Result<Server, Failure> {
        let name = format!("server-under-test-{}-{:?}", std::process::id(), thread::current().id());
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Server::start(command, &std::env::temp_dir().join(name))
    }

    #[test]
    fn a_server_says_where_it_listens_and_ends_with_its_input() {
        let server = start("echo listening on 127.0.0.1:7; cat").unwrap();
        assert_eq!(server.address(), "127.0.0.1:7");
        server.end().unwrap();
    }

    #[test]
    fn a_server_that_says_something_else_is_shown() {
        let error = start("echo no port is free >&2; echo sorry; exit 3").unwrap_err();
        assert!(error.to_string().contains("server: no port is free"), "{error}");
    }
}
