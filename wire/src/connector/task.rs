//! The task of one connection, from its first day to its last.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::converter::guarded;
use super::hub::Hub;
use super::peer::{Cause, Order, Shared};
use super::reading::Reading;
use super::writing::{Failure, Writing};
use super::{ConnectError, Converter, Reason};
use crate::Shutdown;
use crate::connection::{Endpoint, Stream};

/// What runs a connection. Whatever ends it, even the end of the runtime, its last event comes when this is dropped.
pub(super) struct Task<C: Converter> {
    hub: Arc<Hub<C::Message>>,
    peer: Shared<C::Message>,
    converter: Arc<C>,
    open: Option<Open<C>>,
    /// Why it has ended.
    cause: Option<Cause>,
}

impl<C: Converter> Task<C> {
    pub(super) fn new(hub: Arc<Hub<C::Message>>, peer: Shared<C::Message>, converter: Arc<C>) -> Self {
        Self {
            hub,
            peer,
            converter,
            open: None,
            cause: None,
        }
    }

    pub(super) fn peer(&self) -> Shared<C::Message> {
        Arc::clone(&self.peer)
    }

    /// A connection that we make.
    pub(super) async fn run_connecting(mut self, endpoints: Vec<Endpoint>) {
        let mut alarm = Alarm::default();
        let called_off = poll_fn(|cx| poll_called_off(cx, &self.peer, &mut alarm));
        let result = tokio::select! {
            biased;
            () = called_off => Err(ConnectError::CalledOff),
            result = connect(endpoints, self.hub.limits.connect) => result,
        };
        match result {
            Ok(stream) => {
                self.connected();
                self.run_open(stream).await;
            }
            Err(error) => self.cause = Some(Cause::Connecting(error)),
        }
    }

    /// A connection that is made.
    pub(super) async fn run_connected(mut self, stream: Stream) {
        self.run_open(stream).await;
    }

    /// Says that it is.
    pub(super) fn connected(&self) {
        if self.peer.open() {
            self.hub.list(Arc::clone(&self.peer));
        }
    }

    /// A connection that has come.
    pub(super) async fn run_announced(mut self, stream: Stream) {
        let accepted = poll_fn(|cx| self.peer.poll_accepted(cx));
        match timeout(self.hub.limits.accept, accepted).await {
            Ok(true) => self.run_open(stream).await,
            Ok(false) => {}
            Err(_) => {
                self.peer.refuse();
                // Somebody may have accepted it at the last moment.
                if poll_fn(|cx| self.peer.poll_accepted(cx)).await {
                    self.run_open(stream).await;
                }
            }
        }
    }

    async fn run_open(&mut self, stream: Stream) {
        let made = guarded(|| (self.converter.serializer(), self.converter.deserializer()));
        let reason = match made {
            Ok((serializer, deserializer)) => {
                let writing = Writing::new(Arc::clone(&self.hub), Arc::clone(&self.peer), serializer);
                let reading = Reading::new(Arc::clone(&self.hub), Arc::clone(&self.peer), deserializer);
                let open = self.open.insert(Open {
                    stream,
                    writing,
                    reading,
                    deadline: Alarm::default(),
                    closing: Closing::default(),
                });
                let (hub, peer) = (&self.hub, &self.peer);
                poll_fn(|cx| open.poll(cx, peer, hub.limits.linger)).await
            }
            Err(panic) => Reason::Panicked(panic),
        };
        self.cause = Some(Cause::Open(reason));
    }
}

impl<C: Converter> Drop for Task<C> {
    fn drop(&mut self) {
        let leftover = match &mut self.open {
            Some(open) => open.writing.leftover(),
            None => Default::default(),
        };
        // The stream is closed, and what the converter holds let go, before anybody hears of the end.
        self.open = None;
        let cause = self.cause.take().unwrap_or_else(|| {
            let error = io::Error::other("the runtime that the connector was made in has ended");
            Cause::Open(Reason::Lost(error))
        });
        if self.peer.end(cause, leftover) {
            self.hub.list(Arc::clone(&self.peer));
        }
        self.hub.forget_if_over(&self.peer);
    }
}

/// A connection that carries messages.
struct Open<C: Converter> {
    stream: Stream,
    writing: Writing<C::Message, C::Serializer>,
    reading: Reading<C::Message, C::Deserializer>,
    deadline: Alarm,
    closing: Closing,
}

/// How far the end of what is written has come.
#[derive(Default)]
struct Closing {
    /// Nothing is written any more: all was that should be, or the socket takes no more.
    is_written: bool,
    /// When the peer has had its time to close too.
    until: Option<Instant>,
    alarm: Alarm,
    error: Option<io::Error>,
}

impl<C: Converter> Open<C> {
    /// Ready when the connection is at its end.
    fn poll(&mut self, cx: &mut Context<'_>, peer: &Shared<C::Message>, linger: Duration) -> Poll<Reason> {
        let order = peer.watch(cx);
        if let Some(order) = order {
            if order.how == Shutdown::Now || self.deadline.rings(cx, order.deadline) {
                return Poll::Ready(Reason::Closed);
            }
            if order.how == Shutdown::FinishMessages {
                self.writing.take_back();
            }
        }
        if let Poll::Ready(reason) = self.poll_write(cx, peer, order, linger) {
            return Poll::Ready(reason);
        }
        if self.closing.alarm.rings(cx, self.closing.until) {
            return Poll::Ready(self.lost_or(Reason::Closed));
        }
        match self.reading.poll(cx, &mut self.stream) {
            Poll::Ready(reason @ (Reason::Closed | Reason::Lost(_))) => Poll::Ready(self.lost_or(reason)),
            Poll::Ready(reason) => Poll::Ready(reason),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Ready only when that ends the connection at once.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        peer: &Shared<C::Message>,
        order: Option<Order>,
        linger: Duration,
    ) -> Poll<Reason> {
        // A peer that has said its last would not read what is written now.
        if self.closing.is_written || self.reading.is_last() {
            return Poll::Pending;
        }
        match self.writing.poll(cx, &mut self.stream) {
            Poll::Ready(Ok(())) => {
                let is_all = order.is_some_and(|order| order.how != Shutdown::FinishQueues || peer.is_queue_empty());
                // It may fail where the peer is gone already, which is the end as well.
                if is_all && Pin::new(&mut self.stream).poll_shutdown(cx).is_ready() {
                    self.stop_writing(linger, None);
                }
                Poll::Pending
            }
            Poll::Ready(Err(Failure::Lost(error))) => {
                // What the peer has sent before it went may still be there.
                self.stop_writing(linger, Some(error));
                Poll::Pending
            }
            Poll::Ready(Err(Failure::Converter(reason))) => Poll::Ready(reason),
            Poll::Pending => Poll::Pending,
        }
    }

    fn stop_writing(&mut self, linger: Duration, error: Option<io::Error>) {
        self.closing.is_written = true;
        self.closing.until = Instant::now().checked_add(linger);
        self.closing.error = error;
    }

    /// What writing has heard of the end came first.
    fn lost_or(&mut self, reason: Reason) -> Reason {
        self.closing.error.take().map_or(reason, Reason::Lost)
    }
}

/// A time that may be set, and moved.
#[derive(Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Whether this time has come; the task is woken when it does.
    fn rings(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> bool {
        let Some(at) = at else { return false };
        // A timer would take until the next millisecond.
        if at <= Instant::now() {
            return true;
        }
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx).is_ready()
    }
}

/// Ready when a connection that is not made yet is to end; with `FinishQueues` it may still be made until the deadline.
fn poll_called_off<M>(cx: &mut Context<'_>, peer: &Shared<M>, alarm: &mut Alarm) -> Poll<()> {
    match peer.watch(cx) {
        Some(order) if order.how == Shutdown::FinishQueues && !alarm.rings(cx, order.deadline) => Poll::Pending,
        Some(_) => Poll::Ready(()),
        None => Poll::Pending,
    }
}

/// The first of these endpoints that can be connected to.
async fn connect(endpoints: Vec<Endpoint>, limit: Duration) -> Result<Stream, ConnectError> {
    let mut tried = None;
    let attempts = async {
        let mut last = ConnectError::NoEndpoint;
        for endpoint in endpoints {
            tried = Some(endpoint.clone());
            match endpoint.connect().await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = ConnectError::Failed { endpoint, error },
            }
        }
        Err(last)
    };
    match (timeout(limit, attempts).await, tried) {
        (Ok(result), _) => result,
        (Err(_), Some(endpoint)) => Err(ConnectError::TimedOut { endpoint, limit }),
        (Err(_), None) => Err(ConnectError::NoEndpoint),
    }
}
