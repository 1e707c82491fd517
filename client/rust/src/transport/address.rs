//! Addresses, as people write them.

use switchboard_wire::connection::Endpoint;

use super::{Route, Site, Speech, Transport};

/// An address that a client cannot connect to, or that does not go with what else it was told.
///
/// ```
/// use switchboard_client::Client;
///
/// let error = Client::connect("http://localhost").unwrap_err();
/// assert!(error.to_string().starts_with("\"http://localhost\" is no address"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It begins with none of the schemes.
    #[error(
        "{0:?} is no address: write ws://host:port/path, wss://host:port/path, ws+unix:/path, tcp://host:port, tls://host:port or unix:/path"
    )]
    Scheme(Box<str>),
    /// What is behind the scheme is no host.
    #[error("{address:?} is no address: {why}")]
    Host {
        /// The address.
        address: Box<str>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It needs TLS, which was left out.
    #[error("{0:?} needs TLS: build `switchboard-client` with its feature `tls`")]
    NoTls(Box<str>),
    /// It needs to know whom to believe: [`Builder::tls`](crate::Builder::tls).
    #[cfg(feature = "tls")]
    #[error("an address with TLS needs somebody who vouches for the server: say who, with `Builder::tls`")]
    NobodyBelieved,
    /// [`Builder::tls`](crate::Builder::tls) was told whom to believe, and nobody proves anything at this address.
    #[cfg(feature = "tls")]
    #[error("an address without TLS proves nothing: write wss:// or tls://")]
    PlainAddress,
    /// MessagePack was asked for, which is not spoken in lines.
    #[error("lines are of JSON: leave `message_pack` out, or connect to a WebSocket")]
    BinaryLines,
    /// A header that is none, is the handshake's own, or is for something else than a WebSocket.
    #[error("{0:?} is no header that can be sent with a handshake")]
    Header(Box<str>),
}

impl Transport {
    pub(crate) fn parse(address: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = address.split_once(':').unwrap_or(("", ""));
        let path = |rest: &str| {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let why = "a path is missing";
            (!path.is_empty())
                .then(|| Endpoint::Unix(path.into()))
                .ok_or(AddressError::Host {
                    address: address.into(),
                    why,
                })
        };
        match scheme {
            "ws" | "wss" => {
                let Authority { host, port, target } = Authority::parse(address, rest)?;
                let usual = if scheme == "ws" { 80 } else { 443 };
                let endpoint = Endpoint::Tcp(format!("{host}:{}", port.unwrap_or(usual)));
                let site = Site {
                    host: port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
                    target,
                    headers: Vec::new(),
                };
                let route = route(address, scheme == "wss", endpoint, host)?;
                Ok(Self::new(route, Speech::Site(site)))
            }
            "ws+unix" => {
                let site = Site {
                    host: "localhost".to_owned(),
                    target: PATH.to_owned(),
                    headers: Vec::new(),
                };
                Ok(Self::new(Route::Endpoint(path(rest)?), Speech::Site(site)))
            }
            "unix" => Ok(Self::new(Route::Endpoint(path(rest)?), Speech::Lines)),
            "tcp" | "tls" => {
                let authority = Authority::parse(address, rest)?;
                let why = match (authority.port, rest.matches('/').count()) {
                    (Some(port), 2) => {
                        let endpoint = Endpoint::Tcp(format!("{}:{port}", authority.host));
                        let route = route(address, scheme == "tls", endpoint, authority.host)?;
                        return Ok(Self::new(route, Speech::Lines));
                    }
                    (None, _) => "a port is missing",
                    (Some(_), _) => "there is nothing behind a port",
                };
                Err(AddressError::Host {
                    address: address.into(),
                    why,
                })
            }
            _ => Err(AddressError::Scheme(address.into())),
        }
    }
}

fn route(address: &str, is_tls: bool, endpoint: Endpoint, host: &str) -> Result<Route, AddressError> {
    if !is_tls {
        return Ok(Route::Endpoint(endpoint));
    }
    #[cfg(feature = "tls")]
    let route = Ok(Route::Tls(super::tls::Route::new(endpoint, host)));
    #[cfg(not(feature = "tls"))]
    let route = {
        let _ = host;
        Err(AddressError::NoTls(address.into()))
    };
    let _ = address;
    route
}

/// What is behind a scheme and its slashes.
struct Authority<'a> {
    /// With the brackets of IPv6.
    host: &'a str,
    port: Option<u16>,
    target: String,
}

impl<'a> Authority<'a> {
    fn parse(address: &str, rest: &'a str) -> Result<Self, AddressError> {
        let wrong = |why| AddressError::Host {
            address: address.into(),
            why,
        };
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("blanks and characters beyond ASCII have to be encoded"));
        }
        let rest = rest.strip_prefix("//").unwrap_or("");
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(wrong(
                "a password goes into a header: `Builder::header(\"Authorization\", …)`",
            ));
        }
        let port_at = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
        let (host, port) = authority.split_at(port_at.unwrap_or(authority.len()));
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port.parse().map_err(|_| wrong("the port is no number up to 65535"))?),
            None => None,
        };
        let name = host.strip_prefix('[').map_or(Some(host), |host| host.strip_suffix(']'));
        match name {
            None | Some("") => return Err(wrong("a host is missing")),
            Some(name) if name.contains(['[', ']']) || (name.contains(':') && name == host) => {
                return Err(wrong("an IPv6 address stands in brackets, as in [::1]"));
            }
            Some(_) => {}
        }
        let target = match target {
            "" => PATH.to_owned(),
            query if query.starts_with('?') => format!("{PATH}{query}"),
            target => target.to_owned(),
        };
        Ok(Self { host, port, target })
    }
}

/// Where a server has its WebSocket, unless it is told otherwise.
const PATH: &str = "/switchboard";

#[cfg(test)]
mod tests {
    use super::*;

    /// The endpoint, and the host and the target of a WebSocket.
    fn parsed(address: &str) -> (String, String) {
        let transport = Transport::parse(address).unwrap();
        let Route::Endpoint(endpoint) = &transport.route else {
            panic!("{address} is reached through an endpoint");
        };
        let speech = match &transport.speech {
            Speech::Site(site) => format!("{} {}", site.host, site.target),
            Speech::Frames => "frames".to_owned(),
            Speech::Lines => "lines".to_owned(),
        };
        (endpoint.to_string(), speech)
    }

    #[test]
    fn addresses_say_where_and_what() {
        for (address, endpoint, speech) in [
            ("ws://localhost", "localhost:80", "localhost /switchboard"),
            ("ws://localhost:8000", "localhost:8000", "localhost:8000 /switchboard"),
            ("ws://localhost:8000/", "localhost:8000", "localhost:8000 /"),
            ("ws://[::1]:8000/a/b?c=d#e", "[::1]:8000", "[::1]:8000 /a/b?c=d"),
            ("ws://example.org?a=1", "example.org:80", "example.org /switchboard?a=1"),
            ("ws+unix:/run/app.sock", "unix:/run/app.sock", "localhost /switchboard"),
            ("tcp://127.0.0.1:9000", "127.0.0.1:9000", "lines"),
            ("tcp://[::1]:9000", "[::1]:9000", "lines"),
            ("unix:/run/app.sock", "unix:/run/app.sock", "lines"),
            ("unix:///run/app.sock", "unix:/run/app.sock", "lines"),
        ] {
            assert_eq!(parsed(address), (endpoint.to_owned(), speech.to_owned()), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_told() {
        for (address, part) in [
            ("", "is no address: write"),
            ("localhost:8000", "is no address: write"),
            ("http://localhost", "is no address: write"),
            ("ws:localhost", "host is missing"),
            ("ws://", "host is missing"),
            ("ws://:80", "host is missing"),
            ("ws://a:b", "port"),
            ("ws://a:65536", "port"),
            ("ws://::1", "brackets"),
            ("ws://[::1", "host is missing"),
            ("ws://a]b", "brackets"),
            ("ws://kevin:secret@localhost", "header"),
            ("ws://a b", "blanks"),
            ("ws://localhost/a\r\nb: c", "blanks"),
            ("tcp://localhost", "port is missing"),
            ("tcp://localhost:80/path", "nothing behind"),
            ("unix:", "path is missing"),
        ] {
            let error = Transport::parse(address).unwrap_err().to_string();
            assert!(error.contains(part), "{address}: {error}");
        }
    }
}
