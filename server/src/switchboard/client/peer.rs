//! What the rest of the server does with a client.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use futures_util::task::AtomicWaker;
use switchboard_wire::connection::Writer;
use switchboard_wire::{CloseCode, Format};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Client, Peer, lock};
use crate::limits::{Limits, Slow};
use crate::mailbox::Mailbox;
use crate::request::Shared;
use crate::switchboard::Shutdown;
use crate::switchboard::outbox::{Outbox, Push, Pushed};
use crate::switchboard::parcel::{Encoding, Framing, Parcel};
use crate::switchboard::{ClientId, Core, Sent, turn};

impl Client {
    pub(crate) fn new(
        core: &Arc<Core>,
        limits: Arc<Limits>,
        address: Option<SocketAddr>,
        encoding: u8,
        socket: Option<Writer>,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self(Arc::new(Peer {
            id: ClientId::random()?,
            address,
            encoding,
            format: core.encoding(encoding).dialect.format(),
            core: Arc::downgrade(core),
            outbox: Outbox::new(socket, encoding, &limits),
            limits,
            waker: AtomicWaker::new(),
            drained: Notify::new(),
            mailboxes: Mutex::default(),
            session: Mutex::default(),
            lifetime: OnceLock::new(),
            has_left: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            end_as: OnceLock::new(),
            open: Mutex::default(),
            holding: AtomicU32::new(0),
            running: AtomicU32::new(0),
            streams: AtomicU32::new(0),
            threads: AtomicU32::new(0),
            violations: AtomicU32::new(0),
            heard: AtomicU32::new(core.clock.now()),
            is_pinged: AtomicBool::new(false),
            partial_since: AtomicU32::new(0),
            has_ended: AtomicBool::new(false),
            is_held: AtomicBool::new(false),
            is_guest: AtomicBool::new(false),
        })))
    }

    /// One that is here for a single request: it is never on the board, and what is sent to it is refused.
    pub(crate) fn guest(
        core: &Arc<Core>,
        limits: Arc<Limits>,
        address: Option<SocketAddr>,
        encoding: u8,
    ) -> Result<Self, getrandom::Error> {
        let guest = Self::new(core, limits, address, encoding, None)?;
        guest.0.is_guest.store(true, Ordering::Release);
        guest.0.outbox.lose(CloseCode::NORMAL, "it asks over HTTP");
        Ok(guest)
    }

    pub(crate) fn format(&self) -> Format {
        self.0.format
    }

    pub(crate) fn encoding(&self) -> u8 {
        self.0.encoding
    }

    /// The bounds that its listener keeps to.
    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    pub(crate) fn waker(&self) -> &AtomicWaker {
        &self.0.waker
    }

    pub(crate) fn wake(&self) {
        self.0.waker.wake();
    }

    pub(crate) fn drained(&self) -> &Notify {
        &self.0.drained
    }

    /// Tells streams that wait for room that there is some.
    pub(crate) fn tell_drained(&self) {
        if self.0.streams.load(Ordering::Acquire) > 0 {
            self.0.drained.notify_waiters();
        }
    }

    pub(crate) fn holding(&self) -> &AtomicU32 {
        &self.0.holding
    }

    pub(crate) fn running(&self) -> &AtomicU32 {
        &self.0.running
    }

    /// Whether a controller of it is under way that is not a stream.
    pub(crate) fn has_running(&self) -> bool {
        self.0.running.load(Ordering::Acquire) > 0
    }

    /// Whether a controller or a stream of it is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.0.running.load(Ordering::Acquire) > 0 || self.0.streams.load(Ordering::Acquire) > 0
    }

    /// Whether as many controllers run for it as may, abandoned threads included.
    pub(crate) fn is_at_bound(&self, limit: usize) -> bool {
        let running = self
            .0
            .running
            .load(Ordering::Acquire)
            .max(self.0.threads.load(Ordering::Acquire));
        running as usize >= limit
    }

    pub(crate) fn threads(&self) -> &AtomicU32 {
        &self.0.threads
    }

    /// Lets go of what the application kept for the connection: it may hold the client itself.
    pub(crate) fn forget_session(&self) {
        let data = lock(&self.0.session).take();
        drop(data);
    }

    pub(crate) fn streams(&self) -> &AtomicU32 {
        &self.0.streams
    }

    /// Ends when the connection does.
    pub(crate) fn lifetime(&self) -> &CancellationToken {
        let token = self.0.lifetime.get_or_init(CancellationToken::new);
        if self.has_left() {
            token.cancel();
        }
        token
    }

    /// One violation more; true where it is one too many.
    pub(crate) fn violate(&self, limit: u32) -> bool {
        self.0.violations.fetch_add(1, Ordering::Relaxed) >= limit
    }

    pub(crate) fn hear(&self, now: u32) {
        self.0.heard.store(now, Ordering::Relaxed);
        self.0.is_pinged.store(false, Ordering::Relaxed);
    }

    /// Says whether it is not read for now.
    pub(crate) fn hold(&self, is_held: bool) {
        self.0.is_held.store(is_held, Ordering::Relaxed);
    }

    pub(crate) fn is_held(&self) -> bool {
        self.0.is_held.load(Ordering::Relaxed)
    }

    /// The server's clock when something was last heard, and whether a ping went out since.
    pub(crate) fn last_heard(&self) -> (u32, bool) {
        (
            self.0.heard.load(Ordering::Relaxed),
            self.0.is_pinged.load(Ordering::Relaxed),
        )
    }

    /// Says since when the rest of a message is waited for.
    pub(crate) fn await_rest(&self, since: Option<u32>) {
        let since = since.map_or(0, |now| now.max(1));
        self.0.partial_since.store(since, Ordering::Relaxed);
    }

    /// Starts that over, where a message is half-read.
    pub(crate) fn await_rest_again(&self, now: u32) {
        let is_waiting = |since| (since > 0).then_some(now.max(1));
        let _ = self
            .0
            .partial_since
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_waiting);
    }

    /// The server's clock when the message that is half-read began.
    pub(crate) fn partial_since(&self) -> Option<u32> {
        Some(self.0.partial_since.load(Ordering::Relaxed)).filter(|&since| since > 0)
    }

    /// Nothing more will come from it.
    pub(crate) fn set_ended(&self) {
        self.0.has_ended.store(true, Ordering::Release);
        // Against the one where a controller gives its place back: either it sees this, or the session sees that it has.
        fence(Ordering::SeqCst);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.has_ended.load(Ordering::Acquire)
    }

    /// Whether it can be asked for a sign of life.
    pub(crate) fn can_be_pinged(&self, core: &Core) -> bool {
        matches!(core.encoding(self.0.encoding).framing, Framing::WebSocket)
    }

    /// Has the session end because the server does.
    pub(crate) fn ask_to_end(&self, how: Shutdown) {
        // The first one counts, as with any close.
        let _ = self.0.end_as.set(how);
        self.wake();
    }

    pub(crate) fn asked_to_end(&self) -> Option<Shutdown> {
        self.0.end_as.get().copied().filter(|_| !self.is_closing())
    }

    /// Whether the connection is being ended, by whichever side.
    pub(crate) fn is_closing(&self) -> bool {
        self.0.is_closing.load(Ordering::Acquire)
    }

    /// A frame of the transport.
    pub(crate) fn control(&self, bytes: Box<[u8]>) {
        if let Some(core) = self.0.core.upgrade() {
            let len = bytes.len();
            let parcel = Parcel::control(self.0.encoding, bytes);
            self.push(&parcel, len, self.push_as(Slow::Close, turn::current()), &core);
        }
    }

    pub(crate) fn ping(&self) {
        self.0.is_pinged.store(true, Ordering::Relaxed);
        let mut bytes = Vec::new();
        switchboard_wire::websocket::encode_ping(&[], None, &mut bytes);
        self.control(bytes.into());
    }

    /// A delivery, where the client accepts the name.
    pub(crate) fn deliver(&self, parcel: &Arc<Parcel>, slow: Option<Slow>, turn: u64, core: &Core) -> Sent {
        let how = self.push_as(slow.unwrap_or(self.0.limits.slow), turn);
        self.take(parcel, how, core)
    }

    /// How something is pushed in this turn.
    pub(super) fn push_as(&self, slow: Slow, turn: u64) -> Push<'_> {
        Push {
            limits: &self.0.limits,
            slow,
            turn,
            if_accepted: true,
        }
    }

    /// Ends the connection. Answers and deliveries are refused from now on.
    pub(crate) fn shut_down(&self, how: Shutdown, code: CloseCode, reason: &str) {
        let Some(core) = self.0.core.upgrade() else { return };
        let close = core.encoding(self.0.encoding).close(code, reason);
        let close = close.map(|bytes| Parcel::control(self.0.encoding, bytes));
        self.0.outbox.close(how, close, code, reason);
        self.0.is_closing.store(true, Ordering::Release);
        self.wake();
    }

    /// The connection is gone: what waits for it is told, and it is in no mailbox any more. Gives back those it held.
    pub(crate) fn end(&self) -> Vec<Mailbox> {
        self.0.is_closing.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        let held = {
            let mut held = lock(&self.0.mailboxes);
            self.0.has_left.store(true, Ordering::Release);
            std::mem::take(&mut *held)
        };
        if let Some(core) = self.0.core.upgrade() {
            for mailbox in &held {
                core.mailboxes.remove(mailbox, self);
            }
        }
        if let Some(lifetime) = self.0.lifetime.get() {
            lifetime.cancel();
        }
        self.0.drained.notify_waiters();
        held
    }

    /// What a shutdown waits for.
    pub(crate) fn tasks(&self) -> Option<TaskTracker> {
        self.0.core.upgrade().map(|core| core.tasks.clone())
    }

    pub(crate) fn open_requests(&self) -> MutexGuard<'_, Vec<Arc<Shared>>> {
        lock(&self.0.open)
    }

    /// A delivery; what became of it is the caller's to count.
    pub(super) fn take(&self, parcel: &Arc<Parcel>, how: Push<'_>, core: &Core) -> Sent {
        let encoding = core.encoding(self.0.encoding);
        let Some(bytes) = parcel.prepare(self.0.encoding, encoding, &core.unwritable_told) else {
            if how.if_accepted && !self.0.outbox.accepts(&parcel.name) {
                return Sent::default();
            }
            core.counters.unwritable.one();
            return REFUSED;
        };
        if bytes.is_empty() {
            core.counters.unsaid.one();
            return REFUSED;
        }
        match self.push(parcel, bytes.len(), how, core) {
            Pushed::Taken => TAKEN,
            Pushed::Unwanted => Sent::default(),
            Pushed::Displaced(lost) => {
                core.counters.dropped.add(u64::from(lost));
                TAKEN
            }
            Pushed::Refused | Pushed::Overflow => REFUSED,
        }
    }

    fn push(&self, parcel: &Arc<Parcel>, bytes: usize, how: Push<'_>, core: &Core) -> Pushed {
        let (pushed, is_first) = self.0.outbox.push(parcel, bytes, how);
        self.pushed(pushed, is_first, core);
        pushed
    }

    #[inline]
    pub(super) fn pushed(&self, pushed: Pushed, is_first: bool, core: &Core) {
        if is_first {
            turn::touch(self);
        }
        if pushed == Pushed::Overflow {
            core.counters.slow_consumers.one();
            let address = self.address().map(tracing::field::display);
            tracing::info!(client = %self.id(), address, "closed: reads too slowly");
            self.shut_down(
                Shutdown::FinishMessages,
                CloseCode::SLOW_CONSUMER,
                "you read too slowly",
            );
        }
    }
}

const TAKEN: Sent = Sent {
    delivered: 1,
    dropped: 0,
};
const REFUSED: Sent = Sent {
    delivered: 0,
    dropped: 1,
};

impl Encoding {
    /// The bytes that say goodbye, where the transport has such.
    fn close(&self, code: CloseCode, reason: &str) -> Option<Box<[u8]>> {
        match self.framing {
            Framing::WebSocket => {
                let mut bytes = Vec::new();
                switchboard_wire::websocket::encode_close(code, reason, None, &mut bytes);
                Some(bytes.into())
            }
            Framing::Lines => None,
        }
    }
}
