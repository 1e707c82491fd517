//! All connections of one connector, and those of them that have events.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::peer::{Order, Peer, Pushed, Shared, Taken};
use super::{Connection, Event, Incoming, Limits, Refusal, Rejected, Rejection};
use crate::Shutdown;

/// What a connector, its tasks and its handles share.
pub(super) struct Hub<M> {
    pub(super) limits: Limits,
    state: Mutex<State<M>>,
    /// Something is listed, or all is over.
    arrived: Notify,
    /// It was shut down: no listener goes on.
    pub(super) stop: CancellationToken,
    /// Places for connections.
    pub(super) places: Arc<Semaphore>,
    /// Places for remote ones that wait to be accepted.
    pub(super) unaccepted: Arc<Semaphore>,
}

struct State<M> {
    peers: HashMap<Connection, Shared<M>>,
    /// Those that have events for `recv`, each once; they take turns.
    listed: VecDeque<Shared<M>>,
    /// Rejected messages of connections that have ended.
    strays: VecDeque<Event<M>>,
    is_shut: bool,
    listeners: usize,
}

impl<M> Hub<M> {
    pub(super) fn new(limits: Limits) -> Self {
        let places = |limit: usize| Arc::new(Semaphore::new(limit.clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            places: places(limits.connections),
            unaccepted: places(limits.unaccepted),
            limits,
            state: Mutex::new(State {
                peers: HashMap::new(),
                listed: VecDeque::new(),
                strays: VecDeque::new(),
                is_shut: false,
                listeners: 0,
            }),
            arrived: Notify::new(),
            stop: CancellationToken::new(),
        }
    }

    /// A connection that we make.
    pub(super) fn enter(&self, is_separate: bool) -> Result<Shared<M>, Refusal> {
        let place = Arc::clone(&self.places);
        let Ok(place) = place.try_acquire_owned() else {
            return Err(Refusal::TooMany(self.limits.connections.max(1)));
        };
        let peer = Arc::new(Peer::connecting(place, is_separate));
        let mut state = self.lock();
        if state.is_shut {
            return Err(Refusal::ShutDown);
        }
        state.peers.insert(peer.connection, Arc::clone(&peer));
        Ok(peer)
    }

    /// A connection that came; not after the shutdown.
    pub(super) fn announce(&self, peer: &Shared<M>) -> bool {
        let mut state = self.lock();
        if state.is_shut {
            return false;
        }
        state.peers.insert(peer.connection, Arc::clone(peer));
        state.listed.push_back(Arc::clone(peer));
        self.arrived.notify_one();
        true
    }

    /// Counts a listener until it leaves; not after the shutdown.
    pub(super) fn add_listener(self: &Arc<Self>) -> Option<Listening<M>> {
        let mut state = self.lock();
        if state.is_shut {
            return None;
        }
        state.listeners += 1;
        Some(Listening { hub: Arc::clone(self) })
    }

    pub(super) fn send(&self, connection: Connection, message: M, weight: usize) -> Result<(), Rejected<M>> {
        let peer = self.find(connection);
        let pushed = match &peer {
            Some(peer) => peer.push(message, weight, &self.limits),
            None => Pushed::Ended(message),
        };
        match (pushed, peer) {
            (Pushed::Noted { lists: true }, Some(peer)) => {
                self.list(peer);
                Ok(())
            }
            (Pushed::Taken | Pushed::Noted { .. }, _) => Ok(()),
            (Pushed::Ended(message), _) => self.stray(connection, message),
            (Pushed::Refused(message, why), _) => Err(self.rejected(connection, message, why)),
        }
    }

    pub(super) fn disconnect(&self, connection: Connection, how: Shutdown, deadline: Duration) -> bool {
        let deadline = Instant::now().checked_add(deadline);
        self.find(connection)
            .is_some_and(|peer| peer.order(Order { how, deadline }))
    }

    pub(super) fn shutdown(&self, how: Shutdown, deadline: Duration) {
        let deadline = Instant::now().checked_add(deadline);
        let peers: Vec<_> = {
            let mut state = self.lock();
            state.is_shut = true;
            state.peers.values().cloned().collect()
        };
        self.stop.cancel();
        for peer in peers {
            peer.shut_down(Order { how, deadline });
        }
        self.tell_if_over(&self.lock());
    }

    /// The next event of those that are not taken separately; none after the last one.
    pub(super) async fn recv(self: &Arc<Self>) -> Option<Event<M>> {
        loop {
            let arrived = self.arrived.notified();
            let peer = {
                let mut state = self.lock();
                if let Some(event) = state.strays.pop_front() {
                    self.tell_of_more(&state);
                    self.tell_if_over(&state);
                    return Some(event);
                }
                if state.is_over() {
                    return None;
                }
                let peer = state.listed.pop_front();
                self.tell_of_more(&state);
                peer
            };
            let Some(peer) = peer else {
                arrived.await;
                continue;
            };
            if let Some(event) = self.take(&peer, false) {
                return Some(event);
            }
        }
    }

    /// The next event of one connection, if there is one and this is where they are taken.
    pub(super) fn take(self: &Arc<Self>, peer: &Shared<M>, separately: bool) -> Option<Event<M>> {
        let take = peer.take(separately, &self.limits);
        if take.stays_listed {
            self.list(Arc::clone(peer));
        }
        if take.is_over {
            self.forget(peer);
        }
        take.taken.map(|taken| match taken {
            Taken::Event(event) => event,
            Taken::Announced(announcement) => Event::RemoteConnect {
                connection: peer.connection,
                incoming: Incoming::new(Arc::clone(self), Arc::clone(peer), announcement),
            },
        })
    }

    /// Lists one that has events, which is not listed.
    pub(super) fn list(&self, peer: Shared<M>) {
        self.lock().listed.push_back(peer);
        self.arrived.notify_one();
    }

    /// Lets go of one that has ended, unless there is something to hear of it.
    pub(super) fn forget_if_over(&self, peer: &Peer<M>) {
        if peer.is_over() {
            self.forget(peer);
        }
    }

    pub(super) fn find(&self, connection: Connection) -> Option<Shared<M>> {
        self.lock().peers.get(&connection).cloned()
    }

    fn forget(&self, peer: &Peer<M>) {
        let mut state = self.lock();
        let forgotten = state.peers.remove(&peer.connection);
        self.tell_if_over(&state);
        drop(state);
        drop(forgotten);
    }

    /// A message for a connection that has had its last event.
    fn stray(&self, connection: Connection, message: M) -> Result<(), Rejected<M>> {
        let why = Rejection::Disconnected;
        let mut state = self.lock();
        if state.strays.len() >= self.limits.rejected.max(1) {
            drop(state);
            return Err(self.rejected(connection, message, why));
        }
        state.strays.push_back(Event::RejectedMessage {
            connection,
            message,
            why,
        });
        self.arrived.notify_one();
        Ok(())
    }

    fn rejected(&self, connection: Connection, message: M, why: Rejection) -> Rejected<M> {
        Rejected {
            connection,
            message,
            why,
            limit: self.limits.rejected.max(1),
        }
    }

    /// One call wakes one taker, and several may wait: who took something calls the next.
    fn tell_of_more(&self, state: &State<M>) {
        if !state.listed.is_empty() || !state.strays.is_empty() {
            self.arrived.notify_one();
        }
    }

    fn tell_if_over(&self, state: &State<M>) {
        if state.is_over() {
            self.arrived.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        // Whatever a panic left there is whole: nothing foreign is called under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M> State<M> {
    /// There is no event, and there will be none.
    fn is_over(&self) -> bool {
        self.is_shut && self.listeners == 0 && self.peers.is_empty() && self.strays.is_empty()
    }
}

/// One listener, until this is dropped.
pub(super) struct Listening<M> {
    pub(super) hub: Arc<Hub<M>>,
}

impl<M> Drop for Listening<M> {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.listeners = state.listeners.saturating_sub(1);
        self.hub.tell_if_over(&state);
    }
}

/// Shuts a hub down when the last handle of its connector goes.
pub(super) struct Guard<M> {
    pub(super) hub: Arc<Hub<M>>,
}

impl<M> Drop for Guard<M> {
    fn drop(&mut self) {
        self.hub.shutdown(Shutdown::Now, Duration::ZERO);
        // Nobody is left to take them.
        let strays = mem::take(&mut self.hub.lock().strays);
        drop(strays);
    }
}

/// The place of a remote connection among all others, when there is one.
pub(super) async fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(places).acquire_owned().await.ok()
}
