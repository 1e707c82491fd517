//! What the driver does with what it shares with the handles.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use switchboard_wire::native::ServerFrame;
use switchboard_wire::{Message, RawPayload, Uid};
use tokio::time::Instant;

use super::core::uid;
use super::{ACCEPT, Accept, Link, PING_UID, Shared, Waiter};
use crate::channel::Channel;
use crate::error::{Ended, RequestError};
use crate::queue::{Lane, Outgoing};
use crate::report::{Report, Unsent};
use crate::request::{Part, Settled};
use crate::state::State;
use crate::subscription::Delivery;
use crate::table::{Call, Heard, Kind, Stage};

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
        let mut outgoing = core.queue.pop(is_open)?;
        if let Some(uid) = uid(&outgoing.message)
            && let Some(call) = core.table.get_mut(uid)
        {
            call.stage = Stage::Sent;
            outgoing.asks_receipt = call.kind == Kind::WithReceipt;
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
            Heard::Settled(waiter, said, receipt) => {
                drop(core);
                let settled = said.transpose().map_err(RequestError::Failed);
                waiter.answer(settled, receipt, self);
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
        let (dues, next, has_room, waker) = {
            let mut core = self.lock();
            let mut dues = Dues::default();
            let before = core.queue.len();
            let mut is_told = false;
            for (uid, call) in core.table.expire(now) {
                is_told |= call.stage == Stage::Sent && core.link != Link::Offline;
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
            let (next, has_room) = (next.min(), core.queue.len() < before);
            // The task has written what waited before it asks this: it comes again, for the server to be told.
            let waker = if is_told { core.waker.take() } else { None };
            (dues, next, has_room, waker)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
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

/// Outcomes that are to be told when nothing is locked.
#[derive(Default)]
#[must_use]
struct Dues {
    settled: Vec<(Waiter, Settled)>,
    unsent: Vec<Unsent>,
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
