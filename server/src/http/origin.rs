//! Which pages may open a WebSocket here.
//!
//! Browsers let any page open one to anywhere, with the user's cookies, and say in `Origin` which page it is. What is no
//! browser sends no `Origin` and is not held up.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// The origins that are allowed beside the server's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    allowed: Vec<Pattern>,
    /// Origins that were refused and logged.
    told: Arc<Mutex<HashSet<String>>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Pattern {
    Any,
    Exactly(Origin),
    /// The hosts below this one.
    Below(Origin),
}

/// A scheme, a host and a port ([RFC 6454](https://www.rfc-editor.org/rfc/rfc6454#section-4)), the default port filled in.
#[derive(Clone, Debug, PartialEq)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origins {
    /// Adds `https://example.org`, `https://*.example.org` or `*`.
    pub(super) fn add(&mut self, pattern: &str) -> Result<(), String> {
        let parsed = match pattern {
            "*" => Some(Pattern::Any),
            _ => match pattern.split_once("://*.") {
                Some((scheme, rest)) => Origin::parse(&format!("{scheme}://{rest}")).map(Pattern::Below),
                None => Origin::parse(pattern).map(Pattern::Exactly),
            },
        };
        self.allowed.push(parsed.ok_or_else(|| {
            format!(
                "allow_origin({pattern:?}): an origin is written https://example.org, https://example.org:8443, \
                 https://*.example.org or *, without a path and without a slash at its end, a host in ASCII"
            )
        })?);
        Ok(())
    }

    /// The origin that must be refused, if it must.
    pub(super) fn refuses(&self, headers: &HeaderMap) -> Option<String> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = origins.next()?;
        if self.allowed.contains(&Pattern::Any) {
            return None;
        }
        let text = origin.to_str().unwrap_or("(not text)");
        let is_allowed = origins.next().is_none()
            && Origin::parse(text).is_some_and(|origin| origin.is_of(headers) || self.allow(&origin));
        (!is_allowed).then(|| text.chars().take(SHOWN).collect())
    }

    /// Whether this origin has not been refused before, as far as that is remembered.
    pub(super) fn is_news(&self, origin: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < TOLD && told.insert(origin.to_owned())
    }

    fn allow(&self, origin: &Origin) -> bool {
        self.allowed.iter().any(|pattern| match pattern {
            Pattern::Any => true,
            Pattern::Exactly(allowed) => origin == allowed,
            Pattern::Below(parent) => {
                origin.scheme == parent.scheme
                    && origin.port == parent.port
                    && origin
                        .host
                        .strip_suffix(&parent.host)
                        .is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
        })
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let (host, port) = host_and_port(authority)?;
        let port = port.or_else(|| default_port(&scheme));
        is_scheme.then_some(Self { scheme, host, port })
    }

    /// Whether a request with this `Host` was made to the place that the page came from.
    ///
    /// The scheme is not compared: a proxy that ends TLS speaks plain HTTP with us.
    fn is_of(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        let Some((host, port)) = host.to_str().ok().and_then(host_and_port) else {
            return false;
        };
        self.host == host && self.port == port.or_else(|| default_port(&self.scheme))
    }
}

pub(super) fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            (host, Some(port.parse().ok().filter(|_| is_number)?))
        }
        _ => (authority, None),
    };
    let is_host = match host.strip_prefix('[') {
        Some(address) => address.ends_with(']') && address.chars().all(|c| c.is_ascii_hexdigit() || "]:.".contains(c)),
        None => host.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c)),
    };
    (is_host && !host.is_empty()).then(|| (host.to_ascii_lowercase(), port))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// Characters of an origin that are shown.
const SHOWN: usize = 128;
/// Origins that are remembered as logged.
const TOLD: usize = 64;

#[cfg(test)]
mod tests;
