//! The HTTP side as a peer sees it: bytes written by hand, over sockets and over pipes.

mod connections;
mod limits;
mod mounted;
mod opening;
mod pages;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use switchboard_wire::connection::{self, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::counters::Counters;
use crate::limits::Limits;
use crate::listen::{Accept, Host, accept};
use crate::session::Hello;

/// A server whose sessions are the test's.
struct House {
    host: Arc<TestHost>,
    door: Arc<Door>,
    opened: mpsc::UnboundedReceiver<Opened>,
    stop: CancellationToken,
    accepting: JoinHandle<()>,
    address: SocketAddr,
}

struct TestHost {
    counters: Counters,
    tasks: TaskTracker,
    opened: mpsc::UnboundedSender<Opened>,
}

/// A connection that became a session.
struct Opened {
    stream: Stream,
    early: Bytes,
    hello: Hello,
}

/// A response, its header names in lower case.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// One who connects and writes HTTP by hand.
struct Peer<S = TcpStream>(BufReader<S>);

/// The other end of an [`Accept`] without sockets.
struct Pipes(mpsc::UnboundedSender<io::Result<(Stream, Option<SocketAddr>)>>);

type Incoming = Mutex<mpsc::UnboundedReceiver<io::Result<(Stream, Option<SocketAddr>)>>>;

impl House {
    async fn open(limits: Limits, http: &HttpConfig) -> Self {
        let listener = connection::Endpoint::from("127.0.0.1:0")
            .bind()
            .await
            .expect("loopback can be bound");
        let address = listener.local_addr().expect("it is bound");
        Self::serve(listener, address, limits, http)
    }

    fn over_pipes(limits: Limits, http: &HttpConfig) -> (Self, Pipes) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let house = Self::serve(Mutex::new(receiver), peer_address(), limits, http);
        (house, Pipes(sender))
    }

    fn serve(listener: impl Accept, address: SocketAddr, limits: Limits, http: &HttpConfig) -> Self {
        let (host, opened) = TestHost::new();
        let door = Door::of(Arc::<TestHost>::clone(&host), Arc::new(limits), http);
        let app = application(&door, http, &"public".into(), Encodings::Native).expect("the configuration is good");
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(accept(listener, Http(app), Arc::clone(&door), stop.clone()));
        Self {
            host,
            door,
            opened,
            stop,
            accepting,
            address,
        }
    }

    async fn connect(&self) -> Peer {
        Peer::new(TcpStream::connect(self.address).await.expect("somebody listens"))
    }

    async fn session(&mut self) -> Opened {
        self.opened.recv().await.expect("the house stands")
    }

    /// What a single request is answered.
    async fn ask(&self, request: &str) -> Answer {
        let mut peer = self.connect().await;
        peer.send(request).await;
        peer.answer().await
    }

    fn counters(&self) -> &Counters {
        &self.host.counters
    }
}

impl TestHost {
    fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Opened>) {
        let (sender, opened) = mpsc::unbounded_channel();
        let host = Arc::new(Self {
            counters: Counters::default(),
            tasks: TaskTracker::new(),
            opened: sender,
        });
        (host, opened)
    }
}

impl Host for TestHost {
    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    fn serve(self: Arc<Self>, stream: Stream, early: Bytes, hello: Hello) {
        // A test that is over does not want it any more.
        let _ = self.opened.send(Opened { stream, early, hello });
    }
}

impl Pipes {
    /// Connects over a pipe that holds this many bytes each way.
    fn connect(&self, size: usize) -> Peer<DuplexStream> {
        let (ours, theirs) = duplex(size);
        self.0
            .send(Ok((Stream::new(ours), Some(peer_address()))))
            .expect("somebody listens");
        Peer::new(theirs)
    }

    fn fail(&self, error: io::Error) {
        self.0.send(Err(error)).expect("somebody listens");
    }
}

impl Accept for Incoming {
    async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self.lock().await.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    fn new(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0
            .get_mut()
            .write_all(bytes.as_ref())
            .await
            .expect("the server reads");
    }

    /// Reads a response by its `Content-Length`.
    async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let mut lines = head.split("\r\n");
        let status = lines.next().expect("there is a status line");
        let status = status
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("it has a number");
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers
            .get("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; if status == 304 { 0 } else { length }];
        self.0.read_exact(&mut body).await.expect("the body is whole");
        Answer {
            status,
            headers,
            body: String::from_utf8(body).expect("is text"),
        }
    }

    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("the server answers"));
        }
        String::from_utf8(head).expect("is text")
    }

    /// What comes until the server closes.
    async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.expect("the server closes properly");
        String::from_utf8(rest).expect("is text")
    }
}

/// The handshake of RFC 6455, section 1.2, with these lines instead of the ones of the same name, or beside them.
fn opening(lines: &[&str]) -> String {
    let name = |line: &str| line.split(':').next().map(str::to_lowercase);
    let usual = [
        "Host: server.example.com",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ];
    let kept = usual
        .iter()
        .filter(|usual| lines.iter().all(|line| name(line) != name(usual)));
    let all: Vec<_> = kept
        .chain(lines.iter().filter(|line| !line.ends_with(':')))
        .copied()
        .collect();
    format!("GET /switchboard HTTP/1.1\r\n{}\r\n\r\n", all.join("\r\n"))
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: server.example.com\r\n\r\n")
}

/// What this comes to, unless it never happens.
async fn within<F: Future>(future: F) -> F::Output {
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, future).await.expect("it happens at all")
}

fn peer_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 1234))
}
