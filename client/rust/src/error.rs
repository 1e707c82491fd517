//! Why a request has no answer, a message was not taken, and a connection ended.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use switchboard_wire::websocket::Refused;
use switchboard_wire::{CloseCode, EncodeError, Error, Message, PayloadError};

/// Why a request has no answer.
///
/// ```
/// use switchboard_client::{Client, RequestError};
///
/// # async fn run(client: Client) {
/// match client.request::<u8>("mixer/volume_up", &()).await {
///     Ok(level) => println!("now at {level}"),
///     Err(RequestError::Failed(error)) if error.code() == "forbidden" => println!("you may not"),
///     Err(error) if error.maybe_delivered() => println!("look first whether it has been done: {error}"),
///     Err(error) => println!("it can be asked again: {error}"),
/// }
/// # }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The server says so.
    #[error("{0}")]
    Failed(Error),
    /// Nothing was heard of it for so long.
    #[error("not answered within {after:?} ({fate})")]
    TimedOut {
        /// The time that it was given.
        after: Duration,
        /// Whether the server may have it.
        fate: Fate,
    },
    /// The connection ended before the answer came, or for good before the request was sent.
    #[error("{why} ({fate})")]
    Lost {
        /// How it ended.
        why: Ended,
        /// Whether the server may have it.
        fate: Fate,
    },
    /// It was given up here: [`Client::cancel`](crate::Client::cancel).
    #[error("cancelled ({0})")]
    Cancelled(Fate),
    /// It was not even queued.
    #[error("{0}")]
    Refused(Refusal),
    /// There is an answer, but it is none of the type that was asked for.
    #[error("the answer cannot be read: {0}")]
    Unreadable(PayloadError),
    /// The answer is longer than [`Limits::received_bytes`](crate::Limits::received_bytes).
    #[error("the answer is longer than the {0} bytes that are read; raise `Limits::received_bytes`")]
    TooLarge(usize),
    /// More answers came than were taken, up to a bound of [`Limits`](crate::Limits); the request was cancelled.
    #[error("answers came faster than they were taken; take them faster, or raise `Limits::buffer_messages`")]
    Overrun,
}

/// Whether a message that nothing more is heard of may have reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// No byte of it left this client, nor will: to send it again is safe.
    NotSent,
    /// It may have been delivered, and what it asked for may have been done.
    MaybeDelivered,
}

/// Why a message was not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Too much waits already: [`Limits::queue_messages`](crate::Limits::queue_messages),
    /// [`Limits::queue_bytes`](crate::Limits::queue_bytes).
    #[error("too many messages wait to be sent; wait for `Client::ready_to_send`")]
    QueueFull,
    /// Too many requests are open: [`Limits::requests`](crate::Limits::requests).
    #[error("{0} requests are open, and no more can be")]
    Requests(usize),
    /// It is longer than [`Limits::message_bytes`](crate::Limits::message_bytes).
    #[error("a message of {bytes} bytes is longer than the {limit} that are sent")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The client is closed, or the one connection that this handle is for is over.
    #[error("there is no connection any more: {0}")]
    Closed(Ended),
    /// The payload has no form in the format that is spoken.
    #[error("the payload cannot be sent: {0}")]
    Payload(EncodeError),
}

/// A message that was not taken, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct SendError {
    /// The reason.
    pub why: Refusal,
    /// The message back; none where its payload could not be written.
    pub message: Option<Box<Message>>,
}

/// How a connection, or an attempt to make one, came to its end.
///
/// ```
/// use switchboard_client::{CloseCode, Ended};
///
/// let ended = Ended::Closed { code: CloseCode::SHUTDOWN, reason: "the server shuts down".into() };
/// assert!(ended.should_reconnect());
/// assert_eq!(ended.to_string(), "the server closed the connection: 4000, the server shuts down");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// The server said goodbye. The code says whether to come back.
    #[error("the server closed the connection: {code}{}", behind(reason))]
    Closed {
        /// Why; [`CloseCode::NO_STATUS`] where it did not say.
        code: CloseCode,
        /// The same for people; often empty.
        reason: Box<str>,
    },
    /// The server refuses WebSockets in HTTP.
    #[error("{0}")]
    Refused(Refused),
    /// No connection could be made.
    #[error("cannot connect: {0}")]
    Unreachable(Arc<io::Error>),
    /// No connection was made within [`Limits::connect`](crate::Limits::connect).
    #[error("cannot connect within {0:?}")]
    Slow(Duration),
    /// It broke off.
    #[error("the connection was lost: {0}")]
    Lost(Box<str>),
    /// The server was silent for so long.
    #[error("nothing was heard from the server for {0:?}")]
    Silent(Duration),
    /// What the server sent is against the protocol.
    #[error("the server does not keep to the protocol: {0}")]
    Broken(Box<str>),
    /// What was to be done on each connection failed, or took too long.
    #[error("what is done on each connection failed: {0}")]
    OnConnected(Box<str>),
    /// This side closed: [`Client::close`](crate::Client::close), or the last handle was dropped.
    #[error("this client closed the connection")]
    Ours,
}

impl RequestError {
    /// Whether the server may have the request. Where it says that it failed, it had it.
    pub fn maybe_delivered(&self) -> bool {
        match self {
            Self::TimedOut { fate, .. } | Self::Lost { fate, .. } | Self::Cancelled(fate) => {
                *fate == Fate::MaybeDelivered
            }
            Self::Refused(_) => false,
            Self::Failed(_) | Self::Unreadable(_) | Self::TooLarge(_) | Self::Overrun => true,
        }
    }

    /// What the server said, where it did.
    pub fn server(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

impl Ended {
    /// Whether the client comes back: after a close code that asks for it, after a refusal that may pass, and whenever the
    /// connection just broke.
    pub fn should_reconnect(&self) -> bool {
        match self {
            Self::Closed { code, .. } => code.should_reconnect(),
            Self::Refused(refused) => refused.should_retry(),
            Self::Ours => false,
            Self::Unreachable(_)
            | Self::Slow(_)
            | Self::Lost(_)
            | Self::Silent(_)
            | Self::Broken(_)
            | Self::OnConnected(_) => true,
        }
    }

    pub(crate) fn lost(error: &io::Error) -> Self {
        Self::Lost(error.to_string().into())
    }
}

impl From<Refusal> for RequestError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "not sent",
            Self::MaybeDelivered => "maybe delivered",
        })
    }
}

fn behind(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(", {reason}")
    }
}
