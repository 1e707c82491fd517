//! The handle: what an application does with a worker.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::shared::{Configure, Shared, Wish, later};
use super::supervisor::Supervisor;
use super::{Command, Place, State, WorkerError, WorkerLimits};
use crate::client::{Client, Posted};
use crate::error::{Fate, Refusal, RequestError};
use crate::limits::Limits;

/// A server that is there when it is needed: started, watched, started again when it dies, replaced on a
/// [switch](Self::switch), and ended with the last handle.
///
/// Cheap to clone; all clones are one worker. When the last is dropped, and when the runtime ends, a server that the worker
/// has started is ended, together with all processes of its group; on Unix also when this process is killed, by a shell that
/// waits for that. (A process that leaves the group, by `setsid`, is on its own.)
///
/// ```no_run
/// use switchboard_client::worker::{Command, Worker};
///
/// # async fn run() -> Result<(), switchboard_client::worker::WorkerError> {
/// let server = Command::new("jsonserver").args(["--dialect", "native", "--bind", "127.0.0.1:0"]);
/// let worker = Worker::local(server).start();
/// let answer: serde_json::Value = worker.request("check", &()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Worker {
    handle: Arc<Handle>,
    timeout: Duration,
}

/// A worker under construction: [`Worker::local`], [`Worker::remote`].
#[must_use = "a builder does nothing until it starts"]
pub struct WorkerBuilder {
    place: Place,
    limits: WorkerLimits,
    timeout: Duration,
    configure: Configure,
}

/// Held by all who use the worker. Its task ends with it.
#[derive(Debug)]
pub(super) struct Handle {
    wishes: watch::Sender<Wish>,
    shared: Arc<Shared>,
}

impl Worker {
    /// A worker that starts a server here, unless it is to [use one that runs](WorkerBuilder::reuse_at).
    pub fn local(command: Command) -> WorkerBuilder {
        Self::at(Place::local(command))
    }

    /// A worker for a server that runs elsewhere. It never ends that.
    pub fn remote(address: impl Into<String>) -> WorkerBuilder {
        Self::at(Place::remote(address))
    }

    /// A worker for either.
    pub fn at(place: impl Into<Place>) -> WorkerBuilder {
        WorkerBuilder {
            place: place.into(),
            limits: WorkerLimits::default(),
            timeout: Limits::default().request,
            configure: Arc::new(|builder| builder),
        }
    }

    /// The same worker, whose requests may take so long, in place of the builder's [`timeout`](WorkerBuilder::timeout).
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// Sends a message and waits for its result, as [`Client::request`] does; for a server, too, where none is ready. Both
    /// together take no longer than the time of the request.
    ///
    /// What was not sent when a server died is sent to the next. What was is never sent twice.
    ///
    /// # Errors
    ///
    /// [`WorkerError`]; [`maybe_delivered`](WorkerError::maybe_delivered) says whether a server may have it.
    pub async fn request<T: DeserializeOwned>(
        &self,
        name: &str,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<T, WorkerError> {
        let mut wait = Wait::new(self);
        loop {
            let (client, place) = wait.for_client().await?;
            let client = client.within(wait.left());
            let result = if place.paths.is_empty() {
                client.request(name, payload).await
            } else {
                let payload = place.paths.outgoing(payload).map_err(RequestError::Refused)?;
                let answer = client.request(name, &payload).await;
                answer.and_then(|answer| place.paths.incoming(answer))
            };
            self.handle.shared.used();
            match result {
                Err(RequestError::Lost {
                    fate: Fate::NotSent, ..
                })
                | Err(RequestError::Refused(Refusal::Closed(_))) => {}
                result => return Ok(result?),
            }
        }
    }

    /// Sends a message that asks for no answer, as [`Client::send`] does, as soon as a server is ready.
    ///
    /// # Errors
    ///
    /// [`WorkerError`].
    pub async fn send(&self, name: &str, payload: &(impl Serialize + ?Sized)) -> Result<Posted, WorkerError> {
        let mut wait = Wait::new(self);
        loop {
            let (client, place) = wait.for_client().await?;
            let sent = if place.paths.is_empty() {
                client.send(name, payload)
            } else {
                let payload = place.paths.outgoing(payload).map_err(RequestError::Refused)?;
                client.send(name, &payload)
            };
            match sent {
                Err(error) if matches!(error.why, Refusal::Closed(_)) => {}
                sent => return Ok(sent?),
            }
        }
    }

    /// The client of the server that runs now, as soon as one does: for streams of answers and for deliveries. It is of that
    /// server alone, closed with it, and knows nothing of mapped paths.
    ///
    /// # Errors
    ///
    /// [`WorkerError`], where there is none within the time of a request.
    pub async fn client(&self) -> Result<Client, WorkerError> {
        Ok(Wait::new(self).for_client().await?.0)
    }

    /// Replaces the server: another interpreter, another project. What is asked from now on goes to the new one; the old one is
    /// asked to end, and answers what it can within [`WorkerLimits::stop`]. Nothing happens where this is the place already, and
    /// gives back whether something did.
    pub fn switch(&self, place: impl Into<Place>) -> bool {
        let place = place.into();
        self.handle.wishes.send_if_modified(|wish| {
            let is_new = *wish.place != place;
            if is_new {
                wish.place = Arc::new(place);
                wish.is_on = true;
                wish.number += 1;
            }
            is_new
        })
    }

    /// Starts anew, without a wait and with all attempts: after it gave up, or to replace a server that misbehaves. (One that
    /// the worker did not start it can only connect to again.)
    pub fn retry(&self) {
        self.handle.wishes.send_modify(|wish| {
            wish.is_on = true;
            wish.number += 1;
        });
    }

    /// Ends the server, and waits until it is gone; only the connection, where the worker did not start the server. The next
    /// request starts it again.
    pub async fn stop(&self) {
        let mut number = 0;
        self.handle.wishes.send_modify(|wish| {
            wish.is_on = false;
            wish.number += 1;
            wish.stops += 1;
            number = wish.number;
        });
        let mut snapshots = self.handle.shared.snapshots();
        // The sender lives as long as this handle.
        let _ = snapshots
            .wait_for(|seen| seen.wish > number || (seen.wish == number && matches!(seen.state, State::Stopped)))
            .await;
    }

    /// What the worker is doing now.
    pub fn state(&self) -> State {
        self.handle.shared.states.borrow().clone()
    }

    /// What it is doing, and every change that there is time to see.
    ///
    /// ```
    /// # use switchboard_client::worker::Worker;
    /// # async fn run(worker: Worker) {
    /// let mut states = worker.states();
    /// while states.changed().await.is_ok() {
    ///     println!("the server is {}", *states.borrow_and_update());
    /// }
    /// # }
    /// ```
    pub fn states(&self) -> watch::Receiver<State> {
        self.handle.shared.states.subscribe()
    }

    /// The number of the server's process, while the worker is healthy and has started the server itself.
    pub fn process(&self) -> Option<u32> {
        self.handle.shared.process()
    }

    /// Where the server is, or is to be.
    pub fn place(&self) -> Place {
        Place::clone(&self.handle.wishes.borrow().place)
    }

    pub(super) fn of(handle: Arc<Handle>, timeout: Duration) -> Self {
        Self { handle, timeout }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn handle(&self) -> &Arc<Handle> {
        &self.handle
    }
}

impl WorkerBuilder {
    /// Sets the bounds.
    pub fn limits(mut self, limits: WorkerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a request may take, the wait for a server included, unless it is told otherwise
    /// ([`Worker::within`]). 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Uses a server that listens at this address already, and starts one only where none does: [`Place::reuse_at`].
    pub fn reuse_at(mut self, address: impl Into<String>) -> Self {
        self.place = self.place.reuse_at(address);
        self
    }

    /// Changes paths in payloads on their way to the server, and back in its answers.
    pub fn map_paths(mut self, paths: super::PathMap) -> Self {
        self.place = self.place.map_paths(paths);
        self
    }

    /// Tells each client more before it connects: limits, deliveries, what is done on each connection.
    ///
    /// ```no_run
    /// # use switchboard_client::worker::Worker;
    /// # async fn run() {
    /// let worker = Worker::remote("ws://10.0.0.7:8000")
    ///     .client(|builder| builder.header("Authorization", "Bearer 3f9a").accept(["lint/*"]))
    ///     .start();
    /// # }
    /// ```
    pub fn client(mut self, configure: impl Fn(crate::Builder) -> crate::Builder + Send + Sync + 'static) -> Self {
        self.configure = Arc::new(configure);
        self
    }

    /// Starts the server, or connects to it, in the background, and returns at once.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(self) -> Worker {
        let shared = Arc::new(Shared::new());
        let wish = Wish {
            place: Arc::new(self.place),
            is_on: true,
            number: 1,
            stops: 0,
        };
        let (wishes, wished) = watch::channel(wish);
        let supervisor = Supervisor {
            shared: Arc::clone(&shared),
            wishes: wished,
            limits: self.limits,
            configure: self.configure,
        };
        // It ends with the last handle.
        tokio::spawn(supervisor.run());
        Worker::of(Arc::new(Handle { wishes, shared }), self.timeout)
    }
}

/// Somebody's wait for a server.
struct Wait<'w> {
    worker: &'w Worker,
    deadline: Instant,
    /// How often the worker had been stopped before.
    stops: u64,
    /// The last server that was tried.
    tried: u64,
}

impl<'w> Wait<'w> {
    fn new(worker: &'w Worker) -> Self {
        worker.handle.shared.used();
        Self {
            worker,
            deadline: later(Instant::now(), worker.timeout),
            stops: worker.handle.wishes.borrow().stops,
            tried: 0,
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The client of a server that was not tried yet.
    async fn for_client(&mut self) -> Result<(Client, Arc<Place>), WorkerError> {
        let Handle { wishes, shared } = &*self.worker.handle;
        let mut snapshots = shared.snapshots();
        loop {
            let seen = snapshots.borrow_and_update().clone();
            let wish = wishes.borrow().clone();
            if wish.stops > self.stops {
                return Err(WorkerError::Stopped);
            }
            if seen.wish == wish.number {
                match (seen.state, seen.client) {
                    (_, Some(client)) if seen.generation > self.tried => {
                        self.tried = seen.generation;
                        return Ok((client, wish.place));
                    }
                    (State::GaveUp { why, .. }, _) => return Err(WorkerError::GaveUp(why)),
                    (State::Stopped, _) => wake(wishes, seen.wish),
                    _ => {}
                }
            }
            // The sender lives as long as the handle.
            if timeout_at(self.deadline, snapshots.changed()).await.is_err() {
                return Err(WorkerError::NotReady {
                    after: self.worker.timeout,
                    fault: shared.state().fault().cloned(),
                });
            }
        }
    }
}

/// Starts what was stopped, unless somebody did already.
fn wake(wishes: &watch::Sender<Wish>, stopped: u64) {
    wishes.send_if_modified(|wish| {
        let is_same = wish.number == stopped;
        if is_same {
            wish.is_on = true;
            wish.number += 1;
        }
        is_same
    });
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("place", &self.handle.wishes.borrow().place)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WorkerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerBuilder")
            .field("place", &self.place)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
