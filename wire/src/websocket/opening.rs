use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::accept_key;

/// A client's handshake, without I/O: the request that opens a WebSocket, and what the answer means
/// ([RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1)).
///
/// ```
/// use switchboard_wire::websocket::Opening;
///
/// let nonce = *b"the sample nonce"; // fresh random bytes for each connection
/// let opening = Opening::new("localhost:8000", "/switchboard", nonce).protocol("switchboard.v1+json");
/// let request = opening.request();
/// assert!(request.starts_with("GET /switchboard HTTP/1.1\r\nHost: localhost:8000\r\n"));
///
/// let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
///     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: switchboard.v1+json\r\n\r\n\x81\x02hi";
/// // Called with all that has come so far; `None` until that is enough.
/// assert_eq!(opening.read(&answer[..30], false).unwrap(), None);
/// let frames = opening.read(answer, false).unwrap().unwrap();
/// assert_eq!(answer[frames..].len(), 4, "what is behind the answer are frames already");
/// ```
#[derive(Clone)]
pub struct Opening {
    host: String,
    target: String,
    key: String,
    protocol: Option<String>,
    headers: Vec<(String, String)>,
}

/// Why a handshake came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// The server says no, in HTTP.
    #[error("{0}")]
    Refused(Refused),
    /// The answer is longer than [`Opening::MOST`] bytes, or has more than 64 headers.
    #[error(
        "the answer to the handshake is longer than {} bytes or has more than {HEADERS} headers",
        Opening::MOST
    )]
    TooLong,
    /// The answer ended in the middle.
    #[error("the connection ended within the handshake")]
    Ended,
    /// What came is no HTTP/1.1, or no answer to this request.
    #[error("{0}; is there a WebSocket server at this address?")]
    Wrong(&'static str),
}

/// An answer in HTTP that opens nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The HTTP status, such as 503.
    pub status: u16,
    /// The first bytes of the body, [`Opening::BODY`] at most; where they are not UTF-8, they are made so.
    pub body: String,
    /// `Retry-After`, where it is a number of seconds.
    pub retry_after: Option<u32>,
}

impl Opening {
    /// The longest answer, its headers and what is looked at of its body, in bytes.
    pub const MOST: usize = 16 << 10;
    /// What is kept of the body of a refusal, in bytes.
    pub const BODY: usize = 1 << 10;

    /// Asks `host` (with its port, where that is not the usual one) for the WebSocket at `target`, a path with its query.
    ///
    /// # Panics
    ///
    /// Where either holds what cannot be in the first lines of a request: blanks, control characters, nothing at all. An
    /// address that people type has to be checked before.
    pub fn new(host: impl Into<String>, target: impl Into<String>, nonce: [u8; 16]) -> Self {
        let (host, target) = (host.into(), target.into());
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(is_plain(&host), "{host:?} is no host");
        assert!(target.starts_with('/') && is_plain(&target), "{target:?} is no path");
        Self {
            host,
            target,
            key: STANDARD.encode(nonce),
            protocol: None,
            headers: Vec::new(),
        }
    }

    /// Asks for this sub-protocol: an answer without it, or with another, is an error.
    #[must_use]
    pub fn protocol(mut self, protocol: &str) -> Self {
        self.protocol = Some(protocol.to_owned());
        self
    }

    /// Adds a header. False, and nothing is added, where it is none (a line break in it, say) or one of the handshake's own.
    pub fn header(&mut self, name: &str, value: &str) -> bool {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let is_text = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte) || byte >= 0x80;
        let is_ours = OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name));
        let is_fine = !is_ours && !name.is_empty() && name.bytes().all(is_token) && value.bytes().all(is_text);
        if is_fine {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        is_fine
    }

    /// The bytes to send.
    pub fn request(&self) -> String {
        let mut request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {}\r\n",
            self.target, self.host, self.key
        );
        if let Some(protocol) = &self.protocol {
            request.push_str(&format!("Sec-WebSocket-Protocol: {protocol}\r\n"));
        }
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request
    }

    /// The `Sec-WebSocket-Accept` that answers this request.
    pub fn accept(&self) -> String {
        accept_key(&self.key)
    }

    /// Looks at all bytes that have come since the request, and whether that `is_end`. Where they are an answer that opens
    /// the WebSocket: how many bytes it has; what is behind them are frames. `None` where more has to come.
    ///
    /// # Errors
    ///
    /// [`OpeningError`]. The connection is of no use then.
    pub fn read(&self, bytes: &[u8], is_end: bool) -> Result<Option<usize>, OpeningError> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let end = match response.parse(bytes) {
            Ok(httparse::Status::Complete(end)) if end <= Self::MOST => end,
            Ok(httparse::Status::Partial) if bytes.len() <= Self::MOST && is_end => return Err(OpeningError::Ended),
            Ok(httparse::Status::Partial) if bytes.len() <= Self::MOST => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(OpeningError::TooLong),
            Err(_) => return Err(OpeningError::Wrong("the answer to the handshake is no HTTP/1.1")),
        };
        let headers = Headers(response.headers);
        match response.code {
            Some(101) => self.check(&headers, response.version).map(|()| Some(end)),
            status => match refused(status.unwrap_or_default(), &headers, &bytes[end..], is_end) {
                Some(refused) => Err(OpeningError::Refused(refused)),
                None => Ok(None),
            },
        }
    }

    fn check(&self, headers: &Headers<'_>, version: Option<u8>) -> Result<(), OpeningError> {
        if version != Some(1) || !headers.lists("connection", "upgrade") || !headers.lists("upgrade", "websocket") {
            return Err(OpeningError::Wrong("the answer does not switch to WebSocket"));
        }
        if headers.single("sec-websocket-accept") != Some(self.accept().as_bytes()) {
            return Err(OpeningError::Wrong("Sec-WebSocket-Accept does not fit the key"));
        }
        if headers.all("sec-websocket-extensions").next().is_some() {
            return Err(OpeningError::Wrong(
                "the server uses an extension that nobody asked for",
            ));
        }
        let agreed = headers.single("sec-websocket-protocol");
        let is_agreed = agreed == self.protocol.as_deref().map(str::as_bytes);
        if !is_agreed || headers.all("sec-websocket-protocol").count() > 1 {
            return Err(OpeningError::Wrong(
                "the server does not speak the sub-protocol that was asked for",
            ));
        }
        Ok(())
    }
}

impl Refused {
    /// Whether a later attempt can have another outcome: not where the request itself is wrong (4xx, except 404, 408, 425
    /// and 429, which pass) or cannot be served (501, 505).
    pub const fn should_retry(&self) -> bool {
        !matches!(self.status, 400..=403 | 405..=407 | 409..=424 | 426..=428 | 430..=499 | 501 | 505)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refuses the WebSocket with HTTP {}", self.status)?;
        match self.body.trim() {
            "" => Ok(()),
            body => write!(f, ": {body}"),
        }
    }
}

impl fmt::Debug for Opening {
    /// Without the headers, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening")
            .field("host", &self.host)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

struct Headers<'h>(&'h [httparse::Header<'h>]);

impl<'h> Headers<'h> {
    fn all(&self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        let named = self
            .0
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value.trim_ascii())
    }

    /// The value of a header that came exactly once.
    fn single(&self, name: &str) -> Option<&'h [u8]> {
        let mut values = self.all(name);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    fn lists(&self, name: &str, token: &str) -> bool {
        let mut elements = self.all(name).flat_map(|line| line.split(|byte| *byte == b','));
        elements.any(|element| element.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    fn number(&self, name: &str) -> Option<u32> {
        str::from_utf8(self.single(name)?).ok()?.parse().ok()
    }
}

/// A refusal, as soon as as much of its body is there as is kept. Where nobody said how long that is, what came counts.
fn refused(status: u16, headers: &Headers<'_>, body: &[u8], is_end: bool) -> Option<Refused> {
    let announced = headers.number("content-length").map_or(0, |length| length as usize);
    if !is_end && body.len() < announced.min(Opening::BODY) {
        return None;
    }
    let body = String::from_utf8_lossy(&body[..body.len().min(Opening::BODY)]).into_owned();
    Some(Refused {
        status,
        body,
        retry_after: headers.number("retry-after"),
    })
}

const HEADERS: usize = 64;
/// What a handshake says itself, and what would make it another request.
const OURS: [&str; 9] = [
    "host",
    "connection",
    "upgrade",
    "sec-websocket-version",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "content-length",
    "transfer-encoding",
];
