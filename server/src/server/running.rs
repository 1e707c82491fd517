//! A server that runs: the handle to it, and its shutdown.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use switchboard_wire::connection::{Acceptor, Endpoint};
use switchboard_wire::{CloseCode, Error, code};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::{Built, Offer, Protocol, Server, ServerError, announce, sweep};
use crate::http::{self, Backend, Encodings, Http, HttpConfig};
use crate::listen::{self, Door, Lines, Secured, Serve, ServerTls};
use crate::session::SHUTDOWN_REASON;
use crate::switchboard::{Client, Core, Shutdown, Switchboard, turn};

/// A server that runs. It goes on when this is dropped; [`shut_down`](Self::shut_down) ends it.
pub struct Running {
    core: Arc<Core>,
    door: Arc<Door>,
    endpoints: Vec<Endpoint>,
    addresses: Vec<SocketAddr>,
    /// Of the listeners that have it.
    tls: Vec<ServerTls>,
    /// Ends accepting.
    closed: CancellationToken,
    sweeper: AbortHandle,
}

impl Running {
    pub(super) fn new(core: Arc<Core>, http: &HttpConfig, offers: &[Offer]) -> Self {
        let tick = sweep::tick(offers.iter().map(|offer| &*offer.limits));
        let sweeper = tokio::spawn(sweep::run(Arc::downgrade(&core), tick)).abort_handle();
        Self {
            door: Door::new(&core, &core.limits, http),
            core,
            endpoints: Vec::new(),
            addresses: Vec::new(),
            tls: Vec::new(),
            closed: CancellationToken::new(),
            sweeper,
        }
    }

    /// A server that no socket reaches, and what each of its listeners would have offered.
    pub(crate) fn in_memory(server: Server) -> Result<(Self, Vec<Offer>), ServerError> {
        let Built { core, http, offers, .. } = server.build()?;
        Ok((Self::new(core, &http, &offers), offers))
    }

    pub(super) fn listen(&mut self, listener: Acceptor, http: &HttpConfig, offer: &Offer) -> Result<(), ServerError> {
        announce::listener(listener.endpoint(), offer);
        self.endpoints.push(listener.endpoint().clone());
        self.addresses.extend(listener.local_addr());
        let door = self.door(http, offer);
        let tls = offer.tls.clone();
        match (&offer.protocol, offer.encodings) {
            (Protocol::Lines, Encodings::Only(encoding)) => {
                let lines = Lines {
                    core: Arc::clone(&self.core),
                    registry: Arc::clone(&offer.registry),
                    encoding,
                };
                self.accept(listener, lines, door, tls);
            }
            (Protocol::Backend(config), _) => {
                let is_unix = listener.local_addr().is_none();
                let backend = Backend::new(&self.core, &door, offer, config, is_unix)?;
                self.accept(listener, backend, door, tls);
            }
            _ => {
                let app = http::application(&door, http, &offer.registry, offer.encodings)?;
                self.accept(listener, Http(app), door, tls);
            }
        }
        Ok(())
    }

    /// Serves all who connect, over TLS where there is some.
    fn accept(&mut self, listener: Acceptor, service: impl Serve + Sync, door: Arc<Door>, tls: Option<ServerTls>) {
        let closed = self.closed.clone();
        self.tls.extend(tls.clone());
        match tls {
            Some(tls) => {
                let service = Secured::new(tls, service);
                self.core.tasks.spawn(listen::accept(listener, service, door, closed));
            }
            None => {
                self.core.tasks.spawn(listen::accept(listener, service, door, closed));
            }
        }
    }

    pub(super) fn router(&self, http: &HttpConfig, offer: &Offer) -> Result<axum::Router, ServerError> {
        http::router(&self.door(http, offer), http, &offer.registry, offer.encodings)
    }

    /// The door of a listener: the server's, or one of its own where it has limits of its own.
    fn door(&self, http: &HttpConfig, offer: &Offer) -> Arc<Door> {
        if Arc::ptr_eq(&offer.limits, &self.door.limits) {
            Arc::clone(&self.door)
        } else {
            Door::new(&self.core, &offer.limits, http)
        }
    }

    /// Where it listens, in the order of the listeners.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The first TCP address that it listens on; none where it is mounted.
    pub fn address(&self) -> Option<SocketAddr> {
        self.addresses.first().copied()
    }

    /// The TCP addresses that it listens on, in the order of the listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Who is connected: the handle for background tasks.
    pub fn switchboard(&self) -> Switchboard {
        Switchboard::from(Arc::clone(&self.core))
    }

    /// Reads the files of all [`Tls`](crate::Tls) anew, as SIGHUP makes a server do that was [run](Server::run). Who connects
    /// from now on sees the new certificates; connected clients stay. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// [`ServerError::Tls`], or several of them: what was read before stays in use there.
    #[cfg(feature = "tls")]
    pub fn reload_tls(&self) -> Result<(), ServerError> {
        listen::reload(&self.tls)
    }

    /// Ends the server. No more connections and messages are taken; clients are told to come back, spread over time.
    ///
    /// - [`Shutdown::FinishQueues`]: controllers that run may end and all that is queued is sent;
    /// - [`Shutdown::FinishMessages`]: only what is half-sent is finished;
    /// - [`Shutdown::Now`]: connections are cut.
    ///
    /// What is not sent is handed to the controllers of `switchboard/disconnected`. After the deadline the rest is cut and
    /// requests that are still open are answered `unavailable`. True where everything ended in time.
    pub async fn shut_down(self, how: Shutdown, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        self.closed.cancel();
        self.core.stop();
        self.core.tasks.close();
        if how == Shutdown::FinishQueues {
            let wake_all = self.wake_in_batches();
            // A batch that comes after the deadline is cut with the others.
            let _ = timeout_at(end, wake_all).await;
        } else {
            // Each session refuses what waits in its line first, so that this is handed back, too.
            for client in settle(&self.core) {
                client.ask_to_end(how);
            }
        }
        let is_in_time = timeout_at(end, self.core.tasks.wait()).await.is_ok();
        if !is_in_time {
            // Who still waits is told so; sessions that have nothing under way any more say goodbye by themselves.
            settle(&self.core);
            let _ = timeout_at(Instant::now() + LAST, self.core.tasks.wait()).await;
            cut(&self.core);
            // Sessions end by themselves now; controllers that do not are left behind, and said so.
            let _ = timeout_at(Instant::now() + LAST, self.core.tasks.wait()).await;
            let left = self.core.tasks.len();
            if left > 0 {
                tracing::warn!(tasks = left, "the shutdown left something running");
            }
        }
        self.sweeper.abort();
        is_in_time
    }

    /// Runs until SIGTERM or ctrl-c, or until there is another reason to end, then shuts down; one more signal cuts that short.
    pub(super) async fn until_told(self, mut signals: Signals, exit: Exit, deadline: Duration) {
        let told = async {
            while signals.next().await == Asked::Reload {
                // What is wrong has been logged.
                let _ = listen::reload(&self.tls);
            }
        };
        tokio::select! {
            () = told => tracing::info!("shutting down; once more to stop at once"),
            reason = exit.due(&self.core) => tracing::info!("shutting down: {reason}"),
        }
        let core = Arc::clone(&self.core);
        let shutdown = self.shut_down(Shutdown::FinishQueues, deadline);
        tokio::pin!(shutdown);
        tokio::select! {
            _ = &mut shutdown => {}
            () = signals.recv() => {
                cut(&core);
                let _ = timeout_at(Instant::now() + LAST, shutdown).await;
            }
        }
    }

    /// A session that is woken sees that the server stops. In batches, so that not all clients come back at once.
    async fn wake_in_batches(&self) {
        let mut clients = Vec::new();
        self.core.clients.for_each(|client| clients.push(client.clone()));
        for batch in clients.chunks(BATCH) {
            for client in batch {
                client.wake();
            }
            if batch.len() == BATCH {
                sleep(PAUSE).await;
            }
        }
    }
}

/// Ends what is left, whatever its sessions are at.
fn cut(core: &Core) {
    for client in settle(core) {
        client.shut_down(Shutdown::Now, CloseCode::SHUTDOWN, SHUTDOWN_REASON);
    }
}

/// Settles every open request as unavailable, and gives back the clients.
fn settle(core: &Core) -> Vec<Client> {
    let mut clients = Vec::new();
    core.clients.for_each(|client| clients.push(client.clone()));
    let mut asking = clients.clone();
    core.guests.for_each(|guest| asking.push(guest.clone()));
    turn::run(|| {
        for client in &asking {
            let open = client.open_requests().clone();
            for shared in open {
                shared.abort(Error::new(code::UNAVAILABLE, "the server shuts down; connect again"));
            }
        }
    });
    clients
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// What a signal asks for.
#[derive(PartialEq)]
enum Asked {
    End,
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no signal for it"))]
    Reload,
}

#[cfg(unix)]
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    /// Only where there is something to reload: otherwise it ends the process, as it always did.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new(reloads: bool) -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: reloads.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    async fn next(&mut self) -> Asked {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            () = hangup => Asked::Reload,
        }
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new(_reloads: bool) -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Asked {
        self.recv().await;
        Asked::End
    }

    async fn recv(&mut self) {
        // Without ctrl-c the process can only be killed, which needs no shutdown.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Clients that are told to come back at a time, and the pause before the next ones.
const BATCH: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(100);
/// What sessions need to end once their connections are cut.
const LAST: Duration = Duration::from_secs(1);
