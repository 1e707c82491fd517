//! A server for the tests of `worker`: it says where it listens, who it is, and ends as it is told.

use std::io::Write;
use std::process::{Command, ExitCode};
use std::time::Duration;

use serde_json::Value;
use switchboard::prelude::*;

/// Arguments: where to listen, `lines` or `websocket`, its name, whether it is to have a `child`, and a gate: the path of a Unix
/// socket, which it tells its number, and where it waits for a word before it listens.
#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().unwrap_or_default();
    let (bind, framing, name, child, gate) = (next(), next(), next(), next(), next());
    #[cfg(unix)]
    if !gate.is_empty()
        && let Err(error) = wait_at(&gate)
    {
        eprintln!("{gate}: {error}");
        return ExitCode::FAILURE;
    }
    let child = match child.as_str() {
        "child" => Command::new("sleep").arg("1000").spawn().map_or(0, |child| child.id()),
        _ => 0,
    };
    let listener = match framing.as_str() {
        "websocket" => Listener::from(bind),
        _ => Listener::lines(bind),
    };
    let routes = Routes::new()
        .route("name", Controller::silent(move |()| name.clone()))
        .route("pids", Controller::silent(move |()| [std::process::id(), child]))
        .route("double", Controller::silent(|Payload(n): Payload<u64>| n * 2))
        .route("echo", Controller::silent(|Payload(value): Payload<Value>| value))
        .route(
            "text",
            Controller::silent(|Payload(value): Payload<Value>| value.to_string()),
        )
        .route("exit", Controller::silent(|Payload(code): Payload<i32>| exit(code)))
        .route(
            "hang",
            Controller::silent(|()| async { std::future::pending::<u8>().await })
                .timeout(Duration::from_secs(3600))
                .unordered(),
        );
    let server = Server::empty().routes(routes).when_ready(|running| {
        println!("hello, this is a banner");
        for endpoint in running.endpoints() {
            // Who does not read it does not wait for it.
            let _ = writeln!(std::io::stdout(), "listening on {endpoint}");
        }
    });
    match server.serve(listener).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(unix)]
fn wait_at(gate: &str) -> std::io::Result<()> {
    use std::io::Read;

    let mut gate = std::os::unix::net::UnixStream::connect(gate)?;
    gate.write_all(&std::process::id().to_be_bytes())?;
    gate.read_exact(&mut [0])
}

fn exit(code: i32) {
    eprintln!("told to exit with {code}");
    std::process::exit(code);
}
