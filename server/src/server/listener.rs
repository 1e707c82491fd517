//! Where a server is reached.

use std::net::SocketAddr;
use std::sync::Arc;

use switchboard_wire::Dialect;
use switchboard_wire::connection::{Acceptor, Endpoint};
use tokio::net::TcpListener;

use super::{PUBLIC, ServerError};
use crate::http::{self, BackendConfig, Key};
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
    /// What was set that a listener of this kind does not have.
    misplaced: Vec<&'static str>,
}

/// What carries the messages of a listener.
#[derive(Clone, Debug)]
pub(crate) enum Protocol {
    /// WebSockets, and the files beside them.
    Http,
    /// Lines of text.
    Lines,
    /// HTTP requests, each with a message.
    Backend(BackendConfig),
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

    /// A back end at this address: `POST` one message, get its result. For cron jobs, web applications and shell scripts that
    /// have something to say to the connected clients.
    ///
    /// It serves the registry `backend`, at the path `/switchboard`, and has to have a [key](Self::key) unless it listens on a
    /// loopback address or a Unix socket. The body is one message in the native dialect, in JSON or (with
    /// `Content-Type: application/msgpack`) in MessagePack; it need not have a `uid`. The response has the final frame, and a
    /// status that says how it went; with `Accept: application/x-ndjson` every frame, each on a line, as it comes. See
    /// [docs/backend.md](https://github.com/switchboard-rs/switchboard/blob/main/docs/backend.md) for the statuses, and for
    /// requests with `curl`.
    ///
    /// Controllers see a [`Client`](crate::Client) that is not connected: nobody is told that it came or went, it is not
    /// counted, it can join no mailbox, and what is sent to it is dropped.
    ///
    /// ```no_run
    /// use switchboard_server::{Controller, Listener, Payload, Routes, Server};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let publish = Controller::send_all(|Payload(line): Payload<String>| line);
    /// let routes = Routes::new()
    ///     .route("news/publish", publish.reply("news").registry("backend"))
    ///     .route("echo", Controller::silent(|Payload(line): Payload<String>| line));
    /// Server::empty()
    ///     .routes(routes)
    ///     .listen("0.0.0.0:8000")
    ///     .listen(Listener::backend("10.0.0.5:9000").key(std::env::var("BACKEND_KEY")?))
    ///     .run()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// ```sh
    /// curl --json '{"name":"news/publish","payload":"Tea is ready"}' \
    ///   --header "Authorization: Bearer $BACKEND_KEY" http://10.0.0.5:9000/switchboard
    /// ```
    pub fn backend(address: impl Into<Self>) -> Self {
        Self {
            registry: BACKEND.into(),
            protocol: Protocol::Backend(BackendConfig::default()),
            ..address.into()
        }
    }

    /// What requests to this [back end](Self::backend) have to bring, as `Authorization: Bearer …` or as `X-Backend-Key: …`: at
    /// least 16 bytes of ASCII without spaces. It is compared in constant time, and shown nowhere.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        if let Protocol::Backend(config) = &mut self.protocol {
            config.key = Some(Key::new(key));
        } else {
            self.misplaced.push("key");
        }
        self
    }

    /// The path that messages are posted to at this [back end](Self::backend), in place of `/switchboard`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        if let Protocol::Backend(config) = &mut self.protocol {
            config.path = path.into();
        } else {
            self.misplaced.push("path");
        }
        self
    }

    /// Serves this registry here, in place of `public`, or of `backend` at a back end.
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
            Protocol::Http | Protocol::Backend(_) => http::ALPN,
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
            misplaced: Vec::new(),
        }
    }

    /// Everything that is wrong with it, as far as that can be told before it is bound.
    pub(super) fn problems(&self) -> Vec<String> {
        let Some(endpoint) = self.source.as_ref().and_then(Source::endpoint) else {
            return Vec::new();
        };
        let mut problems: Vec<_> = (self.misplaced.iter())
            .map(|setter| match *setter {
                "path" => format!(
                    "path(…) of the listener at {endpoint}: only a back end has a path of its own; use `Server::path`"
                ),
                setter => {
                    format!("{setter}(…) of the listener at {endpoint}: make it a back end, with `Listener::backend`")
                }
            })
            .collect();
        if let Protocol::Backend(config) = &self.protocol {
            problems.extend(config.problems(&endpoint));
        }
        problems
    }
}

impl Protocol {
    /// Whether this can be spoken where a listener is bound: a name such as `localhost` may mean any address.
    pub(super) fn check(&self, listener: &Acceptor) -> Result<(), ServerError> {
        if let Self::Backend(config) = self {
            let problems = config.problems(listener.endpoint());
            if !problems.is_empty() {
                return Err(ServerError::Config(problems.join("\n")));
            }
        }
        Ok(())
    }
}

impl Source {
    /// Where it is, or is to be.
    fn endpoint(&self) -> Option<Endpoint> {
        match self {
            Self::Endpoint(endpoint) => Some(endpoint.clone()),
            Self::Bound(listener) => listener.local_addr().ok().map(Endpoint::from),
        }
    }

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

/// The registry of a back end that names none.
const BACKEND: &str = "backend";
