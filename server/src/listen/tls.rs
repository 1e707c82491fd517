//! TLS before whatever is spoken: the handshake, and the certificates that it is made with.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use switchboard_wire::connection::Stream;
pub(crate) use switchboard_wire::connection::tls::ServerTls;
use switchboard_wire::connection::tls::Validity;
use switchboard_wire::connection::tls::rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Arrival, Full, Place, Serve};
use crate::server::ServerError;

/// The certificate that a [`Listener`](crate::Listener) proves with who it is, and its key. Needs the feature `tls`.
///
/// ```no_run
/// use switchboard_server::{Listener, Server, Tls};
///
/// # async fn run() -> Result<(), switchboard_server::ServerError> {
/// let tls = Tls::from_pem_files("/etc/app/cert.pem", "/etc/app/key.pem");
/// Server::new().serve(Listener::from("0.0.0.0:443").tls(tls)).await
/// # }
/// ```
#[derive(Clone)]
pub struct Tls(Source);

#[derive(Clone)]
enum Source {
    Files { certificates: PathBuf, key: PathBuf },
    Config(Arc<ServerConfig>),
}

impl Tls {
    /// A chain of certificates in PEM, the server's own first and behind it the ones that vouch for it, and the private
    /// key of the first, which may be in the same file.
    ///
    /// They are read when the server starts, which refuses to where something is wrong with them, and again on SIGHUP or
    /// [`Running::reload_tls`](crate::Running::reload_tls).
    pub fn from_pem_files(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self(Source::Files {
            certificates: certificates.into(),
            key: key.into(),
        })
    }

    /// A configuration of rustls's own: for client certificates, several names, or keys that are in no file. Its ALPN
    /// protocols are not used, because only the listener knows what it speaks. Nothing of it is reloaded.
    ///
    /// The rustls that it has to be made with is `switchboard::wire::connection::tls::rustls`.
    pub fn from_config(config: Arc<ServerConfig>) -> Self {
        Self(Source::Config(config))
    }

    /// Whether there is something to be read anew.
    pub(crate) fn is_from_files(&self) -> bool {
        matches!(self.0, Source::Files { .. })
    }

    /// Reads it, for a listener that speaks these protocols.
    pub(crate) fn load(&self, protocols: &[&str]) -> Result<ServerTls, ServerError> {
        let tls = match &self.0 {
            Source::Files { certificates, key } => ServerTls::from_pem_files(certificates, key)?,
            Source::Config(config) => ServerTls::from_config(Arc::clone(config)),
        };
        Ok(tls.alpn(protocols))
    }
}

/// Reads all files anew. What is wrong with some of them is logged and given back; those stay as they were.
pub(crate) fn reload(all: &[ServerTls]) -> Result<(), ServerError> {
    let mut errors = Vec::new();
    for tls in all {
        let Some((certificates, _)) = tls.files() else { continue };
        match tls.reload() {
            Ok(()) => {
                tracing::info!(certificates = %certificates.display(), "TLS certificates are read anew; connected clients stay");
                warn_of_dates(tls);
            }
            Err(error) => {
                tracing::error!(%error, "TLS certificates cannot be read anew; the ones before stay in use");
                errors.push(error.into());
            }
        }
    }
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => Err(ServerError::Many(errors)),
    }
}

/// A certificate that no client will believe is no reason not to start: clocks are wrong, too.
fn warn_of_dates(tls: &ServerTls) {
    let Some((certificates, _)) = tls.files() else { return };
    let certificates = certificates.display();
    match tls.validity() {
        Validity::Current => {}
        Validity::Expired(since) => {
            let days = since.as_secs() / DAY;
            tracing::warn!(%certificates, "the TLS certificate expired {days} days ago, clients will refuse it; put a new one in its place and send SIGHUP");
        }
        Validity::NotYet(until) => {
            let days = until.as_secs().div_ceil(DAY);
            tracing::warn!(%certificates, "the TLS certificate is valid only in {days} days, clients will refuse it until then; is the clock right?");
        }
    }
}

/// Serves over TLS what another serves without.
#[derive(Clone, Debug)]
pub(crate) struct Secured<S> {
    tls: ServerTls,
    service: S,
}

impl<S> Secured<S> {
    pub(crate) fn new(tls: ServerTls, service: S) -> Self {
        warn_of_dates(&tls);
        Self { tls, service }
    }
}

impl<S: Serve + Sync> Serve for Secured<S> {
    async fn serve(self, arrival: Arrival, place: Place) {
        if let Some(arrival) = secure(&self.tls, arrival).await {
            self.service.serve(arrival, place).await;
        }
    }

    async fn turn_away(self, arrival: Arrival, full: Full) {
        if let Some(arrival) = secure(&self.tls, arrival).await {
            self.service.turn_away(arrival, full).await;
        }
    }
}

/// Shakes hands, within [`Limits::handshake`](crate::Limits::handshake); none where that fails.
async fn secure(tls: &ServerTls, arrival: Arrival) -> Option<Arrival> {
    let Arrival {
        stream,
        peer,
        door,
        stop,
    } = arrival;
    let shaken = tokio::select! {
        () = stop.cancelled() => return None,
        shaken = timeout(door.limits.handshake, shake_hands(tls, stream, door.limits.idle)) => shaken,
    };
    let counters = door.host.counters();
    let peer_shown = peer.map(tracing::field::display);
    match shaken {
        Ok(Ok(Some(stream))) => {
            return Some(Arrival {
                stream,
                peer,
                door,
                stop,
            });
        }
        Ok(Ok(None)) => {}
        Ok(Err(error)) => {
            counters.tls_failures.one();
            tracing::debug!(peer = peer_shown, %error, "a TLS handshake failed");
        }
        Err(_) => {
            counters.handshake_timeouts.one();
            tracing::debug!(peer = peer_shown, "a TLS handshake took too long");
        }
    }
    None
}

/// The stream over TLS; none where the peer left without a word, as who only looks whether the port is open does.
async fn shake_hands(tls: &ServerTls, mut stream: Stream, idle: Duration) -> io::Result<Option<Stream>> {
    // What comes of it has no socket that could be told so.
    if let Err(error) = stream.keep_alive(idle) {
        tracing::debug!(%error, "a socket does not take SO_KEEPALIVE");
    }
    if let Stream::Tcp(socket) = &mut stream {
        let mut first = [0];
        if socket.peek(&mut first).await? == 0 {
            return Ok(None);
        }
        // The name of an HTTP method; a handshake begins with 0x16.
        if first[0].is_ascii_uppercase() {
            answer_plain(socket).await?;
            return Err(io::Error::other("the peer speaks HTTP without TLS"));
        }
    }
    tls.accept(stream).await.map(Some)
}

/// Tells who speaks plain HTTP what is spoken here.
async fn answer_plain(socket: &mut TcpStream) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{PLAIN}",
        PLAIN.len()
    );
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await?;
    // Closing a socket with bytes unread would throw the answer away.
    let mut rest = socket.take(HEAD);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Files { certificates, key } => f
                .debug_struct("Tls")
                .field("certificates", certificates)
                .field("key", key)
                .finish(),
            Source::Config(_) => f.debug_struct("Tls").finish_non_exhaustive(),
        }
    }
}

const PLAIN: &str = "TLS is spoken here: use https:// or wss://\n";
/// What is read of a request that is not served, in bytes.
const HEAD: u64 = 16 << 10;
/// In seconds.
const DAY: u64 = 24 * 60 * 60;
