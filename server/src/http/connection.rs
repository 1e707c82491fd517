//! HTTP on a connection, until it becomes a WebSocket.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tower::Service as _;

use super::refusal::Refusal;
use super::stall::WriteTimeout;
use crate::listen::{Arrival, Full, Place, Serve};

/// Serves an application over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Http(pub(crate) Router);

impl Serve for Http {
    async fn serve(self, arrival: Arrival, place: Place) {
        let peer = arrival.peer;
        let place = Arc::new(place);
        answer(arrival, true, move |mut request: Request| {
            let extensions = request.extensions_mut();
            if let Some(peer) = peer {
                extensions.insert(ConnectInfo(peer));
            }
            extensions.insert(Arc::clone(&place));
            self.0.clone().call(request)
        })
        .await;
    }

    /// Waits for the request before it is refused: closing a socket with bytes unread would throw the refusal away.
    async fn turn_away(self, arrival: Arrival, full: Full) {
        answer(arrival, false, move |_| {
            std::future::ready(Ok(Refusal::from(full).into_response()))
        })
        .await;
    }
}

pub(super) async fn answer<F>(arrival: Arrival, keep_alive: bool, answer: impl Fn(Request) -> F)
where
    F: Future<Output = Result<Response, Infallible>> + Send + 'static,
{
    let Arrival {
        stream,
        peer,
        door,
        stop,
    } = arrival;
    let limits = &*door.limits;
    let counters = door.host.counters();
    let has_asked = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        answer(request.map(Body::new))
    });
    let io = TokioIo::new(WriteTimeout::new(stream, limits.idle));
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
        () = stop.cancelled() => {
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
    tracing::debug!(peer = peer.map(tracing::field::display), %error, "an HTTP connection ended");
}

/// Bytes of a request's line and headers.
const HEAD: usize = 16 << 10;
