//! Requests that wait for their answer: one result, or many.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use serde::de::DeserializeOwned;
use switchboard_wire::{RawPayload, Receipt};
use tokio::sync::oneshot;

use crate::channel::{Channel, Taken};
use crate::client::Handle;
use crate::error::{Refusal, RequestError};

/// What a request comes to: a payload where there is one.
pub(crate) type Settled = Result<Option<RawPayload>, RequestError>;

/// The same, and where the message went, if the server says so.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) settled: Settled,
    pub(crate) receipt: Option<Receipt>,
}

/// A request on its way: [`Client::request`](crate::Client::request). It has been sent, or queued, when this is made; several
/// can be under way before the first is awaited.
///
/// It is a future of the result: the first answer, or else the first error. Where all is done and nothing was answered, what has
/// fields reads as an empty object, an `Option` is `None`, `()` is `()`. To drop it is to give the request up: it is taken out
/// of the queue, or cancelled on the server.
#[must_use = "a request is given up when this is dropped: await it, or use `send`"]
pub struct Request<T> {
    wait: Wait,
    answer: PhantomData<fn() -> T>,
}

/// A request on its way that asks where its message goes, too:
/// [`Client::request_with_receipt`](crate::Client::request_with_receipt). As a [`Request`], but for its outcome.
#[must_use = "a request is given up when this is dropped: await it, or use `send`"]
pub struct Receipted<T> {
    wait: Wait,
    answer: PhantomData<fn() -> T>,
}

/// What became of a request, and where its message went.
#[derive(Clone, Debug)]
pub struct Outcome<T> {
    /// The first answer, or why there is none.
    pub result: Result<T, RequestError>,
    /// What the server counted. There is one where the server settled the request, whether it went well or not; none where the
    /// request was refused, given up, late or lost.
    pub receipt: Option<Receipt>,
}

/// The answers to a request, as they come: [`Client::request_stream`](crate::Client::request_stream).
///
/// An error of one of several controllers is an item, too; the stream ends behind the last item, or without one. To drop it
/// before is to give the request up.
#[must_use = "a request is given up when this is dropped"]
pub struct Answers<T> {
    open: Option<Open<Arc<Channel<Part>>>>,
    refusal: Option<Refusal>,
    answer: PhantomData<fn() -> T>,
}

/// One answer of many.
pub(crate) type Part = Result<RawPayload, RequestError>;

/// A wait for one outcome.
pub(crate) struct Wait {
    open: Option<Open<oneshot::Receiver<Told>>>,
    /// Why there is none.
    refusal: Option<Refusal>,
}

/// A request in the table. Whoever drops it takes it out.
struct Open<R> {
    handle: Arc<Handle>,
    uid: i64,
    receiver: R,
}

impl Wait {
    pub(crate) fn new(handle: Arc<Handle>, uid: i64, receiver: oneshot::Receiver<Told>) -> Self {
        Self {
            open: Some(Open { handle, uid, receiver }),
            refusal: None,
        }
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self {
            open: None,
            refusal: Some(refusal),
        }
    }

    fn set_timeout(&self, timeout: Duration) {
        if let Some(open) = &self.open {
            open.handle.shared.set_timeout(open.uid, timeout);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Told> {
        if let Some(refusal) = self.refusal.take() {
            return Poll::Ready(Told {
                settled: Err(refusal.into()),
                receipt: None,
            });
        }
        #[expect(clippy::expect_used, reason = "what the documentation says")]
        let open = self
            .open
            .as_mut()
            .expect("a request is not polled again after it was ready");
        // Whoever takes it out of the table settles it.
        let Ok(told) = ready!(Pin::new(&mut open.receiver).poll(cx)) else {
            unreachable!("a request is settled, or given up by whoever waits for it");
        };
        self.open = None;
        Poll::Ready(told)
    }

    fn uid(&self) -> Option<i64> {
        self.open.as_ref().map(|open| open.uid)
    }
}

impl<T> Request<T> {
    pub(crate) fn new(wait: Wait) -> Self {
        Self {
            wait,
            answer: PhantomData,
        }
    }

    /// Gives it so long for its next frame, counted from when it was made or last heard of.
    pub fn within(self, timeout: Duration) -> Self {
        self.wait.set_timeout(timeout);
        self
    }
}

impl<T: DeserializeOwned> Future for Request<T> {
    type Output = Result<T, RequestError>;

    /// # Panics
    ///
    /// When it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Told { settled, .. } = ready!(self.wait.poll(cx));
        Poll::Ready(settled.and_then(|payload| decode(payload.as_ref())))
    }
}

impl<T> Receipted<T> {
    pub(crate) fn new(wait: Wait) -> Self {
        Self {
            wait,
            answer: PhantomData,
        }
    }

    /// Gives it so long for its next frame, counted from when it was made or last heard of.
    pub fn within(self, timeout: Duration) -> Self {
        self.wait.set_timeout(timeout);
        self
    }
}

impl<T: DeserializeOwned> Future for Receipted<T> {
    type Output = Outcome<T>;

    /// # Panics
    ///
    /// When it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Told { settled, receipt } = ready!(self.wait.poll(cx));
        let result = settled.and_then(|payload| decode(payload.as_ref()));
        Poll::Ready(Outcome { result, receipt })
    }
}

impl<T> Answers<T> {
    pub(crate) fn new(handle: Arc<Handle>, uid: i64, receiver: Arc<Channel<Part>>) -> Self {
        Self {
            open: Some(Open { handle, uid, receiver }),
            refusal: None,
            answer: PhantomData,
        }
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self {
            open: None,
            refusal: Some(refusal),
            answer: PhantomData,
        }
    }

    /// Gives it so long for each next answer.
    pub fn within(self, timeout: Duration) -> Self {
        if let Some(open) = &self.open {
            open.handle.shared.set_timeout(open.uid, timeout);
        }
        self
    }
}

impl<T: DeserializeOwned> Answers<T> {
    /// The next answer; none behind the last.
    ///
    /// # Errors
    ///
    /// As a [`Request`]; more items may follow an error of the server.
    pub async fn next(&mut self) -> Option<Result<T, RequestError>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, RequestError>>> {
        if let Some(refusal) = self.refusal.take() {
            return Poll::Ready(Some(Err(refusal.into())));
        }
        let Some(open) = &self.open else {
            return Poll::Ready(None);
        };
        match open.receiver.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Taken::Item(part))) => Poll::Ready(Some(part.and_then(|payload| decode(Some(&payload))))),
            // Nothing is lost without an end.
            Poll::Ready(Some(Taken::Missed(_))) => Poll::Ready(Some(Err(RequestError::Overrun))),
            Poll::Ready(None) => {
                self.open = None;
                Poll::Ready(None)
            }
        }
    }
}

impl<T: DeserializeOwned> Stream for Answers<T> {
    type Item = Result<T, RequestError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.as_mut().get_mut().poll(cx)
    }
}

impl<R> Drop for Open<R> {
    fn drop(&mut self) {
        self.handle.shared.give_up(self.uid);
    }
}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uid = self.wait.uid();
        f.debug_struct("Request").field("uid", &uid).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receipted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uid = self.wait.uid();
        f.debug_struct("Receipted").field("uid", &uid).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Answers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uid = self.open.as_ref().map(|open| open.uid);
        f.debug_struct("Answers").field("uid", &uid).finish_non_exhaustive()
    }
}

/// The value of an answer.
pub(crate) fn decode<T: DeserializeOwned>(payload: Option<&RawPayload>) -> Result<T, RequestError> {
    match payload {
        Some(payload) => payload.decode(),
        None => RawPayload::decode_absent(),
    }
    .map_err(RequestError::Unreadable)
}
