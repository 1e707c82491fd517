//! A client before it connects.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use switchboard_wire::Format;
use switchboard_wire::connection::Stream;

use crate::backoff::Random;
use crate::callbacks::{Executor, Task};
use crate::client::{Client, Handle};
use crate::driver;
use crate::limits::Limits;
use crate::report::Report;
use crate::shared::Shared;
use crate::transport::{Speech, Transport};

pub use crate::transport::AddressError;

/// A client under construction: [`Client::builder`].
///
/// ```
/// use switchboard_client::{Client, Limits};
///
/// # #[derive(serde::Serialize)] struct Login { name: &'static str }
/// # async fn run() -> Result<(), switchboard_client::AddressError> {
/// let client = Client::builder("ws://127.0.0.1:8000")
///     .header("Authorization", "Bearer 3f9a")
///     .limits(Limits { queue_messages: 100, ..Limits::default() })
///     .accept(["rooms/*"])
///     .on_connected(|client| async move {
///         client.request::<()>("accounts/login", &Login { name: "kevin" }).await?;
///         client.request::<()>("rooms/lobby/join", &()).await?;
///         Ok(())
///     })
///     .connect()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it connects"]
pub struct Builder {
    transport: Result<Transport, AddressError>,
    config: Config,
}

/// What a client is told before it connects.
pub(crate) struct Config {
    pub(crate) limits: Limits,
    pub(crate) format: Format,
    pub(crate) accept: Option<Vec<String>>,
    pub(crate) on_connected: Option<OnConnected>,
    pub(crate) on_report: Option<Arc<dyn Fn(Report) + Send + Sync>>,
    pub(crate) executor: Executor,
    pub(crate) random: Random,
}

/// What is done on each connection before all else.
pub(crate) type OnConnected = Arc<dyn Fn(Client) -> Boxed<Result<(), HookError>> + Send + Sync>;
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// Why what is done on each connection failed: anything.
pub type HookError = Box<dyn std::error::Error + Send + Sync>;

/// What is spoken over streams of one's own: [`Builder::over`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// WebSocket frames, behind the handshake.
    WebSocket,
    /// JSON in lines.
    Lines,
}

impl Builder {
    pub(crate) fn new(address: &str) -> Self {
        Self::with(Transport::parse(address))
    }

    /// A client over streams that this function makes, one for each attempt to connect: for tests in memory, and for what no
    /// address tells.
    ///
    /// ```
    /// use switchboard::testing::TestServer;
    /// use switchboard::wire::connection::Stream;
    /// use switchboard::{Controller, Payload, Routes, Server};
    /// use switchboard_client::{Builder, Framing};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let routes = Routes::new().route("double", Controller::silent(|Payload(n): Payload<u32>| n * 2));
    /// let server = std::sync::Arc::new(TestServer::start(Server::empty().routes(routes)).unwrap());
    ///
    /// let client = Builder::over(Framing::WebSocket, move || {
    ///     let server = server.clone();
    ///     async move { Ok(Stream::new(server.connect_stream(0).await)) }
    /// });
    /// let client = client.connect().unwrap();
    /// assert_eq!(client.request::<u32>("double", &21).await.unwrap(), 42);
    /// # }
    /// ```
    pub fn over<F>(framing: Framing, connect: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Stream>> + Send + 'static,
    {
        let speech = match framing {
            Framing::WebSocket => Speech::Frames,
            Framing::Lines => Speech::Lines,
        };
        Self::with(Ok(Transport::over(speech, Arc::new(move || Box::pin(connect())))))
    }

    fn with(transport: Result<Transport, AddressError>) -> Self {
        Self {
            transport,
            config: Config {
                limits: Limits::default(),
                format: Format::Json,
                accept: None,
                on_connected: None,
                on_report: None,
                executor: Executor::default(),
                random: Random::default(),
            },
        }
    }

    /// Sets the bounds.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Speaks MessagePack in place of JSON. Not in lines.
    pub fn message_pack(mut self) -> Self {
        self.config.format = Format::MessagePack;
        self
    }

    /// Sends this header with the handshake of a WebSocket. What a server refuses for good (HTTP 401, 403) closes the client.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.transport = self.transport.and_then(|transport| transport.with_header(name, value));
        self
    }

    /// Believes servers that these certificates vouch for, at an address that begins with `wss:` or `tls:`. Who is not believed is
    /// tried again, as the certificate may be a new one then.
    ///
    /// ```
    /// use switchboard_client::{Client, ClientTls};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let tls = ClientTls::from_pem_file("/etc/app/ca.pem")?;
    /// let client = Client::builder("wss://chat.example.org").tls(tls).connect()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: switchboard_wire::connection::tls::ClientTls) -> Self {
        self.transport = self.transport.and_then(|transport| transport.with_tls(tls));
        self
    }

    /// Says which deliveries the server is to send, from the first connection on: [`Client::accept`].
    pub fn accept<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.config.accept = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Does this on each connection, before anything that is queued is sent: to log in, to join rooms.
    ///
    /// Its client is of this one connection: what it sends goes ahead of the queue, and is never sent on another. Where it fails,
    /// or takes longer than [`Limits::on_connected`], the connection is closed and another one tried, after a wait that doubles.
    /// To give up for good, close a client from within.
    pub fn on_connected<F>(mut self, on_connected: impl Fn(Client) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), HookError>> + Send + 'static,
    {
        self.config.on_connected = Some(Arc::new(move |client| Box::pin(on_connected(client))));
        self
    }

    /// Calls this with what happens that nobody waits for: messages that were given up, complaints of the server. Where it is
    /// called, [`Client::call`] says.
    pub fn on_report(mut self, on_report: impl Fn(Report) + Send + Sync + 'static) -> Self {
        self.config.on_report = Some(Arc::new(on_report));
        self
    }

    /// Hands all calls of functions to this in place of making them on the connection's own task: to the event loop of a window,
    /// say. It must run each that it is handed, once, in order; and it must not block.
    ///
    /// ```
    /// # async fn run() -> Result<(), switchboard_client::AddressError> {
    /// let (to_loop, event_loop) = std::sync::mpsc::channel::<Box<dyn FnOnce() + Send>>();
    /// let client = switchboard_client::Client::builder("ws://127.0.0.1:8000")
    ///     .call_on(move |task| drop(to_loop.send(task)))
    ///     .connect()?;
    /// client.call("mixer/level", &(), |level| println!("{:?}", level as Result<u8, _>));
    /// // in the thread of the window, whenever it has time:
    /// for task in event_loop.try_iter() {
    ///     task();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_on(mut self, executor: impl Fn(Box<dyn FnOnce() + Send>) + Send + Sync + 'static) -> Self {
        self.config.executor = Executor(Some(Arc::new(executor) as Arc<dyn Fn(Task) + Send + Sync>));
        self
    }

    /// Takes numbers from 0 to 1 from here, in place of random ones, to spread attempts to connect: for tests.
    pub fn random(mut self, random: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.config.random = Random::of(random);
        self
    }

    /// Connects in the background, and returns at once.
    ///
    /// # Errors
    ///
    /// Where the address is none, or does not go with what else was said.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn connect(self) -> Result<Client, AddressError> {
        let transport = self.transport?.with_format(self.config.format)?;
        #[cfg(feature = "tls")]
        transport.check()?;
        let shared = Arc::new(Shared::new(self.config));
        let handle = Arc::new(Handle {
            shared: Arc::clone(&shared),
        });
        // It ends with the client: `closed` waits for it.
        tokio::spawn(driver::run(shared, Arc::downgrade(&handle), transport));
        Ok(Client::new(handle, None))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("transport", &self.transport)
            .field("limits", &self.config.limits)
            .finish_non_exhaustive()
    }
}
