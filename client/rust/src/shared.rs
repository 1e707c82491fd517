//! What all handles and the driver share. Every lock is held for some look-ups, and nobody is told anything under it.

mod core;
mod drive;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use serde::Serialize;
use switchboard_wire::{Formats, Message, RawPayload, Receipt, Text, Uid};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use self::core::Core;
use crate::builder::Config;
use crate::channel::Channel;
use crate::counters::Counters;
use crate::error::{Ended, Refusal, RequestError, SendError};
use crate::queue::{Lane, size};
use crate::report::Report;
use crate::request::{Part, Settled, Told};
use crate::state::State;
use crate::subscription::{Entry, Subscriptions};
use crate::table::Kind;

/// One client's memory.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) counters: Arc<Counters>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) state: watch::Sender<State>,
    /// Told when there is room in the queue.
    pub(crate) room: Notify,
    core: Mutex<Core>,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Offline,
    /// Only what goes ahead of the queue is sent.
    Opening,
    Open,
}

/// Who is told what becomes of a request.
pub(crate) enum Waiter {
    One(oneshot::Sender<Told>),
    Many(Arc<Channel<Part>>),
    Call(Box<dyn FnOnce(Settled) + Send>),
    /// Nobody asked for it; an error is reported.
    Own,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        let accepted = config.accept.clone();
        Self {
            config,
            counters: Arc::default(),
            subscriptions: Subscriptions::default(),
            state: watch::Sender::new(State::Connecting),
            room: Notify::new(),
            core: Mutex::new(Core::new(accepted)),
        }
    }

    /// The message with this payload, as it will travel.
    pub(crate) fn message(&self, name: &str, payload: &(impl Serialize + ?Sized)) -> Result<Message, Refusal> {
        let payload = RawPayload::encode(payload, Formats::from(self.config.format)).map_err(Refusal::Payload)?;
        // `()` is how no payload is spelled.
        let is_absent = payload.json() == Some("null") || payload.message_pack() == Some(&[0xC0]);
        Ok(Message::new(name).with_payload((!is_absent).then_some(payload)))
    }

    /// A message of somebody else's, as it can travel here.
    pub(crate) fn fit(&self, message: Message) -> Result<Message, SendError> {
        let formats = Formats::from(self.config.format);
        let payload = message.payload().cloned();
        let payload = payload.map(|payload| payload.with_formats(formats)).transpose();
        match payload {
            Ok(payload) => Ok(message.with_uid(None).with_payload(payload)),
            Err(error) => Err(SendError {
                why: Refusal::Payload(error),
                message: Some(Box::new(message)),
            }),
        }
    }

    /// Queues a message that asks for no answer; whether it leaves at once.
    pub(crate) fn send(&self, message: Message, generation: Option<u64>) -> Result<bool, SendError> {
        let mut core = self.lock();
        let lane = match core.lane(generation, size(&message), self) {
            Ok(lane) => lane,
            Err(why) => {
                drop(core);
                self.counters.refused.one();
                return Err(SendError {
                    why,
                    message: Some(Box::new(message)),
                });
            }
        };
        core.queue.push(lane, message, Instant::now());
        let leaves = core.link == Link::Open || lane != Lane::Plain;
        let waker = core.waker.take();
        drop(core);
        wake(waker);
        Ok(leaves)
    }

    /// Queues a request. Where it is refused, whoever was to be told is given back.
    pub(crate) fn open(
        &self,
        message: Message,
        kind: Kind,
        timeout: Duration,
        generation: Option<u64>,
        waiter: Waiter,
    ) -> Result<i64, (Refusal, Waiter)> {
        let mut core = self.lock();
        let lane = match core.lane(generation, size(&message), self) {
            Ok(_) if core.table.len() >= self.config.limits.requests => {
                Err(Refusal::Requests(self.config.limits.requests))
            }
            // Without a connection, ahead of all that waits: it is what the next one begins with.
            Ok(Lane::Plain) if kind == Kind::Accept && core.link == Link::Offline => Ok(Lane::Accept),
            lane => lane,
        };
        let lane = match lane {
            Ok(lane) => lane,
            Err(refusal) => {
                drop(core);
                self.counters.refused.one();
                return Err((refusal, waiter));
            }
        };
        let uid = core.request(lane, message, kind, timeout, waiter);
        let waker = core.waker.take();
        drop(core);
        wake(waker);
        Ok(uid)
    }

    /// Remembers which deliveries are wanted.
    pub(crate) fn set_accepted(&self, names: Vec<String>) {
        self.lock().accepted = Some(names);
    }

    pub(crate) fn set_timeout(&self, uid: i64, timeout: Duration) {
        let mut core = self.lock();
        core.table.set_timeout(uid, timeout);
        let waker = core.waker.take();
        drop(core);
        wake(waker);
    }

    /// Takes a request out whose answer nobody wants any more.
    pub(crate) fn give_up(&self, uid: i64) {
        let mut core = self.lock();
        let call = core.withdraw(uid);
        let waker = core.waker.take_if(|_| call.is_some());
        drop(core);
        drop(call);
        wake(waker);
    }

    /// Takes a request out, and says so to who waits for it.
    pub(crate) fn cancel(&self, uid: i64) -> bool {
        let mut core = self.lock();
        let call = core.withdraw(uid);
        let waker = core.waker.take_if(|_| call.is_some());
        drop(core);
        wake(waker);
        let Some(call) = call else {
            return false;
        };
        let fate = call.fate();
        call.waiter.settle(Err(RequestError::Cancelled(fate)), self);
        true
    }

    /// Asks the driver to say goodbye.
    pub(crate) fn close(&self) {
        let mut core = self.lock();
        core.is_closing = true;
        let waker = core.waker.take();
        drop(core);
        wake(waker);
    }

    pub(crate) fn subscribe(&self, entry: &Arc<Entry>) {
        self.subscriptions.add(entry);
        // Nothing comes to a client that is closed.
        if self.lock().ended.is_some() {
            entry.end();
        }
    }

    /// Requests that are not settled, and messages that wait to be sent.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let core = self.lock();
        (core.table.len(), core.queue.len())
    }

    /// Whether a message of no length would be taken now; or why none will be any more.
    pub(crate) fn has_room(&self, generation: Option<u64>) -> Result<bool, Ended> {
        match self.lock().lane(generation, 0, self) {
            Ok(_) => Ok(true),
            Err(Refusal::Closed(ended)) => Err(ended),
            Err(_) => Ok(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Tells an outcome that is not the server's. Nothing may be locked.
    pub(crate) fn settle(self, settled: Settled, shared: &Shared) {
        self.answer(settled, None, shared);
    }

    /// Tells what the server said in the end. Nothing may be locked.
    pub(crate) fn answer(self, settled: Settled, receipt: Option<Receipt>, shared: &Shared) {
        match self {
            // Who does not listen has given it up.
            Self::One(sender) => drop(sender.send(Told { settled, receipt })),
            Self::Many(channel) => channel.end(settled.transpose()),
            Self::Call(then) => shared.call_back(Box::new(move || then(settled))),
            Self::Own => {
                if let Err(RequestError::Failed(error)) = settled {
                    shared.report(Report::Complaint {
                        name: Some(Text::from(ACCEPT)),
                        error,
                    });
                }
            }
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Accept<'a> {
    pub(crate) names: &'a [String],
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = self.lock();
        f.debug_struct("Shared")
            .field("link", &core.link)
            .field("requests", &core.table.len())
            .field("queued", &core.queue.len())
            .finish_non_exhaustive()
    }
}

pub(crate) const ACCEPT: &str = "switchboard/accept";
pub(crate) const CANCEL: &str = "switchboard/cancel";
pub(crate) const HELLO: &str = "switchboard/hello";
pub(crate) const PING: &str = "switchboard/ping";
/// What a ping asks under, where messages are all that there is. No request has it.
pub(crate) const PING_UID: Uid = Uid::Integer(0);
