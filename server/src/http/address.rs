//! Whose address a request counts for.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::FORWARDED;
use ipnet::IpNet;

/// The proxies that are believed about who is behind them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Adds an address (`10.0.0.1`, `::1`) or a network (`10.0.0.0/8`).
    pub(super) fn add(&mut self, proxy: &str) -> Result<(), String> {
        let network = match proxy.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => proxy.parse::<IpNet>().map_err(|_| {
                format!("trust_proxy({proxy:?}): no address such as 10.0.0.1 and no network such as 10.0.0.0/8")
            })?,
        };
        self.0.push(network);
        Ok(())
    }

    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the peer's, or, told by proxies that are trusted, the right-most one that is no such proxy.
    ///
    /// Where both `X-Forwarded-For` and `Forwarded` came and do not agree, one of them is the client's own invention, and
    /// the peer's address stands.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        if !self.trust(peer.ip()) {
            return peer;
        }
        let told = values(headers, "x-forwarded-for").map(|hops| self.walk(peer, hops.map(Some)));
        let also = values(headers, FORWARDED.as_str()).map(|hops| self.walk(peer, hops.map(forwarded_for)));
        match (told, also) {
            (Some(told), Some(also)) if told.ip() != also.ip() => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    /// Goes from hop to hop, the nearest first, as long as each may be believed about the one before it.
    fn walk<'h>(&self, peer: SocketAddr, hops: impl Iterator<Item = Option<&'h str>>) -> SocketAddr {
        let mut last = peer;
        for hop in hops {
            let Some(hop) = hop.and_then(hop_address) else { break };
            last = hop;
            if !self.trust(hop.ip()) {
                break;
            }
        }
        last
    }
}

/// The elements of a comma-separated header from right to left, over all its lines; none where there is no such header. A
/// line that is no text ends what can be believed.
fn values<'h>(headers: &'h HeaderMap, name: &str) -> Option<impl Iterator<Item = &'h str>> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    (!lines.is_empty()).then(|| {
        lines
            .into_iter()
            .rev()
            .flat_map(|line| line.to_str().unwrap_or_default().rsplit(',').map(str::trim))
    })
}

/// The `for` of one element of `Forwarded` ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239#section-4)).
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = value.trim();
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        name.trim()
            .eq_ignore_ascii_case("for")
            .then_some(unquoted.unwrap_or(value))
    })
}

/// An address with or without port, IPv6 with or without brackets.
fn hop_address(hop: &str) -> Option<SocketAddr> {
    let bare = hop
        .strip_prefix('[')
        .and_then(|hop| hop.strip_suffix(']'))
        .unwrap_or(hop);
    let address = match bare.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, 0),
        Err(_) => hop.parse::<SocketAddr>().ok()?,
    };
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

#[cfg(test)]
mod tests;
