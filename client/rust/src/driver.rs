//! The one task of a client: it connects, keeps the connection going, waits, and connects again.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

use tokio::time::{Instant, sleep_until, timeout};

use crate::alarm::Alarm;
use crate::backoff::Backoff;
use crate::client::Handle;
use crate::error::Ended;
use crate::pump::Pump;
use crate::shared::Shared;
use crate::state::State;
use crate::transport::Transport;

/// Runs until the client is closed. However it ends, everything is settled then.
pub(crate) async fn run(shared: Arc<Shared>, handle: Weak<Handle>, transport: Transport) {
    let mut ending = Ending {
        shared: &shared,
        why: Ended::Lost("the runtime that the client was made in is gone".into()),
    };
    ending.why = connect_and_again(&shared, &handle, &transport).await;
    tracing::debug!("the client is closed: {}", ending.why);
}

struct Ending<'s> {
    shared: &'s Shared,
    why: Ended,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.shared.finish(&self.why);
    }
}

async fn connect_and_again(shared: &Shared, handle: &Weak<Handle>, transport: &Transport) -> Ended {
    let limits = &shared.config.limits;
    let mut backoff = Backoff::default();
    loop {
        shared.state.send_replace(State::Connecting);
        let attempt = timeout(limits.connect, transport.connect(limits));
        let why = match offline(shared, attempt).await {
            None => return Ended::Ours,
            Some(Err(_)) => Ended::Slow(limits.connect),
            Some(Ok(Err(why))) => why,
            Some(Ok(Ok(connected))) => {
                shared.counters.connections.one();
                let since = Instant::now();
                let why = Pump::new(shared, handle, connected).run().await;
                backoff.ended_after(since.elapsed(), limits);
                why
            }
        };
        if let Ended::Ours = why {
            return why;
        }
        shared.counters.lost.one();
        if !why.should_reconnect() {
            tracing::warn!("the client stays away: {why}");
            return why;
        }
        let retry_after = match &why {
            Ended::Refused(refused) => refused.retry_after,
            _ => None,
        };
        let (attempt, wait) = backoff.next(retry_after, &shared.config.random, limits);
        tracing::info!(attempt, ?wait, "connecting again: {why}");
        let until = Instant::now() + wait;
        shared.state.send_replace(State::Waiting { attempt, until, why });
        if offline(shared, sleep_until(until)).await.is_none() {
            return Ended::Ours;
        }
    }
}

/// Waits for this while there is no connection, and gives up what has waited too long. None where the client is closed before.
async fn offline<F: Future>(shared: &Shared, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut alarm = Alarm::default();
    poll_fn(|cx| {
        shared.watch(cx.waker());
        if shared.is_closing() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        while let Some(next) = shared.expire(Instant::now()) {
            if alarm.poll(cx, next).is_pending() {
                break;
            }
        }
        Poll::Pending
    })
    .await
}
