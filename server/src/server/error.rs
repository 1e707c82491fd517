//! Why a server does not start.

use std::{fmt, io};

use crate::table::RouteErrors;

/// Why a server did not start, or stopped.
///
/// `Debug` is written like `Display`, since that is what `main` prints of an error that it returns.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Routes, states or registries that do not fit together.
    #[error(transparent)]
    Routes(#[from] RouteErrors),
    /// Two values of one type were given as state.
    #[error("state of type {0} was given twice: a `State<T>` can be only one of them; wrap one in a type of its own")]
    DoubledState(&'static str),
    /// Nowhere to listen.
    #[error("the server has no listener: use `serve(address)`, or `listen(…)` before `run()`")]
    NoListener,
    /// A configuration value that cannot be used.
    #[error("{0}")]
    Config(String),
    /// A certificate or a key that cannot be used.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] switchboard_wire::connection::tls::TlsError),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {source}; {}", remedy(address, source))]
    Bind {
        /// The address as it was given.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// Several of these, all that were found.
    #[error("{}", list(.0))]
    Many(Vec<Self>),
    /// The system failed.
    #[error("the server failed: {0}")]
    Io(#[from] io::Error),
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server does not start\n{self}")
    }
}

fn list(errors: &[ServerError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn remedy(address: &str, error: &io::Error) -> &'static str {
    let is_path = address.starts_with("unix:");
    match error.kind() {
        io::ErrorKind::AddrInUse if is_path => "stop what listens there, or choose another path",
        io::ErrorKind::AddrInUse => {
            "stop what listens there, or choose another port (0 takes a free one); [::] takes the port for IPv4, too"
        }
        io::ErrorKind::PermissionDenied if is_path => "choose a folder that this user may write to",
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege: choose a higher one",
        io::ErrorKind::AddrNotAvailable => "choose an address that this machine has",
        io::ErrorKind::NotFound if is_path => "create the folder that it is to be in",
        io::ErrorKind::AlreadyExists if is_path => "remove it, or choose another path",
        _ if is_path => "write a path of at most 100 bytes, as in unix:/run/app/server.sock",
        _ => "write an address and a port, as in 127.0.0.1:8000 or [::1]:8000",
    }
}
