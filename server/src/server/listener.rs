//! Where a server is reached.

use std::net::SocketAddr;
use std::sync::Arc;

use switchboard_wire::Dialect;
use tokio::net::TcpListener;

use super::{PUBLIC, ServerError};

/// Where a server listens, and what it offers there.
///
/// Made from an address such as `"127.0.0.1:8000"` or from a bound [`TcpListener`].
#[derive(Debug)]
pub struct Listener {
    /// Taken out when the server starts.
    pub(super) source: Option<Source>,
    pub(super) registry: Arc<str>,
    pub(super) dialect: Option<Arc<dyn Dialect>>,
}

#[derive(Debug)]
pub(super) enum Source {
    Address(String),
    Bound(TcpListener),
}

impl Listener {
    /// Serves this registry here, in place of `public`.
    #[must_use]
    pub fn registry(mut self, name: &str) -> Self {
        self.registry = name.into();
        self
    }

    /// Speaks this dialect here, in place of the native one with its two sub-protocols. No sub-protocol is agreed then.
    #[must_use]
    pub fn dialect(mut self, dialect: impl Dialect) -> Self {
        self.dialect = Some(Arc::new(dialect));
        self
    }

    fn new(source: Source) -> Self {
        Self {
            source: Some(source),
            registry: PUBLIC.into(),
            dialect: None,
        }
    }
}

impl Source {
    pub(super) async fn bind(self) -> Result<TcpListener, ServerError> {
        match self {
            Self::Bound(listener) => Ok(listener),
            Self::Address(address) => TcpListener::bind(&address)
                .await
                .map_err(|source| ServerError::Bind { address, source }),
        }
    }
}

impl From<&str> for Listener {
    fn from(address: &str) -> Self {
        Self::new(Source::Address(address.to_owned()))
    }
}

impl From<String> for Listener {
    fn from(address: String) -> Self {
        Self::new(Source::Address(address))
    }
}

impl From<SocketAddr> for Listener {
    fn from(address: SocketAddr) -> Self {
        Self::new(Source::Address(address.to_string()))
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::new(Source::Bound(listener))
    }
}
