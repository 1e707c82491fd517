//! What waits in an outbox, in order.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use super::words::{Answer, Returned};
use crate::limits::Limits;
use crate::switchboard::parcel::{Kind, Parcel};

/// Parcels, which others wait for too, and between them runs of answers, whose bytes lie one behind the other so that a
/// run is written as one piece. A line that is empty keeps next to nothing.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The one in front has its own place: a client that is written to now and then needs no other memory.
    front: Option<Entry>,
    rest: VecDeque<Entry>,
    answers: Option<Box<Answers>>,
    messages: usize,
    /// Bytes of the first message that are written already.
    written: usize,
    /// Bytes that wait, the written ones not counted.
    bytes: usize,
}

#[derive(Debug)]
enum Entry {
    Parcel(Arc<Parcel>),
    Answers(Run),
}

/// So many answers, one behind the other.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    answers: u32,
    /// Their bytes in all, those of the first that are written already among them.
    bytes: usize,
}

/// The answers that wait, and their bytes.
#[derive(Debug, Default)]
struct Answers {
    bytes: Vec<u8>,
    /// Where the first that waits begins.
    start: usize,
    waiting: VecDeque<Answer>,
}

impl Answers {
    /// Drops the bytes that are written once they are half of all: a client that always leaves something unread would
    /// otherwise have all that it ever read kept for it.
    fn reclaim(&mut self) {
        if self.waiting.is_empty() || (self.start >= RECLAIMED && self.start * 2 >= self.bytes.len()) {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

/// A message taken out of the line.
enum Message {
    Parcel(Arc<Parcel>),
    Answer(Answer, Box<[u8]>),
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    /// Whether the first message has been sent in part.
    pub(super) fn is_half_sent(&self) -> bool {
        self.written > 0
    }

    #[inline]
    pub(super) fn has_room(&self, bytes: usize, limits: &Limits) -> bool {
        self.messages < limits.outbox_messages && self.bytes + bytes <= limits.outbox_bytes
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    pub(super) fn push(&mut self, parcel: Arc<Parcel>, bytes: usize) {
        self.bytes += bytes;
        self.messages += 1;
        self.append(Entry::Parcel(parcel));
    }

    #[inline]
    pub(super) fn push_answer(&mut self, answer: Answer, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.messages += 1;
        let answers = self.answers.get_or_insert_with(spare);
        answers.bytes.extend_from_slice(bytes);
        answers.waiting.push_back(answer);
        let last = self.rest.back_mut().or(self.front.as_mut());
        if let Some(Entry::Answers(run)) = last {
            run.answers += 1;
            run.bytes += bytes.len();
        } else {
            self.append(Entry::Answers(Run {
                answers: 1,
                bytes: bytes.len(),
            }));
        }
    }

    /// Puts a ping or pong in the place of the latest that waits; false where fewer than `most` do.
    pub(super) fn replace_control(&mut self, parcel: &Arc<Parcel>, encoding: u8, most: usize) -> bool {
        let waiting = self.rest.iter_mut().filter_map(|entry| match entry {
            Entry::Parcel(parcel) if parcel.kind == Kind::Control => Some(parcel),
            _ => None,
        });
        let Some(latest) = waiting.skip(most - 1).last() else {
            return false;
        };
        self.bytes = self.bytes + parcel.bytes(encoding).len() - latest.bytes(encoding).len();
        *latest = Arc::clone(parcel);
        true
    }

    /// Calls `write` with what waits from the front on, as much as one system call takes along.
    pub(super) fn with_slices<R>(&self, encoding: u8, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        let mut pieces = self.pieces(encoding);
        let front = pieces.next().unwrap_or_default();
        if self.rest.is_empty() {
            return write(&[IoSlice::new(front)]);
        }
        if self.bytes <= self.messages * SMALL {
            return gathered(front, pieces, |all| write(&[IoSlice::new(all)]));
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        slices[0] = IoSlice::new(front);
        let mut used = 1;
        for (slice, piece) in slices[1..].iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            used += 1;
        }
        write(&slices[..used])
    }

    /// The bytes that wait, one piece an entry.
    fn pieces(&self, encoding: u8) -> impl Iterator<Item = &[u8]> {
        let (answers, mut start) = match &self.answers {
            Some(answers) => (&*answers.bytes, answers.start),
            None => (&[][..], 0),
        };
        let mut written = self.written;
        self.front.iter().chain(&self.rest).map(move |entry| {
            let piece = match entry {
                Entry::Parcel(parcel) => parcel.bytes(encoding),
                Entry::Answers(run) => {
                    let run_start = start;
                    start += run.bytes;
                    &answers[run_start..start]
                }
            };
            &piece[std::mem::take(&mut written)..]
        })
    }

    /// So many bytes were written.
    pub(super) fn advance(&mut self, mut n: usize, encoding: u8) {
        if n == self.bytes {
            return self.clear();
        }
        self.bytes -= n;
        while let Some(left) = self.first_bytes(encoding).map(|bytes| bytes - self.written) {
            if n < left {
                self.written += n;
                return;
            }
            n -= left;
            self.written = 0;
            self.pop();
        }
    }

    /// The bytes of answers that are kept, written ones among them.
    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.answers.as_ref().map_or(0, |answers| answers.bytes.len())
    }

    /// Gives back memory that an earlier burst needed.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() && self.rest.capacity() > 0 {
            self.rest = VecDeque::new();
        }
    }

    /// Loses the oldest deliveries of which nothing is written, as many as it takes, and says how many. None, and nothing is
    /// lost, where that would not help.
    pub(super) fn make_room(&mut self, bytes: usize, encoding: u8, limits: &Limits) -> Option<u32> {
        let (mut left, mut left_bytes, mut lost) = (self.messages, self.bytes, 0);
        let has_room =
            |left: usize, left_bytes: usize| left < limits.outbox_messages && left_bytes + bytes <= limits.outbox_bytes;
        for parcel in self.droppable() {
            if has_room(left, left_bytes) {
                break;
            }
            left -= 1;
            left_bytes -= parcel.bytes(encoding).len();
            lost += 1;
        }
        if !has_room(left, left_bytes) {
            return None;
        }
        let mut still_to_lose = lost;
        let half_sent = self.front.take_if(|_| self.written > 0);
        if let Some(front) = self.front.take() {
            self.rest.push_front(front);
        }
        self.rest.retain(|entry| {
            let is_lost = still_to_lose > 0 && entry.as_delivery().is_some();
            still_to_lose -= u32::from(is_lost);
            !is_lost
        });
        self.front = half_sent.or_else(|| self.rest.pop_front());
        self.messages = left;
        self.bytes = left_bytes;
        Some(lost)
    }

    /// Takes out all that waits, but for a message that is half-sent where that is to be kept.
    pub(super) fn take_back(&mut self, keeps_half_sent: bool, encoding: u8) -> Vec<Returned> {
        let line = std::mem::take(self);
        let written = line.written;
        let mut messages = line.into_messages();
        let mut is_cut = written > 0;
        if keeps_half_sent
            && is_cut
            && let Some(half_sent) = messages.pop_front()
        {
            match half_sent {
                Message::Parcel(parcel) => {
                    let bytes = parcel.bytes(encoding).len();
                    self.push(parcel, bytes);
                }
                Message::Answer(answer, bytes) => self.push_answer(answer, &bytes),
            }
            self.written = written;
            self.bytes -= written;
            is_cut = false;
        }
        let returned = |message: Message| message.returned(std::mem::take(&mut is_cut));
        messages.into_iter().map(returned).collect()
    }

    fn into_messages(self) -> VecDeque<Message> {
        let mut messages = VecDeque::with_capacity(self.messages);
        let Answers { bytes, start, waiting } = self.answers.map_or_else(Answers::default, |answers| *answers);
        let (mut bytes, mut waiting) = (&bytes[start..], waiting.into_iter());
        for entry in self.front.into_iter().chain(self.rest) {
            match entry {
                Entry::Parcel(parcel) => messages.push_back(Message::Parcel(parcel)),
                Entry::Answers(run) => {
                    for answer in waiting.by_ref().take(run.answers as usize) {
                        let own;
                        (own, bytes) = bytes.split_at(answer.bytes);
                        messages.push_back(Message::Answer(answer, own.into()));
                    }
                }
            }
        }
        messages
    }

    fn append(&mut self, entry: Entry) {
        if self.front.is_none() {
            self.front = Some(entry);
        } else {
            self.rest.push_back(entry);
        }
    }

    /// All is written.
    fn clear(&mut self) {
        self.front = None;
        self.rest.clear();
        (self.messages, self.written, self.bytes) = (0, 0, 0);
        if let Some(answers) = self.answers.take() {
            keep(answers);
        }
    }

    /// The bytes of the first message.
    fn first_bytes(&self, encoding: u8) -> Option<usize> {
        match self.front.as_ref()? {
            Entry::Parcel(parcel) => Some(parcel.bytes(encoding).len()),
            Entry::Answers(_) => Some(self.answers.as_ref()?.waiting.front()?.bytes),
        }
    }

    /// Drops the first message, which is written.
    fn pop(&mut self) {
        self.messages -= 1;
        if let (Some(Entry::Answers(run)), Some(answers)) = (&mut self.front, &mut self.answers)
            && let Some(answer) = answers.waiting.pop_front()
        {
            answers.start += answer.bytes;
            answers.reclaim();
            run.answers -= 1;
            run.bytes -= answer.bytes;
            if run.answers > 0 {
                return;
            }
        }
        self.front = self.rest.pop_front();
    }

    /// Deliveries of which nothing is written, the oldest first.
    fn droppable(&self) -> impl Iterator<Item = &Arc<Parcel>> {
        let front = self.front.as_ref().filter(|_| self.written == 0);
        front.into_iter().chain(&self.rest).filter_map(Entry::as_delivery)
    }
}

impl Entry {
    fn as_delivery(&self) -> Option<&Arc<Parcel>> {
        match self {
            Self::Parcel(parcel) if parcel.kind == Kind::Delivery => Some(parcel),
            _ => None,
        }
    }
}

impl Message {
    fn returned(self, is_cut: bool) -> Returned {
        match self {
            Self::Parcel(parcel) => Returned {
                name: parcel.name.clone(),
                mailbox: parcel.mailbox.clone(),
                kind: parcel.kind,
                payload: parcel.payload.clone(),
                is_cut,
            },
            Self::Answer(answer, bytes) => Returned {
                name: answer.name,
                mailbox: None,
                kind: Kind::Answer,
                payload: answer.payload.map(|kept| kept.into_payload(&bytes)),
                is_cut,
            },
        }
    }
}

/// Lays small pieces one behind the other: to the system that is dearer by the piece than by the byte.
fn gathered<'a, R>(first: &[u8], rest: impl Iterator<Item = &'a [u8]>, f: impl FnOnce(&[u8]) -> R) -> R {
    let mut all = GATHERED.try_with(Cell::take).unwrap_or_default();
    all.clear();
    all.extend_from_slice(first);
    for piece in rest {
        if all.len() > MOST_GATHERED {
            break;
        }
        all.extend_from_slice(piece);
    }
    let result = f(&all);
    let _ = GATHERED.try_with(|kept| kept.set(all));
    result
}

thread_local! {
    static GATHERED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// Answers seldom wait longer than a turn, so that their room serves the next client that answers on this thread.
    static SPARE: Cell<Option<Box<Answers>>> = const { Cell::new(None) };
}

fn spare() -> Box<Answers> {
    SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default()
}

fn keep(mut answers: Box<Answers>) {
    answers.bytes.clear();
    answers.start = 0;
    answers.waiting.clear();
    if answers.bytes.capacity() <= KEPT_BYTES && answers.waiting.capacity() <= KEPT_ANSWERS {
        let _ = SPARE.try_with(|spare| spare.set(Some(answers)));
    }
}

/// Fewer written bytes are not worth moving the others for.
const RECLAIMED: usize = 4 << 10;
/// How many pieces one system call takes along.
const SLICES: usize = 64;
/// Messages of this many bytes on average are gathered.
const SMALL: usize = 512;
/// Once there are so many bytes, the rest waits for the next system call.
const MOST_GATHERED: usize = 64 << 10;
/// The largest room for answers that a thread keeps; what is larger was an exception.
const KEPT_BYTES: usize = 64 << 10;
const KEPT_ANSWERS: usize = 1024;
