//! What a page needs: bytes that the program carries, and folders.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::NOSNIFF;

/// A file that the program carries. Browsers ask for it again each time and are told if they have it already.
#[derive(Clone, Debug)]
pub(super) struct Asset(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bytes: Bytes,
    content_type: HeaderValue,
    tag: HeaderValue,
}

impl Asset {
    pub(super) fn new(content_type: HeaderValue, bytes: Bytes) -> Self {
        let tag = tag(&bytes);
        Self(Arc::new(Inner {
            bytes,
            content_type,
            tag,
        }))
    }

    /// What a request with these headers is answered.
    pub(super) fn respond(&self, headers: &HeaderMap) -> Response {
        let is_known = headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .any(|known| names(known, &self.0.tag));
        let mut response = if is_known {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            Response::new(Body::from(self.0.bytes.clone()))
        };
        let about = response.headers_mut();
        about.insert(CONTENT_TYPE, self.0.content_type.clone());
        about.insert(ETAG, self.0.tag.clone());
        about.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        about.extend([NOSNIFF]);
        response
    }
}

/// Whether a value of `If-None-Match` names this tag ([RFC 9110, section 13.1.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2)).
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    known.to_str().is_ok_and(|known| {
        known
            .split(',')
            .map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known).as_bytes() == tag.as_bytes())
    })
}

/// A tag that changes with the bytes; it need not be hard to forge, because nobody else writes them.
fn tag(bytes: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
}
