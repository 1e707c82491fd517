//! What all handles and the driver share. Every lock is held for some look-ups, and nobody is told anything under it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use serde::Serialize;
use switchboard_wire::native::ServerFrame;
use switchboard_wire::{Formats, Message, RawPayload, Text, Uid};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use crate::builder::Config;
use crate::channel::Channel;
use crate::counters::Counters;
use crate::error::{Ended, Fate, Refusal, RequestError, SendError};
use crate::queue::{Lane, Outgoing, Queue, size};
use crate::report::{Report, Unsent};
use crate::request::{Part, Settled};
use crate::state::State;
use crate::subscription::{Delivery, Entry, Subscriptions};
use crate::table::{Call, Heard, Kind, Stage, Table};

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

struct Core {
    table: Table<Waiter>,
    queue: Queue,
    /// What is said again on each connection.
    accepted: Option<Vec<String>>,
    link: Link,
    /// Which connection this is, from 1.
    generation: u64,
    is_closing: bool,
    ended: Option<Ended>,
    waker: Option<Waker>,
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
    One(oneshot::Sender<Settled>),
    Many(Arc<Channel<Part>>),
    Call(Box<dyn FnOnce(Settled) + Send>),
    /// Nobody asked for it; an error is reported.
    Own,
}

/// Outcomes that are to be told when nothing is locked.
#[derive(Default)]
#[must_use]
pub(crate) struct Dues {
    settled: Vec<(Waiter, Settled)>,
    unsent: Vec<Unsent>,
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
            core: Mutex::new(Core {
                table: Table::default(),
                queue: Queue::default(),
                accepted,
                link: Link::Offline,
                generation: 0,
                is_closing: false,
                ended: None,
                waker: None,
            }),
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

/// What the driver does.
impl Shared {
    /// Wakes this task at the next change.
    pub(crate) fn watch(&self, waker: &Waker) {
        let mut core = self.lock();
        if !core.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            core.waker = Some(waker.clone());
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.lock().is_closing
    }

    /// Begins a connection with what it has to begin with; gives back its number.
    pub(crate) fn begin(&self) -> u64 {
        let mut core = self.lock();
        core.link = Link::Opening;
        core.generation += 1;
        let is_said = !core.table.of_kind(Kind::Accept).is_empty();
        if !is_said && let Some(names) = core.accepted.clone() {
            match self.message(ACCEPT, &Accept { names: &names }) {
                Ok(message) => {
                    core.request(
                        Lane::Accept,
                        message,
                        Kind::Accept,
                        self.config.limits.request,
                        Waiter::Own,
                    );
                }
                Err(error) => tracing::error!(%error, "the accepted names cannot be sent"),
            }
        }
        core.generation
    }

    /// Lets the queue out.
    pub(crate) fn opened(&self) {
        self.lock().link = Link::Open;
    }

    /// The next message to be sent on this connection. If it is a request, it counts as sent.
    pub(crate) fn next(&self) -> Option<Outgoing> {
        let mut core = self.lock();
        let is_open = core.link == Link::Open;
        let outgoing = core.queue.pop(is_open)?;
        if let Some(uid) = uid(&outgoing.message)
            && let Some(call) = core.table.get_mut(uid)
        {
            call.stage = Stage::Sent;
        }
        Some(outgoing)
    }

    /// Whether nothing waits that may be sent on this connection.
    pub(crate) fn is_drained(&self) -> bool {
        let core = self.lock();
        !core.queue.has_next(core.link == Link::Open)
    }

    /// Takes what the server said.
    pub(crate) fn hear(&self, frame: ServerFrame) {
        if frame.uid.is_some() {
            return self.answered(frame);
        }
        let ServerFrame {
            name,
            mailbox,
            payload,
            error,
            ..
        } = frame;
        match (error, name) {
            (Some(error), name) => self.report(Report::Complaint { name, error }),
            (None, Some(name)) => {
                let delivery = Delivery::new(name, mailbox, payload);
                self.subscriptions.tell(&delivery, self);
            }
            (None, None) => self.malformed(&"neither a name, nor a uid, nor an error"),
        }
    }

    fn answered(&self, frame: ServerFrame) {
        if frame.uid == Some(PING_UID) {
            return;
        }
        let Some(Uid::Integer(uid)) = frame.uid else {
            return self.counters.late.one();
        };
        let mut core = self.lock();
        match core.table.hear(frame, Instant::now()) {
            Heard::Late => {
                drop(core);
                self.counters.late.one();
            }
            Heard::Noted => {}
            Heard::Part(waiter, said) => {
                let Waiter::Many(channel) = waiter else {
                    return;
                };
                let channel = Arc::clone(channel);
                drop(core);
                let bytes = said.as_ref().map_or(0, RawPayload::held_bytes);
                if !channel.push(said.map_err(RequestError::Failed), bytes) {
                    self.overrun(uid, &channel);
                }
            }
            Heard::Settled(waiter, said) => {
                drop(core);
                let settled = said.transpose().map_err(RequestError::Failed);
                waiter.settle(settled, self);
            }
        }
    }

    fn overrun(&self, uid: i64, channel: &Channel<Part>) {
        self.counters.overrun.one();
        self.give_up(uid);
        channel.end(Some(Err(RequestError::Overrun)));
    }

    /// Settles the request that a message answered which was too long to be read.
    pub(crate) fn too_large(&self, uid: Option<&Uid>) {
        self.counters.too_large.one();
        if let Some(Uid::Integer(uid)) = uid
            && let Some(call) = self.withdraw(*uid)
        {
            let limit = self.config.limits.received_bytes;
            call.waiter.settle(Err(RequestError::TooLarge(limit)), self);
        }
    }

    pub(crate) fn malformed(&self, why: &dyn fmt::Display) {
        self.counters.malformed.one();
        tracing::warn!("what the server sent cannot be read: {why}");
    }

    /// Gives up what has waited for too long; says when that is to be done next.
    pub(crate) fn expire(&self, now: Instant) -> Option<Instant> {
        let (dues, next, has_room) = {
            let mut core = self.lock();
            let mut dues = Dues::default();
            let before = core.queue.len();
            for (uid, call) in core.table.expire(now) {
                let (fate, after) = (call.fate(), call.timeout);
                core.forget(uid, &call);
                let why = RequestError::TimedOut { after, fate };
                dues.settled.push((call.waiter, Err(why)));
            }
            let age = self.config.limits.queue_age;
            for old in core.queue.take_old(now, age) {
                dues.unsent.push(Unsent::old(old.message));
            }
            let next = core.table.next_deadline().into_iter().chain(core.queue.next_old(age));
            (dues, next.min(), core.queue.len() < before)
        };
        if has_room {
            self.room.notify_waiters();
        }
        dues.tell(self);
        next
    }

    /// The connection ended, with messages of which no byte was written, and perhaps one of which some were.
    pub(crate) fn lost(&self, why: &Ended, unwritten: Vec<Outgoing>, cut: Option<Message>) {
        let mut dues = Dues::default();
        dues.unsent.extend(cut.map(|message| Unsent::cut(message, why)));
        {
            let mut core = self.lock();
            core.link = Link::Offline;
            for outgoing in unwritten {
                core.take_back(outgoing);
            }
            for outgoing in core.queue.take_now() {
                match uid(&outgoing.message) {
                    Some(uid) => dues.lost(core.table.remove(uid), why),
                    None => dues.unsent.extend(Unsent::closed(outgoing.message, why)),
                }
            }
            for call in core.table.lose() {
                dues.lost(Some(call), why);
            }
            core.say_again(self);
        }
        dues.tell(self);
    }

    /// It is over, for good.
    pub(crate) fn finish(&self, why: &Ended) {
        let mut dues = Dues::default();
        {
            let mut core = self.lock();
            core.link = Link::Offline;
            core.ended = Some(why.clone());
            for call in core.table.take_all() {
                dues.lost(Some(call), why);
            }
            let left = core.queue.take_all().into_iter();
            let letters = left.filter(|outgoing| outgoing.message.uid().is_none());
            dues.unsent
                .extend(letters.filter_map(|outgoing| Unsent::closed(outgoing.message, why)));
        }
        self.state.send_replace(State::Closed(why.clone()));
        self.room.notify_waiters();
        dues.tell(self);
        self.subscriptions.end();
    }

    fn withdraw(&self, uid: i64) -> Option<Call<Waiter>> {
        self.lock().withdraw(uid)
    }

    pub(crate) fn report(&self, report: Report) {
        report.log();
        if let Some(on_report) = self.config.on_report.clone() {
            self.call_back(Box::new(move || on_report(report)));
        }
    }
}

impl Core {
    /// Where a message of so many bytes goes.
    fn lane(&self, generation: Option<u64>, bytes: usize, shared: &Shared) -> Result<Lane, Refusal> {
        let limits = &shared.config.limits;
        if let Some(ended) = &self.ended {
            return Err(Refusal::Closed(ended.clone()));
        }
        if self.is_closing {
            return Err(Refusal::Closed(Ended::Ours));
        }
        if bytes > limits.message_bytes {
            return Err(Refusal::TooLarge {
                bytes,
                limit: limits.message_bytes,
            });
        }
        let lane = match generation {
            None => Lane::Plain,
            Some(generation) if generation == self.generation && self.link != Link::Offline => Lane::Now,
            Some(_) => {
                let why = "it was the one of an `on_connected` that is over";
                return Err(Refusal::Closed(Ended::Lost(why.into())));
            }
        };
        if !self.queue.has_room(lane, bytes, limits) {
            return Err(Refusal::QueueFull);
        }
        Ok(lane)
    }

    fn request(&mut self, lane: Lane, message: Message, kind: Kind, timeout: Duration, waiter: Waiter) -> i64 {
        let now = Instant::now();
        let uid = self.table.next_uid();
        let message = message.with_uid(Some(Uid::Integer(uid)));
        let key = self.queue.push(lane, message, now);
        self.table.open(uid, kind, key, timeout, now, waiter);
        uid
    }

    fn withdraw(&mut self, uid: i64) -> Option<Call<Waiter>> {
        let call = self.table.remove(uid)?;
        self.forget(uid, &call);
        Some(call)
    }

    /// Takes a request that is out of the table out of the queue, or has the server forget it.
    fn forget(&mut self, uid: i64, call: &Call<Waiter>) {
        match call.stage {
            Stage::Queued(key) => drop(self.queue.remove(key)),
            Stage::Sent if self.link != Link::Offline => {
                let message = Message::new(CANCEL).with_payload(cancel(uid));
                self.queue.push(Lane::Now, message, Instant::now());
            }
            Stage::Sent => {}
        }
    }

    /// Puts back what was taken to be sent, where somebody still wants it sent.
    fn take_back(&mut self, outgoing: Outgoing) {
        if let Some(uid) = uid(&outgoing.message) {
            let Some(call) = self.table.get_mut(uid) else {
                return;
            };
            call.stage = Stage::Queued(outgoing.key);
        }
        self.queue.put_back(outgoing);
    }

    /// Has the next connection begin with what is wanted, for those who wait for the answer.
    fn say_again(&mut self, shared: &Shared) {
        for uid in self.table.of_kind(Kind::Accept) {
            let Some(call) = self.table.get_mut(uid) else {
                continue;
            };
            let message = match call.stage {
                Stage::Queued(key) if key.lane() == Lane::Accept => continue,
                Stage::Queued(key) => self.queue.remove(key).map(|outgoing| outgoing.message),
                Stage::Sent => None,
            };
            let names = self.accepted.as_deref().unwrap_or_default();
            let said = || shared.message(ACCEPT, &Accept { names }).ok();
            let Some(message) = message.or_else(said) else {
                continue;
            };
            let message = message.with_uid(Some(Uid::Integer(uid)));
            call.stage = Stage::Queued(self.queue.push(Lane::Accept, message, Instant::now()));
        }
    }
}

impl Waiter {
    /// Tells the outcome. Nothing may be locked.
    pub(crate) fn settle(self, settled: Settled, shared: &Shared) {
        match self {
            // Who does not listen has given it up.
            Self::One(sender) => drop(sender.send(settled)),
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

impl Call<Waiter> {
    pub(crate) fn fate(&self) -> Fate {
        match self.stage {
            Stage::Queued(_) => Fate::NotSent,
            Stage::Sent => Fate::MaybeDelivered,
        }
    }
}

impl Dues {
    fn lost(&mut self, call: Option<Call<Waiter>>, why: &Ended) {
        self.settled.extend(call.map(|call| {
            let (why, fate) = (why.clone(), call.fate());
            (call.waiter, Err(RequestError::Lost { why, fate }))
        }));
    }

    fn tell(self, shared: &Shared) {
        for (waiter, settled) in self.settled {
            waiter.settle(settled, shared);
        }
        shared.counters.unsent.add(self.unsent.len() as u64);
        for unsent in self.unsent {
            shared.report(Report::Unsent(unsent));
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Accept<'a> {
    pub(crate) names: &'a [String],
}

#[derive(Serialize)]
struct Cancel {
    uid: i64,
}

fn cancel(uid: i64) -> Option<RawPayload> {
    RawPayload::encode(&Cancel { uid }, Formats::JSON).ok()
}

fn uid(message: &Message) -> Option<i64> {
    match message.uid() {
        Some(Uid::Integer(uid)) => Some(*uid),
        _ => None,
    }
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
pub(crate) const PING: &str = "switchboard/ping";
/// What a ping asks under, where messages are all that there is. No request has it.
pub(crate) const PING_UID: Uid = Uid::Integer(0);
