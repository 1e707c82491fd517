//! Addresses of sockets, and how they are written.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::TcpStream;

use super::{Acceptor, Stream};

/// Where something listens: a TCP address, or the path of a Unix socket.
///
/// ```
/// use switchboard_wire::connection::Endpoint;
///
/// assert_eq!(Endpoint::from("127.0.0.1:8000"), Endpoint::Tcp("127.0.0.1:8000".into()));
/// assert_eq!(Endpoint::from("tcp://[::1]:8000"), Endpoint::Tcp("[::1]:8000".into()));
/// assert_eq!(Endpoint::from("unix:/run/app.sock"), Endpoint::Unix("/run/app.sock".into()));
/// assert_eq!(Endpoint::from("unix:///run/app.sock").to_string(), "unix:/run/app.sock");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `host:port`; where the host has several addresses, each is tried.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Listens here. A Unix socket is only for the user that the program runs as; a file that a dead process left in its
    /// place is replaced.
    ///
    /// # Errors
    ///
    /// What the system says, for a Unix socket with its path where that alone would not tell; `Unsupported` for a Unix
    /// socket on a system without them.
    pub async fn bind(&self) -> io::Result<Acceptor> {
        Acceptor::bind(self).await
    }

    /// Connects to what listens here. How long that may take is the caller's to say (`tokio::time::timeout`); dropping it
    /// gives up.
    ///
    /// # Errors
    ///
    /// What the system says, of the last address where there are several.
    pub async fn connect(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(address) => Ok(TcpStream::connect(address).await?.into()),
            #[cfg(unix)]
            Self::Unix(path) => Ok(tokio::net::UnixStream::connect(path).await?.into()),
            #[cfg(not(unix))]
            Self::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl From<&str> for Endpoint {
    fn from(address: &str) -> Self {
        if let Some(path) = address.strip_prefix("unix:") {
            return Self::Unix(path.strip_prefix("//").unwrap_or(path).into());
        }
        Self::Tcp(address.strip_prefix("tcp://").unwrap_or(address).to_owned())
    }
}

impl From<String> for Endpoint {
    fn from(address: String) -> Self {
        address.as_str().into()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address.to_string())
    }
}

impl From<&Path> for Endpoint {
    fn from(path: &Path) -> Self {
        Self::Unix(path.to_owned())
    }
}

impl From<PathBuf> for Endpoint {
    fn from(path: PathBuf) -> Self {
        Self::Unix(path)
    }
}

impl FromStr for Endpoint {
    type Err = Infallible;

    fn from_str(address: &str) -> Result<Self, Infallible> {
        Ok(address.into())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
