//! The one task of a worker: it starts a server, watches it, ends it, and starts the next.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::contact::{Found, ended, gone, look, lost};
use super::place::Kind;
use super::restarts::{Restarts, Verdict};
use super::server::Server;
use super::shared::{Configure, Shared, Wish, later};
use super::{Command, Fault, Place, State, WorkerLimits};
use crate::builder::AddressError;
use crate::client::Client;
use crate::error::Ended;

pub(super) struct Supervisor {
    pub(super) shared: Arc<Shared>,
    pub(super) wishes: watch::Receiver<Wish>,
    pub(super) limits: WorkerLimits,
    pub(super) configure: Configure,
}

/// A server that is ready, and a client that is connected to it.
struct Ready {
    /// None where somebody else has started it.
    server: Option<Server>,
    client: Client,
    address: String,
}

/// Somebody wants something else, or nobody wants anything any more.
struct Changed;

/// How a server that was ready came to its end.
enum End {
    Changed,
    /// Nobody uses it.
    Idle,
    /// It had nothing more to do, and says that this is well. What is wrong with that if it says so too often.
    Done(Fault),
    Failed(Fault),
}

impl Supervisor {
    /// Runs until the last handle is dropped. However it ends, the server is ended with it.
    pub(super) async fn run(mut self) {
        let ending = Ending(Arc::clone(&self.shared));
        while self.wishes.has_changed().is_ok() {
            let wish = self.wishes.borrow_and_update().clone();
            self.shared.begin(wish.number);
            let changed = match (wish.is_on, &wish.place.kind) {
                (false, _) => Ok(()),
                (true, Kind::Local(command)) => self.local(&wish.place, command).await,
                (true, Kind::Remote(address)) => self.remote(address).await,
            };
            if changed.is_ok() {
                if !matches!(self.shared.state(), State::GaveUp { .. }) {
                    self.shared.publish(State::Stopped);
                }
                // An error says that the last handle is gone, which the loop asks for.
                let _ = self.wishes.changed().await;
            }
        }
        drop(ending);
    }

    /// Starts servers until somebody wants something else, or there is nothing more to do.
    async fn local(&mut self, place: &Place, command: &Command) -> Result<(), Changed> {
        let mut restarts = Restarts::default();
        loop {
            let attempt = restarts.attempt();
            self.shared.publish(State::Starting { attempt });
            let (fault, ready_for) = match self.begin(place, command).await? {
                Err(fault) => (fault, None),
                Ok(mut ready) => {
                    let since = Instant::now();
                    let end = self.watch(&mut ready).await;
                    let ready_for = since.elapsed();
                    let Ready { server, client, .. } = ready;
                    match end {
                        End::Changed | End::Idle => {
                            self.shared.publish(State::Stopping);
                            if let Some(mut server) = server {
                                server.stop(&self.limits).await;
                            }
                            client.close();
                            return if let End::Idle = end { Ok(()) } else { Err(Changed) };
                        }
                        End::Done(_) if ready_for >= self.limits.stable => {
                            client.close();
                            return Ok(());
                        }
                        // One that ends as soon as it is ready would be started for ever.
                        End::Done(fault) | End::Failed(fault) => {
                            if let Some(mut server) = server {
                                server.kill().await;
                            }
                            client.close();
                            (fault, Some(ready_for))
                        }
                    }
                }
            };
            tracing::warn!("{fault}");
            let now = Instant::now();
            match restarts.failed(ready_for, now, &self.limits) {
                Verdict::GiveUp { failures } => {
                    self.shared.publish(State::GaveUp { why: fault, failures });
                    return Ok(());
                }
                Verdict::Again { wait } => {
                    let until = later(now, wait);
                    self.shared.publish(State::Faulty { why: fault, until });
                    self.unless_changed(sleep_until(until)).await?;
                }
            }
        }
    }

    /// A server that runs already, where one may; otherwise one that is started.
    async fn begin(&mut self, place: &Place, command: &Command) -> Result<Result<Ready, Fault>, Changed> {
        if let Some(found) = self.find(place).await? {
            return Ok(found);
        }
        let started = self.start(place, command).await?;
        // Somebody else may have been quicker, and have taken the address.
        if started.is_err()
            && let Some(Ok(found)) = self.find(place).await?
        {
            return Ok(Ok(found));
        }
        Ok(started)
    }

    /// A server that somebody else has started. None where nobody listens.
    async fn find(&mut self, place: &Place) -> Result<Option<Result<Ready, Fault>>, Changed> {
        let Some(address) = place.reused() else {
            return Ok(None);
        };
        let (patience, configure) = (self.limits.start, Arc::clone(&self.configure));
        self.unless_changed(async {
            let client = match connect(&address, &configure) {
                Ok(client) => client,
                Err(error) => return Some(Err(Fault::Address(error))),
            };
            let why = match timeout(patience, look(&client)).await {
                Ok(Found::Server) => {
                    return Some(Ok(Ready {
                        server: None,
                        client,
                        address,
                    }));
                }
                Ok(Found::Nobody) => return None,
                Ok(Found::Other(why)) => why,
                Err(_) => ended(&client).unwrap_or(Ended::Slow(patience)),
            };
            Some(Err(Fault::unreachable(&address, why)))
        })
        .await
    }

    /// A server of our own.
    async fn start(&mut self, place: &Place, command: &Command) -> Result<Result<Ready, Fault>, Changed> {
        let (limits, configure) = (self.limits.clone(), Arc::clone(&self.configure));
        self.unless_changed(async {
            let deadline = later(Instant::now(), limits.start);
            let (mut server, said) = Server::start(command, &limits).await?;
            let address = place.address(&said);
            if let Some(reused) = place.reused().filter(|reused| *reused != address) {
                tracing::info!("the server listens at {address}, and is looked for at {reused}");
            }
            let client = match connect(&address, &configure) {
                Ok(client) => client,
                Err(error) => {
                    server.kill().await;
                    return Err(Fault::Address(error));
                }
            };
            let connected = tokio::select! {
                connected = timeout_at(deadline, client.connected()) => connected,
                status = server.exited() => {
                    client.close();
                    return Err(server.crashed(status));
                }
            };
            let why = match connected {
                Ok(Ok(())) => {
                    return Ok(Ready {
                        server: Some(server),
                        client,
                        address,
                    });
                }
                Ok(Err(why)) => why,
                Err(_) => ended(&client).unwrap_or(Ended::Slow(limits.start)),
            };
            server.kill().await;
            client.close();
            Err(Fault::unreachable(&address, why))
        })
        .await
    }

    /// Lets requests through to it, until it has to end, or has ended.
    async fn watch(&mut self, ready: &mut Ready) -> End {
        let Ready {
            server,
            client,
            address,
        } = ready;
        self.shared
            .publish_healthy(client, server.as_ref().and_then(Server::id));
        let is_ours = server.is_some();
        let (limits, shared) = (&self.limits, &self.shared);
        let away = async {
            match is_ours {
                true => lost(client, limits.recover).await,
                false => gone(client, limits.recover).await,
            }
        };
        tokio::select! {
            biased;
            (is_well, fault) = exited(server) => if is_well { End::Done(fault) } else { End::Failed(fault) },
            _ = self.wishes.changed() => End::Changed,
            why = away => End::Failed(Fault::unreachable(address, why)),
            () = idle(shared, client, limits.idle) => End::Idle,
        }
    }

    /// Keeps a connection, until somebody wants something else or it is idle or over for good.
    async fn remote(&mut self, address: &str) -> Result<(), Changed> {
        self.shared.publish(State::Starting { attempt: 1 });
        let client = match connect(address, &self.configure) {
            Ok(client) => client,
            Err(error) => {
                let why = Fault::Address(error);
                self.shared.publish(State::GaveUp { why, failures: 1 });
                return Ok(());
            }
        };
        let (shared, idle_after) = (Arc::clone(&self.shared), self.limits.idle);
        let kept = tokio::select! {
            biased;
            _ = self.wishes.changed() => Err(Changed),
            why = follow(&shared, &client, address) => {
                shared.publish(State::GaveUp { why, failures: 1 });
                return Ok(());
            }
            () = idle(&shared, &client, idle_after) => Ok(()),
        };
        shared.publish(State::Stopping);
        client.close();
        kept
    }

    async fn unless_changed<T>(&mut self, future: impl Future<Output = T>) -> Result<T, Changed> {
        tokio::select! {
            biased;
            _ = self.wishes.changed() => Err(Changed),
            output = future => Ok(output),
        }
    }
}

impl Fault {
    fn unreachable(address: &str, why: Ended) -> Self {
        Self::Unreachable {
            address: address.into(),
            why,
        }
    }
}

/// Whatever ends the task: nobody waits for it any more.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.publish(State::Stopped);
    }
}

fn connect(address: &str, configure: &Configure) -> Result<Client, AddressError> {
    configure(Client::builder(address)).connect()
}

/// Tells what the client of a remote server does. The client itself connects again; this ends when it does not any more.
async fn follow(shared: &Shared, client: &Client, address: &str) -> Fault {
    let mut states = client.states();
    loop {
        let state = states.borrow_and_update().clone();
        match state {
            crate::State::Connecting => {}
            crate::State::Connected => shared.publish_healthy(client, None),
            crate::State::Waiting { until, why, .. } => {
                let why = Fault::unreachable(address, why);
                shared.publish(State::Faulty { why, until });
            }
            crate::State::Closed(why) => return Fault::unreachable(address, why),
        }
        // The client lives, and with it what tells its states.
        let _ = states.changed().await;
    }
}

/// Waits until a server ends by itself, where it is ours: whether that is well, and what is wrong with it if not.
async fn exited(server: &mut Option<Server>) -> (bool, Fault) {
    let Some(server) = server else { return pending().await };
    let status = server.exited().await;
    (status.success(), server.crashed(status))
}

/// Waits until nobody has used the client for so long.
async fn idle(shared: &Shared, client: &Client, after: Option<Duration>) {
    let Some(after) = after else { return pending().await };
    loop {
        let now = Instant::now();
        if client.open_requests() > 0 || client.queued() > 0 {
            shared.used();
        }
        let until = later(shared.last_used(), after);
        if until <= now {
            return;
        }
        sleep_until(until).await;
    }
}
