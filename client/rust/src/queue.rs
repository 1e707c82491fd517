//! What waits to be sent, without I/O: bounded in messages, bytes and age, and in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use switchboard_wire::Message;
use tokio::time::Instant;

use crate::Limits;

/// Messages in the order in which they are to leave.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<Key, Outgoing>,
    /// Those of the lane `Plain` that ask for no answer: they grow old.
    letters: BTreeSet<Key>,
    loads: [Load; 3],
    last: u64,
}

/// What waits in one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Load {
    messages: usize,
    bytes: usize,
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    lane: Lane,
    number: u64,
}

/// What goes ahead of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// What a new connection begins with.
    Accept,
    /// What belongs to this connection, and to no later one.
    Now,
    /// All else; only when the connection is open for it.
    Plain,
}

/// A message that waits.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) message: Message,
    pub(crate) key: Key,
    /// Whether it asks where it went. Not known before it is taken.
    pub(crate) asks_receipt: bool,
    since: Instant,
}

impl Key {
    pub(crate) fn lane(self) -> Lane {
        self.lane
    }
}

impl Queue {
    /// Whether a message of so many bytes fits. What waits in one lane takes no room from the others.
    pub(crate) fn has_room(&self, lane: Lane, bytes: usize, limits: &Limits) -> bool {
        let load = self.loads[lane as usize];
        load.messages < limits.queue_messages && (load.messages == 0 || load.bytes + bytes <= limits.queue_bytes)
    }

    pub(crate) fn push(&mut self, lane: Lane, message: Message, now: Instant) -> Key {
        self.last += 1;
        let key = Key {
            lane,
            number: self.last,
        };
        self.put_back(Outgoing {
            message,
            key,
            asks_receipt: false,
            since: now,
        });
        key
    }

    /// Puts a message where it was before it was taken.
    pub(crate) fn put_back(&mut self, outgoing: Outgoing) {
        let load = &mut self.loads[outgoing.key.lane as usize];
        load.messages += 1;
        load.bytes += size(&outgoing.message);
        if outgoing.is_letter() {
            self.letters.insert(outgoing.key);
        }
        self.waiting.insert(outgoing.key, outgoing);
    }

    /// The next to be sent; of the lane `Plain` only where that `is_open`.
    pub(crate) fn pop(&mut self, is_open: bool) -> Option<Outgoing> {
        let (key, _) = self.waiting.first_key_value()?;
        if key.lane == Lane::Plain && !is_open {
            return None;
        }
        self.remove(*key)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Outgoing> {
        let outgoing = self.waiting.remove(&key)?;
        let load = &mut self.loads[key.lane as usize];
        load.messages -= 1;
        load.bytes -= size(&outgoing.message);
        self.letters.remove(&key);
        Some(outgoing)
    }

    /// Takes out what belonged to the connection that ended.
    pub(crate) fn take_now(&mut self) -> Vec<Outgoing> {
        let now = self.waiting.keys().filter(|key| key.lane == Lane::Now);
        let now: Vec<Key> = now.copied().collect();
        now.into_iter().filter_map(|key| self.remove(key)).collect()
    }

    /// Takes out the messages without an answer that have waited for too long.
    pub(crate) fn take_old(&mut self, now: Instant, age: Duration) -> Vec<Outgoing> {
        let mut old = Vec::new();
        while self.next_old(age).is_some_and(|at| at <= now)
            && let Some(key) = self.letters.first().copied()
        {
            old.extend(self.remove(key));
        }
        old
    }

    /// When the next message will have waited for too long.
    pub(crate) fn next_old(&self, age: Duration) -> Option<Instant> {
        let oldest = self.waiting.get(self.letters.first()?)?;
        oldest.since.checked_add(age)
    }

    pub(crate) fn take_all(&mut self) -> Vec<Outgoing> {
        let last = self.last;
        let all = std::mem::take(self).waiting.into_values().collect();
        self.last = last;
        all
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether something waits that may be sent.
    pub(crate) fn has_next(&self, is_open: bool) -> bool {
        let first = self.waiting.first_key_value();
        first.is_some_and(|(key, _)| is_open || key.lane != Lane::Plain)
    }
}

impl Outgoing {
    fn is_letter(&self) -> bool {
        self.key.lane == Lane::Plain && self.message.uid().is_none()
    }
}

/// What a message counts as, in bytes.
pub(crate) fn size(message: &Message) -> usize {
    let payload = message.payload().map_or(0, |payload| payload.held_bytes());
    message.name().len() + payload
}

#[cfg(test)]
mod tests {
    use std::iter;

    use switchboard_wire::{Formats, RawPayload, Uid};

    use super::*;

    fn message(name: &str) -> Message {
        Message::new(name)
    }

    fn names(outgoing: impl IntoIterator<Item = Outgoing>) -> Vec<String> {
        let outgoing = outgoing.into_iter();
        outgoing.map(|outgoing| outgoing.message.name().to_owned()).collect()
    }

    fn pops(queue: &mut Queue, is_open: bool) -> Vec<String> {
        names(iter::from_fn(|| queue.pop(is_open)))
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_go_ahead_of_each_other_and_each_keeps_its_order() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for (lane, name) in [
            (Lane::Plain, "e"),
            (Lane::Now, "c"),
            (Lane::Accept, "a"),
            (Lane::Plain, "f"),
            (Lane::Accept, "b"),
            (Lane::Now, "d"),
        ] {
            queue.push(lane, message(name), now);
        }
        assert_eq!(pops(&mut queue, false), ["a", "b", "c", "d"]);
        assert!(!queue.has_next(false) && queue.has_next(true));
        assert_eq!(pops(&mut queue, true), ["e", "f"]);
        assert_eq!((queue.len(), queue.loads), (0, <[Load; 3]>::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_put_back_has_its_old_place() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for name in ["a", "b", "c"] {
            queue.push(Lane::Plain, message(name), now);
        }
        let (a, b) = (queue.pop(true).unwrap(), queue.pop(true).unwrap());
        queue.push(Lane::Plain, message("d"), now);
        queue.put_back(b);
        queue.put_back(a);
        assert_eq!(pops(&mut queue, true), ["a", "b", "c", "d"]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_bounded_in_messages_and_in_bytes() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let limits = Limits {
            queue_messages: 3,
            queue_bytes: 100,
            ..Limits::default()
        };
        assert!(
            queue.has_room(Lane::Plain, 1000, &limits),
            "a single one is always taken"
        );
        let payload = RawPayload::encode("0123456789", Formats::JSON).unwrap();
        let key = queue.push(Lane::Plain, message("name").with_payload(payload), now);
        assert_eq!(queue.loads[Lane::Plain as usize].bytes, 16);
        assert!(queue.has_room(Lane::Plain, 84, &limits) && !queue.has_room(Lane::Plain, 85, &limits));
        queue.push(Lane::Plain, message("a"), now);
        queue.push(Lane::Plain, message("b"), now);
        assert!(!queue.has_room(Lane::Plain, 1, &limits));
        assert!(
            queue.has_room(Lane::Now, 1, &limits),
            "what is said first is not held up by what waits"
        );
        queue.remove(key).unwrap();
        assert!(queue.remove(key).is_none());
        assert!(queue.has_room(Lane::Plain, 98, &limits) && !queue.has_room(Lane::Plain, 99, &limits));
        assert_eq!(names(queue.take_all()), ["a", "b"]);
        assert_eq!(
            (queue.len(), queue.letters.len(), queue.loads),
            (0, 0, <[Load; 3]>::default())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn messages_grow_old_and_requests_do_not() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let (age, second) = (Duration::from_secs(10), Duration::from_secs(1));
        queue.push(Lane::Plain, message("request").with_uid(Uid::integer(1)), start);
        queue.push(Lane::Now, message("now"), start);
        assert_eq!(queue.next_old(age), None);
        queue.push(Lane::Plain, message("a"), start + second);
        queue.push(Lane::Plain, message("b"), start + 2 * second);
        assert_eq!(queue.next_old(age), Some(start + 11 * second));
        assert!(queue.take_old(start + 10 * second, age).is_empty());
        assert_eq!(names(queue.take_old(start + 11 * second, age)), ["a"]);
        assert_eq!(queue.next_old(age), Some(start + 12 * second));
        assert_eq!(names(queue.take_old(start + 99 * second, age)), ["b"]);
        assert_eq!(names(queue.take_now()), ["now"]);
        assert_eq!(pops(&mut queue, true), ["request"]);
    }
}
