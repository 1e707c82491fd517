//! Where a server is reached.

use std::net::SocketAddr;
use std::sync::Arc;

use switchboard_wire::Dialect;
use switchboard_wire::connection::{Acceptor, Endpoint};
use tokio::net::TcpListener;

use super::{PUBLIC, ServerError};
use crate::http;
use crate::limits::Limits;
use crate::listen::{ServerTls, Tls};

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
    pub(super) protocol: Protocol,
    pub(super) tls: Option<Tls>,
}

/// What carries the messages of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// WebSockets, and pages beside them.
    Http,
    /// Lines of text.
    Lines,
}

#[derive(Debug)]
pub(super) enum Source {
    Endpoint(Endpoint),
    Bound(TcpListener),
}

impl Listener {
    /// Takes lines of JSON, straight on the stream, in place of WebSockets: for editors, devices and shell scripts, from
    /// whatever a `Listener` is made from.
    ///
    /// A line ends with `\r\n` or `\n`; ours end with `\r\n`. Its clients cannot be pinged: they may be silent for
    /// [`Limits::silence`]. Who ends its direction of the stream still gets its answers.
    ///
    /// ```no_run
    /// use switchboard_server::wire::json_server::JsonServer;
    /// use switchboard_server::{Listener, Server};
    ///
    /// # async fn run() -> Result<(), switchboard_server::ServerError> {
    /// Server::new()
    ///     .listen("127.0.0.1:8000")
    ///     .listen(Listener::lines("127.0.0.1:9000"))
    ///     .listen(Listener::lines("unix:/run/editor.sock").dialect(JsonServer))
    ///     .run()
    ///     .await
    /// # }
    /// ```
    #[must_use]
    pub fn lines(listener: impl Into<Self>) -> Self {
        Self {
            protocol: Protocol::Lines,
            ..listener.into()
        }
    }

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

    /// Speaks TLS here, 1.2 and 1.3, under WebSockets and lines alike. The handshake has [`Limits::handshake`]. With the
    /// feature `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Reads its certificates, for what is spoken here.
    pub(super) fn load_tls(&self) -> Result<Option<ServerTls>, ServerError> {
        let protocols = match self.protocol {
            Protocol::Http => http::ALPN,
            Protocol::Lines => &[],
        };
        self.tls.as_ref().map(|tls| tls.load(protocols)).transpose()
    }

    fn new(source: Source) -> Self {
        Self {
            source: Some(source),
            registry: PUBLIC.into(),
            dialect: None,
            limits: None,
            protocol: Protocol::Http,
            tls: None,
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
