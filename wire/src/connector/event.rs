//! What a connector has to say.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{ConvertError, Incoming};
use crate::connection::Endpoint;

/// Names one connection of a [`Connector`](super::Connector). No two in a process are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Connection(u64);

impl Connection {
    pub(super) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

/// What has happened. Events of one connection come in order; those of several take turns.
///
/// A message that was given to [`send`](super::Connector::send) and is in no event was sent: the system has taken its last
/// byte. Otherwise it is in exactly one.
#[derive(Debug)]
pub enum Event<M> {
    /// Connecting has ended, well or not. A connection that failed has no other event.
    FinishConnect {
        /// Which one.
        connection: Connection,
        /// Whether it is connected now.
        result: Result<(), ConnectError>,
        /// What was queued meanwhile, in order, if it is not connected. Otherwise that is sent, and nothing is here.
        queued: Vec<M>,
    },
    /// The connection has ended because [`disconnect`](super::Connector::disconnect) or
    /// [`shutdown`](super::Connector::shutdown) was called. Its last event, but for rejected messages.
    FinishDisconnect {
        /// Which one.
        connection: Connection,
        /// The message that was sent in part.
        incomplete: Option<M>,
        /// Messages of which nothing was sent, in order.
        queued: Vec<M>,
    },
    /// Somebody connects to us; nothing is read of it until it is accepted.
    RemoteConnect {
        /// Which one.
        connection: Connection,
        /// To accept or refuse it.
        incoming: Incoming<M>,
    },
    /// The connection has ended though nobody here wanted that. Its last event, but for rejected messages.
    RemoteDisconnect {
        /// Which one.
        connection: Connection,
        /// The message that was sent in part.
        incomplete: Option<M>,
        /// Messages of which nothing was sent, in order.
        queued: Vec<M>,
        /// Why.
        reason: Reason,
    },
    /// A message has come.
    MessageReceived {
        /// Where from.
        connection: Connection,
        /// The message.
        message: M,
    },
    /// A message is not sent.
    RejectedMessage {
        /// Where it should have gone.
        connection: Connection,
        /// The message.
        message: M,
        /// Why.
        why: Rejection,
    },
}

impl<M> Event<M> {
    /// The connection that it is about.
    pub fn connection(&self) -> Connection {
        match self {
            Self::FinishConnect { connection, .. }
            | Self::FinishDisconnect { connection, .. }
            | Self::RemoteConnect { connection, .. }
            | Self::RemoteDisconnect { connection, .. }
            | Self::MessageReceived { connection, .. }
            | Self::RejectedMessage { connection, .. } => *connection,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// What the system said of the last endpoint that was tried.
    #[error("cannot connect to {endpoint}: {error}")]
    Failed {
        /// The endpoint.
        endpoint: Endpoint,
        /// What it said.
        #[source]
        error: io::Error,
    },
    /// None was connected within [`Limits::connect`](super::Limits::connect).
    #[error("cannot connect to {endpoint} within {limit:?}; see that it can be reached, or raise `Limits::connect`")]
    TimedOut {
        /// The last endpoint that was tried.
        endpoint: Endpoint,
        /// The time that there was for all of them.
        limit: Duration,
    },
    /// There was no endpoint to try.
    #[error("there is no endpoint to connect to; name at least one")]
    NoEndpoint,
    /// It was disconnected before, the connector was shut down, or its runtime has ended.
    #[error("connecting was called off by `disconnect`, `shutdown` or the end of the runtime")]
    CalledOff,
}

/// Why a connection has ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The peer has closed it.
    #[error("the peer closed the connection")]
    Closed,
    /// The system has lost it.
    #[error("the connection is lost: {0}")]
    Lost(#[source] io::Error),
    /// The deserializer took offence at what the peer sent.
    #[error("cannot read what the peer sent: {0}")]
    Unreadable(#[source] ConvertError),
    /// The serializer failed after a part of the message had left.
    #[error("cannot send the rest of a message: {0}")]
    Unwritable(#[source] ConvertError),
    /// The deserializer left so many bytes and asked for more.
    #[error("the peer sent {0} bytes that make no message yet; it must send shorter ones, or raise `Limits::input`")]
    TooMuchInput(usize),
    /// The converter panicked, saying this.
    #[error("the converter panicked: {0}")]
    Panicked(String),
}

/// Why a message is not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The remote connection was not accepted yet.
    #[error("the connection is not accepted yet; accept it first")]
    NotAccepted,
    /// The connection is being disconnected.
    #[error("the connection is being disconnected")]
    Disconnecting,
    /// The connection has ended, or never was.
    #[error("the connection has ended")]
    Disconnected,
    /// [`Limits::queued`](super::Limits::queued) or [`queued_bytes`](super::Limits::queued_bytes) is reached.
    #[error("so many messages of the connection wait to be sent that one more is over its limits; wait for answers")]
    QueueFull,
    /// The serializer cannot write it.
    #[error("the message cannot be written: {0}")]
    Unwritable(#[source] ConvertError),
}

/// A message that [`send`](super::Connector::send) hands back itself: it is rejected, and so many rejected ones wait to be
/// taken already that it would be one too many.
#[derive(Debug, thiserror::Error)]
#[error("{connection} takes no message: {why}; {limit} rejected ones wait, take them with `recv`")]
pub struct Rejected<M> {
    /// Where it should have gone.
    pub connection: Connection,
    /// The message.
    pub message: M,
    /// Why.
    pub why: Rejection,
    /// [`Limits::rejected`](super::Limits::rejected).
    pub limit: usize,
}

/// Why a connector makes no connection at all, and so has no event for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It was shut down.
    #[error("the connector was shut down")]
    ShutDown,
    /// There are so many: [`Limits::connections`](super::Limits::connections).
    #[error("there are {0} connections; take the events of those that have ended, or raise `Limits::connections`")]
    TooMany(usize),
}
