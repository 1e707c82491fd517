//! What a server says of itself.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// What the server says of itself and of this connection: [`Client::hello`](crate::Client::hello).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Hello {
    /// What the server calls this connection; the next one is called otherwise. The mailbox that it alone holds is `client/<id>`.
    pub id: Box<str>,
    /// How long the server bears silence before it pings, where the transport has pings.
    #[serde(deserialize_with = "milliseconds")]
    pub heartbeat: Duration,
    /// The bounds that it keeps to.
    pub limits: ServerLimits,
}

/// The bounds that a server keeps to, of those that its clients meet. What it does at each is written in docs/protocol.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ServerLimits {
    /// The longest message, in bytes as it travels: its name, payload and what is around them.
    pub message_bytes: usize,
    /// The longest name, in bytes.
    pub name_bytes: usize,
    /// How deep arrays and objects may nest, the message itself included.
    pub depth: usize,
    /// Messages of one client that wait for those before them. With more it reads no further until some are done.
    pub read_ahead_messages: usize,
    /// Mailboxes that one client may hold.
    pub mailboxes: usize,
    /// Names that one client may [accept](crate::Client::accept).
    pub accepted_names: usize,
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}
