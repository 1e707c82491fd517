//! The server: what an application puts together, checks and runs.

mod announce;
mod error;
mod exit;
mod listener;
mod ready;
mod running;
mod spoken;
mod sweep;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use error::ServerError;
use exit::Exits;
pub use listener::Listener;
pub(crate) use listener::Protocol;
use listener::Source;
use ready::Ready;
pub use running::Running;
use spoken::Spoken;

use crate::http::{Encodings, HttpConfig};
use crate::limits::Limits;
use crate::listen::{ServerTls, Tls};
use crate::request::States;
use crate::routes::{Routes, Service};
use crate::switchboard::Core;
use crate::table::{self, RouteErrors, RouteTable, Selection};

/// A server under construction: routes, state, limits and listeners.
///
/// Everything is checked before the first connection is accepted; what is wrong is told all at once.
///
/// ```no_run
/// use switchboard_server::{Controller, Payload, Routes, Server};
///
/// # async fn run() -> Result<(), switchboard_server::ServerError> {
/// let math = Routes::new().route("math/double", Controller::silent(|Payload(n): Payload<u32>| n * 2));
/// Server::empty().routes(math).serve("127.0.0.1:8000").await
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a server does nothing until it is served or mounted"]
pub struct Server {
    selection: Vec<Selection>,
    routes: Routes,
    expected_crates: Vec<Cow<'static, str>>,
    states: States,
    doubled_states: Vec<&'static str>,
    limits: Limits,
    http: HttpConfig,
    listeners: Vec<Listener>,
    deadline: Duration,
    exits: Exits,
    ready: Option<Ready>,
}

/// A server that was checked.
pub(crate) struct Built {
    pub(crate) core: Arc<Core>,
    pub(crate) http: HttpConfig,
    pub(crate) offers: Vec<Offer>,
    /// Where the listeners are, in the order of the offers.
    sources: Vec<Option<Source>>,
}

/// What one listener offers.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) protocol: Protocol,
    pub(crate) registry: Arc<str>,
    /// What the registry is spoken in.
    pub(crate) encodings: Encodings,
    pub(crate) limits: Arc<Limits>,
    pub(crate) tls: Option<ServerTls>,
}

/// What a server is put together from.
impl Server {
    /// A server with all decorated functions that the program links.
    pub fn new() -> Self {
        Self {
            selection: vec![Selection::All],
            ..Self::empty()
        }
    }

    /// A server without routes.
    pub fn empty() -> Self {
        Self {
            selection: Vec::new(),
            routes: Routes::new(),
            expected_crates: Vec::new(),
            states: States::default(),
            doubled_states: Vec::new(),
            limits: Limits::default(),
            http: HttpConfig::default(),
            listeners: Vec::new(),
            deadline: DEADLINE,
            exits: Exits::default(),
            ready: None,
        }
    }

    /// Adds the decorated functions of a module and of those below it: `"chat::controllers"`.
    pub fn discover(mut self, module: impl Into<Cow<'static, str>>) -> Self {
        self.selection.push(Selection::Subtree(module.into()));
        self
    }

    /// Adds a table of routes.
    pub fn routes(mut self, routes: Routes) -> Self {
        self.routes = self.routes.include("", routes);
        self
    }

    /// Adds a service under its name.
    pub fn install<S: Service>(mut self, service: S) -> Self {
        let service = Arc::new(service);
        let prefix = format!("{}/", service.name());
        self.routes = self.routes.include(prefix, service.routes());
        self
    }

    /// Refuses to start where no installed route comes from this crate: the linker leaves out a crate that nothing names.
    pub fn expect_crate(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.expected_crates.push(name.into());
        self
    }

    /// Gives controllers a value to share: `State<T>` takes it.
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.shared_state(Arc::new(value))
    }

    /// The same for a value that others hold, too.
    pub fn shared_state<T: Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        if !self.states.insert(value) {
            self.doubled_states.push(std::any::type_name::<T>());
        }
        self
    }

    /// Sets the bounds, for all listeners that have none of their own.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a shutdown by a signal may take. 10 s.
    pub fn shutdown_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Adds a place to listen.
    pub fn listen(mut self, listener: impl Into<Listener>) -> Self {
        self.listeners.push(listener.into());
        self
    }

    /// Adds a place to listen for lines of JSON: [`Listener::lines`].
    pub fn listen_lines(self, listener: impl Into<Listener>) -> Self {
        self.listen(Listener::lines(listener))
    }
}

/// What is served beside the messages.
impl Server {
    /// The path that clients open their WebSocket at. `/switchboard`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.http.path(path);
        self
    }

    /// Lets browsers in that show a page of this origin: `https://example.org`, `https://*.example.org` (its subdomains, not
    /// itself), or `*`. A page whose origin is the host that it connects to always is.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.http.allow_origin(origin);
        self
    }

    /// Believes this address, or network (`10.0.0.0/8`), what it says of who is behind it.
    pub fn trust_proxy(mut self, proxy: impl Into<String>) -> Self {
        self.http.trust_proxy(proxy);
        self
    }

    /// Serves this HTML at `/`.
    pub fn page(mut self, html: impl Into<Bytes>) -> Self {
        self.http.page(html);
        self
    }

    /// Serves these bytes at a path.
    pub fn asset(mut self, path: impl Into<String>, content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        self.http.asset(path, content_type, bytes);
        self
    }

    /// Serves the files of a folder under a path, those whose name begins with a dot too; links are followed.
    pub fn files(mut self, path: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        self.http.files(path, folder);
        self
    }

    /// Serves the application's own HTTP routes on the same listeners.
    pub fn http(mut self, router: axum::Router) -> Self {
        self.http.extra(router);
        self
    }
}

/// Running it.
impl Server {
    /// Listens here and runs until SIGTERM or ctrl-c, or until it [is](Self::exit_when_idle) [to](Self::exit_with_parent) end
    /// by itself: then no more messages are taken, what runs is given
    /// [time](Self::shutdown_deadline) to end, what is queued is sent, and clients are told to come back.
    ///
    /// # Errors
    ///
    /// [`ServerError`] where the server cannot start.
    pub async fn serve(self, listener: impl Into<Listener>) -> Result<(), ServerError> {
        self.listen(listener).run().await
    }

    /// Runs with the listeners that were given, as [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// [`ServerError`] where the server cannot start.
    pub async fn run(self) -> Result<(), ServerError> {
        let deadline = self.deadline;
        // Before anybody can know that we are here: a signal from then on is a shutdown.
        let mut tls = self.listeners.iter().filter_map(|listener| listener.tls.as_ref());
        let signals = running::Signals::new(tls.any(Tls::is_from_files))?;
        let exit = self.exits.watch()?;
        self.start().await?.until_told(signals, exit, deadline).await;
        Ok(())
    }

    /// Starts the server and gives back the handle to it.
    ///
    /// # Errors
    ///
    /// [`ServerError`] where the server cannot start.
    pub async fn start(mut self) -> Result<Running, ServerError> {
        let ready = self.ready.take();
        if self.listeners.is_empty() {
            return Err(ServerError::NoListener);
        }
        let Built {
            core,
            http,
            offers,
            sources,
        } = self.build()?;
        let mut bound = Vec::new();
        for (source, offer) in sources.into_iter().flatten().zip(&offers) {
            let listener = source.bind().await?;
            offer.protocol.check(&listener)?;
            bound.push(listener);
        }
        announce::table(&core.table);
        let mut running = Running::new(core, &http, &offers);
        for (listener, offer) in bound.into_iter().zip(&offers) {
            running.listen(listener, &http, offer)?;
        }
        if let Some(ready) = ready {
            ready.tell(&running);
        }
        Ok(running)
    }

    /// Checks the server and gives back its HTTP routes, to be merged into a router of the application's own, and the handle
    /// to it. Serve that router with `into_make_service_with_connect_info::<SocketAddr>()`, so that addresses are known.
    ///
    /// # Errors
    ///
    /// [`ServerError`] where the server cannot start, or was given a listener, a page, files or an HTTP router.
    pub fn mount(self) -> Result<(axum::Router, Running), ServerError> {
        if !self.listeners.is_empty() {
            return Err(ServerError::Config(
                "a server that is mounted has no listeners of its own: remove `listen(…)`".to_owned(),
            ));
        }
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(ServerError::Config(
                "call `mount()` inside of a tokio runtime: its heartbeat runs there".to_owned(),
            ));
        }
        if let [first, ..] = self.http.beside_messages()[..] {
            return Err(ServerError::Config(format!(
                "a server that is mounted serves messages only: `{first}(…)` belongs in the router that it is mounted into"
            )));
        }
        let Built { core, http, offers, .. } = self.build()?;
        announce::table(&core.table);
        let running = Running::new(core, &http, &offers);
        let mut router = axum::Router::new();
        for offer in &offers {
            router = router.merge(running.router(&http, offer)?);
        }
        Ok((router, running))
    }

    /// The routes as they would be served, without serving them.
    ///
    /// # Errors
    ///
    /// [`ServerError`] where the server would not start.
    pub fn check(self) -> Result<RouteTable, ServerError> {
        self.checked()
    }

    /// Checks everything, and lays out what all listeners share, and what each offers.
    pub(crate) fn build(mut self) -> Result<Built, ServerError> {
        let table = self.checked()?;
        let limits = Arc::new(self.limits);
        let mut encodings = Spoken::default();
        let mut offers = Vec::new();
        let mut sources = Vec::new();
        for listener in &mut self.listeners {
            sources.push(listener.source.take());
            offers.push(Offer {
                protocol: listener.protocol.clone(),
                registry: Arc::clone(&listener.registry),
                encodings: encodings.offer(&listener.protocol, listener.dialect.take()),
                limits: listener.limits.take().map_or_else(|| Arc::clone(&limits), Arc::new),
                tls: listener.load_tls()?,
            });
        }
        if offers.is_empty() {
            offers.push(Offer {
                protocol: Protocol::Http,
                registry: PUBLIC.into(),
                encodings: Encodings::Native,
                limits: Arc::clone(&limits),
                tls: None,
            });
        }
        let encodings = encodings.finish()?;
        Ok(Built {
            core: Core::new(limits, self.states, table, encodings),
            http: self.http,
            offers,
            sources,
        })
    }

    /// The table, or everything that is wrong.
    fn checked(&self) -> Result<RouteTable, ServerError> {
        let doubled = self.doubled_states.iter().map(|name| ServerError::DoubledState(name));
        let mut errors: Vec<_> = doubled.collect();
        errors.extend(self.http.check().err());
        let problems = self.listeners.iter().flat_map(Listener::problems);
        errors.extend(problems.map(ServerError::Config));
        errors.extend(self.listeners.iter().filter_map(|listener| listener.load_tls().err()));
        let table = self.table().map_err(|error| errors.push(error.into()));
        match (table, errors.len()) {
            (Ok(table), 0) => Ok(table),
            (_, 1) => Err(errors.remove(0)),
            _ => Err(ServerError::Many(errors)),
        }
    }

    fn table(&self) -> Result<RouteTable, RouteErrors> {
        let mut registries: Vec<_> = self
            .listeners
            .iter()
            .map(|listener| Arc::clone(&listener.registry))
            .collect();
        if registries.is_empty() {
            registries.push(PUBLIC.into());
        }
        table::build(
            &self.selection,
            &self.routes,
            &self.states,
            &registries,
            &self.expected_crates,
        )
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

/// The registry of a route and of a listener that name none.
pub(crate) const PUBLIC: &str = "public";
const DEADLINE: Duration = Duration::from_secs(10);
