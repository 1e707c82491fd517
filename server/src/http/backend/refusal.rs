//! Requests that bring no message, and what their senders are told.

use std::time::Duration;

use http::StatusCode;
use switchboard_wire::{Error, code};

use crate::counters::{Counter, Counters};
use crate::listen::Full;

/// A refusal; its text is the message of the error that it is answered with.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the back end is for programs, not for pages: this request comes from a page of the origin {0}")]
    Origin(String),
    #[error(
        "this back end has no key and answers only requests to localhost or to a loopback address, not to {0:?}: ask at that, \
         or give the back end a key"
    )]
    Host(String),
    #[error("the key is missing or wrong: send it as \"Authorization: Bearer …\"")]
    Key,
    #[error("there is nothing at {path}: POST to {endpoint}")]
    Path { path: String, endpoint: String },
    #[error("the back end takes one message a request: POST it")]
    Method,
    #[error(
        "the content type is {0:?}: send {1} (curl's --data needs --header \"Content-Type: application/json\", --json brings it)"
    )]
    ContentType(String, &'static str),
    #[error("the content encoding is {0:?}: send the message as it is")]
    ContentEncoding(String),
    #[error("the message did not arrive within {} s (Limits::handshake)", .0.as_secs_f32())]
    Slow(Duration),
    #[error("the request ended before its message did")]
    Cut,
    #[error("{0}")]
    Full(Full),
}

impl Refusal {
    pub(super) fn counter<'c>(&self, counters: &'c Counters) -> &'c Counter {
        match self {
            Self::Origin(_) | Self::Host(_) => &counters.refused_origin,
            Self::Key => &counters.refused_key,
            Self::Slow(_) => &counters.handshake_timeouts,
            Self::Full(full) => full.counter(counters),
            Self::Path { .. } | Self::Method | Self::ContentType(..) | Self::ContentEncoding(_) | Self::Cut => {
                &counters.refused_requests
            }
        }
    }

    /// The status, and the code of the error.
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Origin(_) | Self::Host(_) => (StatusCode::FORBIDDEN, code::FORBIDDEN),
            Self::Key => (StatusCode::UNAUTHORIZED, code::UNAUTHENTICATED),
            Self::Path { .. } => (StatusCode::NOT_FOUND, code::NOT_FOUND),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, code::BAD_MESSAGE),
            Self::ContentType(..) | Self::ContentEncoding(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, code::BAD_MESSAGE),
            Self::Slow(_) => (StatusCode::REQUEST_TIMEOUT, code::TIMEOUT),
            Self::Cut => (StatusCode::BAD_REQUEST, code::BAD_MESSAGE),
            Self::Full(Full::Connections(_)) => (StatusCode::SERVICE_UNAVAILABLE, code::OVERLOADED),
            Self::Full(Full::Address(_)) => (StatusCode::TOO_MANY_REQUESTS, code::RATE_LIMITED),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.kind().0
    }

    pub(super) fn error(&self) -> Error {
        Error::new(self.kind().1, self.to_string())
    }

    pub(super) fn headers(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Method => &[("allow", "POST")],
            Self::Full(_) => &[("retry-after", "10")],
            // What still comes of the message would be taken for the next request.
            Self::Slow(_) | Self::Cut => &[("connection", "close")],
            _ => &[],
        }
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}
