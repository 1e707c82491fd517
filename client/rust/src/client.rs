//! The handle: what an application does with a client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use switchboard_wire::{Message, NamePattern, NotAPattern};
use tokio::sync::{oneshot, watch};

use crate::builder::{AddressError, Builder};
use crate::channel::Channel;
use crate::counters::Counters;
use crate::error::{Ended, Refusal, SendError};
use crate::hello::Hello;
use crate::request::{Answers, Receipted, Request, Wait};
use crate::shared::{ACCEPT, Accept, HELLO, Shared, Waiter};
use crate::state::State;
use crate::subscription::Subscription;
use crate::table::Kind;

/// A client of a server. Cheap to clone, and used from any number of tasks; all clones are one client. When the last is
/// dropped, and the last request is over, it says goodbye.
///
/// ```
/// use switchboard_client::Client;
///
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Level { level: u8 }
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::connect("ws://127.0.0.1:8000/switchboard")?;
/// let Level { level } = client.request("mixer/volume_up", &()).await?;
/// client.send("mixer/set", &Level { level: level / 2 })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) handle: Arc<Handle>,
    timeout: Duration,
    /// The one connection that it is for.
    generation: Option<u64>,
}

/// What became of a message that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Posted {
    /// It leaves as soon as the connection takes it.
    Sent,
    /// It waits for a connection.
    Queued,
}

/// Held by whoever wants the client to live.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Client {
    /// A client with the usual settings. Returns at once and connects in the background; see [`builder`](Self::builder).
    ///
    /// # Errors
    ///
    /// Where the address is none.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime: it needs one to connect in. (A program without `async` makes one, and
    /// [enters](tokio::runtime::Runtime::enter) it.)
    pub fn connect(address: &str) -> Result<Self, AddressError> {
        Self::builder(address).connect()
    }

    /// A client that is to be told more before it connects.
    ///
    /// | address | reaches |
    /// |---|---|
    /// | `ws://host:port/path` | a WebSocket; port 80 and the path `/switchboard` unless said |
    /// | `wss://host:port/path` | the same over TLS; port 443 unless said; needs the feature `tls`, and `Builder::tls` |
    /// | `ws+unix:/run/app.sock` | a WebSocket at `/switchboard` over a Unix socket |
    /// | `tcp://host:port` | JSON in lines |
    /// | `tls://host:port` | the same over TLS; needs the feature `tls` |
    /// | `unix:/run/app.sock` | JSON in lines over a Unix socket |
    pub fn builder(address: &str) -> Builder {
        Builder::new(address)
    }

    pub(crate) fn new(handle: Arc<Handle>, generation: Option<u64>) -> Self {
        let timeout = handle.shared.config.limits.request;
        Self {
            handle,
            timeout,
            generation,
        }
    }

    /// The same client, whose requests may take so long (for each next frame), in place of [`Limits::request`](crate::Limits::request).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn run(client: switchboard_client::Client) -> Result<(), switchboard_client::RequestError> {
    /// let quick = client.within(Duration::from_secs(1));
    /// let level: u8 = quick.request("mixer/level", &()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// Sends a message that asks for no answer; `&()`, and all else that is written as `null`, is no payload. Never waits: it is
    /// queued, and says whether there is a connection to take it.
    ///
    /// What is sent when a connection breaks is lost without a word: ask for an answer where that matters.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message: too many wait, it is too long, the client is closed, or the payload cannot be written.
    pub fn send(&self, name: &str, payload: &(impl Serialize + ?Sized)) -> Result<Posted, SendError> {
        let message = self.shared().message(name, payload);
        let message = message.map_err(|why| SendError { why, message: None })?;
        self.send_message(message)
    }

    /// As [`send`](Self::send), for a message that exists: one that [came back](SendError::message), say. Its uid is left out.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_message(&self, message: Message) -> Result<Posted, SendError> {
        let message = self.shared().fit(message)?;
        let leaves = self.shared().send(message, self.generation)?;
        Ok(if leaves { Posted::Sent } else { Posted::Queued })
    }

    /// Waits until there is room for another message. Where several wait, each has to look whether it was quicker.
    ///
    /// ```
    /// # use switchboard_client::{Client, Ended, Refusal};
    /// # async fn run(client: Client) -> Result<(), Ended> {
    /// for n in 0..1_000_000 {
    ///     while let Err(error) = client.send("numbers", &n) {
    ///         assert!(matches!(error.why, Refusal::QueueFull));
    ///         client.ready_to_send().await?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// How the client was closed.
    pub async fn ready_to_send(&self) -> Result<(), Ended> {
        loop {
            let room = self.shared().room.notified();
            let mut room = std::pin::pin!(room);
            // From here on nothing is missed.
            room.as_mut().enable();
            if self.shared().has_room(self.generation)? {
                return Ok(());
            }
            room.await;
        }
    }

    /// Sends a message and waits for its result: the first answer, or else the first error. It is sent, or queued, at once; what
    /// is given back is the wait for the answer, and ends the request when it is dropped.
    ///
    /// Without a connection it waits for one, and is sent if its time is not up. If the connection ends under way it is
    /// [lost](crate::RequestError::Lost); it is never sent twice.
    pub fn request<T: DeserializeOwned>(&self, name: &str, payload: &(impl Serialize + ?Sized)) -> Request<T> {
        Request::new(self.wait_for(name, payload, Kind::One))
    }

    /// As [`request`](Self::request), and asks where the message goes: how many routes match, how many clients a delivery is on
    /// its way to, and how many it cannot reach.
    ///
    /// ```
    /// # use switchboard_client::{Client, RequestError};
    /// # async fn run(client: Client) -> Result<(), RequestError> {
    /// let outcome = client.request_with_receipt::<()>("news", "tea is ready").await;
    /// if let Some(receipt) = outcome.receipt {
    ///     println!("{} hear it, {} do not", receipt.delivered, receipt.dropped);
    /// }
    /// outcome.result
    /// # }
    /// ```
    pub fn request_with_receipt<T: DeserializeOwned>(
        &self,
        name: &str,
        payload: &(impl Serialize + ?Sized),
    ) -> Receipted<T> {
        Receipted::new(self.wait_for(name, payload, Kind::WithReceipt))
    }

    /// Asks the server what it calls this connection, and which bounds it keeps to.
    ///
    /// ```
    /// # async fn run(client: switchboard_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// # let text = String::new();
    /// let hello = client.hello().await?;
    /// if text.len() + 100 > hello.limits.message_bytes {
    ///     return Err("too long for this server".into());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn hello(&self) -> Request<Hello> {
        self.request(HELLO, &())
    }

    /// Sends a message and gives back all its answers, as they come.
    ///
    /// ```
    /// # use switchboard_client::{Client, RequestError};
    /// # async fn run(client: Client) -> Result<(), RequestError> {
    /// let mut lines = client.request_stream::<String>("log/follow", &());
    /// while let Some(line) = lines.next().await {
    ///     println!("{}", line?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn request_stream<T: DeserializeOwned>(&self, name: &str, payload: &(impl Serialize + ?Sized)) -> Answers<T> {
        let channel = Arc::new(Channel::new(&self.shared().config.limits));
        match self.open(name, payload, Kind::Many, Waiter::Many(Arc::clone(&channel))) {
            Ok(uid) => Answers::new(Arc::clone(&self.handle), uid, channel),
            Err((refusal, _)) => Answers::refused(refusal),
        }
    }

    /// The deliveries under these names from now on: a name, `prefix/*` for one or more segments below `prefix`, or `*`. Which
    /// ones the server sends is for [`accept`](Self::accept) to say.
    ///
    /// ```
    /// # async fn run(client: switchboard_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut levels = client.on("mixer/level")?;
    /// while let Some(delivery) = levels.next().await {
    ///     println!("now at {}", delivery?.decode::<u8>()?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the pattern is none.
    pub fn on(&self, pattern: &str) -> Result<Subscription, NotAPattern> {
        let pattern: NamePattern = pattern.parse()?;
        Ok(Subscription::new(Arc::clone(&self.handle.shared), pattern))
    }

    /// Says which deliveries the server is to send, in place of what was said before; patterns as those of [`on`](Self::on),
    /// none at all to hear nothing. It is remembered from now on, and said again on each connection ahead of all else; the
    /// answer may be that of a later connection.
    pub fn accept<N: Into<String>>(&self, names: impl IntoIterator<Item = N>) -> Request<()> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.shared().set_accepted(names.clone());
        Request::new(self.wait_for(ACCEPT, &Accept { names: &names }, Kind::Accept))
    }

    /// What the client is doing now.
    pub fn state(&self) -> State {
        self.shared().state.borrow().clone()
    }

    /// What it is doing, and every change that there is time to see.
    pub fn states(&self) -> watch::Receiver<State> {
        self.shared().state.subscribe()
    }

    /// Waits until it is connected.
    ///
    /// # Errors
    ///
    /// How it was closed.
    pub async fn connected(&self) -> Result<(), Ended> {
        let mut states = self.states();
        let state = states
            .wait_for(|state| matches!(state, State::Connected | State::Closed(_)))
            .await;
        match state.as_deref() {
            Ok(State::Closed(why)) => Err(why.clone()),
            // The sender lives as long as this handle.
            _ => Ok(()),
        }
    }

    /// Says goodbye, for good: nothing more is taken; what is queued is sent where there is a connection, for as long as
    /// [`Limits::close`](crate::Limits::close); then what is not settled is. Returns at once; [`closed`](Self::closed) waits.
    pub fn close(&self) {
        self.shared().close();
    }

    /// Waits until the client is closed, by whom ever, and says how.
    pub async fn closed(&self) -> Ended {
        let mut states = self.states();
        let state = states.wait_for(|state| matches!(state, State::Closed(_))).await;
        match state.as_deref() {
            Ok(State::Closed(why)) => why.clone(),
            _ => Ended::Ours,
        }
    }

    /// Requests that are not settled.
    pub fn open_requests(&self) -> usize {
        self.shared().counts().0
    }

    /// Messages that wait to be sent.
    pub fn queued(&self) -> usize {
        self.shared().counts().1
    }

    /// What has happened, in numbers.
    pub fn counters(&self) -> &Counters {
        &self.shared().counters
    }

    /// Opens a request for one outcome.
    fn wait_for(&self, name: &str, payload: &(impl Serialize + ?Sized), kind: Kind) -> Wait {
        let (sender, receiver) = oneshot::channel();
        match self.open(name, payload, kind, Waiter::One(sender)) {
            Ok(uid) => Wait::new(Arc::clone(&self.handle), uid, receiver),
            Err((refusal, _)) => Wait::refused(refusal),
        }
    }

    pub(crate) fn open(
        &self,
        name: &str,
        payload: &(impl Serialize + ?Sized),
        kind: Kind,
        waiter: Waiter,
    ) -> Result<i64, (Refusal, Waiter)> {
        match self.shared().message(name, payload) {
            Ok(message) => self.shared().open(message, kind, self.timeout, self.generation, waiter),
            Err(refusal) => Err((refusal, waiter)),
        }
    }

    fn shared(&self) -> &Shared {
        &self.handle.shared
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("state", &*self.shared().state.borrow())
            .field("shared", self.shared())
            .finish_non_exhaustive()
    }
}
