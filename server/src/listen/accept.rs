//! Accepting connections, and letting them in or turning them away.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use switchboard_wire::connection::{Acceptor, Stream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::door::{Door, Full, Place};

/// What becomes of connections.
pub(crate) trait Serve: Clone + Send + 'static {
    /// Serves one to its end, or hands it over.
    fn serve(self, arrival: Arrival, place: Place) -> impl Future<Output = ()> + Send;

    /// Tells one that there is no place for it.
    fn turn_away(self, arrival: Arrival, full: Full) -> impl Future<Output = ()> + Send;
}

/// A connection as it comes in.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) stream: Stream,
    /// Where it comes from, where that is known.
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) door: Arc<Door>,
    /// Ends when the listener does.
    pub(crate) stop: CancellationToken,
}

/// Serves all who connect, until `stop`.
///
/// Then what is under way has [`Limits::close`](crate::Limits::close) to end, and what is left is cut. Sessions live on:
/// they have been handed over.
pub(crate) async fn accept(listener: impl Accept, service: impl Serve, door: Arc<Door>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut trouble = Trouble::default();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                trouble.end();
                let arrival = Arrival {
                    stream,
                    peer,
                    door: Arc::clone(&door),
                    stop: stop.clone(),
                };
                match door.enter(peer.map(|peer| peer.ip())) {
                    Ok(place) => drop(connections.spawn(service.clone().serve(arrival, place))),
                    Err(full) => {
                        full.counter(door.host.counters()).one();
                        if let Some(turn) = door.turn_away() {
                            let told = service.clone().turn_away(arrival, full);
                            connections.spawn(async move {
                                told.await;
                                drop(turn);
                            });
                        }
                    }
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                let pause = trouble.pause(&error);
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = sleep(pause) => {}
                }
            }
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(door.limits.close, rest).await;
}

/// Where connections come from.
pub(crate) trait Accept: Send + 'static {
    /// The next connection and its peer's address, where it has one.
    fn accept(&self) -> impl Future<Output = io::Result<(Stream, Option<SocketAddr>)>> + Send;
}

impl Accept for Acceptor {
    fn accept(&self) -> impl Future<Output = io::Result<(Stream, Option<SocketAddr>)>> + Send {
        Self::accept(self)
    }
}

/// A listener that cannot accept: out of file descriptors, out of memory. It goes on when there are some again.
#[derive(Debug, Default)]
struct Trouble {
    failures: u32,
}

impl Trouble {
    /// How long to wait after this error.
    fn pause(&mut self, error: &io::Error) -> Duration {
        if self.failures == 0 {
            tracing::error!(%error, "connections cannot be accepted; trying again until they can (raise the limit of open files?)");
        }
        self.failures += 1;
        SHORTEST.saturating_mul(1 << self.failures.min(10)).min(LONGEST)
    }

    fn end(&mut self) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "connections are accepted again");
        }
        self.failures = 0;
    }
}

/// Whether only the connection that would have been accepted is lost.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(1);
