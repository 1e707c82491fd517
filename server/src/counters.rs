//! What happened, counted: nothing is refused, dropped or late without a number that says so.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A number that only grows.
///
/// Threads count in places of their own, so that counting on one does not slow down another.
#[derive(Default)]
pub struct Counter([Place; PLACES]);

/// As far from the next as processors fetch memory at once.
#[derive(Default)]
#[repr(align(128))]
struct Place(AtomicU64);

impl Counter {
    /// Its value since the server started.
    pub fn get(&self) -> u64 {
        self.0.iter().map(|place| place.0.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn add(&self, n: u64) {
        if n > 0 {
            self.0[place()].0.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }
}

/// Where this thread counts.
#[inline]
fn place() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let known = PLACE.get();
    if known < PLACES {
        return known;
    }
    let new = THREADS.fetch_add(1, Ordering::Relaxed) % PLACES;
    PLACE.set(new);
    new
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What happened since the server started; read it with [`Switchboard::counters`](crate::Switchboard::counters).
        #[derive(Debug, Default)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: Counter,)*
        }
    };
}

counters! {
    /// Clients that connected.
    accepted,
    /// Clients that left, for whatever reason.
    left,
    /// Browsers refused because of their origin, or because of the name by which they reached a back end without a key.
    refused_origin,
    /// Connections refused because [`Limits::connections`](crate::Limits::connections) were there.
    refused_connections,
    /// Connections refused because [`Limits::connections_per_address`](crate::Limits::connections_per_address) were there.
    refused_address,
    /// Requests for a WebSocket that were no proper handshake.
    refused_handshake,
    /// Requests to a [back end](crate::Listener::backend) without its key.
    refused_key,
    /// Requests to a back end that brought no message: of another path, method or content type.
    refused_requests,
    /// TLS handshakes that failed.
    tls_failures,
    /// TLS handshakes that did not end, and HTTP requests that did not arrive, within
    /// [`Limits::handshake`](crate::Limits::handshake).
    handshake_timeouts,
    /// Messages read.
    messages,
    /// Messages that could not be read, malformed names included.
    bad_messages,
    /// Messages over [`Limits::message_bytes`](crate::Limits::message_bytes), and accept lists over
    /// [`Limits::accepted_names`](crate::Limits::accepted_names).
    too_large,
    /// Messages of a client that were not handled because it was being closed, and last lines that did not come to their end.
    unhandled,
    /// Messages that no route matched.
    not_found,
    /// Messages under reserved names.
    forbidden,
    /// Connections closed because they broke the framing.
    protocol_errors,
    /// Clients closed because of [`Limits::violations`](crate::Limits::violations).
    violations,
    /// Times that a client was not read because its [`Limits::read_ahead_messages`](crate::Limits::read_ahead_messages) or
    /// [`Limits::read_ahead_bytes`](crate::Limits::read_ahead_bytes) were used up.
    read_ahead_full,
    /// Times that a message waited because [`Limits::running_per_client`](crate::Limits::running_per_client) were running.
    running_per_client_full,
    /// Controllers refused because [`Limits::running`](crate::Limits::running) were running.
    overloaded,
    /// Streams refused because of [`Limits::streams_per_client`](crate::Limits::streams_per_client).
    streams_refused,
    /// Controllers that ran.
    runs,
    /// Controllers that answered with an error of their own.
    failed,
    /// Controllers that panicked.
    panics,
    /// Controllers that took too long.
    timeouts,
    /// Requests that their client cancelled.
    cancelled,
    /// Results that came after their request was settled, and were dropped.
    late,
    /// Plain functions that held their task for longer than [`Limits::inline`](crate::Limits::inline).
    slow_inline,
    /// Deliveries that an outbox took.
    delivered,
    /// Deliveries that an outbox refused or lost.
    dropped,
    /// Deliveries and answers that could not be written in the recipient's format.
    unwritable,
    /// Deliveries, and answers to messages without a uid, that the client's dialect has no word for.
    unsaid,
    /// Clients closed because they read too slowly.
    slow_consumers,
    /// Clients closed because nothing was heard from them.
    idle,
    /// Clients closed because a message of theirs took longer than [`Limits::idle`](crate::Limits::idle) to arrive.
    stalled,
    /// Joins refused because of [`Limits::mailboxes_per_client`](crate::Limits::mailboxes_per_client).
    joins_refused,
    /// Messages that were not sent when their client left.
    unsent,
}

/// More threads than this share places.
const PLACES: usize = 8;
