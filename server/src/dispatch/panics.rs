//! Panics of controllers, caught wherever they happen: in a call, in a poll, in a drop.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use switchboard_wire::Error;

use crate::controller::RunFuture;
use crate::reply::{Outcome, Part};
use crate::request::Request;

pub(super) type Items = Pin<Box<dyn Stream<Item = Result<Option<Part>, Error>> + Send>>;

#[inline]
pub(super) fn caught(request: &Request, call: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(panicked(request, panic)))
}

#[cold]
pub(super) fn panicked(request: &Request, panic: Box<dyn Any + Send>) -> Error {
    request.switchboard().counters().panics.one();
    let text = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(panic) => {
                // Dropping what was thrown can throw again.
                std::mem::forget(panic);
                "something that is no text".to_owned()
            }
        },
    };
    Error::internal(format!("panicked: {text}"))
}

/// A controller's future whose polls and whose drop may panic.
pub(super) struct Guarded(pub(super) Option<RunFuture>);

impl Guarded {
    pub(super) fn poll(&mut self, request: &Request, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(running) = &mut self.0 else {
            return Poll::Ready(Err(Error::internal("polled after its end")));
        };
        let poll = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)));
        poll.unwrap_or_else(|panic| Poll::Ready(Err(panicked(request, panic))))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop_caught(self.0.take());
    }
}

/// A stream whose polls and whose drop may panic.
pub(super) struct GuardedItems(pub(super) Option<Items>);

impl GuardedItems {
    pub(super) fn poll_next(
        &mut self,
        request: &Request,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Option<Part>, Error>>> {
        let Some(items) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let poll = catch_unwind(AssertUnwindSafe(|| items.as_mut().poll_next(cx)));
        poll.unwrap_or_else(|panic| Poll::Ready(Some(Err(panicked(request, panic)))))
    }
}

impl Drop for GuardedItems {
    fn drop(&mut self) {
        drop_caught(self.0.take());
    }
}

fn drop_caught<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(panic);
        tracing::error!("a controller panicked while it was dropped");
    }
}
