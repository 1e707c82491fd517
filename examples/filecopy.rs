//! Copies files through a socket, however large, in little memory: the message socket with files as messages.
//!
//! ```sh
//! cargo run --example filecopy -- notes.txt --into /tmp/copies              # both ends in one process
//! cargo run --example filecopy -- --into /tmp/copies --serve 127.0.0.1:8000
//! cargo run --example filecopy -- notes.txt --connect 127.0.0.1:8000
//! ```

use std::error::Error as StdError;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use switchboard::wire::Shutdown;
use switchboard::wire::connection::Endpoint;
use switchboard::wire::connector::{Connector, Event, FileConverter, FileMessage, Limits, Reason};

#[derive(Debug, Parser)]
struct Arguments {
    /// Only store what comes, here: `host:port`, or `unix:` and a path. Port 0 takes a free one, which is printed.
    #[arg(long, value_name = "ENDPOINT", requires = "into", conflicts_with_all = ["connect", "files"])]
    serve: Option<Endpoint>,
    /// Only send, to a server here.
    #[arg(
        long,
        value_name = "ENDPOINT",
        conflicts_with = "into",
        required_unless_present = "into"
    )]
    connect: Option<Endpoint>,
    /// The folder that copies go to.
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// The largest file that is taken, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 30)]
    limit: u64,
    /// What to copy.
    #[arg(required_unless_present = "serve")]
    files: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let Arguments {
        serve,
        connect,
        into,
        limit,
        files,
    } = Arguments::parse();
    let before = peak_memory();
    let converter = match into {
        Some(folder) => FileConverter::storing(folder, limit),
        None => FileConverter::sending(),
    };
    let connector = Connector::new(converter, Limits::default());
    if let Some(endpoint) = serve {
        println!("listening on {}", connector.listen(endpoint).await?);
        let storing = tokio::spawn(store(connector.clone(), false));
        tokio::signal::ctrl_c().await?;
        connector.shutdown(Shutdown::FinishQueues, PATIENCE);
        return Ok(storing.await?);
    }
    match connect {
        Some(endpoint) => send(endpoint, files).await?,
        None => {
            let endpoint = connector.listen("127.0.0.1:0").await?;
            let storing = tokio::spawn(store(connector.clone(), true));
            send(endpoint, files).await?;
            // What was sent is stored before the end.
            storing.await?;
        }
    }
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        println!(
            "memory: {} KiB at most, beside {before} KiB at the start",
            after - before
        );
    }
    Ok(())
}

/// Stores what comes, until the shutdown, or the end of the first connection.
async fn store(connector: Connector<FileConverter>, once: bool) {
    while let Some(event) = connector.recv().await {
        match event {
            Event::RemoteConnect { incoming, .. } => {
                // It may be gone already, which is its own affair.
                let _ = incoming.accept();
            }
            Event::MessageReceived { message, .. } => println!("stored {}", message.path().display()),
            Event::RemoteDisconnect { connection, reason, .. } => {
                if !matches!(reason, Reason::Closed) {
                    eprintln!("{connection}: {reason}");
                }
                if once {
                    connector.shutdown(Shutdown::Now, Duration::ZERO);
                }
            }
            Event::FinishConnect { .. } | Event::FinishDisconnect { .. } | Event::RejectedMessage { .. } => {}
        }
    }
}

/// Sends these files, and fails if one does not leave.
async fn send(endpoint: Endpoint, files: Vec<PathBuf>) -> Result<(), Box<dyn StdError>> {
    let connector = Connector::new(FileConverter::sending(), Limits::default());
    let connection = connector.connect(endpoint)?;
    for file in files {
        connector.send(connection, FileMessage::new(file))?;
    }
    // What cannot be read comes back before the end, and the rest goes on.
    connector.disconnect(connection, Shutdown::FinishQueues, Duration::MAX);
    let mut failed = 0;
    loop {
        match connector.recv().await {
            Some(Event::FinishConnect { result, .. }) => result?,
            Some(Event::RejectedMessage { message, why, .. }) => {
                eprintln!("{}: {why}", message.path().display());
                failed += 1;
            }
            Some(Event::FinishDisconnect { incomplete, queued, .. }) => {
                for message in incomplete.iter().chain(&queued) {
                    eprintln!("{}: the other end has closed the connection", message.path().display());
                    failed += 1;
                }
                break;
            }
            Some(Event::RemoteDisconnect { reason, .. }) => return Err(reason.into()),
            Some(event) => return Err(format!("unexpected: {event:?}").into()),
            None => break,
        }
    }
    if failed > 0 {
        Err(format!("{failed} files were not copied").into())
    } else {
        Ok(())
    }
}

/// The most memory that this process has held, in KiB; where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How long the other end may take at the end.
const PATIENCE: Duration = Duration::from_secs(5);
