//! Every bound of a worker in one place.

use std::time::Duration;

/// The bounds that a [`Worker`](super::Worker) keeps to.
///
/// ```
/// use std::time::Duration;
/// use switchboard_client::worker::WorkerLimits;
///
/// let limits = WorkerLimits { start: Duration::from_secs(60), ..WorkerLimits::default() };
/// assert_eq!(limits.attempts, 5);
/// ```
#[derive(Clone, Debug)]
pub struct WorkerLimits {
    /// How long a server may take to say that it is ready, and to be connected to. Then it is killed. 10 s.
    pub start: Duration,
    /// So many failures within [`window`](Self::window), starts and crashes together, and the worker gives up; 0 counts
    /// as 1. 5.
    pub attempts: u32,
    /// How long a failure counts. 60 s.
    pub window: Duration,
    /// The wait behind a failure; behind each further one in a row twice as much. None behind the first crash of a server that
    /// was [`stable`](Self::stable). 0.1 s.
    pub backoff: Duration,
    /// What that doubling ends at. 5 s.
    pub backoff_most: Duration,
    /// A server that was ready for so long had a good start: the next failure is the first in a row. 5 s.
    pub stable: Duration,
    /// When the connection to a server that still runs is gone, how long it may take to answer on the next one. Then the server
    /// is killed and started again. (That a silent connection is gone is found out by the client's heartbeat.) 5 s.
    pub recover: Duration,
    /// How long a server that is asked to end may take. Then it is killed. (Whole seconds, rounded up, where this process was
    /// killed itself.) 3 s.
    pub stop: Duration,
    /// How many lines of the server's standard error are kept, the last ones, to say why it failed; each of at most 4 KiB. 20.
    pub stderr_lines: usize,
    /// The server is stopped when nobody has used the worker for so long, and started again by the next request. Requests,
    /// messages and calls of [`Worker::client`](super::Worker::client) are use; an open request is, too. None for never,
    /// which is the default.
    pub idle: Option<Duration>,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(10),
            attempts: 5,
            window: Duration::from_secs(60),
            backoff: Duration::from_millis(100),
            backoff_most: Duration::from_secs(5),
            stable: Duration::from_secs(5),
            recover: Duration::from_secs(5),
            stop: Duration::from_secs(3),
            stderr_lines: 20,
            idle: None,
        }
    }
}
