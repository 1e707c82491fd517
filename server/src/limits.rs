//! Every bound in one place.

use std::time::Duration;

/// The bounds that a server keeps to. At each something with a name happens, and it is [counted](crate::Counters).
///
/// ```
/// use switchboard_server::Limits;
///
/// let limits = Limits { message_bytes: 1 << 20, ..Limits::default() };
/// assert_eq!(limits.name_bytes, 255);
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest message, in bytes. A larger one is skipped and answered `too_large`; one of more than 16 times as much
    /// closes the connection with 1009. 64 KiB.
    pub message_bytes: usize,
    /// How many fragments a message may come in. More close the connection with 1008. 1,024.
    pub fragments: usize,
    /// The longest name, in bytes; also of a mailbox. A longer one is `bad_message`. 255.
    pub name_bytes: usize,
    /// How deep a message may nest, the envelope included; 128 at most. A deeper one is `bad_message`. 64.
    pub depth: usize,
    /// Clients connected at a time, requests to a back end among them. One more is refused with HTTP 503, or in a line. 20,000.
    pub connections: usize,
    /// Clients connected from one address at a time. One more is refused with HTTP 429, or in a line. 2,000.
    pub connections_per_address: usize,
    /// How long a TLS handshake may take, an HTTP request to arrive, and a connection be kept for the next one. A slower one
    /// is closed. 10 s.
    pub handshake: Duration,
    /// How long a client may be silent before it is sent a ping. 25 s.
    pub heartbeat: Duration,
    /// How long a client may be silent, pings not answered, before it is closed with 4002; also how long a message may take to
    /// arrive once it has begun, and how long an HTTP response may wait to be read. 60 s.
    pub idle: Duration,
    /// How long a client may be silent that speaks in lines, and so cannot be pinged, before it is closed. 1 h.
    pub silence: Duration,
    /// How long a close frame of ours may stay unanswered, a last write or HTTP request take at a shutdown, and a client in lines
    /// that has ended its direction wait for what it asked for; what is open then is answered `timeout`. 5 s.
    pub close: Duration,
    /// Messages read ahead of the one that is being handled. At the bound the connection is not read any more. 64.
    pub read_ahead_messages: usize,
    /// Bytes of messages read ahead. At the bound the connection is not read any more. 256 KiB.
    pub read_ahead_bytes: usize,
    /// Controllers running for one client. At the bound its next message waits. 64.
    pub running_per_client: usize,
    /// Streams open for one client. One more is answered `overloaded`. 16.
    pub streams_per_client: usize,
    /// Controllers running in all, the ones that answer at once not counted. One more is answered `overloaded`. 10,000.
    pub running: usize,
    /// How long a controller runs unless its route says otherwise; for a stream, each item, and all of it where a
    /// [back end](crate::Listener::backend) is asked for one answer. 30 s.
    pub controller: Duration,
    /// How long a plain function may hold its connection's task, and with it other clients, before that is logged. 20 ms or
    /// more are measured to 10 ms. 50 ms.
    pub inline: Duration,
    /// Bytes waiting to be written to one client. What happens then is [`slow`](Self::slow)'s to say. 1 MiB.
    pub outbox_bytes: usize,
    /// Messages waiting to be written to one client. 1,024.
    pub outbox_messages: usize,
    /// What happens to a client whose outbox is full, unless the route says otherwise. It is closed.
    pub slow: Slow,
    /// Mailboxes that one client may hold, its own not counted. [`Client::join`](crate::Client::join) of one more is an error. 256.
    pub mailboxes_per_client: usize,
    /// Names that one client may accept. More are answered `too_large`. 256.
    pub accepted_names: usize,
    /// Malformed and too large messages that one client may send before it is closed with 4502. 100.
    pub violations: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 64 << 10,
            fragments: 1024,
            name_bytes: 255,
            depth: 64,
            connections: 20_000,
            connections_per_address: 2_000,
            handshake: Duration::from_secs(10),
            heartbeat: Duration::from_secs(25),
            idle: Duration::from_secs(60),
            silence: Duration::from_secs(3600),
            close: Duration::from_secs(5),
            read_ahead_messages: 64,
            read_ahead_bytes: 256 << 10,
            running_per_client: 64,
            streams_per_client: 16,
            running: 10_000,
            controller: Duration::from_secs(30),
            inline: Duration::from_millis(50),
            outbox_bytes: 1 << 20,
            outbox_messages: 1024,
            slow: Slow::Close,
            mailboxes_per_client: 256,
            accepted_names: 256,
            violations: 100,
        }
    }
}

/// What happens to a recipient whose outbox is full. An answer that does not fit closes the client whatever is said here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// It is closed with 4001 and may come back.
    #[default]
    Close,
    /// It loses the oldest delivery that waits.
    DropOldest,
    /// It loses this delivery.
    DropNewest,
}
