//! Servers and clients for the tests.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses some of it, and one that cannot go on fails"
)]

pub mod script;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use switchboard::prelude::*;
use switchboard::testing::TestServer;
use switchboard::wire::connection::Stream;
use switchboard::{Endpoint, Running};
use switchboard_client::{Builder, Client, Framing, State};

/// What a payload of these tests is.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Number {
    pub n: u64,
}

pub fn routes() -> Routes {
    let fail = |()| -> Result<u8, Error> { Err(Error::new("taken", "somebody has it").with_details(json!({"by": 7}))) };
    let hang = |()| async { std::future::pending::<u8>().await };
    Routes::new()
        .route("echo", Controller::silent(|Payload(value): Payload<Value>| value))
        .route(
            "double",
            Controller::silent(|Payload(number): Payload<Number>| number.n * 2),
        )
        .route("nothing", Controller::silent(|()| ()))
        .route("fail", Controller::silent(fail))
        .route("panic", Controller::silent(|()| -> u8 { panic!("a bug") }))
        .route(
            "hang",
            Controller::silent(hang).timeout(Duration::from_secs(3600)).unordered(),
        )
        .route(
            "many",
            Controller::silent(|Payload(number): Payload<Number>| Replies(stream::iter(0..number.n))),
        )
        .route("both", Controller::silent(|()| 1))
        .route("both", Controller::silent(fail))
        .route(
            "both",
            Controller::silent(|()| async { tokio::task::yield_now().await }),
        )
        .route("forever", Controller::silent(|()| Replies(stream::repeat(1))))
        .route(
            "say",
            Controller::send_all(|Payload(value): Payload<Value>| value).reply("said/all"),
        )
        .route(
            "whisper",
            Controller::send_all(|Payload(value): Payload<Value>| value).reply("said/few"),
        )
        .route(
            "join",
            Controller::silent(|client: switchboard::Client| client.join("room").map(drop)),
        )
        .route(
            "tell",
            Controller::send_to_mailbox(|Payload(value): Payload<Value>| value).to("room"),
        )
}

/// How a client reaches a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    WebSocket,
    MessagePack,
    WebSocketOverUnix,
    Lines,
    LinesOverUnix,
    Memory,
    MemoryLines,
}

pub const WAYS: [Way; 7] = [
    Way::WebSocket,
    Way::MessagePack,
    Way::WebSocketOverUnix,
    Way::Lines,
    Way::LinesOverUnix,
    Way::Memory,
    Way::MemoryLines,
];

/// A server, reached one way.
pub enum Reached {
    Sockets(Running),
    Memory(Arc<TestServer>),
}

impl Reached {
    pub fn switchboard(&self) -> Switchboard {
        match self {
            Self::Sockets(running) => running.switchboard(),
            Self::Memory(server) => server.switchboard(),
        }
    }
}

impl Way {
    pub async fn start(self) -> (Reached, Builder) {
        self.start_with(Server::empty().routes(routes())).await
    }

    pub async fn start_with(self, server: Server) -> (Reached, Builder) {
        let listener = match self {
            Self::WebSocket | Self::MessagePack => Listener::from("127.0.0.1:0"),
            Self::WebSocketOverUnix => Listener::from(socket_file()),
            Self::Lines => Listener::lines("127.0.0.1:0"),
            Self::LinesOverUnix => Listener::lines(socket_file()),
            Self::Memory | Self::MemoryLines => {
                let server = if self == Self::MemoryLines {
                    server.listen_lines("127.0.0.1:0")
                } else {
                    server
                };
                let server = Arc::new(TestServer::start(server).unwrap());
                let framing = if self == Self::Memory {
                    Framing::WebSocket
                } else {
                    Framing::Lines
                };
                return (Reached::Memory(Arc::clone(&server)), memory(framing, server));
            }
        };
        let running = server.listen(listener).start().await.unwrap();
        let address = match &running.endpoints()[0] {
            Endpoint::Tcp(address) if self == Self::Lines => format!("tcp://{address}"),
            Endpoint::Tcp(address) => format!("ws://{address}"),
            Endpoint::Unix(path) if self == Self::LinesOverUnix => format!("unix:{}", path.display()),
            Endpoint::Unix(path) => format!("ws+unix:{}", path.display()),
        };
        let builder = Client::builder(&address);
        let builder = if self == Self::MessagePack {
            builder.message_pack()
        } else {
            builder
        };
        (Reached::Sockets(running), builder)
    }
}

pub fn memory(framing: Framing, server: Arc<TestServer>) -> Builder {
    Builder::over(framing, move || {
        let server = Arc::clone(&server);
        async move { Ok(Stream::new(server.connect_stream(0).await)) }
    })
}

pub fn socket_file() -> Endpoint {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let name = format!("switchboard-client-{}-{number}.sock", std::process::id());
    Endpoint::from(std::env::temp_dir().join(name))
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future)
        .await
        .expect("it comes within a minute")
}

/// Nothing of any request is left.
pub fn assert_empty(client: &Client) {
    assert_eq!((client.open_requests(), client.queued()), (0, 0), "{client:?}");
}

/// Waits for a state.
pub async fn state(client: &Client, wanted: impl FnMut(&State) -> bool) -> State {
    let mut states = client.states();
    within(states.wait_for(wanted)).await.unwrap().clone()
}
