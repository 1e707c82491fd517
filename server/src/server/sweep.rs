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
    }
    let (heard, is_pinged) = client.last_heard();
    let silence = tick.saturating_mul(now.wrapping_sub(heard));
    if silence >= client.limits().idle {
        core.counters.idle.one();
        client.shut_down(Shutdown::FinishMessages, CloseCode::IDLE, "nothing was heard from you");
    } else if silence >= client.limits().heartbeat && !is_pinged {
        client.ping();
    }
}

/// The time between two looks, for listeners with these limits: fine enough to be a quarter off at most, coarse enough to
/// cost nothing.
pub(super) fn tick<'l>(limits: impl Iterator<Item = &'l Limits>) -> Duration {
    let shortest = limits.map(|limits| limits.heartbeat.min(limits.idle)).min();
    (shortest.unwrap_or(COARSEST) / 4).clamp(FINEST, COARSEST)
}

const FINEST: Duration = Duration::from_millis(10);
const COARSEST: Duration = Duration::from_secs(1);
