//! What a worker is doing, and what goes wrong.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::builder::AddressError;
use crate::error::{Ended, RequestError, SendError};

/// What a [`Worker`](super::Worker) is doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// A server is started, or a remote one connected to.
    Starting {
        /// Which attempt this is; 1 is the first after a good start.
        attempt: u32,
    },
    /// Requests are answered.
    Healthy,
    /// The server failed; it is started, or connected to, again.
    Faulty {
        /// What happened.
        why: Fault,
        /// When the next attempt comes.
        until: Instant,
    },
    /// It failed too often, or for good. Requests fail at once, until [`Worker::retry`](super::Worker::retry) or
    /// [`Worker::switch`](super::Worker::switch).
    GaveUp {
        /// What happened last.
        why: Fault,
        /// How often it failed within [`WorkerLimits::window`](super::WorkerLimits::window).
        failures: u32,
    },
    /// The server is asked to end, or the connection to a remote one is given back.
    Stopping,
    /// Nothing runs. The next request starts it.
    Stopped,
}

/// Why there is no server.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The program cannot be started at all.
    #[error("{program} cannot be started: {error}; is it installed, and where the worker looks for it?")]
    NotStarted {
        /// The program.
        program: Box<str>,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// It ended before it was ready.
    #[error("{program} ended before it was ready ({status}){}", said(stderr))]
    StartFailed {
        /// The program.
        program: Box<str>,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its standard error.
        stderr: Box<str>,
    },
    /// It did not say where it listens. It was killed.
    #[error(
        "{program} did not write `listening on ADDRESS` to its standard output within {after:?}, and was killed{}",
        said(stderr)
    )]
    NeverReady {
        /// The program.
        program: Box<str>,
        /// How long it had.
        after: Duration,
        /// The last lines of its standard error.
        stderr: Box<str>,
    },
    /// Where it says that it listens, or where a remote server is to be, is no address.
    #[error("{0}")]
    Address(AddressError),
    /// It ended.
    #[error("{program} ended ({status}){}", said(stderr))]
    Crashed {
        /// The program.
        program: Box<str>,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its standard error.
        stderr: Box<str>,
    },
    /// It runs, or did, and cannot be talked to.
    #[error("the server at {address} cannot be talked to: {why}")]
    Unreachable {
        /// Where it is.
        address: Box<str>,
        /// What the client says.
        why: Ended,
    },
}

/// Why a worker has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// There is no server, and there will be none without somebody's doing.
    #[error("the worker has given up: {0}; see to it, then call `Worker::retry`")]
    GaveUp(Fault),
    /// There was no server within the time of the request. Nothing was sent.
    #[error("no server was ready within {after:?}{}", last(fault.as_ref()))]
    NotReady {
        /// The time that it was given.
        after: Duration,
        /// What went wrong last, where something did.
        fault: Option<Fault>,
    },
    /// [`Worker::stop`](super::Worker::stop) was called while it waited. Nothing was sent.
    #[error("the worker was stopped before the message was sent")]
    Stopped,
    /// A server was ready, and the request has no answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A server was ready, and the message was not taken.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl State {
    /// Whether requests are answered.
    pub fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy)
    }

    pub(super) fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Faulty { why, .. } | Self::GaveUp { why, .. } => Some(why),
            Self::Starting { .. } | Self::Healthy | Self::Stopping | Self::Stopped => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting { attempt: 0 | 1 } => f.write_str("starting"),
            Self::Starting { attempt } => write!(f, "starting, attempt {attempt}"),
            Self::Healthy => f.write_str("healthy"),
            Self::Faulty { why, .. } => write!(f, "faulty: {why}"),
            Self::GaveUp { why, failures } => write!(f, "gave up after {failures} failures: {why}"),
            Self::Stopping => f.write_str("stopping"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl WorkerError {
    /// Whether a server may have the message.
    pub fn maybe_delivered(&self) -> bool {
        match self {
            Self::Request(error) => error.maybe_delivered(),
            Self::GaveUp(_) | Self::NotReady { .. } | Self::Stopped | Self::Send(_) => false,
        }
    }
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() {
        "; it wrote nothing to its standard error".to_owned()
    } else {
        format!("; it wrote last:\n{stderr}")
    }
}

fn last(fault: Option<&Fault>) -> String {
    fault.map(|fault| format!("; last, {fault}")).unwrap_or_default()
}
