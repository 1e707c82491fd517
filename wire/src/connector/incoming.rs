//! Remote connections: how they come, and how they are accepted.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::hub::{self, Hub, Listening};
use super::peer::{Announcement, Peer, Shared};
use super::task::Task;
use super::{Connection, Converter, Separate};
use crate::connection::{Acceptor, Endpoint};

/// A remote connection that waits to be accepted or refused. Nothing is read of it until then, and nothing sent. Dropping it
/// refuses.
///
/// ```
/// use std::time::Duration;
/// use switchboard_wire::Shutdown;
/// use switchboard_wire::connector::{Connector, Event, IntConverter, Limits};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Connector::new(IntConverter, Limits::default());
/// let endpoint = server.listen("127.0.0.1:0").await?;
/// let client = Connector::new(IntConverter, Limits::default());
/// let connection = client.connect(endpoint)?;
/// client.send(connection, 21)?;
///
/// let Some(Event::RemoteConnect { incoming, .. }) = server.recv().await else { panic!() };
/// assert!(incoming.address().is_some_and(|address| address.ip().is_loopback()));
/// incoming.accept()?;
/// let Some(Event::MessageReceived { message, .. }) = server.recv().await else { panic!() };
/// assert_eq!(message, 21);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it refuses the connection"]
pub struct Incoming<M> {
    hub: Arc<Hub<M>>,
    peer: Shared<M>,
    announcement: Announcement,
}

impl<M> Incoming<M> {
    pub(super) fn new(hub: Arc<Hub<M>>, peer: Shared<M>, announcement: Announcement) -> Self {
        Self {
            hub,
            peer,
            announcement,
        }
    }

    /// Which one it is.
    pub fn connection(&self) -> Connection {
        self.peer.connection
    }

    /// Where it has come to: what [`listen`](super::Connector::listen) gave.
    pub fn endpoint(&self) -> &Endpoint {
        &self.announcement.endpoint
    }

    /// Where it comes from; nobody knows that of a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        self.announcement.address
    }

    /// Accepts it: it is read from now on, and takes messages.
    ///
    /// # Errors
    ///
    /// It is too late for that; then there is no other event of it.
    pub fn accept(self) -> Result<(), Gone> {
        if self.peer.accept(false) { Ok(()) } else { Err(Gone) }
    }

    /// Accepts it, with a queue of its own for its events.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn accept_separately(self) -> Result<Separate<M>, Gone> {
        if self.peer.accept(true) {
            Ok(Separate::new(Arc::clone(&self.hub), Arc::clone(&self.peer)))
        } else {
            Err(Gone)
        }
    }

    /// Closes it. There is no other event of it.
    pub fn refuse(self) {
        drop(self);
    }
}

impl<M> Drop for Incoming<M> {
    fn drop(&mut self) {
        self.peer.refuse();
    }
}

impl<M> fmt::Debug for Incoming<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("connection", &self.peer.connection)
            .field("endpoint", &self.announcement.endpoint)
            .field("address", &self.announcement.address)
            .finish_non_exhaustive()
    }
}

/// A remote connection is not there any more: it waited longer than [`Limits::accept`](super::Limits::accept), it was
/// disconnected, or the connector was shut down.
///
/// ```
/// use switchboard_wire::connector::Gone;
///
/// assert_eq!(Gone.to_string(), "the connection waited too long to be accepted, or was ended; wait for another");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection waited too long to be accepted, or was ended; wait for another")]
pub struct Gone;

/// Announces who connects, until the shutdown.
pub(super) async fn listen<C: Converter>(acceptor: Acceptor, converter: Arc<C>, listening: Listening<C::Message>) {
    let hub = &listening.hub;
    let announce = async {
        loop {
            // While too many wait to be accepted, others wait in the system's queue.
            let Some(unaccepted) = hub::place(&hub.unaccepted).await else {
                return;
            };
            let Ok((stream, address)) = acceptor.accept().await else {
                // Too many open files, most likely: nothing that trying at once would help.
                sleep(PAUSE).await;
                continue;
            };
            let Some(place) = hub::place(&hub.places).await else {
                return;
            };
            let announcement = Announcement {
                endpoint: acceptor.endpoint().clone(),
                address,
                _place: unaccepted,
            };
            let peer = Arc::new(Peer::announced(place, announcement));
            if !hub.announce(&peer) {
                return;
            }
            let task = Task::new(Arc::clone(hub), peer, Arc::clone(&converter));
            tokio::spawn(task.run_announced(stream));
        }
    };
    tokio::select! {
        () = hub.stop.cancelled() => {}
        () = announce => {}
    }
    // The port is free by the time that nobody is said to listen.
    drop(acceptor);
    drop(listening);
}

/// After an error of the system.
const PAUSE: Duration = Duration::from_millis(100);
