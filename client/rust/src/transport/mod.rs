//! Where the server is reached, and what is spoken there.

mod address;
mod lines;
#[cfg(feature = "tls")]
mod tls;
mod websocket;

use std::fmt;
use std::io;
use std::sync::Arc;

use switchboard_wire::connection::{Endpoint, Stream};
use switchboard_wire::websocket::{CloseFrame, Opening};
use switchboard_wire::{CloseCode, Format, Message, Unit};
use tokio::io::AsyncWriteExt;

pub use address::AddressError;

use crate::builder::Boxed;
use crate::error::Ended;
use crate::limits::Limits;

/// How connections are made.
pub(crate) struct Transport {
    route: Route,
    speech: Speech,
    format: Format,
}

enum Route {
    Endpoint(Endpoint),
    #[cfg(feature = "tls")]
    Tls(tls::Route),
    Over(Connect),
}

/// Makes a stream for each attempt.
type Connect = Arc<dyn Fn() -> Boxed<io::Result<Stream>> + Send + Sync>;

/// What is spoken over a stream.
#[derive(Debug)]
pub(crate) enum Speech {
    /// WebSocket frames, behind a handshake.
    Site(Site),
    /// The same, without one.
    Frames,
    Lines,
}

/// What a handshake asks for.
pub(crate) struct Site {
    host: String,
    target: String,
    headers: Vec<(String, String)>,
}

/// A stream that is ready to be spoken over.
pub(crate) struct Connected {
    pub(crate) stream: Stream,
    pub(crate) framing: Framing,
    /// What came behind the handshake already.
    pub(crate) early: Vec<u8>,
}

/// Messages to bytes and back.
#[derive(Debug)]
pub(crate) enum Framing {
    WebSocket(websocket::Framing),
    Lines(lines::Framing),
}

/// Something that the server said.
pub(crate) enum Incoming<'a> {
    Unit(Unit<'a>),
    /// A message over the limit: its first bytes, and its last.
    TooLarge(&'a [u8], &'a [u8]),
    Malformed(&'a dyn fmt::Display),
    /// To be answered with the same.
    Ping(&'a [u8]),
    Close(Option<CloseFrame<'a>>),
}

/// How the server broke the framing, and the code to tell it that with.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) code: CloseCode,
    pub(crate) reason: Box<str>,
}

impl Transport {
    pub(crate) fn over(speech: Speech, connect: Connect) -> Self {
        Self::new(Route::Over(connect), speech)
    }

    fn new(route: Route, speech: Speech) -> Self {
        Self {
            route,
            speech,
            format: Format::Json,
        }
    }

    /// Believes these servers.
    #[cfg(feature = "tls")]
    pub(crate) fn with_tls(mut self, tls: switchboard_wire::connection::tls::ClientTls) -> Result<Self, AddressError> {
        let protocols: &[&str] = match self.speech {
            Speech::Site(_) => &["http/1.1"],
            Speech::Frames | Speech::Lines => &[],
        };
        match &mut self.route {
            Route::Tls(route) => route.believe(tls.alpn(protocols)),
            Route::Endpoint(_) | Route::Over(_) => return Err(AddressError::PlainAddress),
        }
        Ok(self)
    }

    /// Whether all is said that is needed.
    #[cfg(feature = "tls")]
    pub(crate) fn check(&self) -> Result<(), AddressError> {
        match &self.route {
            Route::Tls(route) if !route.believes() => Err(AddressError::NobodyBelieved),
            Route::Tls(_) | Route::Endpoint(_) | Route::Over(_) => Ok(()),
        }
    }

    pub(crate) fn with_format(mut self, format: Format) -> Result<Self, AddressError> {
        if format != Format::Json && matches!(self.speech, Speech::Lines) {
            return Err(AddressError::BinaryLines);
        }
        self.format = format;
        Ok(self)
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError::Header(name.into());
        let Speech::Site(site) = &mut self.speech else {
            return Err(wrong());
        };
        if !site.opening([0; 16]).header(name, value) {
            return Err(wrong());
        }
        site.headers.push((name.to_owned(), value.to_owned()));
        Ok(self)
    }

    /// A connection that can be spoken over. Dropping it gives up.
    pub(crate) async fn connect(&self, limits: &Limits) -> Result<Connected, Ended> {
        let unreachable = |error| Ended::Unreachable(Arc::new(error));
        let mut stream = match &self.route {
            Route::Endpoint(endpoint) => endpoint.connect().await.map_err(unreachable)?,
            #[cfg(feature = "tls")]
            Route::Tls(route) => route.connect().await.map_err(unreachable)?,
            Route::Over(connect) => connect().await.map_err(unreachable)?,
        };
        let (framing, early) = match &self.speech {
            Speech::Lines => {
                if let Err(error) = stream.keep_alive(limits.heartbeat) {
                    tracing::debug!(%error, "a socket does not take SO_KEEPALIVE");
                }
                (Framing::Lines(lines::Framing::new(limits)), Vec::new())
            }
            Speech::Frames => (self.frames(limits), Vec::new()),
            Speech::Site(site) => {
                let mut nonce = [0; 16];
                getrandom::fill(&mut nonce).map_err(|error| unreachable(no_randomness(error)))?;
                let opening = site.opening(nonce).protocol(websocket::protocol(self.format));
                let early = websocket::open(&mut stream, &opening).await?;
                (self.frames(limits), early)
            }
        };
        Ok(Connected { stream, framing, early })
    }

    fn frames(&self, limits: &Limits) -> Framing {
        Framing::WebSocket(websocket::Framing::new(self.format, limits))
    }
}

impl Site {
    fn opening(&self, nonce: [u8; 16]) -> Opening {
        let mut opening = Opening::new(&*self.host, &*self.target, nonce);
        for (name, value) in &self.headers {
            opening.header(name, value);
        }
        opening
    }
}

impl fmt::Debug for Site {
    /// Without the headers, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host, self.target)
    }
}

impl Framing {
    /// Hands out everything that these bytes hold.
    ///
    /// # Errors
    ///
    /// The server broke the framing: nothing that follows can be understood.
    pub(crate) fn read(&mut self, bytes: &mut [u8], each: &mut dyn FnMut(Incoming<'_>)) -> Result<(), Broken> {
        match self {
            Self::WebSocket(framing) => framing.read(bytes, each),
            Self::Lines(framing) => framing.read(bytes, each),
        }
    }

    /// Appends a message, which may ask where it went.
    ///
    /// # Errors
    ///
    /// It cannot be written in this format, which its payload was not made for.
    pub(crate) fn write(&mut self, message: &Message, receipt: bool, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::WebSocket(framing) => framing.write(message, receipt, out),
            Self::Lines(_) => lines::write(message, receipt, out),
        }
    }

    /// Appends a question for a sign of life.
    pub(crate) fn ping(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::WebSocket(framing) => framing.ping(out),
            Self::Lines(_) => lines::ping(out),
        }
    }

    pub(crate) fn pong(&mut self, payload: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::WebSocket(framing) => framing.pong(payload, out),
            Self::Lines(_) => Ok(()),
        }
    }

    /// Appends a goodbye, where there is one.
    pub(crate) fn goodbye(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::WebSocket(framing) => framing.goodbye(code, reason, out),
            Self::Lines(_) => Ok(()),
        }
    }

    /// Whether the server says goodbye before it closes.
    pub(crate) fn says_goodbye(&self) -> bool {
        matches!(self, Self::WebSocket(_))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut transport = f.debug_struct("Transport");
        match &self.route {
            Route::Endpoint(endpoint) => transport.field("endpoint", endpoint),
            #[cfg(feature = "tls")]
            Route::Tls(route) => transport.field("endpoint", route),
            Route::Over(_) => transport.field("endpoint", &"a function"),
        };
        transport.field("speech", &self.speech).finish_non_exhaustive()
    }
}

fn no_randomness(error: getrandom::Error) -> io::Error {
    io::Error::other(format!("the system gives no random numbers: {error}"))
}

async fn write_all(stream: &mut Stream, bytes: &[u8]) -> Result<(), Ended> {
    let written = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    written.await.map_err(|error| Ended::lost(&error))
}
