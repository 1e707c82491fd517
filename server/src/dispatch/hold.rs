//! What a controller under way holds: the client's next message, and places in the bounds. Given back on drop.

use std::sync::atomic::Ordering;

use crate::switchboard::{Client, Switchboard};

/// Holds back the client's next message until the controller ends or lets go.
#[derive(Debug)]
pub(super) struct Hold(Option<Client>);

impl Hold {
    /// Holds, unless the route is unordered.
    pub(super) fn new(client: &Client, is_unordered: bool) -> Self {
        if is_unordered {
            return Self(None);
        }
        client.holding().fetch_add(1, Ordering::AcqRel);
        Self(Some(client.clone()))
    }

    pub(super) fn let_go(&mut self) {
        if let Some(client) = self.0.take()
            && client.holding().fetch_sub(1, Ordering::AcqRel) == 1
        {
            client.wake();
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// A place among the controllers that run for a client and in all.
#[derive(Debug)]
pub(super) struct Place {
    client: Option<ClientPlace>,
    thread: Option<GlobalPlace>,
}

/// A place among the controllers that run for a client.
#[derive(Debug)]
struct ClientPlace(Client);

/// A place among the controllers that run in all.
#[derive(Debug)]
pub(super) struct GlobalPlace(Switchboard);

impl Place {
    /// A place, or none where too many run in all.
    pub(super) fn take(client: &Client, switchboard: &Switchboard) -> Option<Self> {
        let core = switchboard.core();
        let is_free = |n| (n < core.limits.running).then_some(n + 1);
        core.running
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, is_free)
            .ok()?;
        client.running().fetch_add(1, Ordering::AcqRel);
        Some(Self {
            client: Some(ClientPlace(client.clone())),
            thread: Some(GlobalPlace(switchboard.clone())),
        })
    }

    /// Parts the client's place from the one in all, for a run that may outlast its request.
    pub(super) fn split(mut self) -> (Self, Option<GlobalPlace>) {
        let thread = self.thread.take();
        (self, thread)
    }

    /// Gives the client's place back.
    pub(super) fn leave_client(&mut self) {
        self.client = None;
    }
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        self.0.running().fetch_sub(1, Ordering::AcqRel);
        // The next message may wait for the place, or the session for the last controller.
        self.0.wake();
    }
}

impl Drop for GlobalPlace {
    fn drop(&mut self) {
        self.0.core().running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A place among the streams of a client.
#[derive(Debug)]
pub(super) struct StreamPlace(Client);

impl StreamPlace {
    /// A place, or none where too many streams are open for the client.
    pub(super) fn take(client: &Client, limit: usize) -> Option<Self> {
        let streams = client.streams();
        let taken = streams.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
            ((n as usize) < limit).then_some(n + 1)
        });
        taken.is_ok().then(|| Self(client.clone()))
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.0.streams().fetch_sub(1, Ordering::AcqRel);
        self.0.wake();
    }
}
