//! What the handles of a worker and its task have in common.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Place, State};
use crate::builder::Builder;
use crate::client::Client;

/// What each client is told before it connects.
pub(super) type Configure = Arc<dyn Fn(Builder) -> Builder + Send + Sync>;

/// What the handles want.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) place: Arc<Place>,
    pub(super) is_on: bool,
    /// Which wish it is: what the task does for an older one does not count any more.
    pub(super) number: u64,
    /// How often somebody wanted it to stop.
    pub(super) stops: u64,
}

/// What the task does.
#[derive(Debug)]
pub(super) struct Shared {
    snapshots: watch::Sender<Snapshot>,
    /// The same for those outside.
    pub(super) states: watch::Sender<State>,
    used: Mutex<Instant>,
}

/// What the task does, and for which wish.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) state: State,
    /// There is one while the state is healthy.
    pub(super) client: Option<Client>,
    /// That of a local server.
    pub(super) process: Option<u32>,
    pub(super) wish: u64,
    /// Counts the times that it became healthy.
    pub(super) generation: u64,
}

impl Shared {
    pub(super) fn new() -> Self {
        let state = State::Starting { attempt: 1 };
        let snapshot = Snapshot {
            state: state.clone(),
            client: None,
            process: None,
            wish: 0,
            generation: 0,
        };
        Self {
            snapshots: watch::Sender::new(snapshot),
            states: watch::Sender::new(state),
            used: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.subscribe()
    }

    /// The wish that is seen to from now on. Who waits for it hears of it with the state that follows.
    pub(super) fn begin(&self, wish: u64) {
        self.used();
        self.snapshots.send_modify(|snapshot| {
            snapshot.wish = wish;
            snapshot.client = None;
            snapshot.process = None;
            snapshot.state = State::Starting { attempt: 1 };
        });
    }

    pub(super) fn publish(&self, state: State) {
        self.tell(state, None, None);
    }

    pub(super) fn publish_healthy(&self, client: &Client, process: Option<u32>) {
        self.used();
        self.tell(State::Healthy, Some(client.clone()), process);
    }

    fn tell(&self, state: State, client: Option<Client>, process: Option<u32>) {
        tracing::debug!("the worker is {state}");
        self.snapshots.send_modify(|snapshot| {
            snapshot.generation += u64::from(client.is_some());
            snapshot.client = client;
            snapshot.process = process;
            snapshot.state = state.clone();
        });
        // Whoever hears of a state finds what it says.
        self.states.send_replace(state);
    }

    pub(super) fn process(&self) -> Option<u32> {
        self.snapshots.borrow().process
    }

    /// What was said of the wish that is seen to.
    pub(super) fn state(&self) -> State {
        self.snapshots.borrow().state.clone()
    }

    pub(super) fn used(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn last_used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So long after a time; far away where no clock goes.
pub(super) fn later(time: Instant, by: Duration) -> Instant {
    time.checked_add(by).unwrap_or(time + FAR)
}

const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
