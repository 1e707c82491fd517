//! `idle`: clients that were used once and are then left alone, to see what memory each takes.
//!
//! The clients are in processes of their own, as one may have only so many descriptors.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::mailboxes::{ask_all, join};
use super::options;
use super::pool::{Pool, Work};
use super::report::{Report, Window};
use crate::frame::{TEXT, masked};
use crate::watch::own_memory;

pub(super) fn run(options: &options::Idle) -> Result<Report, Failure> {
    let &options::Idle { clients, processes, .. } = options;
    if clients == 0 || processes == 0 {
        return Err(Failure::Usage("at least one client and process are needed".to_owned()));
    }
    let pids = &options.common.pid;
    let memory = || pids.iter().map(|&pid| own_memory(pid)).sum::<Result<u64, _>>();

    // What the server makes once for all clients is not counted.
    let mut first = Part::start(options, clients, FIRST)?;
    first.ready()?;
    first.end()?;
    thread::sleep(Duration::from_secs_f64(options.common.warmup));

    let mut window = Window::new(&options.common);
    window.open()?;
    let before = memory()?;
    let per_part = clients.div_ceil(processes);
    let mut parts = Vec::new();
    for first in (0..clients).step_by(per_part) {
        parts.push(Part::start(options, first, per_part.min(clients - first))?);
    }
    for part in &mut parts {
        part.ready()?;
    }
    let rest = Instant::now() + Duration::from_secs_f64(options.common.seconds);
    while Instant::now() < rest {
        thread::sleep(Duration::from_millis(20));
        window.sample()?;
    }
    let after = memory()?;
    window.count_only(clients as u64);
    window.close()?;
    for part in parts {
        part.end()?;
    }
    let per_connection = (after as f64 - before as f64) / clients as f64;
    let report = Report::new("idle", "connections", options, window.measured()?)?;
    Ok(report
        .with("bytes_per_connection", per_connection)
        .with("server_bytes_before", before)
        .with("server_bytes_after", after))
}

/// A process with some of the clients.
struct Part {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Part {
    fn start(options: &options::Idle, first: usize, clients: usize) -> Result<Self, Failure> {
        let dialect = serde_json::to_value(options.common.dialect)?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("idle-part")
            .args(["--server", &options.common.server.to_string()])
            .args(["--dialect", dialect.as_str().unwrap_or_default()])
            .args(["--first", &first.to_string()])
            .args(["--clients", &clients.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let Some(out) = child.stdout.take() else {
            return Err(Failure::Child("has no output".to_owned()));
        };
        Ok(Self {
            child,
            lines: BufReader::new(out),
        })
    }

    /// Waits until all its clients are connected and have said what they had to.
    fn ready(&mut self) -> Result<(), Failure> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        if line.trim() == READY {
            return Ok(());
        }
        Err(Failure::Child("failed".to_owned()))
    }

    /// Ends it. An error where it lost a client.
    fn end(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::Child(format!("failed: {status}")))
    }
}

/// What such a process does.
pub(super) fn run_part(options: &options::IdlePart) -> Result<(), Failure> {
    let &options::IdlePart {
        server,
        dialect,
        first,
        clients,
    } = options;
    let mut pool = Pool::to(server, dialect, clients)?;
    pool.connect_all(first, |_| None)?;
    let echo = masked(TEXT, dialect.echo(0, 64).as_bytes());
    ask_all(&mut pool, clients, |_| echo.clone())?;
    ask_all(&mut pool, clients, |client| join(dialect, (first + client) % ROOMS))?;
    println!("{READY}");
    let is_over = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&is_over);
    thread::spawn(move || {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        tell.store(true, Ordering::Relaxed);
    });
    while !is_over.load(Ordering::Relaxed) {
        // Pings are answered.
        pool.turn(&mut Silence)?;
    }
    Ok(())
}

struct Silence;

impl Work for Silence {
    fn opened(&mut self, _: &mut Pool, _: usize) -> Result<(), Failure> {
        Ok(())
    }

    fn received(&mut self, _: &mut Pool, client: usize, messages: usize) -> Result<(), Failure> {
        let what = format!("{messages} messages that nobody asked for");
        Err(Failure::Unexpected(client, what))
    }
}

/// As many as in the work `mailboxes`.
const ROOMS: usize = 1000;
const READY: &str = "ready";
/// Clients that come and go before anything is measured.
const FIRST: usize = 100;
