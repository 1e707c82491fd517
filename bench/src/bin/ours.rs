//! The full framework as a user writes it: decorators, extractors, limits and a log.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use serde::{Deserialize, Serialize};
use switchboard::prelude::*;
use switchboard_bench::serving;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

#[derive(Debug, Parser)]
struct Arguments {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    bind: String,
    /// How many routes there are beside the ones that are asked for: half of them literal, half with a parameter.
    #[arg(long, default_value_t = 100)]
    routes: usize,
}

#[derive(Deserialize, Serialize)]
struct Line {
    text: String,
}

#[silent("bench/echo")]
fn echo(Payload(line): Payload<Line>) -> Line {
    line
}

#[send_all("bench/publish")]
fn publish(Payload(line): Payload<Line>) -> Line {
    line
}

#[silent("bench/rooms/<room>/join")]
fn join(Params(room): Params<String>, client: Client) -> Result<(), Error> {
    client.join(format!("rooms/{room}"))?;
    Ok(())
}

#[send_to_mailbox("bench/rooms/<room>/say", to = "rooms/<room>")]
fn say(Payload(line): Payload<Line>) -> Line {
    line
}

#[silent("bench/rooms/<room>/leave")]
fn leave(Params(room): Params<String>, client: Client) {
    client.leave(&Mailbox::new(format!("rooms/{room}")));
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(Arguments { bind, routes }: Arguments) -> Result<(), ServerError> {
    start_log();
    let limits = Limits {
        connections: 100_000,
        connections_per_address: 20_000,
        ..Limits::default()
    };
    let server = Server::new().routes(more_routes(routes)).limits(limits);
    server.serve(listen(&bind).await?).await
}

async fn listen(address: &str) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    serving::announce(listener.local_addr()?)?;
    serving::end_with_standard_input()?;
    Ok(listener)
}

fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
}

/// Routes that nobody asks for.
fn more_routes(count: usize) -> Routes {
    (0..count).fold(Routes::new(), |routes, n| {
        let path = match n % 2 {
            0 => format!("area{}/command{n}", n / 100),
            _ => format!("area{}/<item>/command{n}", n / 100),
        };
        routes.route(path, Controller::silent(|Payload(line): Payload<Line>| line))
    })
}
