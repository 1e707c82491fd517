//! From the socket to messages.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

use super::converter::guarded;
use super::hub::Hub;
use super::peer::Shared;
use super::{Deserializer, Reason};
use crate::connection::{Stream, with_buffer};

/// What one connection has read.
pub(super) struct Reading<M, D> {
    hub: Arc<Hub<M>>,
    peer: Shared<M>,
    deserializer: D,
    /// Bytes that the deserializer has not taken.
    input: BytesMut,
    /// Bytes that it has taken for the message under way.
    taken: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The deserializer has to be asked: there is input, or it was waiting, or it gave a message and may have another.
    Asking,
    /// It asked for more.
    Wanting,
    /// The peer has sent its last byte.
    Last,
}

impl<M, D: Deserializer<M>> Reading<M, D> {
    pub(super) fn new(hub: Arc<Hub<M>>, peer: Shared<M>, deserializer: D) -> Self {
        Self {
            hub,
            peer,
            deserializer,
            input: BytesMut::new(),
            taken: 0,
            state: State::Wanting,
        }
    }

    /// The peer has sent its last byte, though perhaps not all of it is read into messages yet.
    pub(super) fn is_last(&self) -> bool {
        self.state == State::Last
    }

    /// Reads until there is no more: ready when the connection is at its end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<Reason> {
        for _ in 0..TURN {
            if self.state == State::Wanting
                && let Err(reason) = ready!(self.poll_read(cx, stream))
            {
                return Poll::Ready(reason);
            }
            if !self.peer.has_room(&self.hub.limits) {
                return Poll::Pending;
            }
            match self.poll_message(cx) {
                Poll::Ready(Ok(Some(message))) => self.receive(message),
                Poll::Ready(Ok(None)) if self.is_last() => return Poll::Ready(Reason::Closed),
                Poll::Ready(Ok(None)) if self.input.len() >= self.hub.limits.input.max(1) => {
                    return Poll::Ready(Reason::TooMuchInput(self.input.len()));
                }
                Poll::Ready(Ok(None)) => self.state = State::Wanting,
                Poll::Ready(Err(reason)) => return Poll::Ready(reason),
                Poll::Pending => return Poll::Pending,
            }
        }
        // Others have their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<Result<(), Reason>> {
        if self.input.is_empty() {
            // An idle connection owns no buffer.
            self.input = BytesMut::new();
        }
        let read = with_buffer(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
            self.input.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        });
        Poll::Ready(match ready!(read) {
            Ok(0) => {
                self.state = State::Last;
                Ok(())
            }
            Ok(_) => {
                self.state = State::Asking;
                Ok(())
            }
            Err(error) => Err(Reason::Lost(error)),
        })
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<M>, Reason>> {
        let before = self.input.len();
        let polled = guarded(|| match self.state {
            State::Last => self.deserializer.poll_last(cx, &mut self.input),
            State::Asking | State::Wanting => self.deserializer.poll_message(cx, &mut self.input),
        });
        self.taken += before.saturating_sub(self.input.len());
        match polled {
            Ok(polled) => polled.map_err(Reason::Unreadable),
            Err(panic) => Poll::Ready(Err(Reason::Panicked(panic))),
        }
    }

    fn receive(&mut self, message: M) {
        let bytes = std::mem::take(&mut self.taken);
        if self.peer.receive(message, bytes) {
            self.hub.list(Arc::clone(&self.peer));
        }
    }
}

/// Messages that are read before others have their turn.
const TURN: usize = 64;
