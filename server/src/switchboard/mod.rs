//! Who is connected and who holds which mailbox, and the one place that deliveries go through.

mod accepts;
mod client;
mod draft;
mod id;
mod join;
mod outbox;
mod parcel;
mod roster;
pub(crate) mod turn;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use serde::Serialize;
pub use switchboard_wire::Shutdown;
use switchboard_wire::{Error, Format, Formats, RawPayload, Text};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use accepts::Accepts;
pub use client::Client;
pub(crate) use draft::Draft;
pub use id::ClientId;
pub use join::JoinError;
pub(crate) use outbox::{Flushed, Outbox, Returned, Stage, Status};
pub(crate) use parcel::{ENCODINGS, Encoding, Framing, Kind, Parcel};
use roster::{Clients, Mailboxes as Roster};

use crate::counters::Counters;
use crate::limits::{Limits, Slow};
use crate::mailbox::{Mailbox, Mailboxes};
use crate::request::States;
use crate::session::Homes;
use crate::table::RouteTable;
use crate::throttle::Throttle;

/// Everything that the parts of one server share.
#[derive(Debug)]
pub(crate) struct Core {
    /// Those of listeners that have none of their own.
    pub(crate) limits: Arc<Limits>,
    pub(crate) counters: Counters,
    pub(crate) states: States,
    pub(crate) table: RouteTable,
    pub(crate) encodings: Vec<Encoding>,
    pub(crate) clients: Clients,
    /// Those that ask once, over HTTP, while they do: nothing reaches them but their answers, and a shutdown.
    pub(crate) guests: Clients,
    pub(crate) mailboxes: Roster,
    /// Clients by the format that they speak.
    speakers: [AtomicUsize; 2],
    /// Controllers under way, the ones that answer at once not counted.
    pub(crate) running: AtomicUsize,
    /// Where sessions live.
    pub(crate) homes: Homes,
    /// Sessions and controllers: what a shutdown waits for.
    pub(crate) tasks: TaskTracker,
    /// Ends when the server takes no more messages.
    pub(crate) stopping: CancellationToken,
    /// The same for who asks at every message: a token has a lock.
    is_stopping: AtomicBool,
    pub(crate) clock: Clock,
    /// For the log of what cannot be written in a client's format.
    pub(crate) unwritable_told: Throttle,
    /// For the log of what a dialect has no word for.
    pub(crate) unsaid_told: Throttle,
}

/// The server's clock in ticks of the sweeper: reading it costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU32);

impl Clock {
    pub(crate) fn now(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn tick(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}

impl Core {
    pub(crate) fn new(limits: Arc<Limits>, states: States, table: RouteTable, encodings: Vec<Encoding>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            counters: Counters::default(),
            states,
            table,
            encodings,
            clients: Clients::new(),
            guests: Clients::new(),
            mailboxes: Roster::new(),
            speakers: Default::default(),
            running: AtomicUsize::new(0),
            homes: Homes::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            is_stopping: AtomicBool::new(false),
            clock: Clock::default(),
            unwritable_told: Throttle::default(),
            unsaid_told: Throttle::default(),
        })
    }

    /// An encoding that a listener was given; the first where there is none of this number, which no listener has.
    #[inline]
    pub(crate) fn encoding(&self, index: u8) -> &Encoding {
        self.encodings.get(usize::from(index)).unwrap_or(&self.encodings[0])
    }

    /// Takes no more messages.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.stopping.cancel();
    }

    /// Whether no more messages are taken.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    pub(crate) fn enter(&self, client: &Client) {
        self.speakers[slot(client.format())].fetch_add(1, Ordering::Relaxed);
        self.clients.add(client);
        self.counters.accepted.one();
    }

    /// Takes a client off the board; deliveries do not reach it any more. Gives back the mailboxes that it held.
    pub(crate) fn leave(&self, client: &Client) -> Vec<Mailbox> {
        self.clients.remove(client);
        self.speakers[slot(client.format())].fetch_sub(1, Ordering::Relaxed);
        self.counters.left.one();
        client.end()
    }

    /// Counts what became of deliveries, once for many of them.
    fn count(&self, sent: Sent) -> Sent {
        self.counters.delivered.add(u64::from(sent.delivered));
        self.counters.dropped.add(u64::from(sent.dropped));
        sent
    }

    /// A name that a delivery can travel under.
    fn checked(&self, name: Text) -> Result<Text, Error> {
        switchboard_router::check_name(&name, self.limits.name_bytes)
            .map_err(|error| Error::internal(format!("a message cannot be named {name:?}: {error}")))?;
        Ok(name)
    }

    /// The formats that connected clients speak.
    fn formats(&self) -> Formats {
        [Format::Json, Format::MessagePack]
            .into_iter()
            .filter(|format| self.speakers[slot(*format)].load(Ordering::Relaxed) > 0)
            .fold(Formats::NONE, |formats, format| formats | Formats::from(format))
    }
}

fn slot(format: Format) -> usize {
    match format {
        Format::Json => 0,
        Format::MessagePack => 1,
    }
}

/// How many outboxes on this node took a delivery, and how many refused it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Outboxes that took it.
    pub delivered: u32,
    /// Outboxes that were full, or could not have it written in their format.
    pub dropped: u32,
}

impl std::ops::AddAssign for Sent {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.dropped += other.dropped;
    }
}

/// What is delivered, and how.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) name: Text,
    pub(crate) payload: Option<RawPayload>,
    pub(crate) except: Option<&'a Client>,
    /// What happens to a recipient whose outbox is full; none: what its listener says.
    pub(crate) slow: Option<Slow>,
}

/// Who is connected and who holds which mailbox: the handle that controllers and background tasks send with.
///
/// Cheap to clone. Sending is a plain call that never blocks; what it returns is what happened on this node. The queries are
/// async, so that other nodes can answer one day.
#[derive(Clone)]
pub struct Switchboard(Arc<Core>);

impl Switchboard {
    /// Sends to every client that accepts the name.
    ///
    /// # Errors
    ///
    /// Where the name is none, or the payload cannot be encoded; nobody got it.
    pub fn send_all<T: Serialize + ?Sized>(&self, name: impl Into<Text>, payload: &T) -> Result<Sent, Error> {
        let delivery = self.delivery(name.into(), payload)?;
        Ok(self.deliver_all(delivery))
    }

    /// Sends to every client that holds one of the mailboxes and accepts the name; to each once.
    ///
    /// # Errors
    ///
    /// As [`send_all`](Self::send_all).
    pub fn send_to_mailbox<T: Serialize + ?Sized>(
        &self,
        mailboxes: impl Into<Mailboxes>,
        name: impl Into<Text>,
        payload: &T,
    ) -> Result<Sent, Error> {
        let delivery = self.delivery(name.into(), payload)?;
        Ok(self.deliver_to(&mailboxes.into(), &delivery))
    }

    /// The same switchboard without one client: what is sent through it does not reach that one.
    ///
    /// ```
    /// use switchboard_server::{Client, Error, Sent, Switchboard};
    ///
    /// fn tell_the_others(board: &Switchboard, sender: &Client) -> Result<Sent, Error> {
    ///     board.except(sender).send_to_mailbox("rooms/lobby", "rooms/lobby/joined", "kevin")
    /// }
    /// ```
    pub fn except<'a>(&'a self, client: &'a Client) -> Others<'a> {
        Others { board: self, client }
    }

    /// How many clients are connected.
    pub async fn count(&self) -> usize {
        self.0.clients.len()
    }

    /// How many clients hold this mailbox.
    pub async fn count_holders(&self, mailbox: &Mailbox) -> usize {
        match ClientId::of_mailbox(mailbox.name()) {
            Some(id) => usize::from(self.0.clients.get(id).is_some()),
            None => self.0.mailboxes.len(mailbox),
        }
    }

    /// How many mailboxes somebody holds, the clients' own not counted.
    pub async fn count_mailboxes(&self) -> usize {
        self.0.mailboxes.count()
    }

    /// The clients that are connected.
    pub async fn clients(&self) -> Vec<Client> {
        let mut clients = Vec::new();
        self.0.clients.for_each(|client| clients.push(client.clone()));
        clients
    }

    /// The clients that hold this mailbox.
    pub async fn holders(&self, mailbox: &Mailbox) -> Vec<Client> {
        let mut holders = Vec::new();
        self.for_each_holder(mailbox, |client| holders.push(client.clone()));
        holders
    }

    /// The client of this id, where it is connected to this node.
    pub fn client(&self, id: ClientId) -> Option<Client> {
        self.0.clients.get(id)
    }

    /// What happened since the server started.
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// The bounds that the server keeps to.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The routes that the server installed.
    pub fn routes(&self) -> &RouteTable {
        &self.0.table
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0
    }

    pub(crate) fn states(&self) -> &States {
        &self.0.states
    }

    pub(crate) fn formats(&self) -> Formats {
        self.0.formats()
    }

    pub(crate) fn deliver_all(&self, delivery: Delivery<'_>) -> Sent {
        let core = &self.0;
        let parcel = Parcel::delivery(delivery.name, None, delivery.payload);
        let mut sent = Sent::default();
        turn::run(|| {
            let turn = turn::current();
            core.clients.for_each(|client| {
                if delivery.except != Some(client) {
                    sent += client.deliver(&parcel, delivery.slow, turn, core);
                }
            });
        });
        core.count(sent)
    }

    pub(crate) fn deliver_to(&self, mailboxes: &Mailboxes, delivery: &Delivery<'_>) -> Sent {
        let core = &self.0;
        let mut sent = Sent::default();
        let mut reached = (mailboxes.iter().nth(1).is_some()).then(HashSet::new);
        turn::run(|| {
            let turn = turn::current();
            for mailbox in mailboxes.iter() {
                let parcel = Parcel::delivery(
                    delivery.name.clone(),
                    Some(mailbox.text().clone()),
                    delivery.payload.clone(),
                );
                self.for_each_holder(mailbox, |client| {
                    let is_first = reached.as_mut().is_none_or(|reached| reached.insert(client.id()));
                    if is_first && delivery.except != Some(client) {
                        sent += client.deliver(&parcel, delivery.slow, turn, core);
                    }
                });
            }
        });
        core.count(sent)
    }

    fn for_each_holder(&self, mailbox: &Mailbox, mut f: impl FnMut(&Client)) {
        match ClientId::of_mailbox(mailbox.name()) {
            Some(id) => {
                if let Some(client) = self.0.clients.get(id) {
                    f(&client);
                }
            }
            None => self.0.mailboxes.for_each(mailbox, f),
        }
    }

    fn delivery<T: Serialize + ?Sized>(&self, name: Text, payload: &T) -> Result<Delivery<'static>, Error> {
        Ok(Delivery {
            name: self.0.checked(name)?,
            payload: Some(RawPayload::encode(payload, self.formats()).map_err(Error::internal)?),
            except: None,
            slow: None,
        })
    }
}

/// The clients of a [`Switchboard`] but one; see [`Switchboard::except`].
#[derive(Clone, Copy, Debug)]
pub struct Others<'a> {
    board: &'a Switchboard,
    client: &'a Client,
}

impl Others<'_> {
    /// Sends to every other client that accepts the name.
    ///
    /// # Errors
    ///
    /// As [`Switchboard::send_all`].
    pub fn send_all<T: Serialize + ?Sized>(&self, name: impl Into<Text>, payload: &T) -> Result<Sent, Error> {
        Ok(self.board.deliver_all(self.delivery(name.into(), payload)?))
    }

    /// Sends to every other client that holds one of the mailboxes and accepts the name; to each once.
    ///
    /// # Errors
    ///
    /// As [`Switchboard::send_all`].
    pub fn send_to_mailbox<T: Serialize + ?Sized>(
        &self,
        mailboxes: impl Into<Mailboxes>,
        name: impl Into<Text>,
        payload: &T,
    ) -> Result<Sent, Error> {
        let delivery = self.delivery(name.into(), payload)?;
        Ok(self.board.deliver_to(&mailboxes.into(), &delivery))
    }

    fn delivery<T: Serialize + ?Sized>(&self, name: Text, payload: &T) -> Result<Delivery<'_>, Error> {
        Ok(Delivery {
            except: Some(self.client),
            ..self.board.delivery(name, payload)?
        })
    }
}

impl From<Arc<Core>> for Switchboard {
    fn from(core: Arc<Core>) -> Self {
        Self(core)
    }
}

impl fmt::Debug for Switchboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switchboard")
            .field("clients", &self.0.clients.len())
            .field("mailboxes", &self.0.mailboxes.count())
            .finish()
    }
}
