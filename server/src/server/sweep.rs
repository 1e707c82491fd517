//! The heartbeat: one task looks at all clients now and then, so that no client needs a timer.

use std::sync::{Arc, Weak};
use std::time::Duration;

use switchboard_wire::CloseCode;
use tokio::time::MissedTickBehavior;

use crate::limits::Limits;
use crate::switchboard::{Client, Core, Shutdown, turn};

/// Looks at all clients until the server is gone.
pub(super) async fn run(core: Weak<Core>, tick: Duration) {
    let mut interval = tokio::time::interval(tick);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(core) = core.upgrade() else { return };
        sweep(&core, tick);
    }
}

fn sweep(core: &Arc<Core>, tick: Duration) {
    let now = core.clock.tick();
    turn::run(|| core.clients.for_each(|client| look_at(client, core, now, tick)));
}

fn look_at(client: &Client, core: &Core, now: u32, tick: Duration) {
    client.outbox().shrink();
    if client.is_closing() {
        return;
    }
    if client.is_held() {
        // It is us who do not listen.
        client.hear(now);
        client.await_rest_again(now);
        return;
    }
    let limits = client.limits();
    let since = |then: u32| tick.saturating_mul(now.wrapping_sub(then));
    let (heard, is_pinged) = client.last_heard();
    let can_be_pinged = client.can_be_pinged(core);
    let patience = if can_be_pinged { limits.idle } else { limits.silence };
    if since(heard) >= patience {
        core.counters.idle.one();
        client.shut_down(Shutdown::FinishMessages, CloseCode::IDLE, "nothing was heard from you");
    } else if client.partial_since().is_some_and(|began| since(began) >= limits.idle) {
        core.counters.stalled.one();
        client.shut_down(
            Shutdown::FinishMessages,
            CloseCode::IDLE,
            "the rest of a message did not come",
        );
    } else if can_be_pinged && since(heard) >= limits.heartbeat && !is_pinged {
        client.ping();
    }
}

/// The time between two looks, for listeners with these limits: fine enough to be a quarter off at most, coarse enough to
/// cost nothing.
pub(super) fn tick<'l>(limits: impl Iterator<Item = &'l Limits>) -> Duration {
    let shortest = limits
        .map(|limits| limits.heartbeat.min(limits.idle).min(limits.silence))
        .min();
    (shortest.unwrap_or(COARSEST) / 4).clamp(FINEST, COARSEST)
}

const FINEST: Duration = Duration::from_millis(10);
const COARSEST: Duration = Duration::from_secs(1);
