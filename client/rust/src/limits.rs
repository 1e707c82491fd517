//! Every bound in one place.

use std::time::Duration;

/// The bounds that a client keeps to. At each something with a name happens, and it is [counted](crate::Counters).
///
/// ```
/// use std::time::Duration;
/// use switchboard_client::Limits;
///
/// let limits = Limits { request: Duration::from_secs(5), ..Limits::default() };
/// assert_eq!(limits.queue_messages, 1024);
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long it may take to connect, handshakes included. Then it is tried again. 10 s.
    pub connect: Duration,
    /// How long what [`Builder::on_connected`](crate::Builder::on_connected) was given may take. Then the connection is
    /// closed, and another tried. 30 s.
    pub on_connected: Duration,
    /// How long the server may be silent before it is asked for a sign of life. Any byte counts as one. 25 s.
    pub heartbeat: Duration,
    /// How long it may stay silent then. The connection counts as lost after `heartbeat` and `patience` together. 10 s.
    pub patience: Duration,
    /// The wait before the second attempt to connect is random, up to this; before each further one up to twice as much as
    /// before. 0.5 s.
    pub backoff: Duration,
    /// What that doubling ends at. 20 s.
    pub backoff_most: Duration,
    /// A connection that lived this long was no failed attempt: the next wait is short again. 5 s.
    pub stable: Duration,
    /// The longest wait that a server can ask for with `Retry-After`. 60 s.
    pub retry_after: Duration,
    /// How long goodbye may take: what is queued to be sent, and the server to close, too. 5 s.
    pub close: Duration,
    /// How long a request may wait for its next frame, time in the queue included, unless it is told otherwise
    /// ([`Client::within`](crate::Client::within)). 30 s.
    pub request: Duration,
    /// Requests that are not settled. One more fails with [`Refusal::Requests`](crate::Refusal::Requests). 65,536.
    pub requests: usize,
    /// The longest message that is sent: its name and payload, in bytes. A longer one is refused with
    /// [`Refusal::TooLarge`](crate::Refusal::TooLarge). A server closes for good on what is 16 times as long as it takes:
    /// 1 MiB, which is that for servers that were not told otherwise.
    pub message_bytes: usize,
    /// The longest message that is read, in bytes. A longer one is skipped, and counted; the request that it answers fails. 16 MiB.
    pub received_bytes: usize,
    /// Messages that wait to be sent, without a connection or because the server reads slowly. One more is refused with
    /// [`Refusal::QueueFull`](crate::Refusal::QueueFull). 1,024.
    pub queue_messages: usize,
    /// Bytes of names and payloads that wait to be sent; a single message is always taken. 16 MiB.
    pub queue_bytes: usize,
    /// How long a message that asks for no answer may wait. Then it is [handed back](crate::Report::Unsent). (A request
    /// waits for as long as it may take.) 60 s.
    pub queue_age: Duration,
    /// Messages that wait to be taken out of one [`Subscription`](crate::Subscription) or [`Answers`](crate::Answers). A
    /// subscription then loses its oldest, and says so; a stream of answers ends with an error and is cancelled. 1,024.
    pub buffer_messages: usize,
    /// Bytes of names and payloads that wait there; a single message is always taken. 16 MiB.
    pub buffer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            on_connected: Duration::from_secs(30),
            heartbeat: Duration::from_secs(25),
            patience: Duration::from_secs(10),
            backoff: Duration::from_millis(500),
            backoff_most: Duration::from_secs(20),
            stable: Duration::from_secs(5),
            retry_after: Duration::from_secs(60),
            close: Duration::from_secs(5),
            request: Duration::from_secs(30),
            requests: 65_536,
            message_bytes: 1 << 20,
            received_bytes: 16 << 20,
            queue_messages: 1024,
            queue_bytes: 16 << 20,
            queue_age: Duration::from_secs(60),
            buffer_messages: 1024,
            buffer_bytes: 16 << 20,
        }
    }
}
