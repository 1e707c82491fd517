//! What is known of one connection: the messages that wait to be sent, and the events that wait to be taken.

mod words;

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{Notify, OwnedSemaphorePermit};

pub(super) use words::{Announcement, Cause, Leftover, Order, Pushed, Take, Taken};
use words::{Load, Note};

use super::{ConnectError, Connection, Event, Limits, Rejection};
use crate::Shutdown;

/// One connection, as senders, takers of events and its task see it.
pub(super) struct Peer<M> {
    pub(super) connection: Connection,
    state: Mutex<State<M>>,
    /// An event came, for who waits for those of this connection alone.
    pub(super) arrived: Notify,
    /// Its place among all connections.
    _place: OwnedSemaphorePermit,
}

struct State<M> {
    phase: Phase,
    /// How it is to end, once somebody said so.
    order: Option<Order>,
    /// Messages that its task has not begun to write, with their weights.
    queued: VecDeque<(M, usize)>,
    /// All messages that were not sent in full.
    unsent: Load,
    inbox: VecDeque<Note<M>>,
    /// Received messages in the inbox.
    received: Load,
    /// Rejected messages in the inbox.
    rejected: usize,
    /// Its events are taken apart from all others.
    is_separate: bool,
    /// It stands in the hub's list of those that have events.
    is_listed: bool,
    /// The task goes on when the inbox has room.
    wants_room: bool,
    task: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Unaccepted,
    Connecting,
    Open,
    Ended,
}

impl<M> Peer<M> {
    pub(super) fn connecting(place: OwnedSemaphorePermit, is_separate: bool) -> Self {
        Self::new(place, Phase::Connecting, is_separate, None)
    }

    pub(super) fn announced(place: OwnedSemaphorePermit, announcement: Announcement) -> Self {
        Self::new(place, Phase::Unaccepted, false, Some(Note::Announced(announcement)))
    }

    fn new(place: OwnedSemaphorePermit, phase: Phase, is_separate: bool, first: Option<Note<M>>) -> Self {
        Self {
            connection: Connection::next(),
            state: Mutex::new(State {
                phase,
                order: None,
                queued: VecDeque::new(),
                unsent: Load::default(),
                is_listed: first.is_some(),
                inbox: first.into_iter().collect(),
                received: Load::default(),
                rejected: 0,
                is_separate,
                wants_room: false,
                task: None,
            }),
            arrived: Notify::new(),
            _place: place,
        }
    }

    /// Queues a message, or says why not.
    pub(super) fn push(&self, message: M, weight: usize, limits: &Limits) -> Pushed<M> {
        let mut state = self.lock();
        let why = match (state.phase, state.order) {
            (Phase::Ended, _) => return Pushed::Ended(message),
            (Phase::Unaccepted, _) => Rejection::NotAccepted,
            (_, Some(_)) => Rejection::Disconnecting,
            _ if state.unsent.is_full(weight, limits) => Rejection::QueueFull,
            _ => {
                state.queued.push_back((message, weight));
                state.unsent.add(weight);
                state.wake();
                return Pushed::Taken;
            }
        };
        if state.rejected >= limits.rejected.max(1) {
            return Pushed::Refused(message, why);
        }
        let lists = self.reject_locked(&mut state, message, why);
        Pushed::Noted { lists }
    }

    /// Has it end; a stricter way and an earlier deadline than what was said before count. Not where it has ended.
    pub(super) fn order(&self, order: Order) -> bool {
        self.lock().order(order)
    }

    /// As [`Peer::order`], but what is not connected by now never will be.
    pub(super) fn shut_down(&self, order: Order) {
        let mut state = self.lock();
        let how = match state.phase {
            Phase::Connecting => Shutdown::Now,
            Phase::Unaccepted | Phase::Open | Phase::Ended => order.how,
        };
        state.order(Order { how, ..order });
    }

    /// Accepts it, unless it has ended.
    pub(super) fn accept(&self, is_separate: bool) -> bool {
        let mut state = self.lock();
        if state.phase != Phase::Unaccepted {
            return false;
        }
        state.phase = Phase::Open;
        state.is_separate |= is_separate;
        state.wake();
        true
    }

    /// Ends it, unless it was accepted.
    pub(super) fn refuse(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Unaccepted {
            state.phase = Phase::Ended;
            state.wake();
        }
    }

    /// Keeps its events apart from now on; not where they are, or nothing more will come.
    pub(super) fn separate(&self) -> bool {
        let mut state = self.lock();
        let is_over = state.phase == Phase::Ended && state.inbox.is_empty();
        !is_over && !mem::replace(&mut state.is_separate, true)
    }

    /// Puts its events with all others; true as for [`Peer::receive`].
    pub(super) fn merge(&self) -> bool {
        let mut state = self.lock();
        state.is_separate = false;
        self.lists(&mut state)
    }

    /// Takes the next event, if this is where they are taken: with all others, or separately.
    pub(super) fn take(&self, separately: bool, limits: &Limits) -> Take<M> {
        let mut state = self.lock();
        if state.is_separate != separately {
            if !separately {
                state.is_listed = false;
            }
            return Take {
                taken: None,
                stays_listed: false,
                is_over: false,
            };
        }
        let taken = state.inbox.pop_front().map(|note| match note {
            Note::Event(event) => {
                if matches!(event, Event::RejectedMessage { .. }) {
                    state.rejected -= 1;
                }
                Taken::Event(event)
            }
            Note::Received(message, bytes) => {
                state.received.remove(bytes);
                Taken::Event(Event::MessageReceived {
                    connection: self.connection,
                    message,
                })
            }
            Note::Announced(announcement) => Taken::Announced(announcement),
        });
        // Half of the room at once, so that the task does not start and stop for each message.
        if state.wants_room
            && state.received.messages <= limits.received / 2
            && state.received.bytes <= limits.received_bytes / 2
        {
            state.wake();
        }
        let is_empty = state.inbox.is_empty();
        if !separately {
            state.is_listed = !is_empty;
        }
        Take {
            taken,
            stays_listed: !separately && !is_empty,
            is_over: state.phase == Phase::Ended && is_empty,
        }
    }

    /// It has ended, and nobody waits to hear of it.
    pub(super) fn is_over(&self) -> bool {
        let state = self.lock();
        state.phase == Phase::Ended && state.inbox.is_empty()
    }

    fn reject_locked(&self, state: &mut State<M>, message: M, why: Rejection) -> bool {
        state.rejected += 1;
        state.inbox.push_back(Note::Event(Event::RejectedMessage {
            connection: self.connection,
            message,
            why,
        }));
        self.lists(state)
    }

    /// Tells who waits; whether the hub is to list it.
    fn lists(&self, state: &mut State<M>) -> bool {
        if state.is_separate {
            self.arrived.notify_one();
            return false;
        }
        !state.inbox.is_empty() && !mem::replace(&mut state.is_listed, true)
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        // Whatever a panic left there is whole: nothing foreign is called under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What its task does.
impl<M> Peer<M> {
    /// How it is to end; the task is woken when that changes, and when there is more to write or room to read.
    pub(super) fn watch(&self, cx: &Context<'_>) -> Option<Order> {
        let mut state = self.lock();
        if !state.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            state.task = Some(cx.waker().clone());
        }
        state.order
    }

    /// Whether it was accepted.
    pub(super) fn poll_accepted(&self, cx: &Context<'_>) -> Poll<bool> {
        self.watch(cx);
        match self.lock().phase {
            Phase::Unaccepted => Poll::Pending,
            phase => Poll::Ready(phase != Phase::Ended),
        }
    }

    /// Connecting has succeeded; true as for [`Peer::receive`].
    pub(super) fn open(&self) -> bool {
        let mut state = self.lock();
        state.phase = Phase::Open;
        state.inbox.push_back(Note::Event(Event::FinishConnect {
            connection: self.connection,
            result: Ok(()),
            queued: Vec::new(),
        }));
        self.lists(&mut state)
    }

    /// The next message to write, with its weight. None too where no failure of it could be noted.
    pub(super) fn next_queued(&self, limits: &Limits) -> Option<(M, usize)> {
        let mut state = self.lock();
        if state.rejected >= limits.rejected.max(1) {
            state.wants_room = true;
            return None;
        }
        state.queued.pop_front()
    }

    /// Whether there is nothing to write but what the task has begun.
    pub(super) fn is_queue_empty(&self) -> bool {
        self.lock().queued.is_empty()
    }

    /// A message of this weight was sent in full.
    pub(super) fn sent(&self, weight: usize) {
        self.lock().unsent.remove(weight);
    }

    /// A message cannot be written; true as for [`Peer::receive`].
    pub(super) fn reject(&self, message: M, weight: usize, why: Rejection) -> bool {
        let mut state = self.lock();
        state.unsent.remove(weight);
        self.reject_locked(&mut state, message, why)
    }

    /// Whether the inbox takes a message; the task is woken when it does.
    pub(super) fn has_room(&self, limits: &Limits) -> bool {
        let mut state = self.lock();
        let has_room =
            state.received.messages < limits.received.max(1) && state.received.bytes < limits.received_bytes.max(1);
        state.wants_room |= !has_room;
        has_room
    }

    /// Puts a message that came into the inbox. True if the hub is to list it as one that has events.
    pub(super) fn receive(&self, message: M, bytes: usize) -> bool {
        let mut state = self.lock();
        state.received.add(bytes);
        state.inbox.push_back(Note::Received(message, bytes));
        self.lists(&mut state)
    }

    /// Ends it, once, with everything that was not sent in its last event; true as for [`Peer::receive`].
    pub(super) fn end(&self, cause: Cause, leftover: Leftover<M>) -> bool {
        let mut state = self.lock();
        let before = mem::replace(&mut state.phase, Phase::Ended);
        let Leftover { incomplete, mut queued } = leftover;
        queued.extend(mem::take(&mut state.queued).into_iter().map(|(message, _)| message));
        state.task = None;
        let connection = self.connection;
        let event = match (before, cause, state.order) {
            (Phase::Ended | Phase::Unaccepted, ..) => None,
            (Phase::Connecting, Cause::Connecting(error), _) => Some(Event::FinishConnect {
                connection,
                result: Err(error),
                queued,
            }),
            (Phase::Connecting, Cause::Open(_), _) => Some(Event::FinishConnect {
                connection,
                result: Err(ConnectError::CalledOff),
                queued,
            }),
            (Phase::Open, Cause::Open(reason), None) => Some(Event::RemoteDisconnect {
                connection,
                incomplete,
                queued,
                reason,
            }),
            (Phase::Open, ..) => Some(Event::FinishDisconnect {
                connection,
                incomplete,
                queued,
            }),
        };
        state.inbox.extend(event.map(Note::Event));
        self.lists(&mut state)
    }
}

impl<M> State<M> {
    fn order(&mut self, order: Order) -> bool {
        match self.phase {
            Phase::Ended => return false,
            // Nothing was said to it or by it.
            Phase::Unaccepted => self.phase = Phase::Ended,
            Phase::Connecting | Phase::Open => {}
        }
        self.order = Some(match self.order {
            None => order,
            Some(before) => Order {
                how: before.how.min(order.how),
                deadline: match (before.deadline, order.deadline) {
                    (Some(before), Some(now)) => Some(before.min(now)),
                    (before, now) => before.or(now),
                },
            },
        });
        self.wake();
        true
    }

    fn wake(&mut self) {
        self.wants_room = false;
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

/// Shared by its task, the hub, and who accepts it or takes its events apart.
pub(super) type Shared<M> = Arc<Peer<M>>;
