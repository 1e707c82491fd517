//! Who is told that a server listens.

use std::fmt;

use super::{Running, Server};

impl Server {
    /// Calls this once when all listeners are bound: to tell who waits for the server where it is, or to begin what runs
    /// beside it. A server that is mounted never calls it.
    ///
    /// ```no_run
    /// use switchboard_server::Server;
    ///
    /// # async fn run() -> Result<(), switchboard_server::ServerError> {
    /// Server::new()
    ///     .when_ready(|running| println!("listening on {}", running.endpoints()[0]))
    ///     .serve("127.0.0.1:0")
    ///     .await
    /// # }
    /// ```
    pub fn when_ready(mut self, tell: impl FnOnce(&Running) + Send + Sync + 'static) -> Self {
        self.ready = Some(Ready::new(tell));
        self
    }
}

pub(super) struct Ready(Box<dyn FnOnce(&Running) + Send + Sync>);

impl Ready {
    pub(super) fn new(tell: impl FnOnce(&Running) + Send + Sync + 'static) -> Self {
        Self(Box::new(tell))
    }

    pub(super) fn tell(self, running: &Running) {
        (self.0)(running);
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}
