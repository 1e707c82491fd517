//! JSON in lines over TCP and Unix sockets, in the native dialect and in the JsonServer's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use serde_json::{Value, json};
use switchboard::prelude::*;
use switchboard::testing::TestClient;
use switchboard::wire::connection::Stream;
use switchboard::wire::json_server::JsonServer;
use switchboard::{Endpoint, RawPayload, Running, Shutdown};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::Notify;

/// A peer that writes and reads lines by hand.
struct Peer(BufReader<Stream>);

impl Peer {
    async fn connect(endpoint: &Endpoint) -> Self {
        Self(BufReader::new(endpoint.connect().await.unwrap()))
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next line, with its end.
    async fn line(&mut self) -> String {
        let mut line = String::new();
        within(self.0.read_line(&mut line)).await.unwrap();
        line
    }

    async fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n")).await;
        self.line().await
    }

    /// Sends nothing more; what still comes.
    async fn rest(mut self) -> String {
        self.0.get_mut().shutdown().await.unwrap();
        let mut rest = String::new();
        within(self.0.read_to_string(&mut rest)).await.unwrap();
        rest
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future)
        .await
        .expect("it comes within a minute")
}

fn routes() -> Routes {
    Routes::new()
        .route("echo", Controller::silent(|Payload(value): Payload<Value>| value))
        .route("a/echo", Controller::silent(|Payload(value): Payload<Value>| value))
        .route("a/number", Controller::silent(|Payload(n): Payload<Number>| n.n))
        .route("a/nothing", Controller::silent(|()| ()))
        .route("a/panic", Controller::silent(|()| -> u8 { panic!("a bug") }))
        .route(
            "a/fail",
            Controller::silent(|()| -> Result<u8, Error> { Err(Error::new("taken", "somebody has it")) }),
        )
        .route(
            "a/many",
            Controller::silent(|()| Replies(stream::iter([json!({"n": 1}), json!({"n": 2})]))),
        )
        .route("a/twice", Controller::silent(|()| json!({"first": true})))
        .route(
            "a/twice",
            Controller::silent(|()| async { tokio::task::yield_now().await }),
        )
        .route("say", Controller::send_all(|Payload(value): Payload<Value>| value))
        .route("a/say", Controller::send_all(|Payload(value): Payload<Value>| value))
}

#[derive(serde::Deserialize)]
struct Number {
    n: u8,
}

async fn start(listener: Listener) -> (Running, Endpoint) {
    let server = Server::empty().routes(routes()).listen(listener);
    let running = server.start().await.unwrap();
    let endpoint = running.endpoints()[0].clone();
    (running, endpoint)
}

async fn native() -> (Running, Endpoint) {
    start(Listener::lines("127.0.0.1:0")).await
}

async fn json_server() -> (Running, Endpoint) {
    start(Listener::lines("127.0.0.1:0").dialect(JsonServer)).await
}

#[tokio::test]
async fn the_native_dialect_in_lines() {
    let (running, endpoint) = native().await;
    let mut peer = Peer::connect(&endpoint).await;
    assert_eq!(
        peer.ask(r#"{"name":"echo","uid":1,"payload":"hello"}"#).await,
        "{\"name\":\"echo\",\"uid\":1,\"payload\":\"hello\"}\r\n"
    );
    // A line ended by `\n` alone, two in one piece, one in three.
    peer.send("{\"name\":\"echo\",\"uid\":2,\"payload\":2}\n{\"name\":\"echo\",\"uid\":3,\"payload\":3}\r\n")
        .await;
    assert_eq!(peer.line().await, "{\"name\":\"echo\",\"uid\":2,\"payload\":2}\r\n");
    assert_eq!(peer.line().await, "{\"name\":\"echo\",\"uid\":3,\"payload\":3}\r\n");
    for piece in ["{\"name\":\"echo\",", "\"uid\":4,\"payload\":4}\r", "\n"] {
        peer.send(piece).await;
    }
    assert_eq!(peer.line().await, "{\"name\":\"echo\",\"uid\":4,\"payload\":4}\r\n");
    // A delivery to everybody, from a client of another kind of listener or of this one.
    let mut other = Peer::connect(&endpoint).await;
    assert_eq!(
        other.ask(r#"{"name":"switchboard/ping","uid":0}"#).await,
        "{\"name\":\"switchboard/ping\",\"uid\":0}\r\n"
    );
    peer.send("{\"name\":\"say\",\"payload\":{\"a\":\r1}}\n").await;
    assert_eq!(other.line().await, "{\"name\":\"say\",\"payload\":{\"a\":1}}\r\n");
    assert_eq!(running.switchboard().counters().bad_messages.get(), 0);
}

#[tokio::test]
async fn every_bad_line_of_the_native_dialect_is_answered() {
    let (running, endpoint) = native().await;
    let mut peer = Peer::connect(&endpoint).await;
    let bad = |message: &str| format!("{{\"error\":{{\"code\":\"bad_message\",\"message\":\"{message}\"}}}}\r\n");
    assert_eq!(peer.ask("").await, bad("not JSON: expected a value at byte 0"));
    assert_eq!(peer.ask("hello").await, bad("not JSON: expected a value at byte 0"));
    assert_eq!(peer.ask("[1]").await, bad("a message is an object with a `name`"));
    peer.send(b"{\"name\":\"echo\",\"uid\":5,\"payload\":\"\xff\xfe\"}\r\n")
        .await;
    assert_eq!(
        peer.line().await,
        "{\"name\":\"echo\",\"uid\":5,\"error\":{\"code\":\"bad_message\",\"message\":\"not UTF-8 at byte 34\"}}\r\n"
    );
    let long = format!(
        "{{\"name\":\"echo\",\"uid\":6,\"payload\":\"{}\"}}",
        "x".repeat(100_000)
    );
    assert_eq!(
        peer.ask(&long).await,
        "{\"name\":\"echo\",\"uid\":6,\"error\":{\"code\":\"too_large\",\"message\":\"a message may have 65536 bytes\"}}\r\n"
    );
    assert_eq!(
        peer.ask(r#"{"name":"nowhere","uid":7}"#).await,
        "{\"name\":\"nowhere\",\"uid\":7,\"error\":{\"code\":\"not_found\",\"message\":\"no route matches \\\"nowhere\\\"\"}}\r\n"
    );
    assert_eq!(
        peer.ask(r#"{"name":"echo","uid":8,"payload":1}"#).await,
        "{\"name\":\"echo\",\"uid\":8,\"payload\":1}\r\n"
    );
    let switchboard = running.switchboard();
    let counters = switchboard.counters();
    assert_eq!((counters.bad_messages.get(), counters.too_large.get()), (4, 1));
}

#[tokio::test]
async fn a_line_without_an_end_closes_after_16_times_the_limit() {
    let (running, endpoint) = native().await;
    let mut peer = Peer::connect(&endpoint).await;
    peer.send(r#"{"name":"echo","uid":1,"payload":""#).await;
    let piece = vec![b'x'; 64 << 10];
    // The connection may be gone before all is written.
    for _ in 0..20 {
        let _ = peer.0.get_mut().write_all(&piece).await;
    }
    assert_eq!(
        peer.line().await,
        "{\"name\":\"echo\",\"uid\":1,\"error\":{\"code\":\"too_large\",\"message\":\"a message may have 65536 bytes\"}}\r\n"
    );
    assert_eq!(peer.line().await, "", "the end");
    drop(peer);
    while running.switchboard().count().await > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(running.switchboard().counters().protocol_errors.get(), 1);
}

#[tokio::test]
async fn who_ends_its_direction_still_gets_its_answers() {
    let gate = Arc::new(Notify::new());
    let open = Arc::clone(&gate);
    let slow = Controller::silent(move |()| {
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            "late"
        }
    });
    let server = Server::empty()
        .routes(routes().route("slow", slow))
        .listen_lines("127.0.0.1:0");
    let running = server.start().await.unwrap();
    let endpoint = &running.endpoints()[0];

    // As `printf … | nc` does.
    let mut peer = Peer::connect(endpoint).await;
    peer.send("{\"name\":\"echo\",\"uid\":1,\"payload\":1}\n{\"name\":\"slow\",\"uid\":2}\n{\"name\":\"echo\",\"uid\":3}\n{\"na").await;
    let rest = tokio::spawn(peer.rest());
    while running.switchboard().counters().unhandled.get() == 0 {
        tokio::task::yield_now().await;
    }
    open.notify_one();
    assert_eq!(
        rest.await.unwrap(),
        "{\"name\":\"echo\",\"uid\":1,\"payload\":1}\r\n{\"name\":\"slow\",\"uid\":2,\"payload\":\"late\"}\r\n\
         {\"name\":\"echo\",\"uid\":3,\"payload\":{}}\r\n"
    );
    while running.switchboard().count().await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_ends_its_direction_is_not_waited_for_for_ever() {
    let limits = Limits {
        close: Duration::from_millis(50),
        ..Limits::default()
    };
    let hang = Controller::silent(|()| std::future::pending::<()>());
    let server = Server::empty().routes(Routes::new().route("hang", hang)).limits(limits);
    let running = server.listen_lines("127.0.0.1:0").start().await.unwrap();
    let mut peer = Peer::connect(&running.endpoints()[0]).await;
    peer.send("{\"name\":\"hang\",\"uid\":1}\n{\"name\":\"hang\",\"uid\":2}\n")
        .await;
    let late = |uid: u8| {
        let error = r#"{"code":"timeout","message":"not answered before the end of the connection"}"#;
        format!("{{\"name\":\"hang\",\"uid\":{uid},\"error\":{error}}}\r\n")
    };
    assert_eq!(
        peer.rest().await,
        late(2) + &late(1),
        "also the one that never had its turn"
    );
    let switchboard = running.switchboard();
    assert_eq!(switchboard.counters().timeouts.get(), 1);
    assert_eq!(switchboard.counters().unhandled.get(), 1);
}

#[tokio::test]
async fn a_json_server_answer_that_has_no_form_in_json_is_an_error_all_the_same() {
    let stored = RawPayload::from_message_pack(b"\xd4\x01\x00".as_slice().into()).unwrap();
    let message = Message::new("stored").with_payload(stored);
    let (plain, streamed) = (message.clone(), message);
    let routes = Routes::new()
        .route("a/plain", Controller::silent(move |()| plain.clone()))
        .route(
            "a/stream",
            Controller::silent(move |()| Replies(stream::iter([streamed.clone()]))),
        );
    let listener = Listener::lines("127.0.0.1:0").dialect(JsonServer);
    let running = Server::empty().routes(routes).listen(listener).start().await.unwrap();
    let mut peer = Peer::connect(&running.endpoints()[0]).await;
    for (uid, method) in [(1, "plain"), (2, "stream")] {
        let line = format!(r#"{{"method":"{method}","handler":"a","uid":{uid}}}"#);
        let error = "the answer cannot be written in the format of this connection";
        let expected = format!("{{\"success\":false,\"error\":\"{error}\",\"code\":\"internal\",\"uid\":{uid}}}\r\n");
        assert_eq!(peer.ask(&line).await, expected);
    }
}

#[tokio::test]
async fn the_json_server_dialect_answers_each_uid_once() {
    let (running, endpoint) = json_server().await;
    let mut peer = Peer::connect(&endpoint).await;
    let table = [
        (
            r#"{"method": "echo", "handler": "a", "uid": "u1", "vid": 3, "settings": {}, "text": "x"}"#,
            r#"{"success":true,"settings":{},"text":"x","uid":"u1","vid":3}"#,
        ),
        (
            r#"{"method":"number","handler":"a","uid":2,"n":7}"#,
            r#"{"success":true,"result":7,"uid":2}"#,
        ),
        (
            r#"{"method":"nothing","handler":"a","uid":3}"#,
            r#"{"success":true,"uid":3}"#,
        ),
        (
            r#"{"method":"many","handler":"a","uid":4}"#,
            r#"{"success":true,"n":1,"uid":4}"#,
        ),
        (
            r#"{"method":"twice","handler":"a","uid":5}"#,
            r#"{"success":true,"first":true,"uid":5}"#,
        ),
        (
            r#"{"method":"nope","handler":"a","uid":6,"vid":1}"#,
            r#"{"success":false,"error":"no route matches \"a/nope\"","code":"not_found","uid":6,"vid":1}"#,
        ),
        (
            r#"{"method":"echo","handler":"nope","uid":7}"#,
            r#"{"success":false,"error":"no route matches \"nope/echo\"","code":"not_found","uid":7}"#,
        ),
        (
            r#"{"method":"number","handler":"a","uid":8,"n":"seven"}"#,
            r#"{"success":false,"error":"`n`: invalid type: string \"seven\", expected u8","code":"bad_payload","uid":8}"#,
        ),
        (
            r#"{"method":"panic","handler":"a","uid":9}"#,
            r#"{"success":false,"error":"something went wrong on the server","code":"internal","uid":9}"#,
        ),
        (
            r#"{"method":"fail","handler":"a","uid":10}"#,
            r#"{"success":false,"error":"somebody has it","code":"taken","uid":10}"#,
        ),
        (
            r#"{"handler":"a","uid":11}"#,
            r#"{"success":false,"error":"`method` is missing","code":"bad_message","uid":11}"#,
        ),
    ];
    for (line, answer) in table {
        assert_eq!(peer.ask(line).await, format!("{answer}\r\n"), "{line}");
    }
    assert_eq!(running.switchboard().counters().panics.get(), 1);
}

#[tokio::test]
async fn a_json_server_client_never_gets_what_it_did_not_ask_for() {
    let server = Server::empty()
        .routes(routes())
        .listen(Listener::lines("127.0.0.1:0").dialect(JsonServer))
        .listen("127.0.0.1:0");
    let running = server.start().await.unwrap();
    let mut peer = Peer::connect(&running.endpoints()[0]).await;
    let mut browser = TestClient::connect(running.addresses()[1]).await.unwrap();

    // Lines whose uid cannot be read, and messages without one.
    for line in [
        "",
        "hello",
        "[1]",
        "0",
        "{}",
        r#"{"method":"echo","handler":"a"}"#,
        r#"{"method":"nope","uid":1.5}"#,
    ] {
        peer.send(format!("{line}\r\n")).await;
    }
    peer.send(b"\xff\r\n").await;
    // Deliveries of others, and of its own.
    let frames = browser.request_frames("say", "to all").await;
    let receipt = frames.last().unwrap().receipt.unwrap();
    assert_eq!((receipt.delivered, receipt.dropped), (1, 1));
    assert_eq!(browser.expect("say").await, "to all");
    assert_eq!(
        peer.ask(r#"{"method":"say","handler":"a","uid":"u","x":1}"#).await,
        "{\"success\":true,\"uid\":\"u\"}\r\n",
        "the first line that comes"
    );
    assert_eq!(browser.expect("a/say").await, json!({"x": 1}));
    let switchboard = running.switchboard();
    let counters = switchboard.counters();
    assert_eq!(counters.bad_messages.get(), 7);
    assert_eq!(
        counters.unsaid.get(),
        7 + 1 + 2,
        "bad lines, the answer without a uid, two deliveries"
    );
    assert_eq!(peer.rest().await, "");
}

#[tokio::test]
async fn a_long_line_of_anacondas_is_answered_by_the_uid_behind_it() {
    let (running, endpoint) = json_server().await;
    let mut peer = Peer::connect(&endpoint).await;
    let code = "x = 1\\n".repeat(20_000);
    let line = format!(r#"{{"vid": 7, "code": "{code}", "method": "lint", "handler": "a", "uid": "f00d"}}"#);
    assert_eq!(
        peer.ask(&line).await,
        "{\"success\":false,\"error\":\"a message may have 65536 bytes\",\"code\":\"too_large\",\"uid\":\"f00d\",\"vid\":7}\r\n"
    );
    assert_eq!(
        peer.ask(r#"{"method":"nothing","handler":"a","uid":3}"#).await,
        "{\"success\":true,\"uid\":3}\r\n"
    );
    assert_eq!(running.switchboard().counters().too_large.get(), 1);
}

#[tokio::test]
async fn a_unix_socket_takes_lines_too() {
    let path = std::env::temp_dir().join(format!("switchboard-lines-{}.sock", std::process::id()));
    let (running, endpoint) = start(Listener::lines(Endpoint::from(path.clone()))).await;
    assert_eq!(endpoint, Endpoint::Unix(path.clone()));
    let mut peer = Peer::connect(&endpoint).await;
    assert_eq!(
        peer.ask(r#"{"name":"echo","uid":1,"payload":1}"#).await,
        "{\"name\":\"echo\",\"uid\":1,\"payload\":1}\r\n"
    );
    let shutdown = running.shut_down(Shutdown::FinishQueues, Duration::from_secs(10));
    let (is_in_time, rest) = tokio::join!(shutdown, async {
        let end = peer.line().await;
        drop(peer);
        end
    });
    assert!(is_in_time);
    assert_eq!(rest, "");
    assert!(!path.exists());
}

#[tokio::test]
async fn one_too_many_is_told_so_in_a_line() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let server = Server::empty()
        .routes(routes())
        .limits(limits)
        .listen_lines("127.0.0.1:0");
    let running = server.start().await.unwrap();
    let endpoint = &running.endpoints()[0];
    let mut first = Peer::connect(endpoint).await;
    first.ask(r#"{"name":"echo","uid":1,"payload":1}"#).await;
    let mut second = Peer::connect(endpoint).await;
    assert_eq!(
        second.line().await,
        "{\"error\":{\"code\":\"overloaded\",\"message\":\"all 1 connections are taken (Limits::connections); try again \
         later\"}}\r\n"
    );
    assert_eq!(second.rest().await, "");
    assert_eq!(running.switchboard().counters().refused_connections.get(), 1);
}

#[tokio::test]
async fn a_dialect_of_bytes_cannot_be_spoken_in_lines() {
    let listener = Listener::lines("127.0.0.1:0").dialect(switchboard::wire::native::MessagePack);
    let error = Server::empty()
        .routes(routes())
        .listen(listener)
        .start()
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a dialect of MessagePack was given to a listener of lines: these carry JSON text"
    );
}
