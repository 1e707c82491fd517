//! What a client is doing.

use tokio::time::Instant;

use crate::error::Ended;

/// What a client is doing. It goes round, from one connection to the next, until it is closed.
///
/// ```
/// # use switchboard_client::{Client, State};
/// # async fn run(client: Client) {
/// let mut states = client.states();
/// while states.changed().await.is_ok() {
///     match &*states.borrow_and_update() {
///         State::Connecting => println!("connecting"),
///         State::Connected => println!("connected"),
///         State::Waiting { attempt, why, .. } => println!("{why}; attempt {attempt} comes soon"),
///         State::Closed(why) => return println!("{why}"),
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub enum State {
    /// It connects, or does what it does on each connection before all else.
    Connecting,
    /// Messages leave as they come.
    Connected,
    /// It waits, to connect again.
    Waiting {
        /// Which attempt comes next; 1 is the first after a connection that was good.
        attempt: u32,
        /// When it comes.
        until: Instant,
        /// Why the last connection, or attempt, came to its end.
        why: Ended,
    },
    /// It will not connect again: the server told it to stay away, or it was closed here.
    Closed(Ended),
}

impl State {
    /// Whether messages leave as they come.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }
}
