//! A client's bounded queue, and the socket under it: what is pushed is written at the end of the turn, from where the
//! pusher stands; only what a full socket does not take waits for the session's task.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use switchboard_wire::CloseCode;
use tokio::net::tcp::OwnedWriteHalf;

use super::parcel::{Kind, Parcel};
use crate::limits::{Limits, Slow};

/// What waits to be written to one client.
#[derive(Debug)]
pub(crate) struct Outbox {
    encoding: u8,
    /// A plain mutex, held for one push or one write and never across an await.
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// The socket that anybody may write to; none where only the session's task can write, and when all is over.
    socket: Option<OwnedWriteHalf>,
    /// The parcel in front has its own place: a client that is written to now and then needs no other memory.
    front: Option<Arc<Parcel>>,
    rest: VecDeque<Arc<Parcel>>,
    /// Bytes of the front that are written already.
    written: usize,
    /// Bytes that wait, the written ones not counted.
    bytes: usize,
    /// The turn that will flush this queue.
    turn: u64,
    /// The socket took no more; the session's task waits until it does.
    is_full: bool,
    phase: Phase,
    /// It was shut down with [`Shutdown::Now`].
    is_cut: bool,
    /// What was taken back when the client was closed, in order.
    returned: Vec<Arc<Parcel>>,
    /// Whether the first of those was half-sent.
    cut_off: bool,
}

/// How far the life of an outbox has come, for the session's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// `is_cut`: it is to end at once, written or not.
    Closing {
        is_written: bool,
        is_cut: bool,
    },
    Closed,
}

/// How far the life of an outbox has come. It only moves forward.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// What is queued still goes out, the last of it a close frame; nothing more is taken.
    Closing { code: CloseCode, reason: String },
    /// Nothing can be written any more.
    Closed { code: CloseCode, reason: String },
}

/// How a client is closed: what is done with what is queued for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// At once; what is half-sent is cut off.
    Now,
    /// A message that is half-sent is finished, the queued ones are handed back.
    FinishMessages,
    /// All that is queued is sent.
    FinishQueues,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Taken,
    /// Taken, and so many older deliveries lost for it.
    Displaced(u32),
    Refused,
    /// Refused, and the client is to be closed for reading too slowly.
    Overflow,
}

/// What became of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Nothing waits.
    Empty,
    /// The session's task has to go on.
    Waiting,
    /// The session's task goes on already.
    Known,
}

impl Outbox {
    pub(crate) fn new(socket: Option<OwnedWriteHalf>, encoding: u8) -> Self {
        Self {
            encoding,
            queue: Mutex::new(Queue {
                socket,
                ..Queue::default()
            }),
        }
    }

    /// Queues a parcel. Says also whether this is the first push of this turn, which then has to flush the outbox.
    pub(crate) fn push(&self, parcel: &Arc<Parcel>, slow: Slow, limits: &Limits, turn: u64) -> (Pushed, bool) {
        let mut queue = self.lock();
        if queue.phase != Phase::Open {
            return (Pushed::Refused, false);
        }
        let bytes = parcel.bytes(self.encoding).len();
        // Of many pings and pongs that wait the latest says it all (RFC 6455, section 5.5.3); more would only take up room.
        if parcel.kind == Kind::Control && queue.replace_control(parcel, self.encoding) {
            return (Pushed::Taken, false);
        }
        if !queue.has_room(bytes, limits) {
            self.write(&mut queue);
        }
        let pushed = if queue.has_room(bytes, limits) {
            Pushed::Taken
        } else {
            match (parcel.kind, slow) {
                (Kind::Control, _) | (Kind::Delivery, Slow::DropNewest) => return (Pushed::Refused, false),
                (Kind::Delivery, Slow::DropOldest) => match queue.make_room(bytes, self.encoding, limits) {
                    Some(lost) => Pushed::Displaced(lost),
                    None => return (Pushed::Refused, false),
                },
                _ => return (Pushed::Overflow, false),
            }
        };
        queue.append(Arc::clone(parcel), bytes);
        let is_first = queue.turn != turn;
        queue.turn = turn;
        (pushed, is_first)
    }

    /// Takes no more and lets `close`, a close frame, be the last to go out. What the shutdown does not let out is kept to
    /// be handed back.
    pub(crate) fn close(&self, how: Shutdown, close: Option<Arc<Parcel>>, code: CloseCode, reason: &str) {
        let mut queue = self.lock();
        match queue.phase {
            Phase::Open => {}
            Phase::Closing { .. } if how == Shutdown::Now => {}
            _ => return,
        }
        let reason = reason.to_owned();
        match how {
            Shutdown::FinishQueues => {}
            Shutdown::FinishMessages => {
                if queue.written > 0 {
                    let queued: Vec<_> = queue.rest.drain(..).collect();
                    queue.bytes -= queued
                        .iter()
                        .map(|parcel| parcel.bytes(self.encoding).len())
                        .sum::<usize>();
                    queue.returned = queued;
                } else {
                    queue.take_back_all();
                }
            }
            Shutdown::Now => {
                queue.is_cut = true;
                // A close frame still fits in between where nothing is half-sent.
                let last = close.filter(|_| queue.written == 0 && queue.phase == Phase::Open);
                queue.take_back_all();
                let is_last = last.is_some();
                if let Some(close) = last {
                    let bytes = close.bytes(self.encoding).len();
                    queue.append(close, bytes);
                    self.write(&mut queue);
                }
                queue.phase = if is_last && queue.socket.is_none() {
                    // Only the session's task can write it.
                    Phase::Closing { code, reason }
                } else {
                    (queue.front, queue.written, queue.bytes) = (None, 0, 0);
                    Phase::Closed { code, reason }
                };
                return;
            }
        }
        if let Some(close) = close {
            let bytes = close.bytes(self.encoding).len();
            queue.append(close, bytes);
        }
        queue.phase = Phase::Closing { code, reason };
    }

    /// The connection is gone; what is still queued is kept to be handed back.
    pub(crate) fn lose(&self, code: CloseCode, reason: &str) {
        self.lock().lose(code, reason);
    }

    /// Writes what waits, as far as the socket takes it.
    pub(crate) fn flush(&self) -> Flushed {
        let mut queue = self.lock();
        if queue.is_full {
            return Flushed::Known;
        }
        self.write(&mut queue)
    }

    /// For the session's task: writes what waits, and goes on once a full socket is ready again.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Flushed {
        let mut queue = self.lock();
        self.write(&mut queue);
        while queue.is_full && queue.front.is_some() {
            let ready = match &queue.socket {
                Some(socket) => socket.as_ref().poll_write_ready(cx),
                None => break,
            };
            match ready {
                Poll::Pending => return Flushed::Waiting,
                Poll::Ready(Ok(())) => {
                    queue.is_full = false;
                    self.write(&mut queue);
                }
                Poll::Ready(Err(error)) => queue.lose(CloseCode::ABNORMAL, &error.to_string()),
            }
        }
        if queue.front.is_some() {
            Flushed::Waiting
        } else {
            Flushed::Empty
        }
    }

    /// Lets the session's task write, where nobody else can: calls `write` with what waits until it is done or not ready.
    pub(crate) fn write_with(&self, mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>) -> Flushed {
        let mut queue = self.lock();
        while queue.front.is_some() {
            match queue.with_slices(self.encoding, &mut write) {
                Ok(Some(n)) if n > 0 => queue.advance(n, self.encoding),
                Ok(None) => return Flushed::Waiting,
                Ok(Some(_)) => queue.lose(CloseCode::ABNORMAL, "the connection takes no more bytes"),
                Err(error) => queue.lose(CloseCode::ABNORMAL, &error.to_string()),
            }
        }
        Flushed::Empty
    }

    pub(crate) fn stage(&self) -> Stage {
        let queue = self.lock();
        match queue.phase {
            Phase::Open => Stage::Open,
            Phase::Closing { .. } => Stage::Closing {
                is_written: queue.front.is_none(),
                is_cut: queue.is_cut,
            },
            Phase::Closed { .. } => Stage::Closed,
        }
    }

    /// Why it was closed.
    pub(crate) fn close_reason(&self) -> Option<(CloseCode, String)> {
        match &self.lock().phase {
            Phase::Open => None,
            Phase::Closing { code, reason } | Phase::Closed { code, reason } => Some((*code, reason.clone())),
        }
    }

    /// Whether a stream should wait before it adds more.
    pub(crate) fn is_busy(&self, limits: &Limits) -> bool {
        let queue = self.lock();
        queue.phase == Phase::Open
            && (queue.bytes >= limits.outbox_bytes / 2 || queue.len() >= limits.outbox_messages.div_ceil(2))
    }

    /// Gives back memory that an earlier burst needed.
    pub(crate) fn shrink(&self) {
        let mut queue = self.lock();
        if queue.front.is_none() && queue.rest.capacity() > 0 {
            queue.rest = VecDeque::new();
        }
    }

    /// Lets go of the socket, which tells the peer that nothing more comes.
    pub(crate) fn hang_up(&self) {
        self.lock().socket = None;
    }

    /// Lets go of the socket, and gives back what was never or only partly sent; the second is true of the half-sent one.
    pub(crate) fn finish(&self) -> Vec<(Arc<Parcel>, bool)> {
        let mut queue = self.lock();
        queue.lose(CloseCode::ABNORMAL, "the connection ended");
        queue.socket = None;
        let cut_off = queue.cut_off;
        let returned = std::mem::take(&mut queue.returned);
        returned
            .into_iter()
            .enumerate()
            .map(|(at, parcel)| (parcel, at == 0 && cut_off))
            .filter(|(parcel, _)| parcel.kind != Kind::Control)
            .collect()
    }

    /// One or several writes, until nothing is left or the socket is full.
    fn write(&self, queue: &mut Queue) -> Flushed {
        if queue.socket.is_none() {
            return if queue.front.is_some() {
                Flushed::Waiting
            } else {
                Flushed::Empty
            };
        }
        while queue.front.is_some() && !queue.is_full {
            match queue.write_some(self.encoding) {
                Ok(0) => queue.lose(CloseCode::ABNORMAL, "the connection takes no more bytes"),
                Ok(n) => queue.advance(n, self.encoding),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => queue.is_full = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => queue.lose(CloseCode::ABNORMAL, &error.to_string()),
            }
        }
        if queue.is_full {
            Flushed::Waiting
        } else {
            Flushed::Empty
        }
    }

    /// A panic elsewhere cannot leave the queue half-changed: nothing in here calls out.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn len(&self) -> usize {
        usize::from(self.front.is_some()) + self.rest.len()
    }

    fn has_room(&self, bytes: usize, limits: &Limits) -> bool {
        self.len() < limits.outbox_messages && self.bytes + bytes <= limits.outbox_bytes
    }

    /// Puts a ping or pong in the place of the latest that waits; false where few do.
    fn replace_control(&mut self, parcel: &Arc<Parcel>, encoding: u8) -> bool {
        let waiting = self.rest.iter_mut().filter(|waiting| waiting.kind == Kind::Control);
        let Some(latest) = waiting.skip(CONTROLS - 1).last() else {
            return false;
        };
        self.bytes = self.bytes + parcel.bytes(encoding).len() - latest.bytes(encoding).len();
        *latest = Arc::clone(parcel);
        true
    }

    fn append(&mut self, parcel: Arc<Parcel>, bytes: usize) {
        self.bytes += bytes;
        if self.front.is_none() {
            self.front = Some(parcel);
        } else {
            self.rest.push_back(parcel);
        }
    }

    fn advance(&mut self, mut n: usize, encoding: u8) {
        self.bytes -= n;
        while let Some(front) = &self.front {
            let left = front.bytes(encoding).len() - self.written;
            if n < left {
                self.written += n;
                return;
            }
            n -= left;
            self.written = 0;
            self.front = self.rest.pop_front();
        }
    }

    /// Loses the oldest deliveries of which nothing is written, as many as it takes, and says how many. None, and nothing is
    /// lost, where that would not help.
    fn make_room(&mut self, bytes: usize, encoding: u8, limits: &Limits) -> Option<u32> {
        let (mut left, mut left_bytes, mut lost) = (self.len(), self.bytes, 0);
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
        self.rest.retain(|parcel| {
            let is_lost = still_to_lose > 0 && parcel.kind == Kind::Delivery;
            still_to_lose -= u32::from(is_lost);
            !is_lost
        });
        self.front = half_sent.or_else(|| self.rest.pop_front());
        self.bytes = left_bytes;
        Some(lost)
    }

    /// Deliveries of which nothing is written, the oldest first.
    fn droppable(&self) -> impl Iterator<Item = &Arc<Parcel>> {
        let front = self.front.as_ref().filter(|_| self.written == 0);
        front
            .into_iter()
            .chain(&self.rest)
            .filter(|parcel| parcel.kind == Kind::Delivery)
    }

    fn take_back_all(&mut self) {
        self.cut_off |= self.written > 0;
        let all = self.front.take().into_iter().chain(self.rest.drain(..));
        // A half-sent one came before all that was taken back earlier.
        self.returned.splice(0..0, all);
        self.written = 0;
        self.bytes = 0;
    }

    fn lose(&mut self, code: CloseCode, reason: &str) {
        match &self.phase {
            // Closed for a reason of ours: that one stands.
            Phase::Closing { code, reason } => {
                let (code, reason) = (*code, reason.clone());
                self.phase = Phase::Closed { code, reason };
            }
            Phase::Open => {
                let reason = reason.to_owned();
                self.phase = Phase::Closed { code, reason };
            }
            Phase::Closed { .. } => {}
        }
        self.take_back_all();
    }

    fn write_some(&self, encoding: u8) -> io::Result<usize> {
        match &self.socket {
            Some(socket) => self.with_slices(encoding, |slices| socket.try_write_vectored(slices)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn with_slices<R>(&self, encoding: u8, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        let front = self
            .front
            .as_ref()
            .map_or(&[][..], |front| &front.bytes(encoding)[self.written..]);
        if self.rest.is_empty() {
            return write(&[IoSlice::new(front)]);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        slices[0] = IoSlice::new(front);
        let mut used = 1;
        for (slice, parcel) in slices[1..].iter_mut().zip(&self.rest) {
            *slice = IoSlice::new(parcel.bytes(encoding));
            used += 1;
        }
        write(&slices[..used])
    }
}

/// How many parcels one system call takes along.
const SLICES: usize = 64;
/// How many pings and pongs may wait.
const CONTROLS: usize = 16;

#[cfg(test)]
mod tests;
