//! The end of a session: the client is taken off the board, its last controllers run, and the application is told.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use switchboard_router::Router;
use switchboard_wire::{CloseCode, Formats, Incoming, Message, RawPayload, Ticket};
use tokio::time::Instant;

use crate::dispatch;
use crate::lifecycle::{DISCONNECTED, Disconnected, Unsent, UnsentKind};
use crate::mailbox::Mailbox;
use crate::request::Sender;
use crate::switchboard::{Client, Core, Kind, Returned, turn};
use crate::table::RouteId;

/// A client that is on the board. Taken off on drop too, so that a task that is killed leaves nothing behind.
pub(super) struct Leaving {
    core: Arc<Core>,
    client: Client,
    sender: Arc<Sender>,
    routes: Arc<Router<RouteId>>,
    since: Instant,
    has_left: bool,
}

impl Leaving {
    pub(super) fn enter(core: Arc<Core>, sender: Arc<Sender>, routes: Arc<Router<RouteId>>) -> Self {
        core.enter(&sender.client);
        Self {
            core,
            client: sender.client.clone(),
            sender,
            routes,
            since: Instant::now(),
            has_left: false,
        }
    }

    /// Tells the application, once the client's last controller has ended, and waits for what it does about it.
    pub(super) async fn leave(mut self) {
        let disconnected = self.take_off();
        self.last_controller().await;
        let event = Message::new(DISCONNECTED);
        if self.has_event_route() {
            let payload = RawPayload::encode(&disconnected, Formats::from(self.client.format())).ok();
            let event = event.with_payload(payload);
            let event = Incoming {
                message: event,
                ticket: Ticket::default(),
            };
            let disconnected = Some(Arc::new(disconnected));
            turn::run(|| dispatch::dispatch_event(&self.sender, event, disconnected, &self.routes));
            self.last_controller().await;
        }
    }

    fn take_off(&mut self) -> Disconnected {
        self.has_left = true;
        let own = self.client.mailbox();
        let held = self.core.leave(&self.client);
        let outbox = self.client.outbox();
        let unsent: Vec<_> = outbox.finish().into_iter().map(unsent).collect();
        self.core.counters.unsent.add(unsent.len() as u64);
        let (code, reason) = outbox.close_reason().unwrap_or((CloseCode::ABNORMAL, String::new()));
        tracing::info!(
            client = %self.client.id(),
            address = self.client.address().map(tracing::field::display),
            %code,
            reason,
            unsent = unsent.len(),
            seconds = Duration::as_secs_f32(&self.since.elapsed()),
            "a client left"
        );
        let mailboxes: Vec<Mailbox> = std::iter::once(own).chain(held).collect();
        Disconnected {
            mailboxes,
            code,
            reason,
            unsent,
        }
    }

    fn has_event_route(&self) -> bool {
        let mut has_route = false;
        self.routes.matches_literal(DISCONNECTED, |_, _| has_route = true);
        has_route
    }

    async fn last_controller(&self) {
        std::future::poll_fn(|cx| {
            self.client.waker().register(cx.waker());
            if self.client.is_busy() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if !self.has_left {
            self.take_off();
        }
        self.client.forget_session();
    }
}

fn unsent(message: Returned) -> Unsent {
    Unsent {
        name: message.name,
        mailbox: message.mailbox.map(Mailbox::new),
        kind: match message.kind {
            Kind::Delivery => UnsentKind::Delivery,
            Kind::Answer | Kind::Control => UnsentKind::Answer,
        },
        payload: message.payload,
        partly_sent: message.is_cut,
    }
}
