//! A delivery is serialised once a format and written once a dialect, however many hear it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Serialize, Serializer};
use serde_json::json;
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};
use switchboard::wire::native::Json;
use switchboard::wire::{
    Dialect, EncodeError, Format, Frame, Incoming, Malformed, ReadLimits, Text, Ticket, Unit, Written,
};

/// A value that counts how often it is serialised.
struct Counted(Arc<AtomicUsize>);

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        serializer.serialize_str("counted")
    }
}

/// A value with one in it. Whether a reply is a `None` is asked without looking into it, so only writing it counts.
#[derive(Serialize)]
struct Line {
    text: Counted,
}

impl Line {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        Self {
            text: Counted(Arc::clone(count)),
        }
    }
}

/// The native dialect, which counts what it writes.
#[derive(Debug)]
struct Counting(Arc<AtomicUsize>);

impl Dialect for Counting {
    fn read(&self, unit: Unit<'_>, limits: &ReadLimits) -> Result<Incoming, Box<Malformed>> {
        Json.read(unit, limits)
    }

    fn read_prefix(&self, prefix: &[u8]) -> (Option<Text>, Ticket) {
        Json.read_prefix(prefix)
    }

    fn write(&self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<Written, EncodeError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Json.write(frame, out)
    }

    fn format(&self) -> Format {
        Format::Json
    }
}

fn counted_routes() -> (Arc<AtomicUsize>, Routes) {
    let count = Arc::new(AtomicUsize::new(0));
    let (to_all, to_room, answer) = (Arc::clone(&count), Arc::clone(&count), Arc::clone(&count));
    let routes = Routes::new()
        .route("join", Controller::silent(|client: Client| client.join("room")))
        .route("all", Controller::send_all(move |()| Line::new(&to_all)))
        .route(
            "room",
            Controller::send_to_mailbox(move |()| Line::new(&to_room)).to("room"),
        )
        .route("me", Controller::silent(move |()| Line::new(&answer)));
    (count, routes)
}

async fn everyone_hears(clients: &mut [TestClient], name: &str) {
    for client in clients {
        assert_eq!(client.expect(name).await, json!({ "text": "counted" }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_serialised_once_a_format() {
    let (count, routes) = counted_routes();
    let server = TestServer::start(Server::empty().routes(routes)).unwrap();
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(server.connect().await);
    }

    clients[0].request("all", ()).await.unwrap();
    everyone_hears(&mut clients, "all").await;
    assert_eq!(count.swap(0, Ordering::SeqCst), 1, "all speak JSON");

    for _ in 0..2 {
        clients.push(server.connect_message_pack().await);
    }
    for client in &mut clients {
        client.request("join", ()).await.unwrap();
    }
    for name in ["all", "room"] {
        // Whoever asks, in whichever format.
        for sender in [0, 4] {
            clients[sender].request(name, ()).await.unwrap();
            everyone_hears(&mut clients, name).await;
            assert_eq!(count.swap(0, Ordering::SeqCst), 2, "{name}, asked by client {sender}");
        }
    }

    let board = server.switchboard();
    let sent = board.send_all("news", &Line::new(&count)).unwrap();
    assert_eq!(sent.delivered, 5);
    everyone_hears(&mut clients, "news").await;
    assert_eq!(count.swap(0, Ordering::SeqCst), 2, "sent by the switchboard");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_serialised_in_the_askers_format_alone() {
    let (count, routes) = counted_routes();
    let server = TestServer::start(Server::empty().routes(routes)).unwrap();
    for mut asker in [server.connect().await, server.connect_message_pack().await] {
        assert_eq!(asker.request("me", ()).await.unwrap(), json!({ "text": "counted" }));
        assert_eq!(count.swap(0, Ordering::SeqCst), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_format_that_nobody_speaks_any_more_is_not_written() {
    let (count, routes) = counted_routes();
    let server = TestServer::start(Server::empty().routes(routes)).unwrap();
    let mut stays = server.connect_message_pack().await;
    server.connect().await.close().await;
    while server.switchboard().count().await > 1 {
        tokio::task::yield_now().await;
    }
    stays.request("all", ()).await.unwrap();
    assert_eq!(stays.expect("all").await, json!({ "text": "counted" }));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dialect_writes_a_broadcast_once() {
    let writes = Arc::new(AtomicUsize::new(0));
    let routes = Routes::new().route("say", Controller::send_all(|()| "hi"));
    let listener = Listener::from("127.0.0.1:0").dialect(Counting(Arc::clone(&writes)));
    let server = TestServer::start(Server::empty().routes(routes).listen(listener)).unwrap();
    let mut clients = [server.connect().await, server.connect().await, server.connect().await];

    clients[0].send("say", ()).await;
    for client in &mut clients {
        assert_eq!(client.expect("say").await, "hi");
    }
    assert_eq!(writes.swap(0, Ordering::SeqCst), 1, "one delivery for three");

    let frames = clients[0].request_frames("say", ()).await;
    assert_eq!(frames[0].receipt.unwrap().delivered, 3);
    for client in &mut clients {
        assert_eq!(client.expect("say").await, "hi");
    }
    assert_eq!(writes.load(Ordering::SeqCst), 2, "the delivery and the acknowledgement");
}
