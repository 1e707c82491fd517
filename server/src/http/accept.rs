//! Accepting connections, and HTTP on them until they become WebSockets.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use switchboard_wire::connection::{Acceptor, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::door::{Door, Place};
use super::refusal::Refusal;
use super::stall::WriteTimeout;

/// Serves this application to all who connect, until `stop`.
///
/// Then idle connections are closed, requests under way have [`Limits::close`](crate::Limits::close) to end, and what is
/// left is cut. WebSockets live on: they are their sessions'.
pub(crate) async fn accept(listener: impl Accept, app: Router, door: Arc<Door>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut trouble = Trouble::default();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                trouble.end();
                let place = door.enter(peer.map(|peer| peer.ip()));
                let connection = Connection::new(socket, peer, &door, &stop);
                match place {
                    Ok(place) => drop(connections.spawn(connection.serve(app.clone(), place))),
                    Err(refusal) => {
                        refusal.counter(door.host.counters()).one();
                        if let Some(turn) = door.turn_away() {
                            connections.spawn(async move {
                                connection.refuse(refusal).await;
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
    let _ = timeout(door.host.limits().close, rest).await;
}

/// Where connections come from.
pub(crate) trait Accept: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection and its peer's address, where it has one.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Option<SocketAddr>)>> + Send;
}

impl Accept for Acceptor {
    type Stream = Stream;

    fn accept(&self) -> impl Future<Output = io::Result<(Stream, Option<SocketAddr>)>> + Send {
        Self::accept(self)
    }
}

/// A connection that speaks HTTP.
struct Connection<S> {
    socket: S,
    peer: Option<SocketAddr>,
    door: Arc<Door>,
    stop: CancellationToken,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<S> {
    fn new(socket: S, peer: Option<SocketAddr>, door: &Arc<Door>, stop: &CancellationToken) -> Self {
        Self {
            socket,
            peer,
            door: Arc::clone(door),
            stop: stop.clone(),
        }
    }

    async fn serve(self, app: Router, place: Place) {
        let peer = self.peer;
        let place = Arc::new(place);
        self.answer(true, move |mut request: Request| {
            if let Some(peer) = peer {
                request.extensions_mut().insert(ConnectInfo(peer));
            }
            request.extensions_mut().insert(Arc::clone(&place));
            app.clone().call(request)
        })
        .await;
    }

    /// Waits for the request before it is refused: closing a socket with bytes unread would throw the refusal away.
    async fn refuse(self, refusal: Refusal) {
        let refusal = Arc::new(refusal);
        self.answer(false, move |_| {
            let refusal = Arc::clone(&refusal);
            async move { Ok(Refusal::clone(&refusal).into_response()) }
        })
        .await;
    }

    async fn answer<F>(self, keep_alive: bool, answer: impl Fn(Request) -> F)
    where
        F: Future<Output = Result<Response, Infallible>> + Send + 'static,
    {
        let limits = self.door.host.limits();
        let counters = self.door.host.counters();
        let has_asked = AtomicBool::new(false);
        let service = service_fn(|request: Request<Incoming>| {
            has_asked.store(true, Ordering::Relaxed);
            answer(request.map(Body::new))
        });
        let io = TokioIo::new(WriteTimeout::new(self.socket, limits.idle));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.handshake)
            .max_buf_size(HEAD)
            .keep_alive(keep_alive)
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        let Err(error) = ended else { return };
        if error.is_parse() {
            counters.refused_handshake.one();
        } else if error.is_timeout() && !has_asked.load(Ordering::Relaxed) {
            counters.handshake_timeouts.one();
        }
        tracing::debug!(peer = self.peer.map(tracing::field::display), %error, "an HTTP connection ended");
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

/// Bytes of a request's line and headers.
const HEAD: usize = 16 << 10;
const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(1);
