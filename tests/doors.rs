//! Whichever way a request comes in, the same table of requests has the same outcomes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod doors {
    pub(crate) mod peers;
}

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doors::peers::{Door, Outcome, Peer};
use futures_util::stream;
use serde_json::{Value, json};
use switchboard::prelude::*;
use switchboard::wire::json_server::JsonServer;
use switchboard::{Endpoint, Running};

fn routes() -> Routes {
    Routes::new()
        .route("door/echo", Controller::silent(|Payload(value): Payload<Value>| value))
        .route(
            "door/double",
            Controller::silent(|Payload(ask): Payload<Double>| ask.n * 2),
        )
        .route("door/nothing", Controller::silent(|()| ()))
        .route("door/panic", Controller::silent(|()| -> u8 { panic!("a bug") }))
        .route(
            "door/hang",
            Controller::silent(|()| std::future::pending::<()>()).timeout(Duration::from_millis(20)),
        )
        .route(
            "door/slow",
            Controller::silent(|()| async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                "late"
            }),
        )
        .route(
            "door/taken",
            Controller::silent(|()| -> Result<u8, Error> { Err(Error::new("taken", "somebody has it")) }),
        )
        .route(
            "door/stream",
            Controller::silent(|()| Replies(stream::iter([json!({"n": 1}), json!({"n": 2})]))),
        )
        .route(
            "door/two",
            Controller::silent(|()| async { Err::<u8, _>(Error::new("first", "fails first")) }),
        )
        .route(
            "door/two",
            Controller::silent(|()| async {
                tokio::task::yield_now().await;
                json!({"second": true})
            }),
        )
        .route(
            "door/tell",
            Controller::send_all(|Payload(value): Payload<Value>| value),
        )
        .route(
            "door/who",
            Controller::silent(|client: Client| client.id().to_string().len()),
        )
}

#[derive(serde::Deserialize)]
struct Double {
    n: u32,
}

/// The name, the payload, and what comes of it.
fn table() -> Vec<(&'static str, Value, Outcome)> {
    let answer = |value: Value| Outcome::Answer(value);
    let error = |code: &str, message: &str| Outcome::Failed(code.to_owned(), message.to_owned());
    vec![
        (
            "door/echo",
            json!({"text": "ä\n\"\u{1F600}", "list": [1, 2.5, null]}),
            answer(json!({"text": "ä\n\"\u{1F600}", "list": [1, 2.5, null]})),
        ),
        ("door/double", json!({"n": 21}), answer(json!(42))),
        ("door/nothing", json!({}), Outcome::Nothing),
        ("door/slow", json!({}), answer(json!("late"))),
        ("door/stream", json!({}), answer(json!({"n": 1}))),
        ("door/two", json!({}), answer(json!({"second": true}))),
        ("door/who", json!({}), answer(json!(32))),
        (
            "door/double",
            json!({"n": "many"}),
            error("bad_payload", "`n`: invalid type: string \"many\", expected u32"),
        ),
        ("door/double", json!({}), error("bad_payload", "missing field `n`")),
        (
            "door/nowhere",
            json!({}),
            error("not_found", "no route matches \"door/nowhere\""),
        ),
        (
            "door/<x>",
            json!({}),
            error(
                "bad_message",
                "`name` is no name: '<' at byte 5 of the name: leave out control characters, `<`, `>` and `*`",
            ),
        ),
        (
            "door/panic",
            json!({}),
            error("internal", "something went wrong on the server"),
        ),
        ("door/hang", json!({}), error("timeout", "")),
        ("door/taken", json!({}), error("taken", "somebody has it")),
        (
            "door/echo",
            json!({"text": "x".repeat(100_000)}),
            error("too_large", "a message may have 65536 bytes"),
        ),
        ("switchboard/connected", json!({}), error("forbidden", "")),
    ]
}

/// A server with every kind of listener, and the ways in.
async fn start() -> (Running, Vec<(Door, Endpoint)>) {
    static SERVERS: AtomicUsize = AtomicUsize::new(0);
    let number = SERVERS.fetch_add(1, Ordering::Relaxed);
    let name = |way: &str| format!("switchboard-doors-{}-{number}-{way}.sock", std::process::id());
    let path = |way: &str| std::env::temp_dir().join(name(way));
    let server = Server::empty()
        .routes(routes())
        .listen("127.0.0.1:0")
        .listen("[::1]:0")
        .listen(Endpoint::from(path("websocket")))
        .listen_lines("127.0.0.1:0")
        .listen_lines(Endpoint::from(path("lines")))
        .listen(Listener::lines("127.0.0.1:0").dialect(JsonServer))
        .listen(Listener::lines(Endpoint::from(path("json-server"))).dialect(JsonServer));
    let running = server.start().await.unwrap();
    let doors = [
        Door::WebSocket,
        Door::WebSocket,
        Door::WebSocket,
        Door::Lines,
        Door::Lines,
        Door::JsonServer,
        Door::JsonServer,
    ];
    let ways = doors.into_iter().zip(running.endpoints().iter().cloned()).collect();
    (running, ways)
}

#[tokio::test]
async fn the_same_requests_have_the_same_outcomes_behind_every_door() {
    let (running, ways) = start().await;
    for (door, endpoint) in &ways {
        let mut peer = Peer::connect(*door, endpoint).await;
        for (name, payload, expected) in table() {
            let outcome = peer.ask(name, &payload).await;
            assert!(
                outcome.is_like(&expected),
                "{door:?} at {endpoint}: {name}: {outcome:?}"
            );
        }
        // Rubbish is not the end of it.
        peer.send_rubbish().await;
        let outcome = peer.ask("door/double", &json!({"n": 1})).await;
        assert_eq!(outcome, Outcome::Answer(json!(2)), "{door:?} at {endpoint}");
        peer.close().await;
    }
    let panics = running.switchboard().counters().panics.get();
    assert_eq!(panics, ways.len() as u64);
}

#[tokio::test]
async fn what_one_door_tells_all_is_heard_behind_the_others() {
    let (_running, ways) = start().await;
    let mut listeners = Vec::new();
    for (door, endpoint) in &ways {
        if door.hears_deliveries() {
            let mut peer = Peer::connect(*door, endpoint).await;
            peer.ask("door/nothing", &json!({})).await;
            listeners.push((door, endpoint, peer));
        }
    }
    for (number, (door, endpoint)) in ways.iter().enumerate() {
        let mut peer = Peer::connect(*door, endpoint).await;
        let value = json!({ "number": number });
        let outcome = peer.ask("door/tell", &value).await;
        assert_eq!(outcome, Outcome::Nothing, "{door:?} at {endpoint}");
        for (_, at, listener) in &mut listeners {
            assert_eq!(
                listener.delivery().await,
                ("door/tell".to_owned(), value.clone()),
                "{at} from {endpoint}"
            );
        }
    }
}

#[tokio::test]
async fn many_requests_at_once_are_answered_each_once() {
    let (_running, ways) = start().await;
    for (door, endpoint) in &ways {
        let mut peer = Peer::connect(*door, endpoint).await;
        for n in 0..500 {
            peer.start(n, "door/double", &json!({ "n": n })).await;
        }
        for n in 0..500 {
            assert_eq!(
                peer.outcome(n).await,
                Outcome::Answer(json!(n * 2)),
                "{door:?} at {endpoint}"
            );
        }
    }
}
