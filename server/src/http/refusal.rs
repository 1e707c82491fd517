//! Why a connection does not become a session, and what its peer is told.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use super::NOSNIFF;
use crate::counters::{Counter, Counters};
use crate::listen::Full;

/// A refusal; its text is the body of the response.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("this is the WebSocket endpoint: open it with GET, as a WebSocket client does")]
    Method,
    #[error("a WebSocket is opened over HTTP/1.1; this request is {0}")]
    HttpVersion(&'static str),
    #[error(
        "this is the WebSocket endpoint: open it with a WebSocket client, which sends \"Connection: Upgrade\" and \
         \"Upgrade: websocket\" (a proxy in between must pass both on)"
    )]
    NoUpgrade,
    #[error("the WebSocket version must be 13, told in one Sec-WebSocket-Version header")]
    Version,
    #[error("Sec-WebSocket-Key must come once, with 16 bytes in base64")]
    Key,
    #[error("a request that opens a WebSocket has no body")]
    Body,
    #[error(
        "none of the sub-protocols that were asked for is spoken here: ask for {JSON} or {MESSAGE_PACK}, or for none"
    )]
    Protocol,
    #[error(
        "pages of the origin {0} may not connect here; allow it with Server::allow_origin on the server (or, if the page \
         is the server's own, have the proxy in between pass the Host header on)"
    )]
    Origin(String),
    #[error("{0}")]
    Full(Full),
    #[error("this connection cannot be taken over: the HTTP server in front does not support upgrades")]
    NotUpgradable,
}

impl Refusal {
    pub(super) fn counter<'c>(&self, counters: &'c Counters) -> &'c Counter {
        match self {
            Self::Origin(_) => &counters.refused_origin,
            Self::Full(full) => full.counter(counters),
            _ => &counters.refused_handshake,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::HttpVersion(_) => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::NoUpgrade | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Key | Self::Body | Self::Protocol => StatusCode::BAD_REQUEST,
            Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::Full(Full::Connections(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Full(Full::Address(_)) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotUpgradable => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Method => &[("allow", "GET")],
            Self::NoUpgrade | Self::Version => &[
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
            ],
            Self::Full(_) => &[("retry-after", "10")],
            _ => &[],
        }
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(format!("{self}\n")));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        for &(name, value) in self.headers() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.extend([NOSNIFF]);
        response
    }
}

/// The sub-protocols of the native dialect.
pub(super) const JSON: &str = "switchboard.v1+json";
pub(super) const MESSAGE_PACK: &str = "switchboard.v1+msgpack";
