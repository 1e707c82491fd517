//! What happened, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what a client did and what it could not do, since it was made.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use switchboard_client::Client;
///
/// let client = Client::connect("ws://localhost:8000").unwrap();
/// assert_eq!(client.counters().late.get(), 0);
/// # }
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Connections that came to stand.
    pub connections: Counter,
    /// Attempts to connect that failed, and connections that were lost.
    pub lost: Counter,
    /// Answers that no request waits for: it was given up, or answered before.
    pub late: Counter,
    /// What the server sent that cannot be read.
    pub malformed: Counter,
    /// What the server sent that is longer than [`Limits::received_bytes`](crate::Limits::received_bytes).
    pub too_large: Counter,
    /// Deliveries that nobody subscribed to.
    pub unheard: Counter,
    /// Deliveries that a subscription lost because it was not read, and streams of answers that were ended for it.
    pub overrun: Counter,
    /// Messages that were refused, because there were too many or they were too long.
    pub refused: Counter,
    /// Messages that were taken and then given up: see [`Report::Unsent`](crate::Report::Unsent).
    pub unsent: Counter,
    /// Callbacks that panicked.
    pub panics: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }
}
