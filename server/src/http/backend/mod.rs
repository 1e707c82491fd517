//! The back end: one message a request, its result the response. For programs that are not connected, and have something to
//! say to those that are.
//!
//! In the order that a request meets them: its sender has to be a program that knows the [`key`], its [`body`] is read in
//! bounds, a [`visit`] makes a client of it for as long as its controllers run, and what they answer lies on a [`desk`] until
//! the response takes it. A [`refusal`] says what is wrong before there is a message.

mod body;
mod config;
mod desk;
mod key;
mod refusal;
mod terms;
mod visit;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::stream;
use http::header::{CONTENT_TYPE, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};
use switchboard_wire::{Dialect, End, Format, Frame, Ticket, Unit, native};

pub(crate) use config::BackendConfig;
pub(crate) use key::Key;

use self::body::{Content, Posted};
use self::desk::{Said, Style};
use self::refusal::Refusal;
use self::terms::{JSON, Terms};
use self::visit::{Visit, Visitor};
use super::connection::{Http, answer};
use super::handshake::Encodings;
use super::origin::host_and_port;
use super::{NOSNIFF, nosniff};
use crate::listen::{Arrival, Door, Full, Place, Serve};
use crate::server::{Offer, ServerError};
use crate::switchboard::Core;
use crate::table::RouteId;

/// Serves a back end.
#[derive(Clone, Debug)]
pub(crate) struct Backend(Http);

/// What all requests to one back end have in common.
#[derive(Debug)]
struct Office {
    core: Arc<Core>,
    door: Arc<Door>,
    routes: Arc<switchboard_router::Router<RouteId>>,
    encodings: Encodings,
    config: BackendConfig,
    /// Without a key, what a request calls the server is looked at.
    is_host_checked: bool,
}

impl Backend {
    pub(crate) fn new(
        core: &Arc<Core>,
        door: &Arc<Door>,
        offer: &Offer,
        config: &BackendConfig,
        is_unix: bool,
    ) -> Result<Self, ServerError> {
        let registry = &offer.registry;
        let routes = core.table.registry(registry).ok_or_else(|| {
            ServerError::Config(format!(
                "the back end serves the registry {registry:?}, which was not built"
            ))
        })?;
        let office = Arc::new(Office {
            core: Arc::clone(core),
            door: Arc::clone(door),
            routes: Arc::clone(routes),
            encodings: offer.encodings,
            is_host_checked: config.key.is_none() && !is_unix,
            config: config.clone(),
        });
        let app = Router::new()
            .route(&config.path, any(at_the_path))
            .fallback(elsewhere)
            .with_state(office)
            .layer(axum::middleware::map_response(nosniff));
        Ok(Self(Http(app)))
    }
}

impl Serve for Backend {
    async fn serve(self, arrival: Arrival, place: Place) {
        self.0.serve(arrival, place).await;
    }

    async fn turn_away(self, arrival: Arrival, full: Full) {
        answer(arrival, false, move |_| {
            std::future::ready(Ok(Refusal::from(full).into_response()))
        })
        .await;
    }
}

async fn at_the_path(State(office): State<Arc<Office>>, request: Request) -> Response {
    let (mut request, mut body) = office.unpack(request);
    let answered = match office.admit(&request) {
        Ok(()) => office.serve(&mut request, &mut body).await,
        Err(refusal) => Err(refusal),
    };
    body.skip_rest();
    office.respond(answered)
}

async fn elsewhere(State(office): State<Arc<Office>>, request: Request) -> Response {
    let (request, body) = office.unpack(request);
    let refusal = office.admit(&request).err().unwrap_or_else(|| Refusal::Path {
        path: request.uri().path().chars().take(SHOWN).collect(),
        endpoint: office.config.path.clone(),
    });
    body.skip_rest();
    office.respond(Err(refusal))
}

impl Office {
    fn unpack(&self, request: Request) -> (http::Request<()>, Posted) {
        let (head, body) = request.into_parts();
        let body = Posted::new(body, &head.headers, &self.core, &self.door.limits);
        (http::Request::from_parts(head, ()), body)
    }

    /// Whether a request is of a program that may ask here.
    ///
    /// Browsers let any page POST to anywhere, loopback included, and say in `Origin` that it is one. A page whose host was made
    /// to mean this machine (DNS rebinding) is of the origin that it asks at, but cannot hide what that is called.
    fn admit<B>(&self, request: &http::Request<B>) -> Result<(), Refusal> {
        let headers = request.headers();
        if let Some(origin) = headers.get(ORIGIN) {
            return Err(Refusal::Origin(shown(origin)));
        }
        if self.is_host_checked
            && let Some(host) = headers.get_all(HOST).iter().find(|host| !is_loopback(host))
        {
            return Err(Refusal::Host(shown(host)));
        }
        match &self.config.key {
            Some(key) if !key.is_in(headers) => Err(Refusal::Key),
            _ => Ok(()),
        }
    }

    /// Reads the message of a request, and answers with what comes of it.
    async fn serve(&self, request: &mut http::Request<()>, body: &mut Posted) -> Result<Response, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::Method);
        }
        let terms = Terms::of(request.headers(), self.encodings, &self.core)?;
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let client = peer.map(|peer| self.door.proxies.client(peer, request.headers()));
        let place = request.extensions_mut().remove::<Arc<Place>>();
        let visitor = Visitor {
            permit: self.door.admit(place, client.map(|client| client.ip()))?,
            address: client,
            limits: Arc::clone(&self.door.limits),
            encoding: terms.writing,
        };
        let content = body.read().await?;
        let visit = match Visit::begin(&self.core, visitor, terms.style) {
            Ok(visit) => visit,
            Err(error) => {
                tracing::error!(%error, "a request was refused: the system gives no random numbers");
                return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            }
        };
        let dialect = &*self.core.encoding(terms.reading).dialect;
        match (content, terms.format) {
            (Content::TooLarge(prefix), _) => visit.too_large(dialect, &prefix),
            (Content::Message(bytes), Format::MessagePack) => visit.ask(dialect, Unit::Binary(&bytes), &self.routes),
            (Content::Message(bytes), Format::Json) => match std::str::from_utf8(&bytes) {
                Ok(text) => visit.ask(dialect, Unit::Text(text), &self.routes),
                Err(_) => visit.unreadable("the message is not UTF-8"),
            },
        }
        Ok(tell(visit, terms).await)
    }

    /// Counts and tells a refusal.
    fn respond(&self, answered: Result<Response, Refusal>) -> Response {
        answered.unwrap_or_else(|refusal| {
            refusal.counter(&self.core.counters).one();
            if let Refusal::Origin(origin) = &refusal
                && self.door.origins.is_news(origin)
            {
                tracing::warn!("{refusal}");
            }
            tracing::debug!("a request to the back end is refused: {refusal}");
            refusal.into_response()
        })
    }
}

/// The response that a visit comes to.
async fn tell(mut visit: Visit, terms: Terms) -> Response {
    // The final frame at least is said before a visit is over.
    let Some(Said { bytes, status }) = visit.next().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let body = match terms.style {
        Style::Result => Body::from(bytes),
        Style::Lines => Body::from_stream(stream::unfold((Some(bytes), visit), async |(first, mut visit)| {
            let bytes = match first {
                Some(bytes) => bytes,
                None => visit.next().await?.bytes,
            };
            Some((Ok::<_, Infallible>(bytes), (None, visit)))
        })),
    };
    respond(status, terms.content_type, body)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (error, ticket) = (self.error(), Ticket::default());
        let frame = Frame::Failed {
            ticket: &ticket,
            name: None,
            error: &error,
            end: End::Final(None),
        };
        let mut bytes = Vec::new();
        // An error has a form in JSON, always.
        let _ = native::Json.write(&frame, &mut bytes);
        bytes.push(b'\n');
        let mut response = respond(self.status(), JSON, Body::from(bytes));
        for &(name, value) in self.headers() {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

fn respond(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.extend([NOSNIFF]);
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn is_loopback(host: &HeaderValue) -> bool {
    let host = host.to_str().ok().and_then(host_and_port);
    host.is_some_and(|(host, _)| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || address
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
    })
}

/// A value as it is told to who sent it.
fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(SHOWN).collect()
}

/// Characters of a header or a path that are shown.
const SHOWN: usize = 128;
