//! A server in memory, without sockets, and clients to talk to it: for tests of controllers as their clients see them.
//!
//! The messages take the whole way, framing and limits included. Under tokio's paused clock (`start_paused = true`) time-outs
//! and silences pass at once.
//!
//! ```
//! use switchboard_server::testing::TestServer;
//! use switchboard_server::{Controller, Payload, Routes, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let routes = Routes::new()
//!     .route("math/double", Controller::silent(|Payload(n): Payload<u32>| n * 2))
//!     .route("chat/say", Controller::send_all(|Payload(line): Payload<String>| line).except_sender());
//! let server = TestServer::start(Server::empty().routes(routes)).unwrap();
//!
//! let (mut kevin, mut julia) = (server.connect().await, server.connect().await);
//! assert_eq!(kevin.request("math/double", 21).await.unwrap(), 42);
//!
//! kevin.send("chat/say", "hello").await;
//! assert_eq!(julia.expect("chat/say").await, "hello");
//! kevin.expect_silence().await;
//! # }
//! ```

mod client;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use switchboard_wire::Format;
use switchboard_wire::connection::Stream;
use tokio::io::DuplexStream;

pub use client::TestClient;

use crate::http::Encodings;
use crate::listen::Permit;
use crate::server::{Offer, Running, Server, ServerError};
use crate::session::{self, Hello};
use crate::switchboard::{Shutdown, Switchboard};

/// A server that clients reach through memory.
#[derive(Debug)]
pub struct TestServer {
    running: Running,
    offers: Vec<Offer>,
}

impl TestServer {
    /// Checks and starts a server. Its listeners are not bound; their registries are what [`connect_to`](Self::connect_to)
    /// reaches.
    ///
    /// # Errors
    ///
    /// [`ServerError`], as the server itself would refuse to start.
    pub fn start(server: Server) -> Result<Self, ServerError> {
        let (running, offers) = Running::in_memory(server)?;
        Ok(Self { running, offers })
    }

    /// Connects a client that speaks JSON to the first listener.
    pub async fn connect(&self) -> TestClient {
        self.open(0, Format::Json, BUFFER).await
    }

    /// Connects a client that speaks MessagePack.
    pub async fn connect_message_pack(&self) -> TestClient {
        self.open(0, Format::MessagePack, BUFFER).await
    }

    /// Connects a client to the listener of this registry.
    ///
    /// # Panics
    ///
    /// Where the server has no listener of this registry.
    pub async fn connect_to(&self, registry: &str) -> TestClient {
        let at = self.offers.iter().position(|offer| *offer.registry == *registry);
        let Some(at) = at else {
            panic!(
                "no listener of this server serves the registry {registry:?}: add `.listen(Listener::from(…).registry({registry:?}))`"
            );
        };
        self.open(at, Format::Json, BUFFER).await
    }

    /// Connects a client behind a connection that holds only so many bytes on their way, to see what happens to one that
    /// does not read.
    pub async fn connect_narrow(&self, bytes: usize) -> TestClient {
        self.open(0, Format::Json, bytes).await
    }

    /// Connects to a listener, counted in the order in which they were given, and gives back the stream itself: lines for a
    /// listener of [lines](crate::Listener::lines), otherwise WebSocket frames behind the handshake, in JSON.
    ///
    /// # Panics
    ///
    /// Where there is no such listener.
    pub async fn connect_stream(&self, listener: usize) -> DuplexStream {
        assert!(
            listener < self.offers.len(),
            "this server has {} listeners, counted from 0",
            self.offers.len()
        );
        self.open_stream(listener, Format::Json, BUFFER).await
    }

    /// Who is connected.
    pub fn switchboard(&self) -> Switchboard {
        self.running.switchboard()
    }

    /// Ends the server, as [`Running::shut_down`].
    pub async fn shut_down(self, how: Shutdown, deadline: Duration) -> bool {
        self.running.shut_down(how, deadline).await
    }

    async fn open(&self, listener: usize, format: Format, buffer: usize) -> TestClient {
        let stream = self.open_stream(listener, format, buffer).await;
        TestClient::new(Box::new(stream), format)
    }

    async fn open_stream(&self, listener: usize, format: Format, buffer: usize) -> DuplexStream {
        let (near, far) = tokio::io::duplex(buffer);
        let offer = &self.offers[listener];
        let hello = Hello {
            encoding: match (offer.encodings, format) {
                (Encodings::Only(encoding), _) => encoding,
                (Encodings::Native, Format::Json) => 0,
                (Encodings::Native, Format::MessagePack) => 1,
            },
            registry: Arc::clone(&offer.registry),
            address: None,
            limits: Arc::clone(&offer.limits),
            permit: Permit::default(),
        };
        let core = Arc::clone(self.running.switchboard().core());
        let switchboard = Arc::clone(&core);
        let mut session = Box::pin(session::run(core, Stream::new(far), Bytes::new(), hello));
        // Its first step puts the client on the board, so that the test does not race with it.
        let is_over = std::future::poll_fn(|cx| Poll::Ready(session.as_mut().poll(cx).is_ready())).await;
        if !is_over {
            switchboard.homes.take_in(switchboard.tasks.track_future(session));
        }
        near
    }
}

/// Bytes on their way to a client that reads when it is asked to.
const BUFFER: usize = 256 << 10;
