//! The command line.

use std::net::SocketAddrV4;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::message::Dialect;

/// Puts one kind of work on a server and tells what that cost it, as one line of JSON.
#[derive(Debug, Parser)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) work: Work,
}

#[derive(Debug, Subcommand)]
pub(super) enum Work {
    /// Each client asks; an answer is replied to with the next request.
    Echo(Echo),
    /// One client publishes to all.
    Fanout(Fanout),
    /// Lines are said in rooms.
    Mailboxes(Mailboxes),
    /// Clients that are used once and then left alone: what memory each takes.
    Idle(Idle),
    /// Clients come, say something and go.
    Churn(Churn),
    #[command(hide = true)]
    IdlePart(IdlePart),
}

#[derive(Args, Debug, Serialize)]
pub(super) struct Echo {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: Common,
    /// Clients connected.
    #[arg(long, default_value_t = 64)]
    pub(super) clients: usize,
    /// Requests that each has open.
    #[arg(long, default_value_t = 1)]
    pub(super) in_flight: usize,
    /// Bytes of a whole request.
    #[arg(long, default_value_t = 64)]
    pub(super) size: usize,
}

#[derive(Args, Debug, Serialize)]
pub(super) struct Fanout {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: Common,
    /// Clients connected, the publisher is one of them.
    #[arg(long, default_value_t = 1000)]
    pub(super) subscribers: usize,
    /// Publications that have not reached everybody.
    #[arg(long, default_value_t = 1)]
    pub(super) in_flight: usize,
    /// Bytes of a whole publication.
    #[arg(long, default_value_t = 64)]
    pub(super) size: usize,
    /// The share of the clients that never read.
    #[arg(long, default_value_t = 0.0)]
    pub(super) stalled: f64,
}

#[derive(Args, Debug, Serialize)]
pub(super) struct Mailboxes {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: Common,
    /// Clients connected, each in one room.
    #[arg(long, default_value_t = 10_000)]
    pub(super) clients: usize,
    /// Rooms.
    #[arg(long, default_value_t = 1000)]
    pub(super) rooms: usize,
    /// Rooms in which a line has been said that has not reached everybody.
    #[arg(long, default_value_t = 100)]
    pub(super) in_flight: usize,
    /// Bytes of a whole line.
    #[arg(long, default_value_t = 64)]
    pub(super) size: usize,
}

/// The server is given `warmup` seconds to rest before its memory is looked at for the first time, and `seconds` when all
/// clients are there before it is looked at again.
#[derive(Args, Debug, Serialize)]
pub(super) struct Idle {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: Common,
    /// Clients connected.
    #[arg(long, default_value_t = 10_000)]
    pub(super) clients: usize,
    /// Processes that they are spread over, as one may have only so many descriptors.
    #[arg(long, default_value_t = 1)]
    pub(super) processes: usize,
}

/// Connects some clients, lets each say something, and waits for the end of standard input.
#[derive(Args, Debug)]
pub(super) struct IdlePart {
    #[arg(long)]
    pub(super) server: SocketAddrV4,
    #[arg(long, default_value = "native")]
    pub(super) dialect: Dialect,
    /// What number the first has.
    #[arg(long)]
    pub(super) first: usize,
    #[arg(long)]
    pub(super) clients: usize,
}

#[derive(Args, Debug, Serialize)]
pub(super) struct Churn {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: Common,
    /// Clients that are there at a time.
    #[arg(long, default_value_t = 64)]
    pub(super) clients: usize,
    /// Ends when so many came and went after the warm-up, in place of after `seconds`.
    #[arg(long)]
    pub(super) count: Option<u64>,
}

#[derive(Args, Clone, Debug, Serialize)]
pub(super) struct Common {
    /// Where the server listens.
    #[arg(long)]
    #[serde(skip)]
    pub(super) server: SocketAddrV4,
    /// The server's process; several times where it has several.
    #[arg(long, required = true)]
    #[serde(skip)]
    pub(super) pid: Vec<u32>,
    /// Seconds before anything is counted.
    #[arg(long, default_value_t = 1.0)]
    pub(super) warmup: f64,
    /// Seconds that are counted.
    #[arg(long, default_value_t = 3.0)]
    pub(super) seconds: f64,
    /// How messages are written.
    #[arg(long, default_value = "native")]
    pub(super) dialect: Dialect,
}
