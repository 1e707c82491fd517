//! A server that doubles numbers, and a client of it, over the message socket. The wire is Pike's: digits and a space.
//!
//! ```sh
//! cargo run --example doubler -- 1 2 3                           # both in one process
//! cargo run --example doubler -- --serve 127.0.0.1:8000
//! cargo run --example doubler -- --connect 127.0.0.1:8000 21     # without numbers: those of standard input
//! ```

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use clap::Parser;
use switchboard::wire::Shutdown;
use switchboard::wire::connection::Endpoint;
use switchboard::wire::connector::{Connector, Event, IntConverter, Limits, Reason};

#[derive(Debug, Parser)]
struct Arguments {
    /// Only serve, here: `host:port`, or `unix:` and a path. Port 0 takes a free one, which is printed.
    #[arg(long, value_name = "ENDPOINT", conflicts_with_all = ["connect", "numbers"])]
    serve: Option<Endpoint>,
    /// Only ask a server, here.
    #[arg(long, value_name = "ENDPOINT")]
    connect: Option<Endpoint>,
    /// What to double; the numbers of standard input if there are none here.
    #[arg(allow_negative_numbers = true)]
    numbers: Vec<i64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let arguments = Arguments::parse();
    let server = Connector::new(IntConverter, Limits::default());
    if let Some(endpoint) = arguments.serve {
        println!("listening on {}", server.listen(endpoint).await?);
        let serving = tokio::spawn(serve(server.clone()));
        tokio::signal::ctrl_c().await?;
        server.shutdown(Shutdown::FinishQueues, PATIENCE);
        return Ok(serving.await?);
    }
    let numbers = match arguments.numbers {
        numbers if numbers.is_empty() => numbers_of(&io::read_to_string(io::stdin())?)?,
        numbers => numbers,
    };
    match arguments.connect {
        Some(endpoint) => double(endpoint, &numbers).await,
        None => {
            let endpoint = server.listen("127.0.0.1:0").await?;
            let serving = tokio::spawn(serve(server.clone()));
            let result = double(endpoint, &numbers).await;
            server.shutdown(Shutdown::FinishQueues, PATIENCE);
            serving.await?;
            result
        }
    }
}

/// Doubles what comes, until the shutdown.
async fn serve(connector: Connector<IntConverter>) {
    while let Some(event) = connector.recv().await {
        match event {
            Event::RemoteConnect { incoming, .. } => {
                // It may be gone already, which is its own affair.
                let _ = incoming.accept();
            }
            Event::MessageReceived { connection, message } => {
                let answered = message.checked_mul(2).map(|double| connector.send(connection, double));
                if !matches!(answered, Some(Ok(()))) {
                    eprintln!("{connection}: there is no answer to {message}");
                    connector.disconnect(connection, Shutdown::FinishQueues, PATIENCE);
                }
            }
            Event::RejectedMessage { connection, why, .. } => {
                // It sends more than it reads, or has left.
                eprintln!("{connection}: {why}");
                connector.disconnect(connection, Shutdown::Now, Duration::ZERO);
            }
            Event::RemoteDisconnect { connection, reason, .. } if !matches!(reason, Reason::Closed) => {
                eprintln!("{connection}: {reason}");
            }
            Event::FinishConnect { .. } | Event::FinishDisconnect { .. } | Event::RemoteDisconnect { .. } => {}
        }
    }
}

/// Has these numbers doubled, and prints the answers in order.
async fn double(endpoint: Endpoint, numbers: &[i64]) -> Result<(), Box<dyn StdError>> {
    let connector = Connector::new(IntConverter, Limits::default());
    let connection = connector.connect(endpoint)?;
    let mut asked = 0;
    let mut answered = 0;
    while answered < numbers.len() {
        // Never so many that a queue could be full.
        for number in numbers.iter().take(answered + IN_FLIGHT).skip(asked) {
            connector.send(connection, *number)?;
            asked += 1;
        }
        match connector.recv().await {
            Some(Event::MessageReceived { message, .. }) => {
                println!("{message}");
                answered += 1;
            }
            Some(Event::FinishConnect { result, .. }) => result?,
            Some(Event::RemoteDisconnect { reason, queued, .. }) => {
                return Err(format!("{reason}; {} of {} numbers were not sent", queued.len(), numbers.len()).into());
            }
            Some(event) => return Err(format!("unexpected: {event:?}").into()),
            None => return Err("the connector was shut down".into()),
        }
    }
    connector.shutdown(Shutdown::FinishQueues, PATIENCE);
    while connector.recv().await.is_some() {}
    Ok(())
}

fn numbers_of(text: &str) -> Result<Vec<i64>, String> {
    let number = |word: &str| word.parse().map_err(|error| format!("{word:?}: {error}"));
    text.split_whitespace().map(number).collect()
}

/// Numbers that are asked for and not answered.
const IN_FLIGHT: usize = 256;
/// How long the other end may take at the end.
const PATIENCE: Duration = Duration::from_secs(5);
