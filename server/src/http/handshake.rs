//! The request that opens a WebSocket ([RFC 6455, section 4.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2)).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade;
use switchboard_wire::connection::Stream;
use switchboard_wire::websocket::{accept_key, is_handshake_key};
use tokio::net::TcpStream;

use super::refusal::{JSON, MESSAGE_PACK, Refusal};
use super::stall::WriteTimeout;
use crate::listen::{Door, Place};
use crate::session::Hello;

/// What a listener's connections speak: indices of the server's encodings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Encodings {
    /// 0 for JSON, 1 for MessagePack, as the sub-protocol says.
    #[default]
    Native,
    /// This one, whatever sub-protocol is asked for.
    Only(u8),
}

/// Where WebSockets are opened.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) door: Arc<Door>,
    pub(super) registry: Arc<str>,
    pub(super) encodings: Encodings,
}

/// Answers a request to the endpoint, and hands its connection over to a session if that is what it asks for.
pub(super) async fn handshake(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    endpoint.open(request).unwrap_or_else(|refusal| {
        refusal.counter(endpoint.door.host.counters()).one();
        if let Refusal::Origin(origin) = &refusal
            && endpoint.door.origins.is_news(origin)
        {
            tracing::warn!("{refusal}");
        }
        tracing::debug!("a handshake is refused: {refusal}");
        refusal.into_response()
    })
}

impl Endpoint {
    fn open(&self, mut request: Request) -> Result<Response, Refusal> {
        let opening = Opening::read(&request, self.encodings)?;
        if let Some(origin) = self.door.origins.refuses(request.headers()) {
            return Err(Refusal::Origin(origin));
        }
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let client = peer.map(|peer| self.door.proxies.client(peer, request.headers()));
        let extensions = request.extensions_mut();
        let upgrade = extensions.remove::<OnUpgrade>().ok_or(Refusal::NotUpgradable)?;
        let permit = self
            .door
            .admit(extensions.remove::<Arc<Place>>(), client.map(|client| client.ip()))?;
        let hello = Hello {
            encoding: opening.encoding,
            registry: Arc::clone(&self.registry),
            address: client,
            limits: Arc::clone(&self.door.limits),
            permit,
        };
        let host = Arc::clone(&self.door.host);
        // A session outlives this task's needs by hours: it gets one of its own, sized for it alone.
        self.door.host.tasks().spawn(async move {
            match upgrade.await {
                Ok(upgraded) => {
                    let (stream, early) = take_over(upgraded);
                    host.serve(stream, early, hello);
                }
                Err(error) => tracing::debug!(%error, "a connection was lost before it became a WebSocket"),
            }
        });
        Ok(opening.into_response())
    }
}

/// What a valid request says.
struct Opening {
    accept: HeaderValue,
    encoding: u8,
    protocol: Option<&'static str>,
}

impl Opening {
    fn read(request: &Request, encodings: Encodings) -> Result<Self, Refusal> {
        let headers = request.headers();
        if request.method() != Method::GET {
            return Err(Refusal::Method);
        }
        match request.version() {
            Version::HTTP_11 => {}
            Version::HTTP_2 => return Err(Refusal::HttpVersion("HTTP/2")),
            Version::HTTP_3 => return Err(Refusal::HttpVersion("HTTP/3")),
            _ => return Err(Refusal::HttpVersion("of an older version")),
        }
        if !lists(headers, &CONNECTION, "upgrade") || !lists(headers, &UPGRADE, "websocket") {
            return Err(Refusal::NoUpgrade);
        }
        if single(headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err(Refusal::Version);
        }
        let accept = single(headers, &SEC_WEBSOCKET_KEY)
            .filter(|key| is_handshake_key(key))
            .and_then(|key| HeaderValue::try_from(accept_key(key)).ok())
            .ok_or(Refusal::Key)?;
        if !request.body().is_end_stream() {
            return Err(Refusal::Body);
        }
        let (encoding, protocol) = match encodings {
            Encodings::Only(encoding) => (encoding, None),
            Encodings::Native => native(headers)?,
        };
        Ok(Self {
            accept,
            encoding,
            protocol,
        })
    }

    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(protocol) = self.protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        response
    }
}

/// The encoding of the first sub-protocol asked for that is spoken here, JSON where none is asked for.
fn native(headers: &HeaderMap) -> Result<(u8, Option<&'static str>), Refusal> {
    if !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return Ok((0, None));
    }
    elements(headers, &SEC_WEBSOCKET_PROTOCOL)
        .find_map(|asked| {
            [(0, JSON), (1, MESSAGE_PACK)]
                .into_iter()
                .find(|(_, name)| *name == asked)
        })
        .map(|(encoding, name)| (encoding, Some(name)))
        .ok_or(Refusal::Protocol)
}

/// The socket itself where it can be had, and what the client sent behind its handshake. That is copied, so that it does not
/// hold the buffer that the request was read into.
fn take_over(upgraded: Upgraded) -> (Stream, Bytes) {
    let upgraded = match upgraded.downcast::<TokioIo<WriteTimeout<Stream>>>() {
        Ok(parts) => {
            return (
                parts.io.into_inner().into_inner(),
                Bytes::copy_from_slice(&parts.read_buf),
            );
        }
        Err(upgraded) => upgraded,
    };
    let upgraded = match upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => return (parts.io.into_inner().into(), Bytes::copy_from_slice(&parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => (parts.io.into_inner().into(), Bytes::copy_from_slice(&parts.read_buf)),
        Err(upgraded) => (Stream::new(TokioIo::new(upgraded)), Bytes::new()),
    }
}

/// The value of a header that came exactly once.
pub(super) fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    elements(headers, name).any(|element| element.eq_ignore_ascii_case(token))
}

/// The elements of a comma-separated header, over all its lines.
pub(super) fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',').map(str::trim))
}
