//! A client's bounded queue, and the socket under it: what is pushed is written at the end of the turn, from where the
//! pusher stands; only what a full socket does not take waits for the session's task.

mod line;
mod words;

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use switchboard_wire::connection::Writer;
use switchboard_wire::{CloseCode, Shutdown};

use line::Line;
use words::Phase;
pub(crate) use words::{Answer, Flushed, Kept, Push, Pushed, Returned, Stage, Status};

use super::accepts::Accepts;
use super::parcel::{Kind, Parcel};
use crate::limits::{Limits, Slow};

/// What waits to be written to one client.
#[derive(Debug)]
pub(crate) struct Outbox {
    encoding: u8,
    /// Half of the room is taken. Set and read without the lock's say in between: a hint to wait, not a bound.
    is_busy: AtomicBool,
    /// Nothing can be written any more.
    is_closed: AtomicBool,
    half: Half,
    /// A plain mutex, held for one push or one write and never across an await.
    queue: Mutex<Queue>,
}

/// Half of the room that an outbox has.
#[derive(Clone, Copy, Debug)]
struct Half {
    bytes: usize,
    messages: usize,
}

#[derive(Debug, Default)]
struct Queue {
    /// The socket that anybody may write to; none where only the session's task can write, and when all is over.
    socket: Option<Writer>,
    line: Line,
    /// Deliveries under these names are wanted; none: all are.
    accepts: Option<Box<Accepts>>,
    /// The turn that will flush this queue.
    turn: u64,
    /// The socket took no more.
    is_full: bool,
    /// The session knows, and goes on once it does.
    is_awaited: bool,
    phase: Phase,
    /// It was shut down with [`Shutdown::Now`].
    is_cut: bool,
    /// What was taken back when the client was closed, in order.
    returned: Vec<Returned>,
}

impl Outbox {
    pub(crate) fn new(socket: Option<Writer>, encoding: u8, limits: &Limits) -> Self {
        Self {
            encoding,
            is_busy: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            half: Half {
                bytes: limits.outbox_bytes / 2,
                messages: limits.outbox_messages.div_ceil(2),
            },
            queue: Mutex::new(Queue {
                socket,
                ..Queue::default()
            }),
        }
    }

    /// Queues a parcel, which takes so many bytes in this outbox's encoding. Says also whether this is the first push of
    /// this turn, which then has to flush the outbox.
    pub(crate) fn push(&self, parcel: &Arc<Parcel>, bytes: usize, how: Push<'_>) -> (Pushed, bool) {
        let mut queue = self.lock();
        if how.if_accepted && !queue.accepts(&parcel.name) {
            return (Pushed::Unwanted, false);
        }
        if !matches!(queue.phase, Phase::Open) {
            return (Pushed::Refused, false);
        }
        // Of many pings and pongs that wait the latest says it all (RFC 6455, section 5.5.3); more would only take up room.
        if parcel.kind == Kind::Control && queue.line.replace_control(parcel, self.encoding, CONTROLS) {
            return (Pushed::Taken, false);
        }
        let pushed = self.make_room(&mut queue, bytes, parcel.kind, how);
        if matches!(pushed, Pushed::Taken | Pushed::Displaced(_)) {
            queue.line.push(Arc::clone(parcel), bytes);
            (pushed, self.note_push(&mut queue, how))
        } else {
            (pushed, false)
        }
    }

    /// Queues an answer with its bytes, as [`push`](Self::push).
    #[inline]
    pub(crate) fn push_answer(&self, answer: Answer, bytes: &[u8], how: Push<'_>) -> (Pushed, bool) {
        let mut queue = self.lock();
        if !matches!(queue.phase, Phase::Open) {
            return (Pushed::Refused, false);
        }
        let pushed = self.make_room(&mut queue, bytes.len(), Kind::Answer, how);
        if !matches!(pushed, Pushed::Taken) {
            return (pushed, false);
        }
        queue.line.push_answer(answer, bytes);
        (pushed, self.note_push(&mut queue, how))
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
        self.is_busy.store(false, Ordering::Release);
        let reason = reason.to_owned();
        match how {
            Shutdown::FinishQueues => {}
            Shutdown::FinishMessages => queue.take_back(true, self.encoding),
            Shutdown::Now => {
                queue.is_cut = true;
                // A close frame still fits in between where nothing is half-sent.
                let last = close.filter(|_| !queue.line.is_half_sent() && queue.phase == Phase::Open);
                queue.take_back(false, self.encoding);
                let is_last = last.is_some();
                if let Some(close) = last {
                    let bytes = close.bytes(self.encoding).len();
                    queue.line.push(close, bytes);
                    self.write(&mut queue);
                }
                queue.phase = if is_last && queue.socket.is_none() {
                    // Only the session's task can write it.
                    Phase::Closing { code, reason }
                } else {
                    queue.line = Line::default();
                    Phase::Closed { code, reason }
                };
                return self.note_room(&queue);
            }
        }
        if let Some(close) = close {
            let bytes = close.bytes(self.encoding).len();
            queue.line.push(close, bytes);
        }
        queue.phase = Phase::Closing { code, reason };
    }

    /// The connection is gone; what is still queued is kept to be handed back.
    pub(crate) fn lose(&self, code: CloseCode, reason: &str) {
        let mut queue = self.lock();
        queue.lose(code, reason, self.encoding);
        self.note_room(&queue);
    }

    /// Writes what waits, as far as the socket takes it.
    pub(crate) fn flush(&self) -> Flushed {
        let mut queue = self.lock();
        let mut flushed = self.write(&mut queue);
        self.note_room(&queue);
        if flushed == Flushed::Waiting && std::mem::replace(&mut queue.is_awaited, true) {
            flushed = Flushed::Known;
        }
        flushed
    }

    /// For the session's task: writes what waits, goes on once a full socket is ready again, and says how things stand.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Status {
        let mut queue = self.lock();
        if !queue.line.is_empty() {
            self.poll_write(cx, &mut queue);
            self.note_room(&queue);
        }
        queue.status()
    }

    /// Lets the session's task write, where nobody else can: calls `write` with what waits until it is done or not ready.
    pub(crate) fn write_with(&self, mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>) -> Status {
        let mut queue = self.lock();
        while !queue.line.is_empty() {
            match queue.line.with_slices(self.encoding, &mut write) {
                Ok(Some(n)) if n > 0 => queue.line.advance(n, self.encoding),
                Ok(None) => break,
                Ok(Some(_)) => queue.lose(CloseCode::ABNORMAL, "the connection takes no more bytes", self.encoding),
                Err(error) => queue.lose(CloseCode::ABNORMAL, &error.to_string(), self.encoding),
            }
        }
        queue.is_awaited = !queue.line.is_empty();
        self.note_room(&queue);
        queue.status()
    }

    /// Whether nothing can be written any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn stage(&self) -> Stage {
        self.lock().stage()
    }

    /// Why it was closed.
    pub(crate) fn close_reason(&self) -> Option<(CloseCode, String)> {
        match &self.lock().phase {
            Phase::Open => None,
            Phase::Closing { code, reason } | Phase::Closed { code, reason } => Some((*code, reason.clone())),
        }
    }

    /// Whether a stream should wait before it adds more.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Acquire)
    }

    /// Has streams wait, or go on, on behalf of a line of answers elsewhere; one of its own would say otherwise.
    pub(crate) fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Ordering::Release);
    }

    /// Whether deliveries under this name are wanted.
    pub(crate) fn accepts(&self, name: &str) -> bool {
        self.lock().accepts(name)
    }

    pub(crate) fn set_accepts(&self, accepts: Accepts) {
        self.lock().accepts = Some(Box::new(accepts));
    }

    /// Gives back memory that an earlier burst needed.
    pub(crate) fn shrink(&self) {
        self.lock().line.shrink();
    }

    /// Lets go of the socket, which tells the peer that nothing more comes.
    pub(crate) fn hang_up(&self) {
        self.lock().socket = None;
    }

    /// Lets go of the socket, and gives back what was never or only partly sent.
    pub(crate) fn finish(&self) -> Vec<Returned> {
        let mut queue = self.lock();
        queue.lose(CloseCode::ABNORMAL, "the connection ended", self.encoding);
        queue.socket = None;
        let mut returned = std::mem::take(&mut queue.returned);
        returned.retain(|message| message.kind != Kind::Control);
        returned
    }

    /// Room for one message more, or what becomes of it instead.
    #[inline]
    fn make_room(&self, queue: &mut Queue, bytes: usize, kind: Kind, how: Push<'_>) -> Pushed {
        if queue.line.has_room(bytes, how.limits) {
            return Pushed::Taken;
        }
        self.find_room(queue, bytes, kind, how)
    }

    #[cold]
    fn find_room(&self, queue: &mut Queue, bytes: usize, kind: Kind, how: Push<'_>) -> Pushed {
        let Push { limits, slow, .. } = how;
        self.write(queue);
        if queue.line.has_room(bytes, limits) {
            return Pushed::Taken;
        }
        match (kind, slow) {
            (Kind::Control, _) | (Kind::Delivery, Slow::DropNewest) => Pushed::Refused,
            (Kind::Delivery, Slow::DropOldest) => match queue.line.make_room(bytes, self.encoding, limits) {
                Some(lost) => Pushed::Displaced(lost),
                None => Pushed::Refused,
            },
            _ => Pushed::Overflow,
        }
    }

    /// Whether it was the first push of the turn.
    #[inline]
    fn note_push(&self, queue: &mut Queue, how: Push<'_>) -> bool {
        if self.is_half_full(queue) {
            self.is_busy.store(true, Ordering::Release);
        }
        let is_first = queue.turn != how.turn;
        queue.turn = how.turn;
        is_first
    }

    /// Brings up to date what is asked without the lock.
    fn note_room(&self, queue: &Queue) {
        if matches!(queue.phase, Phase::Closed { .. }) {
            self.is_closed.store(true, Ordering::Release);
        }
        if self.is_busy() && !(queue.phase == Phase::Open && self.is_half_full(queue)) {
            self.is_busy.store(false, Ordering::Release);
        }
    }

    fn is_half_full(&self, queue: &Queue) -> bool {
        queue.line.bytes() >= self.half.bytes || queue.line.messages() >= self.half.messages
    }

    fn poll_write(&self, cx: &mut Context<'_>, queue: &mut Queue) {
        self.write(queue);
        while queue.is_full && !queue.line.is_empty() {
            let ready = match &queue.socket {
                Some(socket) => socket.poll_write_ready(cx),
                None => return,
            };
            match ready {
                Poll::Pending => {
                    queue.is_awaited = true;
                    return;
                }
                Poll::Ready(Ok(())) => {
                    queue.is_full = false;
                    queue.is_awaited = false;
                    self.write(queue);
                }
                Poll::Ready(Err(error)) => queue.lose(CloseCode::ABNORMAL, &error.to_string(), self.encoding),
            }
        }
    }

    /// One or several writes, until nothing is left or the socket is full.
    fn write(&self, queue: &mut Queue) -> Flushed {
        if queue.socket.is_none() {
            return queue.flushed();
        }
        while !queue.line.is_empty() && !queue.is_full {
            match queue.write_some(self.encoding) {
                Ok(0) => queue.lose(CloseCode::ABNORMAL, "the connection takes no more bytes", self.encoding),
                Ok(n) => queue.line.advance(n, self.encoding),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => queue.is_full = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => queue.lose(CloseCode::ABNORMAL, &error.to_string(), self.encoding),
            }
        }
        queue.flushed()
    }

    /// A panic elsewhere cannot leave the queue half-changed: nothing in here calls out.
    #[inline]
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn accepts(&self, name: &str) -> bool {
        self.accepts.as_ref().is_none_or(|accepts| accepts.accept(name))
    }

    fn flushed(&self) -> Flushed {
        if self.line.is_empty() {
            Flushed::Empty
        } else {
            Flushed::Waiting
        }
    }

    fn stage(&self) -> Stage {
        match self.phase {
            Phase::Open => Stage::Open,
            Phase::Closing { .. } => Stage::Closing {
                is_written: self.line.is_empty(),
                is_cut: self.is_cut,
            },
            Phase::Closed { .. } => Stage::Closed,
        }
    }

    fn status(&self) -> Status {
        Status {
            flushed: self.flushed(),
            stage: self.stage(),
        }
    }

    fn take_back(&mut self, keeps_half_sent: bool, encoding: u8) {
        let back = self.line.take_back(keeps_half_sent, encoding);
        // A half-sent one came before all that was taken back earlier.
        self.returned.splice(0..0, back);
    }

    fn lose(&mut self, code: CloseCode, reason: &str, encoding: u8) {
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
        self.take_back(false, encoding);
    }

    fn write_some(&self, encoding: u8) -> io::Result<usize> {
        let Some(socket) = &self.socket else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        self.line.with_slices(encoding, |slices| match slices {
            [one] => socket.try_write(one),
            many => socket.try_write_vectored(many),
        })
    }
}

/// How many pings and pongs may wait.
const CONTROLS: usize = 16;

#[cfg(test)]
mod tests;
