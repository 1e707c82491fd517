//! One connected peer.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};

use futures_util::task::AtomicWaker;
use serde::Serialize;
use switchboard_wire::{CloseCode, Error, Format, Formats, Frame, RawPayload, Text};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accepts::Accepts;
use super::outbox::{Outbox, Pushed, Shutdown};
use super::parcel::{Encoding, Parcel};
use super::{Core, Sent, turn};
use crate::limits::Slow;
use crate::mailbox::Mailbox;
use crate::request::Shared;

/// A connected peer: what controllers know the sender as, and what they can keep to write to it later.
///
/// Cheap to clone. It may outlive the connection; then sending says that nobody took the message.
#[derive(Clone)]
pub struct Client(Arc<Peer>);

struct Peer {
    id: ClientId,
    address: SocketAddr,
    encoding: u8,
    format: Format,
    core: Weak<Core>,
    outbox: Outbox,
    /// Wakes the session's task.
    waker: AtomicWaker,
    /// Tells streams that the outbox has room again.
    drained: Notify,
    mailboxes: Mutex<Vec<Mailbox>>,
    /// None: all names.
    accepts: RwLock<Option<Box<Accepts>>>,
    session: Mutex<Option<Box<SessionData>>>,
    lifetime: OnceLock<CancellationToken>,
    has_left: AtomicBool,
    /// Nothing that still comes from it is handled.
    is_closing: AtomicBool,
    /// Requests with controllers that did not end at once.
    open: Mutex<Vec<Arc<Shared>>>,
    /// Ordered controllers that hold back the next message.
    holding: AtomicU32,
    running: AtomicU32,
    streams: AtomicU32,
    violations: AtomicU32,
    /// The server's clock when something was last heard.
    heard: AtomicU32,
    is_pinged: AtomicBool,
    /// It is not read because its read-ahead is used up, so nothing can be heard from it.
    is_held: AtomicBool,
}

/// What the application keeps for a connection, one value a type.
type SessionData = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// What a client is called: 128 random bits, so that knowing one is a permission to write to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u128);

impl ClientId {
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(u128::from_ne_bytes(bytes)))
    }

    /// The id of the client whose own mailbox this is.
    pub(crate) fn of_mailbox(mailbox: &str) -> Option<Self> {
        let digits = mailbox.strip_prefix(CLIENT)?;
        let is_canonical = digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_canonical
            .then(|| u128::from_str_radix(digits, 16).ok())
            .flatten()
            .map(Self)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for ClientId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a client could not be let into a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Mailboxes under `client/`, `users/` and `switchboard/` are given by the server.
    #[error("mailbox {0:?} cannot be joined: names under client/, users/ and switchboard/ are the server's to give")]
    Reserved(String),
    /// The name is no name.
    #[error("mailbox {0:?} cannot be joined: {1}")]
    BadName(String, String),
    /// The client holds as many as [`Limits::mailboxes_per_client`](crate::Limits::mailboxes_per_client) allows.
    #[error("mailbox {0:?} cannot be joined: this client holds {1} already, which is the limit")]
    TooMany(String, usize),
    /// The client has left.
    #[error("mailbox {0:?} cannot be joined: the client has left")]
    Left(String),
}

impl From<JoinError> for Error {
    fn from(error: JoinError) -> Self {
        use switchboard_wire::code;
        let code = match error {
            JoinError::Reserved(_) => code::FORBIDDEN,
            JoinError::BadName(..) => code::BAD_PAYLOAD,
            JoinError::TooMany(..) => code::OVERLOADED,
            JoinError::Left(_) => code::UNAVAILABLE,
        };
        Self::new(code, error.to_string())
    }
}

/// What controllers do with a client.
impl Client {
    /// What it is called.
    pub fn id(&self) -> ClientId {
        self.0.id
    }

    /// Where it connected from, seen through [trusted proxies](crate::Server::trust_proxy).
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// The mailbox that it alone holds, `client/<id>`.
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::new(format!("{CLIENT}{}", self.id()))
    }

    /// The mailboxes that it holds, its own first.
    pub fn mailboxes(&self) -> Vec<Mailbox> {
        let mut mailboxes = vec![self.mailbox()];
        mailboxes.extend(lock(&self.0.mailboxes).iter().cloned());
        mailboxes
    }

    /// Whether it holds this mailbox.
    pub fn holds(&self, mailbox: &Mailbox) -> bool {
        ClientId::of_mailbox(mailbox.name()) == Some(self.id()) || lock(&self.0.mailboxes).contains(mailbox)
    }

    /// Lets it hold a mailbox, too. False where it did already.
    ///
    /// # Errors
    ///
    /// [`JoinError`]: a reserved or malformed name, too many mailboxes, or a client that has left.
    pub fn join(&self, mailbox: impl Into<Mailbox>) -> Result<bool, JoinError> {
        let mailbox = mailbox.into();
        let name = || mailbox.name().to_owned();
        let Some(core) = self.0.core.upgrade() else {
            return Err(JoinError::Left(name()));
        };
        if RESERVED.iter().any(|prefix| mailbox.name().starts_with(prefix)) {
            return Err(JoinError::Reserved(name()));
        }
        if let Err(error) = switchboard_router::check_name(mailbox.name(), core.limits.name_bytes) {
            return Err(JoinError::BadName(name(), error.to_string()));
        }
        let mut held = lock(&self.0.mailboxes);
        // Under the lock that leaving takes too, so that nobody joins after having been cleared away.
        if self.has_left() {
            return Err(JoinError::Left(name()));
        }
        if held.contains(&mailbox) {
            return Ok(false);
        }
        if held.len() >= core.limits.mailboxes_per_client {
            core.counters.joins_refused.one();
            return Err(JoinError::TooMany(name(), held.len()));
        }
        core.mailboxes.add(&mailbox, self);
        held.push(mailbox);
        Ok(true)
    }

    /// Takes it out of a mailbox. False where it did not hold it.
    pub fn leave(&self, mailbox: &Mailbox) -> bool {
        let mut held = lock(&self.0.mailboxes);
        let Some(at) = held.iter().position(|other| other == mailbox) else {
            return false;
        };
        held.swap_remove(at);
        if let Some(core) = self.0.core.upgrade() {
            core.mailboxes.remove(mailbox, self);
        }
        true
    }

    /// Sends it a message, whatever it accepts. Never blocks; says whether its outbox took it.
    ///
    /// # Errors
    ///
    /// Where the payload cannot be encoded.
    pub fn send<T: Serialize + ?Sized>(&self, name: impl Into<Text>, payload: &T) -> Result<Sent, Error> {
        let Some(core) = self.0.core.upgrade() else {
            return Ok(Sent {
                delivered: 0,
                dropped: 1,
            });
        };
        let payload = RawPayload::encode(payload, Formats::from(self.format())).map_err(Error::internal)?;
        let parcel = Parcel::delivery(name.into(), None, Some(payload));
        Ok(turn::run(|| self.take(&parcel, core.limits.slow, &core)))
    }

    /// Ends the connection once all that is queued for it is sent. The code tells the client whether to come back.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.shut_down(Shutdown::FinishQueues, code, reason);
    }

    /// A value that belongs to this connection, one a type; what an earlier message put there.
    pub fn session<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let session = lock(&self.0.session);
        let value = session.as_ref()?.get(&TypeId::of::<T>())?;
        Arc::clone(value).downcast().ok()
    }

    /// Puts a value there for later messages of this connection, in place of one of the same type.
    pub fn set_session<T: Send + Sync + 'static>(&self, value: T) {
        lock(&self.0.session)
            .get_or_insert_default()
            .insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// Takes a value of this type away.
    pub fn clear_session<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = lock(&self.0.session).as_mut()?.remove(&TypeId::of::<T>())?;
        value.downcast().ok()
    }

    /// Whether the connection has ended.
    pub fn has_left(&self) -> bool {
        self.0.has_left.load(Ordering::Acquire)
    }
}

/// What the rest of the server does with a client.
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
            open: Mutex::default(),
            holding: AtomicU32::new(0),
            running: AtomicU32::new(0),
            streams: AtomicU32::new(0),
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

    fn take(&self, parcel: &Arc<Parcel>, slow: Slow, core: &Core) -> Sent {
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

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Client {}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} at {})", self.id(), self.address())
    }
}

impl Encoding {
    /// The bytes that say goodbye, where the transport has such.
    fn close(&self, code: CloseCode, reason: &str) -> Option<Box<[u8]>> {
        match self.framing {
            super::parcel::Framing::WebSocket => {
                let mut bytes = Vec::new();
                switchboard_wire::websocket::encode_close(code, reason, None, &mut bytes);
                Some(bytes.into())
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const CLIENT: &str = "client/";
/// Mailboxes that only the server fills.
const RESERVED: [&str; 3] = [CLIENT, "users/", "switchboard/"];
