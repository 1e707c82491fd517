//! The one task of a worker: it starts a server, watches it, ends it, and starts the next.

use std::future::pending;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use serde::de::IgnoredAny;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::place::Kind;
use super::restarts::{Restarts, Verdict};
use super::server::Server;
use super::shared::{Configure, Shared, Wish, later};
use super::{Command, Fault, Place, State, WorkerLimits};
use crate::builder::AddressError;
use crate::client::Client;
use crate::error::{Ended, Refusal, RequestError};

pub(super) struct Supervisor {
    pub(super) shared: Arc<Shared>,
    pub(super) wishes: watch::Receiver<Wish>,
    pub(super) limits: WorkerLimits,
    pub(super) configure: Configure,
}

struct Started {
    server: Server,
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
    /// It had nothing more to do, and says that this is well.
    Done,
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
            let (fault, ready_for) = match self.start(place, command).await? {
                Err(fault) => (fault, None),
                Ok(Started {
                    mut server,
                    client,
                    address,
                }) => {
                    let since = Instant::now();
                    let end = self.watch(&mut server, &client, &address).await;
                    let ready_for = since.elapsed();
                    let is_stable = ready_for >= self.limits.stable;
                    match end {
                        End::Changed | End::Idle => {
                            self.shared.publish(State::Stopping);
                            server.stop(&self.limits).await;
                            client.close();
                            return if let End::Idle = end { Ok(()) } else { Err(Changed) };
                        }
                        End::Done if is_stable => {
                            client.close();
                            return Ok(());
                        }
                        // One that ends as soon as it is ready would be started for ever.
                        End::Done => {
                            client.close();
                            (server.crashed(ExitStatus::default()), Some(ready_for))
                        }
                        End::Failed(fault) => {
                            server.kill().await;
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

    /// A server that is ready, and a client that is connected to it.
    async fn start(&mut self, place: &Place, command: &Command) -> Result<Result<Started, Fault>, Changed> {
        let (limits, configure) = (self.limits.clone(), Arc::clone(&self.configure));
        self.unless_changed(async {
            let deadline = later(Instant::now(), limits.start);
            let (mut server, said) = Server::start(command, &limits).await?;
            let address = place.address(&said);
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
                    return Ok(Started {
                        server,
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
    async fn watch(&mut self, server: &mut Server, client: &Client, address: &str) -> End {
        self.shared.publish_healthy(client, server.id());
        let (limits, shared) = (&self.limits, &self.shared);
        tokio::select! {
            biased;
            status = server.exited() => {
                if status.success() { End::Done } else { End::Failed(server.crashed(status)) }
            }
            _ = self.wishes.changed() => End::Changed,
            why = lost(client, limits.recover) => End::Failed(Fault::unreachable(address, why)),
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

/// Waits until the connection is away for too long, and says why.
async fn lost(client: &Client, patience: Duration) -> Ended {
    let mut states = client.states();
    loop {
        // The client lives, and with it what tells its states.
        let lost = states
            .wait_for(|state| !state.is_connected())
            .await
            .map(|state| state.clone());
        let why = match lost {
            Ok(crate::State::Waiting { why, .. } | crate::State::Closed(why)) => why,
            Ok(_) | Err(_) => Ended::Slow(patience),
        };
        match timeout(patience, answered(client)).await {
            Ok(Ok(())) => {}
            Ok(Err(closed)) => return closed,
            Err(_) => return why,
        }
    }
}

/// Waits for a sign of life. A connection alone is none: the system takes it for a process that is frozen, too.
async fn answered(client: &Client) -> Result<(), Ended> {
    loop {
        match client.request::<IgnoredAny>(PING, &()).await {
            Err(RequestError::Refused(Refusal::Closed(why))) => return Err(why),
            Err(RequestError::Lost { .. } | RequestError::TimedOut { .. }) => {}
            // Too many wait for the same already.
            Err(RequestError::Refused(_)) => sleep(AGAIN).await,
            _ => return Ok(()),
        }
    }
}

/// Why the client is not connected, where it knows.
fn ended(client: &Client) -> Option<Ended> {
    match client.state() {
        crate::State::Waiting { why, .. } | crate::State::Closed(why) => Some(why),
        crate::State::Connecting | crate::State::Connected => None,
    }
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

const PING: &str = "switchboard/ping";
const AGAIN: Duration = Duration::from_millis(100);
