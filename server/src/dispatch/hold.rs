//! What a controller under way holds: the client's next message, and places in the bounds. Given back on drop.

use std::sync::atomic::{Ordering, fence};

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
struct ClientPlace(Client, Switchboard);

/// A place among the controllers that run in all.
#[derive(Debug)]
pub(super) struct GlobalPlace(Switchboard);

/// A thread of the blocking pool that works for a client, whether or not its outcome is still waited for.
#[derive(Debug)]
pub(super) struct Thread(Client, Option<GlobalPlace>);

impl Place {
    /// A place, or none where too many run in all. The controllers of life-cycle messages always get one: there are no more
    /// of them than connections, and what they do cannot be made up for later.
    pub(super) fn take(client: &Client, switchboard: &Switchboard, is_event: bool) -> Option<Self> {
        let core = switchboard.core();
        let limit = if is_event { usize::MAX } else { core.limits.running };
        let is_free = |n| (n < limit).then_some(n + 1);
        core.running
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, is_free)
            .ok()?;
        client.running().fetch_add(1, Ordering::AcqRel);
        Some(Self {
            client: Some(ClientPlace(client.clone(), switchboard.clone())),
            thread: Some(GlobalPlace(switchboard.clone())),
        })
    }

    /// Gives the place in all to a thread, which may outlast the request.
    pub(super) fn thread(&mut self, client: &Client) -> Thread {
        client.threads().fetch_add(1, Ordering::AcqRel);
        Thread(client.clone(), self.thread.take())
    }

    /// Gives the client's place back.
    pub(super) fn leave_client(&mut self) {
        self.client = None;
    }
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        let Self(client, switchboard) = self;
        let core = switchboard.core();
        let before = client.running().fetch_sub(1, Ordering::AcqRel) as usize;
        // Against those in `Client::end` and `set_ended`: either we see that the client ends, or its session sees that we have.
        fence(Ordering::SeqCst);
        // The next message may wait for the place, or the session for the last controller; otherwise nobody does.
        let is_awaited = client.is_closing() || client.has_ended() || core.is_stopping();
        if is_awaited || before >= client.limits().running_per_client {
            client.wake();
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.1 = None;
        self.0.threads().fetch_sub(1, Ordering::AcqRel);
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
