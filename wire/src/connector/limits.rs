//! The bounds of a connector.

use std::time::Duration;

/// What a [`Connector`](super::Connector) holds and how long it waits, at most. A bound of 0 counts as 1.
///
/// Together they bound its memory: `connections` times what one connection may hold, and the rejected messages that nobody
/// takes.
///
/// ```
/// use std::time::Duration;
/// use switchboard_wire::connector::Limits;
///
/// let limits = Limits { connections: 16, connect: Duration::from_secs(2), ..Limits::default() };
/// assert_eq!(limits.queued, 1024);
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections, whatever their state, until the event of their end was taken. 1024 by default.
    ///
    /// One more is refused by [`connect`](super::Connector::connect) and [`adopt`](super::Connector::adopt); of the remote
    /// ones one more a listener is kept waiting, and the system holds the others.
    pub connections: usize,
    /// Remote connections whose [`Incoming`](super::Incoming) was neither accepted nor refused. 128 by default.
    ///
    /// While there are so many, listeners accept no other.
    pub unaccepted: usize,
    /// Messages of one connection that were not sent in full. 1024 by default.
    ///
    /// One more is rejected with [`QueueFull`](super::Rejection::QueueFull).
    pub queued: usize,
    /// What those weigh together, as the converter [weighs](super::Converter::weight) them, in bytes. 16 MiB by default; a
    /// message that is heavier is taken while no other waits.
    ///
    /// What would be over it is rejected with [`QueueFull`](super::Rejection::QueueFull).
    pub queued_bytes: usize,
    /// Received messages of one connection that were not taken with `recv`. 128 by default.
    ///
    /// While there are so many, the connection is not read.
    pub received: usize,
    /// Bytes that those took on the wire. 1 MiB by default; the message that reaches it is still received.
    ///
    /// While there are so many, the connection is not read.
    pub received_bytes: usize,
    /// Rejected messages that wait to be taken with `recv`, of one connection, and of all that have ended. 256 by default.
    ///
    /// One more is handed back by [`send`](super::Connector::send) itself.
    pub rejected: usize,
    /// Bytes that a deserializer may leave where they are when it asks for more. 1 MiB by default.
    ///
    /// When there are so many, the connection ends with [`TooMuchInput`](super::Reason::TooMuchInput).
    pub input: usize,
    /// How long connecting may take, all endpoints together. 10 seconds by default.
    pub connect: Duration,
    /// How long a remote connection waits to be accepted. 30 seconds by default; then it is refused.
    pub accept: Duration,
    /// How long a connection that has sent all it should waits for its peer to close too, so that the peer reads to the
    /// end. 1 second by default.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            unaccepted: 128,
            queued: 1024,
            queued_bytes: 16 << 20,
            received: 128,
            received_bytes: 1 << 20,
            rejected: 256,
            input: 1 << 20,
            connect: Duration::from_secs(10),
            accept: Duration::from_secs(30),
            linger: Duration::from_secs(1),
        }
    }
}
