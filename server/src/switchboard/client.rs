//! One connected peer.

mod answers;
mod peer;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use futures_util::task::AtomicWaker;
use serde::Serialize;
use switchboard_wire::{CloseCode, Error, Format, Formats, RawPayload, Text};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::id::{CLIENT, ClientId};
use super::join::JoinError;
use super::outbox::{Outbox, Push};
use super::parcel::Parcel;
use super::{Core, Sent, Shutdown, turn};
use crate::limits::Limits;
use crate::mailbox::Mailbox;
use crate::request::Shared;

/// A connected peer: what controllers know the sender as, and what they can keep to write to it later.
///
/// Cheap to clone. It may outlive the connection; then sending says that nobody took the message. Who asks a
/// [back end](crate::Listener::backend) is one that is never connected: it hears its answer and nothing else.
#[derive(Clone)]
pub struct Client(Arc<Peer>);

struct Peer {
    id: ClientId,
    address: Option<SocketAddr>,
    encoding: u8,
    format: Format,
    core: Weak<Core>,
    /// Its listener's.
    limits: Arc<Limits>,
    outbox: Outbox,
    /// Wakes the session's task.
    waker: AtomicWaker,
    /// Tells streams that the outbox has room again.
    drained: Notify,
    mailboxes: Mutex<Vec<Mailbox>>,
    session: Mutex<Option<Box<SessionData>>>,
    lifetime: OnceLock<CancellationToken>,
    has_left: AtomicBool,
    /// Nothing that still comes from it is handled.
    is_closing: AtomicBool,
    /// How the session is to end because the server does.
    end_as: OnceLock<Shutdown>,
    /// Requests with controllers that did not end at once.
    open: Mutex<Vec<Arc<Shared>>>,
    /// Ordered controllers that hold back the next message.
    holding: AtomicU32,
    running: AtomicU32,
    streams: AtomicU32,
    /// Threads of the blocking pool that work for it, also those whose outcome nobody waits for any more.
    threads: AtomicU32,
    violations: AtomicU32,
    /// The server's clock when something was last heard.
    heard: AtomicU32,
    is_pinged: AtomicBool,
    /// The server's clock when the message that is half-read began, at least 1; 0 where there is none.
    partial_since: AtomicU32,
    /// It sends nothing more, and waits for what it asked for.
    has_ended: AtomicBool,
    /// It is not read because its read-ahead is used up, so nothing can be heard from it.
    is_held: AtomicBool,
    /// It is here for one request, and never on the board.
    is_guest: AtomicBool,
}

/// What the application keeps for a connection, one value a type.
type SessionData = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl Client {
    /// What it is called.
    pub fn id(&self) -> ClientId {
        self.0.id
    }

    /// Where it connected from, seen through [trusted proxies](crate::Server::trust_proxy). None where that is not known: over
    /// a Unix socket, in memory, and mounted into an application that does not tell.
    pub fn address(&self) -> Option<SocketAddr> {
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
    /// [`JoinError`]: a reserved or malformed name, too many mailboxes, a client that has left, or one that is only here to
    /// [ask over HTTP](crate::Listener::backend).
    pub fn join(&self, mailbox: impl Into<Mailbox>) -> Result<bool, JoinError> {
        let mailbox = mailbox.into();
        let name = || mailbox.name().to_owned();
        let Some(core) = self.0.core.upgrade() else {
            return Err(JoinError::Left(name()));
        };
        if self.0.is_guest.load(Ordering::Acquire) {
            return Err(JoinError::NoConnection(name()));
        }
        if RESERVED.iter().any(|prefix| mailbox.name().starts_with(prefix)) {
            return Err(JoinError::Reserved(name()));
        }
        if let Err(error) = switchboard_router::check_name(mailbox.name(), self.0.limits.name_bytes) {
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
        if held.len() >= self.0.limits.mailboxes_per_client {
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
    /// Where the name is none, or the payload cannot be encoded.
    pub fn send<T: Serialize + ?Sized>(&self, name: impl Into<Text>, payload: &T) -> Result<Sent, Error> {
        let Some(core) = self.0.core.upgrade() else {
            return Ok(Sent {
                delivered: 0,
                dropped: 1,
            });
        };
        let name = core.checked(name.into())?;
        let payload = RawPayload::encode(payload, Formats::from(self.format())).map_err(Error::internal)?;
        let parcel = Parcel::delivery(name, None, Some(payload));
        Ok(turn::run(|| {
            let how = Push {
                if_accepted: false,
                ..self.push_as(self.0.limits.slow, turn::current())
            };
            core.count(self.take(&parcel, how, &core))
        }))
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

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Client {}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(address) => write!(f, "Client({} at {address})", self.id()),
            None => write!(f, "Client({})", self.id()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Mailboxes that only the server fills.
const RESERVED: [&str; 3] = [CLIENT, "users/", "switchboard/"];
