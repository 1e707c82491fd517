//! Where a server is reached.

use std::net::SocketAddr;
use std::sync::Arc;

use switchboard_wire::Dialect;
use switchboard_wire::connection::{Acceptor, Endpoint};
use tokio::net::TcpListener;

use super::{PUBLIC, ServerError};
use crate::limits::Limits;

/// Where a server listens, and what it offers there.
///
/// Made from an address such as `"127.0.0.1:8000"`, `"[::1]:8000"` or `"unix:/run/app.sock"`, or from a bound
/// [`TcpListener`].
#[derive(Debug)]
pub struct Listener {
    /// Taken out when the server starts.
    pub(super) source: Option<Source>,
    pub(super) registry: Arc<str>,
    pub(super) dialect: Option<Arc<dyn Dialect>>,
    pub(super) limits: Option<Limits>,
}

#[derive(Debug)]
pub(super) enum Source {
    Endpoint(Endpoint),
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

    /// Keeps to these bounds here, in place of the server's. Its connections are counted by themselves;
    /// [`Limits::running`] stays the server's.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    fn new(source: Source) -> Self {
        Self {
            source: Some(source),
            registry: PUBLIC.into(),
            dialect: None,
            limits: None,
        }
    }
}

impl Source {
    pub(super) async fn bind(self) -> Result<Acceptor, ServerError> {
        match self {
            Self::Bound(listener) => Ok(listener.try_into()?),
            Self::Endpoint(endpoint) => endpoint.bind().await.map_err(|source| ServerError::Bind {
                address: endpoint.to_string(),
                source,
            }),
        }
    }
}

impl From<&str> for Listener {
    fn from(address: &str) -> Self {
        Endpoint::from(address).into()
    }
}

impl From<String> for Listener {
    fn from(address: String) -> Self {
        Endpoint::from(address).into()
    }
}

impl From<SocketAddr> for Listener {
    fn from(address: SocketAddr) -> Self {
        Endpoint::from(address).into()
    }
}

impl From<Endpoint> for Listener {
    fn from(endpoint: Endpoint) -> Self {
        Self::new(Source::Endpoint(endpoint))
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::new(Source::Bound(listener))
    }
}
