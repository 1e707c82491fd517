//! What is locked: the table, the queue, and how far the connection has come.

use std::task::Waker;
use std::time::Duration;

use serde::Serialize;
use switchboard_wire::{Formats, Message, RawPayload, Uid};
use tokio::time::Instant;

use super::{ACCEPT, Accept, CANCEL, Link, Shared, Waiter};
use crate::error::{Ended, Fate, Refusal};
use crate::queue::{Lane, Outgoing, Queue};
use crate::table::{Call, Kind, Stage, Table};

pub(super) struct Core {
    pub(super) table: Table<Waiter>,
    pub(super) queue: Queue,
    /// What is said again on each connection.
    pub(super) accepted: Option<Vec<String>>,
    pub(super) link: Link,
    /// Which connection this is, from 1.
    pub(super) generation: u64,
    pub(super) is_closing: bool,
    pub(super) ended: Option<Ended>,
    pub(super) waker: Option<Waker>,
}

impl Core {
    pub(super) fn new(accepted: Option<Vec<String>>) -> Self {
        Self {
            table: Table::default(),
            queue: Queue::default(),
            accepted,
            link: Link::Offline,
            generation: 0,
            is_closing: false,
            ended: None,
            waker: None,
        }
    }

    /// Where a message of so many bytes goes.
    pub(super) fn lane(&self, generation: Option<u64>, bytes: usize, shared: &Shared) -> Result<Lane, Refusal> {
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

    pub(super) fn request(
        &mut self,
        lane: Lane,
        message: Message,
        kind: Kind,
        timeout: Duration,
        waiter: Waiter,
    ) -> i64 {
        let now = Instant::now();
        let uid = self.table.next_uid();
        let message = message.with_uid(Some(Uid::Integer(uid)));
        let key = self.queue.push(lane, message, now);
        self.table.open(uid, kind, key, timeout, now, waiter);
        uid
    }

    pub(super) fn withdraw(&mut self, uid: i64) -> Option<Call<Waiter>> {
        let call = self.table.remove(uid)?;
        self.forget(uid, &call);
        Some(call)
    }

    /// Takes a request that is out of the table out of the queue, or has the server forget it.
    pub(super) fn forget(&mut self, uid: i64, call: &Call<Waiter>) {
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
    pub(super) fn take_back(&mut self, outgoing: Outgoing) {
        if let Some(uid) = uid(&outgoing.message) {
            let Some(call) = self.table.get_mut(uid) else {
                return;
            };
            call.stage = Stage::Queued(outgoing.key);
        }
        self.queue.put_back(outgoing);
    }

    /// Has the next connection begin with what is wanted, for those who wait for the answer.
    pub(super) fn say_again(&mut self, shared: &Shared) {
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

impl Call<Waiter> {
    pub(crate) fn fate(&self) -> Fate {
        match self.stage {
            Stage::Queued(_) => Fate::NotSent,
            Stage::Sent => Fate::MaybeDelivered,
        }
    }
}

#[derive(Serialize)]
struct Cancel {
    uid: i64,
}

fn cancel(uid: i64) -> Option<RawPayload> {
    RawPayload::encode(&Cancel { uid }, Formats::JSON).ok()
}

pub(super) fn uid(message: &Message) -> Option<i64> {
    match message.uid() {
        Some(Uid::Integer(uid)) => Some(*uid),
        _ => None,
    }
}
