//! Why there is no result.

use std::io;
use std::net::Ipv4Addr;

use rustix::io::Errno;

use crate::deframe::Masked;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("client {client} cannot connect from {from}: {error}")]
    Connect {
        client: usize,
        from: Ipv4Addr,
        error: Errno,
    },
    #[error("client {0} is not upgraded but answered {1:?}")]
    Upgrade(usize, String),
    #[error("client {client} was closed by the server: {why}")]
    Closed { client: usize, why: Closed },
    #[error("client {0} got something else than it should: {1}")]
    Unexpected(usize, String),
    #[error("{0} did not come within {1} seconds")]
    Late(String, u64),
    #[error("{0}")]
    Usage(String),
    #[error("a child process {0}")]
    Child(String),
    #[error(transparent)]
    Masked(#[from] Masked),
    #[error("the system says: {0}")]
    System(#[from] Errno),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Closed {
    #[error("the connection ended")]
    End,
    #[error("{0}")]
    Broken(Errno),
    #[error("{code} {reason}")]
    Frame { code: u16, reason: String },
}

impl Closed {
    pub(super) fn of(self, client: usize) -> Failure {
        Failure::Closed { client, why: self }
    }
}
