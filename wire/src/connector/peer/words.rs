//! What is said to a peer, and what it says.

use std::net::SocketAddr;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::Shutdown;
use crate::connection::Endpoint;
use crate::connector::{ConnectError, Event, Limits, Reason, Rejection};

/// How a connection is to end.
#[derive(Clone, Copy, Debug)]
pub(in crate::connector) struct Order {
    pub(in crate::connector) how: Shutdown,
    /// None where it is further away than time can tell.
    pub(in crate::connector) deadline: Option<Instant>,
}

/// So many messages of so many bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl Load {
    pub(super) fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(super) fn remove(&mut self, bytes: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Whether one more of this weight is too many to send.
    pub(super) fn is_full(&self, weight: usize, limits: &Limits) -> bool {
        self.messages >= limits.queued.max(1)
            || (self.messages > 0 && self.bytes.saturating_add(weight) > limits.queued_bytes.max(1))
    }
}

/// Something in the inbox.
pub(super) enum Note<M> {
    Event(Event<M>),
    Received(M, usize),
    Announced(Announcement),
}

/// A remote connection that waits to be accepted.
#[derive(Debug)]
pub(in crate::connector) struct Announcement {
    pub(in crate::connector) endpoint: Endpoint,
    pub(in crate::connector) address: Option<SocketAddr>,
    /// Its place among those that wait.
    pub(in crate::connector) _place: OwnedSemaphorePermit,
}

/// What became of a message that was given to send.
pub(in crate::connector) enum Pushed<M> {
    Taken,
    /// It lies in the inbox, as rejected; `lists` as for [`receive`](super::Peer::receive).
    Noted {
        lists: bool,
    },
    /// The connection has said its last, so this is not the place to note it.
    Ended(M),
    /// The inbox takes no more.
    Refused(M, Rejection),
}

/// What came of looking into an inbox.
pub(in crate::connector) struct Take<M> {
    pub(in crate::connector) taken: Option<Taken<M>>,
    /// There is more, so it goes back to the end of the hub's list.
    pub(in crate::connector) stays_listed: bool,
    /// It has ended, and this was the last that is heard of it.
    pub(in crate::connector) is_over: bool,
}

/// What was taken from an inbox.
pub(in crate::connector) enum Taken<M> {
    Event(Event<M>),
    Announced(Announcement),
}

/// Messages of which the task has begun to write one, and did not send in full.
pub(in crate::connector) struct Leftover<M> {
    pub(in crate::connector) incomplete: Option<M>,
    pub(in crate::connector) queued: Vec<M>,
}

impl<M> Default for Leftover<M> {
    fn default() -> Self {
        Self {
            incomplete: None,
            queued: Vec::new(),
        }
    }
}

/// Why a connection ends.
pub(in crate::connector) enum Cause {
    Connecting(ConnectError),
    Open(Reason),
}
