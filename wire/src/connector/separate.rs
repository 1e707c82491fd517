//! A queue of events for one connection.

use std::fmt;
use std::sync::Arc;

use super::hub::Hub;
use super::peer::Shared;
use super::{Connection, Event};

/// The events of one connection, apart from all others. Dropping it puts them back with the others, in order: none is lost.
///
/// ```
/// use switchboard_wire::connector::{Connector, Event, IntConverter, Limits};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = Connector::new(IntConverter, Limits::default());
/// let endpoint = connector.listen("127.0.0.1:0").await?;
/// let mut ours = connector.connect_separately(endpoint)?;
/// connector.send(ours.connection(), 1)?;
///
/// // Both ends are in this connector: the shared queue has the events of the other one.
/// let Some(Event::RemoteConnect { incoming, .. }) = connector.recv().await else { panic!() };
/// incoming.accept()?;
/// assert!(matches!(ours.recv().await, Some(Event::FinishConnect { result: Ok(()), .. })));
/// assert!(matches!(connector.recv().await, Some(Event::MessageReceived { message: 1, .. })));
/// ours.merge();
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it puts the connection's events back with all others"]
pub struct Separate<M> {
    hub: Arc<Hub<M>>,
    peer: Shared<M>,
}

impl<M> Separate<M> {
    pub(super) fn new(hub: Arc<Hub<M>>, peer: Shared<M>) -> Self {
        Self { hub, peer }
    }

    /// Which connection's they are.
    pub fn connection(&self) -> Connection {
        self.peer.connection
    }

    /// The next event; none after the last one. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Event<M>> {
        loop {
            let arrived = self.peer.arrived.notified();
            if let Some(event) = self.hub.take(&self.peer, true) {
                return Some(event);
            }
            if self.peer.is_over() {
                return None;
            }
            arrived.await;
        }
    }

    /// Puts its events back with all others, those first that wait here.
    pub fn merge(self) {
        drop(self);
    }
}

impl<M> Drop for Separate<M> {
    fn drop(&mut self) {
        if self.peer.merge() {
            self.hub.list(Arc::clone(&self.peer));
        }
    }
}

impl<M> fmt::Debug for Separate<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Separate({})", self.peer.connection)
    }
}
