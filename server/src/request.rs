//! What one controller sees of a message, and how its arguments are taken from it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use switchboard_router::{Params as Captured, Pattern};
use switchboard_wire::{Error, Formats, Message, Ticket};
use tokio_util::sync::CancellationToken;

use crate::dispatch::{Answers, Settlement};
use crate::lifecycle::Disconnected;
use crate::needs::Needs;
use crate::switchboard::{Client, Draft, Switchboard};
use crate::table::{Route, RouteId};

/// A message on its way into one controller: the message, the parameters that the route captured, and who sent it.
///
/// Controllers take [extractors](FromRequest); an extractor takes this. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) shared: Arc<Shared>,
    pub(crate) params: Captured,
    pub(crate) route: RouteId,
    /// The run's own cancellation, for one that takes time.
    pub(crate) token: Option<Arc<OnceLock<CancellationToken>>>,
    /// A value that its controller returns is all that the request is answered with.
    pub(crate) is_answer: bool,
}

/// What all controllers of one message have in common.
pub(crate) struct Shared {
    pub(crate) message: Message,
    /// What ties the answer to the request; only the dialect that made it understands it.
    pub(crate) ticket: Ticket,
    pub(crate) sender: Arc<Sender>,
    pub(crate) settlement: Mutex<Settlement>,
    /// Ends when nobody waits for the outcome: what controllers may look at.
    pub(crate) cancellation: OnceLock<CancellationToken>,
    /// Ends when what still runs for the request is to be dropped.
    pub(crate) abort: OnceLock<CancellationToken>,
    pub(crate) disconnected: Option<Arc<Disconnected>>,
}

/// What all messages of one client have in common. One a session, so that its count is never the business of two threads.
pub(crate) struct Sender {
    pub(crate) client: Client,
    pub(crate) switchboard: Switchboard,
    /// Where answers go.
    pub(crate) answers: Box<dyn Answers>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("message", &self.message)
            .field("client", &self.sender.client)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// The message.
    pub fn message(&self) -> &Message {
        &self.shared.message
    }

    /// The client that sent it.
    pub fn client(&self) -> &Client {
        &self.shared.sender.client
    }

    /// Who is connected and who holds which mailbox.
    pub fn switchboard(&self) -> &Switchboard {
        &self.shared.sender.switchboard
    }

    /// The pattern of the route that matched.
    pub fn pattern(&self) -> &Pattern {
        self.route().pattern()
    }

    /// The value that the route captured for one parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(self.message().name(), name)
    }

    /// What the route captured, in the order of the pattern.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params
            .iter(self.message().name())
            .map(|(param, value)| (param.name(), value))
    }

    /// The value of this type that the server was given with [`state`](crate::Server::state).
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.switchboard().states().get::<T>()
    }

    /// Ends when nobody waits for the outcome any more: the client cancelled or left, this controller's time is up, or the
    /// server stops without waiting for it.
    pub fn cancellation(&self) -> &CancellationToken {
        let of_message = || {
            let token = self
                .shared
                .cancellation
                .get_or_init(|| self.client().lifetime().child_token());
            if self.shared.abort.get().is_some_and(CancellationToken::is_cancelled) {
                token.cancel();
            }
            token
        };
        match &self.token {
            Some(own) => own.get_or_init(|| of_message().child_token()),
            None => of_message(),
        }
    }

    #[inline]
    pub(crate) fn route(&self) -> &Route {
        self.switchboard().routes().route(self.route)
    }

    /// The same for an item of a stream, which others may follow.
    pub(crate) fn of_item(&self) -> Self {
        Self {
            is_answer: false,
            ..self.clone()
        }
    }

    /// Begins the frame that a value of the controller is the answer in, where nothing else can come of it.
    #[inline]
    pub(crate) fn draft(&self) -> Option<Draft> {
        let Shared {
            ticket,
            message,
            sender,
            ..
        } = &*self.shared;
        let core = sender.switchboard.core();
        self.is_answer
            .then(|| sender.answers.draft(core, ticket, message.name_text()))?
    }

    /// The formats that a reply to this request should be encoded in: the sender's, and for a route that delivers to
    /// others those that connected clients speak.
    pub fn formats(&self) -> Formats {
        let sender = Formats::from(self.client().format());
        if self.route().delivers() {
            sender | self.switchboard().formats()
        } else {
            sender
        }
    }
}

/// A type that a controller can take as an argument.
///
/// The ones that come along: [`Message`], [`Payload<T>`](crate::Payload), [`Params<T>`](crate::Params),
/// [`State<T>`](crate::State), [`Client`], [`Switchboard`], [`CancellationToken`], [`Disconnected`], tuples of extractors,
/// and `Result<T, T::Rejection>` for a controller that wants to handle the rejection itself.
///
/// It runs on the connection's task and must not block.
///
/// ```
/// use switchboard_server::{Error, FromRequest, Needs, Request, State};
///
/// struct Greeting(String);
/// struct Who(String);
///
/// impl FromRequest for Who {
///     type Rejection = Error;
///
///     fn from_request(request: &Request) -> Result<Self, Error> {
///         let State(greeting) = State::<Greeting>::from_request(request)?;
///         match request.param("user") {
///             Some(user) => Ok(Self(format!("{} {user}", greeting.0))),
///             None => Err(Error::new("nobody", "this route names no user")),
///         }
///     }
///
///     // The server refuses to start where nobody gave the state.
///     fn needs(needs: &mut Needs) {
///         State::<Greeting>::needs(needs);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a controller",
    label = "not an extractor",
    note = "take `Payload<T>`, `Params<T>`, `State<T>`, `Message`, `Client`, `Switchboard` or `CancellationToken`, or implement `FromRequest` for it",
    note = "`Payload<T>` and `Params<T>` need `T: serde::de::DeserializeOwned` (derive `Deserialize`), `State<T>` needs `T: Send + Sync + 'static`"
)]
pub trait FromRequest: Sized {
    /// What the sender is told where the request does not have what it takes.
    type Rejection: Into<Error>;

    /// Takes the value from the request.
    ///
    /// # Errors
    ///
    /// The rejection, which becomes the controller's answer.
    fn from_request(request: &Request) -> Result<Self, Self::Rejection>;

    /// Says what must be there before the server starts. Nothing, unless it says so.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }
}

/// The values that an application shares between its controllers, one a type.
#[derive(Debug, Default)]
pub(crate) struct States {
    values: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl States {
    /// Adds a value; false where one of this type was there, which stays.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: Arc<T>) -> bool {
        use std::collections::hash_map::Entry;
        match self.values.entry(TypeId::of::<T>()) {
            Entry::Vacant(entry) => {
                entry.insert(value);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = self.values.get(&TypeId::of::<T>())?;
        Arc::clone(value).downcast().ok()
    }

    pub(crate) fn contains(&self, id: TypeId) -> bool {
        self.values.contains_key(&id)
    }
}
