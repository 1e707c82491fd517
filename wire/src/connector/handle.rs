//! The handle.

use std::fmt;
use std::io;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::hub::{Guard, Hub};
use super::incoming;
use super::task::Task;
use super::{Connection, Converter, Event, Limits, Refusal, Rejected, Separate};
use crate::Shutdown;
use crate::connection::{Endpoint, Stream};

/// The hub through which connections are made, and messages sent and received. A cheap handle: clones are the same
/// connector, on any thread. When the last one goes, connections are cut, and nobody hears of what was not sent.
///
/// ```
/// use std::time::Duration;
/// use switchboard_wire::Shutdown;
/// use switchboard_wire::connector::{Connector, Event, IntConverter, Limits};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = Connector::new(IntConverter, Limits::default());
/// let endpoint = connector.listen("127.0.0.1:0").await?;
/// let there = connector.connect(endpoint)?;
/// connector.send(there, 42)?;
///
/// connector.shutdown(Shutdown::FinishQueues, Duration::from_secs(5));
/// while let Some(event) = connector.recv().await {
///     if let Event::FinishConnect { result, queued, .. } = event {
///         assert!(result.is_err(), "it had no time to connect");
///         assert_eq!(queued, [42], "so the message comes back");
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Connector<C: Converter> {
    hub: Arc<Hub<C::Message>>,
    converter: Arc<C>,
    runtime: Handle,
    guard: Arc<Guard<C::Message>>,
}

impl<C: Converter> Connector<C> {
    /// A connector with this wire format, without connections. Its connections live in the runtime that this is called in.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new(converter: C, limits: Limits) -> Self {
        let hub = Arc::new(Hub::new(limits));
        Self {
            guard: Arc::new(Guard { hub: Arc::clone(&hub) }),
            hub,
            converter: Arc::new(converter),
            runtime: Handle::current(),
        }
    }

    /// Listens here too, until the shutdown; who connects becomes an [`Event::RemoteConnect`]. Gives where it listens: a port
    /// that was 0 is the one that was found.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::bind`]; [`Refusal::ShutDown`] inside of an error of the kind `NotConnected`.
    pub async fn listen(&self, endpoint: impl Into<Endpoint>) -> io::Result<Endpoint> {
        let acceptor = endpoint.into().bind().await?;
        let found = acceptor.endpoint().clone();
        let Some(listening) = self.hub.add_listener() else {
            return Err(io::Error::new(io::ErrorKind::NotConnected, Refusal::ShutDown));
        };
        let converter = Arc::clone(&self.converter);
        self.runtime.spawn(incoming::listen(acceptor, converter, listening));
        Ok(found)
    }

    /// Connects to an endpoint, for at most [`Limits::connect`]. How that ends is an [`Event::FinishConnect`]; messages can
    /// be sent at once, and wait.
    ///
    /// # Errors
    ///
    /// There is no connection, and no event of it.
    pub fn connect(&self, endpoint: impl Into<Endpoint>) -> Result<Connection, Refusal> {
        self.connect_any(iter::once(endpoint))
    }

    /// Connects to the first of these endpoints that can be connected to, tried in turn; otherwise as
    /// [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_any(&self, endpoints: impl IntoIterator<Item = impl Into<Endpoint>>) -> Result<Connection, Refusal> {
        let task = self.task(false)?;
        let connection = task.peer().connection;
        let endpoints = endpoints.into_iter().map(Into::into).collect();
        self.runtime.spawn(task.run_connecting(endpoints));
        Ok(connection)
    }

    /// As [`connect`](Self::connect), with a queue of its own for the connection's events, from the first one on.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_separately(&self, endpoint: impl Into<Endpoint>) -> Result<Separate<C::Message>, Refusal> {
        let task = self.task(true)?;
        let separate = Separate::new(Arc::clone(&self.hub), task.peer());
        self.runtime.spawn(task.run_connecting(vec![endpoint.into()]));
        Ok(separate)
    }

    /// Takes a stream of bytes that is connected already: a socket, or with [`Stream::new`] anything else. Its first event is an
    /// [`Event::FinishConnect`].
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn adopt(&self, stream: impl Into<Stream>) -> Result<Connection, Refusal> {
        let task = self.task(false)?;
        let connection = task.peer().connection;
        task.connected();
        self.runtime.spawn(task.run_connected(stream.into()));
        Ok(connection)
    }

    /// Queues a message. Never blocks, from any thread.
    ///
    /// A message that is not taken becomes an [`Event::RejectedMessage`]. Once the connection has had its last event, that
    /// comes where those of all connections do.
    ///
    /// # Errors
    ///
    /// It is rejected, and so many rejected ones wait to be taken that it comes back right here, without an event.
    ///
    /// # Panics
    ///
    /// Where [`Converter::weight`] does.
    pub fn send(&self, connection: Connection, message: C::Message) -> Result<(), Rejected<C::Message>> {
        let weight = self.converter.weight(&message);
        self.hub.send(connection, message, weight)
    }

    /// The next event of all connections but those that are taken apart. None after the last one, when it was shut down,
    /// all connections have ended and nobody listens. Several tasks may wait here; each event goes to one. Cancel-safe.
    pub async fn recv(&self) -> Option<Event<C::Message>> {
        self.hub.recv().await
    }

    /// Takes the events of a connection apart from now on, those first that wait. None where they are already, or there are
    /// none to come.
    pub fn separate(&self, connection: Connection) -> Option<Separate<C::Message>> {
        let peer = self.hub.find(connection)?;
        peer.separate().then(|| Separate::new(Arc::clone(&self.hub), peer))
    }

    /// Ends a connection; it takes no more messages. What was not sent in time comes back with [`Event::FinishDisconnect`],
    /// or with [`Event::FinishConnect`] if it was not connected. Messages that the peer still sends are received until then.
    ///
    /// While it is connecting, only [`Shutdown::FinishQueues`] waits for that. When the deadline, counted from now, has
    /// passed, it ends as with [`Shutdown::Now`]. It may be called again: a stricter way and an earlier deadline count. One
    /// that waits to be accepted is refused. False where it has ended.
    pub fn disconnect(&self, connection: Connection, how: Shutdown, deadline: Duration) -> bool {
        let _runtime = self.runtime.enter();
        self.hub.disconnect(connection, how, deadline)
    }

    /// Ends all connections, as [`disconnect`](Self::disconnect) does, and listening. Those that are not connected or
    /// accepted by now never will be, and no other is made. [`recv`](Self::recv) gives what is left, and then none.
    pub fn shutdown(&self, how: Shutdown, deadline: Duration) {
        let _runtime = self.runtime.enter();
        self.hub.shutdown(how, deadline);
    }

    fn task(&self, is_separate: bool) -> Result<Task<C>, Refusal> {
        let peer = self.hub.enter(is_separate)?;
        Ok(Task::new(Arc::clone(&self.hub), peer, Arc::clone(&self.converter)))
    }
}

impl<C: Converter> Clone for Connector<C> {
    fn clone(&self) -> Self {
        Self {
            hub: Arc::clone(&self.hub),
            converter: Arc::clone(&self.converter),
            runtime: self.runtime.clone(),
            guard: Arc::clone(&self.guard),
        }
    }
}

impl<C: Converter> fmt::Debug for Connector<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("limits", &self.hub.limits)
            .finish_non_exhaustive()
    }
}
