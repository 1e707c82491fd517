//! The requests that are not settled, without I/O and without a clock: what is told to it, and what comes of that.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use switchboard_wire::native::ServerFrame;
use switchboard_wire::{Error, RawPayload, Receipt, Uid};
use tokio::time::Instant;

use crate::queue::Key;

/// Requests by their uid, which is never used twice. `W` is who waits for the outcome.
///
/// A request leaves the table once, and whoever takes it out settles it.
#[derive(Debug)]
pub(crate) struct Table<W> {
    calls: HashMap<i64, Call<W>>,
    deadlines: BTreeSet<(Instant, i64)>,
    last: i64,
}

/// A request that is not settled.
#[derive(Debug)]
pub(crate) struct Call<W> {
    pub(crate) waiter: W,
    pub(crate) stage: Stage,
    pub(crate) kind: Kind,
    /// How long its next frame may take.
    pub(crate) timeout: Duration,
    /// When it was opened, or last heard of.
    since: Instant,
    /// What counts if nothing better comes.
    first: Option<Said>,
}

/// What one frame says of a request.
pub(crate) type Said = Result<RawPayload, Error>;

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Queued(Key),
    Sent,
}

/// What is expected of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A result.
    One,
    /// A result, and where the message went.
    WithReceipt,
    /// Every answer, as it comes.
    Many,
    /// Which deliveries are wanted: said again on a new connection.
    Accept,
}

/// What a frame does to the table.
#[derive(Debug)]
pub(crate) enum Heard<'t, W> {
    /// Nobody waits for it.
    Late,
    /// The request stays open.
    Noted,
    /// One answer of many; the request stays open.
    Part(&'t W, Said),
    /// The request is settled: with its result, or, where it has many answers, with the last of them; and with the receipt,
    /// where one came.
    Settled(W, Option<Said>, Option<Receipt>),
}

impl<W> Table<W> {
    /// A uid that no request had.
    pub(crate) fn next_uid(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    pub(crate) fn open(&mut self, uid: i64, kind: Kind, key: Key, timeout: Duration, now: Instant, waiter: W) {
        let call = Call {
            waiter,
            stage: Stage::Queued(key),
            kind,
            timeout,
            since: now,
            first: None,
        };
        self.deadlines.extend(call.deadline(uid));
        let before = self.calls.insert(uid, call);
        debug_assert!(before.is_none(), "uid {uid} is used twice");
    }

    /// Gives a request another time, counted from its beginning or its last frame.
    pub(crate) fn set_timeout(&mut self, uid: i64, timeout: Duration) {
        self.change(uid, |call| call.timeout = timeout);
    }

    pub(crate) fn get_mut(&mut self, uid: i64) -> Option<&mut Call<W>> {
        self.calls.get_mut(&uid)
    }

    /// Takes a request out.
    pub(crate) fn remove(&mut self, uid: i64) -> Option<Call<W>> {
        let call = self.calls.remove(&uid)?;
        if let Some(deadline) = call.deadline(uid) {
            self.deadlines.remove(&deadline);
        }
        Some(call)
    }

    /// Takes a frame with a uid.
    pub(crate) fn hear(&mut self, frame: ServerFrame, now: Instant) -> Heard<'_, W> {
        let Some(&Uid::Integer(uid)) = frame.uid.as_ref() else {
            return Heard::Late;
        };
        let said = match (frame.error, frame.payload) {
            (Some(error), _) => Some(Err(error)),
            (None, Some(payload)) => Some(Ok(payload)),
            (None, None) => None,
        };
        // What was not sent cannot be answered.
        let is_waited_for = self.calls.get(&uid).is_some_and(|call| call.stage == Stage::Sent);
        if !is_waited_for {
            return Heard::Late;
        }
        if !frame.more {
            return match self.remove(uid) {
                Some(call) if call.kind == Kind::Many => Heard::Settled(call.waiter, said, frame.receipt),
                Some(call) => Heard::Settled(call.waiter, better(call.first, said), frame.receipt),
                None => Heard::Late,
            };
        }
        self.change(uid, |call| call.since = now);
        let Some(call) = self.calls.get_mut(&uid) else {
            return Heard::Late;
        };
        match said {
            Some(said) if call.kind == Kind::Many => Heard::Part(&call.waiter, said),
            said => {
                call.first = better(call.first.take(), said);
                Heard::Noted
            }
        }
    }

    /// Takes out what is not answered in time.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<(i64, Call<W>)> {
        let mut expired = Vec::new();
        while let Some(&(at, uid)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.pop_first();
            expired.extend(self.calls.remove(&uid).map(|call| (uid, call)));
        }
        expired
    }

    /// When the next request is not answered in time.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The connection is lost: takes out what was sent, in the order of the uids. What can be said again stays.
    pub(crate) fn lose(&mut self) -> Vec<Call<W>> {
        self.take(|call| call.stage == Stage::Sent && call.kind != Kind::Accept)
    }

    pub(crate) fn take_all(&mut self) -> Vec<Call<W>> {
        self.take(|_| true)
    }

    /// The uids of this kind, in their order.
    pub(crate) fn of_kind(&self, kind: Kind) -> Vec<i64> {
        let of_kind = self.calls.iter().filter(|(_, call)| call.kind == kind);
        let mut uids: Vec<i64> = of_kind.map(|(uid, _)| *uid).collect();
        uids.sort_unstable();
        uids
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    fn change(&mut self, uid: i64, change: impl FnOnce(&mut Call<W>)) {
        let Some(call) = self.calls.get_mut(&uid) else {
            return;
        };
        if let Some(deadline) = call.deadline(uid) {
            self.deadlines.remove(&deadline);
        }
        change(call);
        self.deadlines.extend(call.deadline(uid));
    }

    fn take(&mut self, mut wanted: impl FnMut(&Call<W>) -> bool) -> Vec<Call<W>> {
        let taken = self.calls.iter().filter(|(_, call)| wanted(call));
        let mut taken: Vec<i64> = taken.map(|(uid, _)| *uid).collect();
        taken.sort_unstable();
        taken.into_iter().filter_map(|uid| self.remove(uid)).collect()
    }
}

impl<W> Call<W> {
    /// None where the end of time is before it.
    fn deadline(&self, uid: i64) -> Option<(Instant, i64)> {
        Some((self.since.checked_add(self.timeout)?, uid))
    }
}

impl<W> Default for Table<W> {
    fn default() -> Self {
        Self {
            calls: HashMap::new(),
            deadlines: BTreeSet::new(),
            last: 0,
        }
    }
}

/// The first answer, or else the first error.
fn better(first: Option<Said>, said: Option<Said>) -> Option<Said> {
    match (first, said) {
        (Some(Ok(first)), _) => Some(Ok(first)),
        (_, Some(Ok(said))) => Some(Ok(said)),
        (Some(Err(first)), _) => Some(Err(first)),
        (None, said) => said,
    }
}

#[cfg(test)]
mod tests;
