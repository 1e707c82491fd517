//! What the rest of the server does with a client.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use futures_util::task::AtomicWaker;
use switchboard_wire::{CloseCode, Error, Format, Frame, RawPayload, Text};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Client, Peer, lock};
use crate::limits::Slow;
use crate::mailbox::Mailbox;
use crate::request::Shared;
use crate::switchboard::accepts::Accepts;
use crate::switchboard::outbox::{Outbox, Pushed, Shutdown};
use crate::switchboard::parcel::{Encoding, Framing, Parcel};
use crate::switchboard::{ClientId, Core, Sent, turn};

impl Client {
    pub(crate) fn new(
        core: &Arc<Core>,
        address: SocketAddr,
        encoding: u8,
        socket: Option<OwnedWriteHalf>,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self(Arc::new(Peer {
            id: ClientId::random()?,
            address,
            encoding,
            format: core.encoding(encoding).dialect.format(),
            core: Arc::downgrade(core),
            outbox: Outbox::new(socket, encoding),
            waker: AtomicWaker::new(),
            drained: Notify::new(),
            mailboxes: Mutex::default(),
            accepts: RwLock::default(),
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
            is_held: AtomicBool::new(false),
        })))
    }

    pub(crate) fn format(&self) -> Format {
        self.0.format
    }

    pub(crate) fn encoding(&self) -> u8 {
        self.0.encoding
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

    pub(crate) fn holding(&self) -> &AtomicU32 {
        &self.0.holding
    }

    pub(crate) fn running(&self) -> &AtomicU32 {
        &self.0.running
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

    /// Whether deliveries under this name are wanted.
    pub(crate) fn accepts(&self, name: &str) -> bool {
        let accepts = self.0.accepts.read().unwrap_or_else(PoisonError::into_inner);
        accepts.as_ref().is_none_or(|accepts| accepts.accept(name))
    }

    pub(crate) fn set_accepts(&self, accepts: Accepts) {
        *self.0.accepts.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(accepts));
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
            let parcel = Parcel::control(self.0.encoding, bytes);
            self.push(&parcel, Slow::Close, &core);
        }
    }

    pub(crate) fn ping(&self) {
        self.0.is_pinged.store(true, Ordering::Relaxed);
        let mut bytes = Vec::new();
        switchboard_wire::websocket::encode_ping(&[], None, &mut bytes);
        self.control(bytes.into());
    }

    /// An answer: it always passes, and where it does not fit the client is closed.
    pub(crate) fn answer(&self, name: &Text, payload: Option<&RawPayload>, frame: &Frame<'_>) {
        let Some(core) = self.0.core.upgrade() else { return };
        match core.encoding(self.0.encoding).encode(frame) {
            Ok(bytes) => {
                let parcel = Parcel::answer(name.clone(), payload.cloned(), self.0.encoding, bytes);
                self.push(&parcel, Slow::Close, &core);
            }
            Err(error) => {
                core.counters.unwritable.one();
                if core.unwritable_told.may_tell() {
                    tracing::warn!(client = %self.id(), %name, %error, "an answer cannot be written in the client's format (told once a minute)");
                }
                self.answer_instead(&core, frame);
            }
        }
    }

    /// A delivery, where the client accepts the name.
    pub(crate) fn deliver(&self, parcel: &Arc<Parcel>, slow: Slow, core: &Core) -> Sent {
        if !self.accepts(&parcel.name) {
            return Sent::default();
        }
        self.take(parcel, slow, core)
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

    pub(super) fn take(&self, parcel: &Arc<Parcel>, slow: Slow, core: &Core) -> Sent {
        if parcel
            .prepare(self.0.encoding, core.encoding(self.0.encoding), &core.unwritable_told)
            .is_none()
        {
            core.counters.unwritable.one();
            core.counters.dropped.one();
            return Sent {
                delivered: 0,
                dropped: 1,
            };
        }
        let sent = match self.push(parcel, slow, core) {
            Pushed::Taken => Sent {
                delivered: 1,
                dropped: 0,
            },
            Pushed::Displaced(lost) => {
                core.counters.dropped.add(u64::from(lost));
                Sent {
                    delivered: 1,
                    dropped: 0,
                }
            }
            Pushed::Refused | Pushed::Overflow => Sent {
                delivered: 0,
                dropped: 1,
            },
        };
        core.counters.delivered.add(u64::from(sent.delivered));
        core.counters.dropped.add(u64::from(sent.dropped));
        sent
    }

    fn push(&self, parcel: &Arc<Parcel>, slow: Slow, core: &Core) -> Pushed {
        let (pushed, is_first) = self.0.outbox.push(parcel, slow, &core.limits, turn::current());
        if is_first {
            turn::touch(self);
        }
        if pushed == Pushed::Overflow {
            core.counters.slow_consumers.one();
            tracing::info!(client = %self.id(), address = %self.address(), "closed: reads too slowly");
            self.shut_down(
                Shutdown::FinishMessages,
                CloseCode::SLOW_CONSUMER,
                "you read too slowly",
            );
        }
        pushed
    }

    /// The request is still owed its final frame: an error that any format can write.
    fn answer_instead(&self, core: &Core, frame: &Frame<'_>) {
        let error = Error::new(
            switchboard_wire::code::INTERNAL,
            "the answer cannot be written in the format of this connection",
        );
        let (ticket, name, end) = match *frame {
            Frame::Answer { ticket, name, end, .. } => (ticket, Some(name), end),
            Frame::Failed { ticket, name, end, .. } => (ticket, name, end),
            Frame::Done { .. } | Frame::Delivery { .. } => return,
        };
        let failed = Frame::Failed {
            ticket,
            name,
            error: &error,
            end,
        };
        if let Ok(bytes) = core.encoding(self.0.encoding).encode(&failed) {
            let parcel = Parcel::answer(Text::from(name.unwrap_or_default()), None, self.0.encoding, bytes);
            self.push(&parcel, Slow::Close, core);
        }
    }
}

impl Encoding {
    /// The bytes that say goodbye, where the transport has such.
    fn close(&self, code: CloseCode, reason: &str) -> Option<Box<[u8]>> {
        match self.framing {
            Framing::WebSocket => {
                let mut bytes = Vec::new();
                switchboard_wire::websocket::encode_close(code, reason, None, &mut bytes);
                Some(bytes.into())
            }
        }
    }
}
