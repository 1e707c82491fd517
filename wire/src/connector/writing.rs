//! From messages to the socket.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

use super::converter::guarded;
use super::hub::Hub;
use super::peer::{Leftover, Shared};
use super::{Reason, Rejection, Serializer, Written};
use crate::connection::Stream;

/// What one connection has begun to write.
pub(super) struct Writing<M, S> {
    hub: Arc<Hub<M>>,
    peer: Shared<M>,
    serializer: S,
    /// Bytes that the socket has not taken yet. More are asked for when it has taken all.
    out: BytesMut,
    /// The messages that they belong to. Places count from the connection's first byte.
    begun: VecDeque<Begun<M>>,
    /// Where the bytes begin that the socket has not taken.
    written: u64,
    /// Where the bytes begin that the serializer has not given.
    given: u64,
    /// Nothing more is begun; what was, and of which nothing had left, lies here.
    taken_back: Option<Vec<M>>,
    /// Something was written since the stream was flushed.
    is_dirty: bool,
}

struct Begun<M> {
    message: M,
    weight: usize,
    start: u64,
    /// Once the serializer is done with it.
    end: Option<u64>,
}

/// Why nothing more can be written.
pub(super) enum Failure {
    /// The socket's fault: there may still be something to read.
    Lost(io::Error),
    /// The converter's.
    Converter(Reason),
}

impl<M, S: Serializer<M>> Writing<M, S> {
    pub(super) fn new(hub: Arc<Hub<M>>, peer: Shared<M>, serializer: S) -> Self {
        Self {
            hub,
            peer,
            serializer,
            out: BytesMut::new(),
            begun: VecDeque::new(),
            written: 0,
            given: 0,
            taken_back: None,
            is_dirty: false,
        }
    }

    /// Writes what there is; ready when there is nothing more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<Result<(), Failure>> {
        loop {
            if self.out.is_empty() {
                let is_waiting = self.fill(cx).map_err(Failure::Converter)?;
                if self.out.is_empty() {
                    self.out = BytesMut::new();
                    ready!(self.poll_flush(cx, stream)).map_err(Failure::Lost)?;
                    return if is_waiting { Poll::Pending } else { Poll::Ready(Ok(())) };
                }
            }
            match ready!(Pin::new(&mut *stream).poll_write(cx, &self.out)) {
                Ok(0) => return Poll::Ready(Err(Failure::Lost(io::ErrorKind::WriteZero.into()))),
                Ok(bytes) => {
                    self.out.advance(bytes);
                    self.written += bytes as u64;
                    self.is_dirty = true;
                    self.settle();
                }
                Err(error) => return Poll::Ready(Err(Failure::Lost(error))),
            }
        }
    }

    /// Nothing is begun any more, and what was begun is taken back unless a part of it has left.
    pub(super) fn take_back(&mut self) {
        if self.taken_back.is_some() {
            return;
        }
        let is_half_sent = self.begun.front().is_some_and(|first| first.start < self.written);
        let back = self.begun.split_off(usize::from(is_half_sent));
        let end = match self.begun.front() {
            Some(first) => first.end.unwrap_or(self.given),
            None => self.written,
        };
        self.cut_to(end);
        self.taken_back = Some(back.into_iter().map(|begun| begun.message).collect());
    }

    /// What was begun and not sent.
    pub(super) fn leftover(&mut self) -> Leftover<M> {
        self.take_back();
        Leftover {
            incomplete: self.begun.pop_front().map(|begun| begun.message),
            queued: self.taken_back.take().unwrap_or_default(),
        }
    }

    /// Asks for bytes, of as many messages as fit. Says whether the serializer waits for something.
    fn fill(&mut self, cx: &mut Context<'_>) -> Result<bool, Reason> {
        while self.out.len() < CHUNK && self.begun.len() < BATCH {
            if self.begun.back().is_none_or(|last| last.end.is_some()) && !self.begin() {
                break;
            }
            let Some(begun) = self.begun.back_mut() else { break };
            // A piece of its own, so that a converter cannot touch what is before it.
            let mut piece = self.out.split_off(self.out.len());
            let polled =
                guarded(|| self.serializer.poll_bytes(cx, &begun.message, &mut piece)).map_err(Reason::Panicked)?;
            if let Poll::Ready(Err(error)) = polled {
                self.fail(error)?;
                continue;
            }
            let added = piece.len();
            self.out.unsplit(piece);
            self.given += added as u64;
            match polled {
                Poll::Ready(Ok(Written::Done)) => begun.end = Some(self.given),
                Poll::Ready(_) if added > 0 => {}
                // It says that there is more and gives nothing: others have their turn first.
                Poll::Ready(_) => {
                    cx.waker().wake_by_ref();
                    return Ok(true);
                }
                Poll::Pending => return Ok(true),
            }
        }
        // There may be messages of no bytes at all.
        self.settle();
        Ok(false)
    }

    /// Begins the next message, if there is one.
    fn begin(&mut self) -> bool {
        if self.taken_back.is_some() {
            return false;
        }
        let Some((message, weight)) = self.peer.next_queued(&self.hub.limits) else {
            return false;
        };
        self.begun.push_back(Begun {
            message,
            weight,
            start: self.given,
            end: None,
        });
        true
    }

    /// The last message that was begun cannot be written: it comes back alone, if no byte of it has left.
    fn fail(&mut self, error: super::ConvertError) -> Result<(), Reason> {
        if self.begun.back().is_none_or(|failed| failed.start < self.written) {
            return Err(Reason::Unwritable(error));
        }
        if let Some(failed) = self.begun.pop_back() {
            self.cut_to(failed.start);
            let why = Rejection::Unwritable(error);
            if self.peer.reject(failed.message, failed.weight, why) {
                self.hub.list(Arc::clone(&self.peer));
            }
        }
        Ok(())
    }

    fn cut_to(&mut self, end: u64) {
        // As many bytes as are in memory: the difference is their number.
        self.out.truncate(end.saturating_sub(self.written) as usize);
        self.given = end;
    }

    /// Lets go of messages that were sent.
    fn settle(&mut self) {
        while let Some(sent) = self
            .begun
            .pop_front_if(|first| first.end.is_some_and(|end| end <= self.written))
        {
            self.peer.sent(sent.weight);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<io::Result<()>> {
        if self.is_dirty {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.is_dirty = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// Bytes after which no other is asked for, in memory.
const CHUNK: usize = 64 << 10;
/// Messages that are begun at once.
const BATCH: usize = 1024;
