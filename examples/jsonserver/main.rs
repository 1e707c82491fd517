//! A small language server in the style of Anaconda's JsonServer, whose clients it serves unchanged: completion, lint and
//! formatting of Python. `cargo run --example jsonserver -- --help`; docs/jsonserver.md has the messages.

mod controllers;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use controllers::Linter;
use switchboard::Running;
use switchboard::prelude::*;
use switchboard::wire::json_server::JsonServer;
use tracing_subscriber::EnvFilter;

#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen: an address and a port, of which 0 takes a free one, or unix:PATH.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9999")]
    bind: String,
    /// What is spoken: that of Anaconda's JsonServer, or the native one.
    #[arg(long, value_enum, default_value_t = Dialect::Jsonserver)]
    dialect: Dialect,
    /// Exits after so many minutes without a call; 0 for never.
    #[arg(long, value_name = "MINUTES", default_value_t = 30)]
    idle_minutes: u64,
    /// The same for tests, which have less time.
    #[arg(long, hide = true, conflicts_with = "idle_minutes")]
    idle_seconds: Option<u64>,
    /// Exits when this process is gone.
    #[arg(long, value_name = "PID")]
    parent: Option<u32>,
    /// What lints: a program and its arguments, with blanks between. It is given the code on its standard input, and writes
    /// lines such as `<stdin>:3:1: what is wrong`. Empty for the built-in check. Otherwise `pyflakes` or `ruff`, where one of
    /// them is installed.
    #[arg(long, value_name = "COMMAND")]
    lint_command: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dialect {
    Jsonserver,
    Native,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    match server(&arguments)
        .serve(listener(arguments.bind, arguments.dialect))
        .await
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn server(arguments: &Arguments) -> Server {
    let linter = arguments
        .lint_command
        .as_deref()
        .map_or_else(Linter::installed, Linter::new);
    let mut server = controllers::server(linter).when_ready(announce);
    let idle = arguments
        .idle_seconds
        .unwrap_or(arguments.idle_minutes.saturating_mul(60));
    if idle > 0 {
        server = server.exit_when_idle(Duration::from_secs(idle));
    }
    if let Some(parent) = arguments.parent {
        server = server.exit_with_parent(parent);
    }
    server
}

/// Editors send whole files, and want them back formatted; what they send nobody else hears.
fn listener(bind: String, dialect: Dialect) -> Listener {
    let limits = Limits {
        message_bytes: 8 << 20,
        outbox_bytes: 64 << 20,
        silence: Duration::from_secs(24 * 3600),
        ..Limits::default()
    };
    let listener = Listener::lines(bind).limits(limits);
    match dialect {
        Dialect::Jsonserver => listener.dialect(JsonServer),
        Dialect::Native => listener,
    }
}

/// Standard output carries this line alone, for whoever has started the server and waits for it.
fn announce(running: &Running) {
    for endpoint in running.endpoints() {
        // Who does not read it does not wait for it.
        let _ = writeln!(io::stdout(), "listening on {endpoint}");
    }
}

fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // Nobody reads the log any more when the parent is gone: that is no reason to fail.
        .log_internal_errors(false)
        .init();
}
