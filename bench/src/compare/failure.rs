//! Why there is no comparison, or no result in one of its cells.

use std::io;
use std::path::PathBuf;

/// Why there is no comparison, or no result in one of its cells.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("`taskset` cannot be run ({0}): it keeps the server and the generator apart (Debian: package util-linux)")]
    NoTaskset(io::Error),
    #[error(
        "the server and the generator need a core each, and this process may use only {0} (Cpus_allowed_list in /proc/self/status)"
    )]
    OneCore(String),
    #[error("there is no {what} `{key}`; there are {all}")]
    Unknown {
        what: &'static str,
        key: String,
        all: String,
    },
    #[error("nothing is left to be measured: no program of --programs takes part in a work of --only")]
    Nothing,
    #[error("{0} is not there; `cargo xtask bench` builds it, --bin says where it is")]
    NotBuilt(PathBuf),
    #[error("{0} cells failed")]
    Failed(usize),
    #[error("{what} did not come within {seconds} seconds")]
    Late { what: String, seconds: u64 },
    #[error("the server does not say where it listens{0}")]
    NoAddress(String),
    #[error("the server does not end when its standard input does")]
    Endless,
    #[error("{generator}{server}")]
    Load { generator: String, server: String },
    #[error("`{command}` failed: {why}")]
    Command { command: String, why: String },
    #[error("the chart cannot be drawn: {0}")]
    Chart(String),
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
    #[error("{path}: {error}")]
    Json { path: PathBuf, error: serde_json::Error },
    #[error("{what}: {error}")]
    System { what: &'static str, error: io::Error },
}

impl Failure {
    /// A file cannot be read or written.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |error| Self::File { path, error }
    }

    /// A file is not what it should be.
    pub(super) fn json(path: impl Into<PathBuf>) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.into();
        |error| Self::Json { path, error }
    }

    /// The system refuses something.
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { what, error }
    }
}
