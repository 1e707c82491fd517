//! Whichever way a request comes in, the same table of requests has the same outcomes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod doors {
    pub(crate) mod peers;
}

#[cfg(feature = "tls")]
#[allow(dead_code, reason = "others need more of it")]
#[path = "tls/certificates.rs"]
mod certificates;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[cfg(feature = "tls")]
use certificates::Certificates;
use doors::peers::{Door, Outcome, Peer};
use futures_util::stream;
use serde_json::{Value, json};
use switchboard::prelude::*;
#[cfg(feature = "tls")]
use switchboard::wire::connection::tls::ClientTls;
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

/// A way in.
struct Way {
    door: Door,
    endpoint: Endpoint,
    #[cfg(feature = "tls")]
    tls: Option<ClientTls>,
}

impl Way {
    async fn connect(&self) -> Peer {
        let stream = self.endpoint.connect().await.unwrap();
        #[cfg(feature = "tls")]
        let stream = match &self.tls {
            Some(tls) => tls.connect("localhost", stream).await.unwrap(),
            None => stream,
        };
        Peer::over(stream, self.door).await
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.door, self.endpoint)
    }
}

/// What keeps the ways open.
struct House {
    running: Running,
    ways: Vec<Way>,
    #[cfg(feature = "tls")]
    _certificates: Certificates,
}

/// A listener of each kind, over TCP and over a Unix socket.
fn listeners() -> Vec<(Door, Listener)> {
    static SERVERS: AtomicUsize = AtomicUsize::new(0);
    let number = SERVERS.fetch_add(1, Ordering::Relaxed);
    let unix = |way: &str| {
        let name = format!("switchboard-doors-{}-{number}-{way}.sock", std::process::id());
        Endpoint::from(std::env::temp_dir().join(name))
    };
    let tcp = || Endpoint::from("127.0.0.1:0");
    let backend = |endpoint| Listener::backend(endpoint).registry("public");
    vec![
        (Door::WebSocket, tcp().into()),
        (Door::WebSocket, Endpoint::from("[::1]:0").into()),
        (Door::WebSocket, unix("websocket").into()),
        (Door::Lines, Listener::lines(tcp())),
        (Door::Lines, Listener::lines(unix("lines"))),
        (Door::JsonServer, Listener::lines(tcp()).dialect(JsonServer)),
        (
            Door::JsonServer,
            Listener::lines(unix("json-server")).dialect(JsonServer),
        ),
        (Door::Backend, backend(tcp())),
        (Door::Backend, backend(unix("backend"))),
    ]
}

/// A server with every kind of listener, and the ways in; with the feature `tls`, each also over that.
async fn start() -> House {
    let mut doors = Vec::new();
    let mut server = Server::empty().routes(routes());
    for (door, listener) in listeners() {
        doors.push((door, false));
        server = server.listen(listener);
    }
    #[cfg(feature = "tls")]
    let certificates = Certificates::new();
    #[cfg(feature = "tls")]
    for (door, listener) in listeners() {
        doors.push((door, true));
        server = server.listen(listener.tls(certificates.tls()));
    }
    let running = server.start().await.unwrap();
    let ways = doors.into_iter().zip(running.endpoints());
    House {
        ways: ways
            .map(|((door, _is_secured), endpoint)| Way {
                door,
                endpoint: endpoint.clone(),
                #[cfg(feature = "tls")]
                tls: _is_secured.then(|| certificates.client()),
            })
            .collect(),
        running,
        #[cfg(feature = "tls")]
        _certificates: certificates,
    }
}

#[tokio::test]
async fn the_same_requests_have_the_same_outcomes_behind_every_door() {
    let house = start().await;
    for way in &house.ways {
        let mut peer = way.connect().await;
        for (name, payload, expected) in table() {
            let outcome = peer.ask(name, &payload).await;
            assert!(outcome.is_like(&expected), "{way}: {name}: {outcome:?}");
        }
        // Rubbish is not the end of it.
        peer.send_rubbish().await;
        let outcome = peer.ask("door/double", &json!({"n": 1})).await;
        assert_eq!(outcome, Outcome::Answer(json!(2)), "{way}");
        peer.close().await;
    }
    let panics = house.running.switchboard().counters().panics.get();
    assert_eq!(panics, house.ways.len() as u64);
}

#[tokio::test]
async fn what_one_door_tells_all_is_heard_behind_the_others() {
    let house = start().await;
    let mut listeners = Vec::new();
    for way in house.ways.iter().filter(|way| way.door.hears_deliveries()) {
        let mut peer = way.connect().await;
        peer.ask("door/nothing", &json!({})).await;
        listeners.push((way, peer));
    }
    for (number, way) in house.ways.iter().enumerate() {
        let mut peer = way.connect().await;
        let value = json!({ "number": number });
        let outcome = peer.ask("door/tell", &value).await;
        assert_eq!(outcome, Outcome::Nothing, "{way}");
        for (at, listener) in &mut listeners {
            let expected = ("door/tell".to_owned(), value.clone());
            assert_eq!(listener.delivery().await, expected, "{at} from {way}");
        }
    }
}

#[tokio::test]
async fn many_requests_at_once_are_answered_each_once() {
    let house = start().await;
    for way in &house.ways {
        let mut peer = way.connect().await;
        for n in 0..500 {
            peer.start(n, "door/double", &json!({ "n": n })).await;
        }
        for n in 0..500 {
            assert_eq!(peer.outcome(n).await, Outcome::Answer(json!(n * 2)), "{way}");
        }
    }
}
