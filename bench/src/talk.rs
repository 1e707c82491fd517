//! Clients and server on one thread, over real sockets: messages go one way through the framework, and who hears of them is
//! waited for.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use switchboard::{Limits, Running, Server, ServerError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing_subscriber::EnvFilter;

use crate::deframe::{Deframer, Masked};
use crate::frame::CLOSE;
use crate::path::{self, Path};

/// A server and the clients that talk through it, on the runtime that is entered.
#[derive(Debug)]
pub struct Talk {
    path: Path,
    /// What the first client sends.
    frames: Vec<u8>,
    clients: Vec<Peer>,
    buffer: Vec<u8>,
    _server: Running,
}

/// One client.
#[derive(Debug)]
struct Peer {
    stream: TcpStream,
    deframer: Deframer,
    /// How long each message that it hears is, once one was heard.
    length: Option<u64>,
}

/// Why messages do not go their way.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server does not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The connection is broken.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server broke the protocol.
    #[error(transparent)]
    Masked(#[from] Masked),
    /// The server takes no WebSocket.
    #[error("the server answered the handshake with {0:?}")]
    Refused(String),
    /// Not everything came.
    #[error("not all that there is to hear was heard within {0:?}")]
    Late(Duration),
    /// Something else came than the path says.
    #[error("a client heard {0:?}, which another path than `{1}` would have said")]
    Unexpected(String, &'static str),
}

impl Talk {
    /// Starts a server, connects the clients, and has a first batch go its way, looking closely at what is heard.
    ///
    /// # Errors
    ///
    /// [`Failure`], where it does not go that way.
    pub async fn begin(path: Path) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        // On a machine with much to do controllers are slow and clients silent. What is done about that is no part of a path.
        let limits = Limits {
            inline: LONG,
            heartbeat: LONG,
            idle: LONG,
            ..Limits::default()
        };
        let server = Server::empty().routes(path::routes()).limits(limits).listen(listener);
        let server = server.start().await?;
        let mut talk = Self {
            path,
            frames: path.frames(),
            clients: Vec::new(),
            buffer: vec![0; BUFFER],
            _server: server,
        };
        for at in 0..path.clients {
            let mut peer = Peer::connect(address, path.subprotocol()).await?;
            if at < path.hearers {
                peer.stream.write_all(&path.join()).await?;
                peer.hear(1, &mut talk.buffer, &path, "lobby").await?;
                peer.length = None;
            }
            talk.clients.push(peer);
        }
        talk.clients[0].stream.write_all(&talk.frames).await?;
        for peer in &mut talk.clients[..path.hearers] {
            peer.hear(path.batch, &mut talk.buffer, &path, path.heard).await?;
        }
        Ok(talk)
    }

    /// Sends one batch, and waits until everybody has heard what there is to hear of it.
    ///
    /// # Errors
    ///
    /// [`Failure`], where something else is heard than before.
    pub async fn exchange(&mut self) -> Result<(), Failure> {
        let Self {
            path, clients, buffer, ..
        } = self;
        clients[0].stream.write_all(&self.frames).await?;
        for peer in &mut clients[..path.hearers] {
            peer.hear(path.batch, buffer, path, "").await?;
        }
        Ok(())
    }
}

impl Peer {
    async fn connect(server: SocketAddr, subprotocol: &str) -> Result<Self, Failure> {
        let mut stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /switchboard HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut response = Vec::new();
        // One byte at a time, so that nothing behind it is read with it.
        while !response.ends_with(b"\r\n\r\n") && response.len() < RESPONSE {
            response.push(stream.read_u8().await?);
        }
        let response = String::from_utf8_lossy(&response);
        if !response.starts_with("HTTP/1.1 101 ") || !response.contains(subprotocol) {
            return Err(Failure::Refused(response.into_owned()));
        }
        Ok(Self {
            stream,
            deframer: Deframer::default(),
            length: None,
        })
    }

    /// Waits for so many messages with this in them. All have to be as long as the first one was.
    async fn hear(&mut self, count: usize, buffer: &mut [u8], path: &Path, has: &str) -> Result<(), Failure> {
        let mut heard = 0;
        while heard < count {
            let read = self.stream.read(buffer).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.deframer.feed(&buffer[..read], |frame| {
                heard += 1;
                let payload = frame.payload.unwrap_or_default();
                let length = *self.length.get_or_insert(frame.header.length);
                let is_meant = frame.header.length == length && frame.header.opcode < CLOSE;
                if is_meant && (has.is_empty() || contains(payload, has)) {
                    return Ok(());
                }
                let text = String::from_utf8_lossy(payload).into_owned();
                Err(Failure::Unexpected(text, path.name))
            })?;
        }
        Ok(())
    }
}

/// Logs what goes wrong and nothing else, as servers in production do.
pub fn log_warnings() {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("warn"))
        .with_writer(io::stderr)
        .init();
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Longer than anything takes under a profiler.
const LONG: Duration = Duration::from_secs(3600);
/// Takes all answers of a batch at once.
const BUFFER: usize = 128 << 10;
/// The longest response to a handshake.
const RESPONSE: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_path_goes_the_way_that_it_says() {
        for path in Path::ALL {
            let mut talk = Talk::begin(*path)
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", path.name));
            talk.exchange()
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", path.name));
        }
    }

    #[tokio::test]
    async fn another_answer_is_noticed() {
        let mut wrong = Path::of_name("missing").unwrap();
        wrong.heard = "xxxx";
        let failure = Talk::begin(wrong).await.unwrap_err();
        assert!(failure.to_string().contains("not_found"), "{failure}");
    }
}
