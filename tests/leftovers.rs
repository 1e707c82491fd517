//! Ten thousand connections come and go, each in its own way, and nothing of them is left over.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use switchboard::prelude::*;
use switchboard::wire::json_server::JsonServer;
use switchboard::{Endpoint, Running, Shutdown};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

fn routes() -> Routes {
    Routes::new()
        .route("a/echo", Controller::silent(|Payload(value): Payload<Value>| value))
        .route("a/join", Controller::silent(|client: Client| client.join("room")))
        .route(
            "a/say",
            Controller::send_to_mailbox(|Payload(value): Payload<Value>| value).to("room"),
        )
        .route(
            "a/wait",
            Controller::silent(|()| async {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }),
        )
}

/// What a connection does before it is gone. The first ones say nothing, the last ones are cut off in the middle.
const WAYS: usize = 8;

/// What is spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    WebSocket,
    Lines,
    Backend,
}

fn bytes(door: Door, way: usize) -> Vec<u8> {
    let native =
        |name: &str| format!(r#"{{"name":"a/{name}","uid":1,"payload":{{"x":1}},"method":"{name}","handler":"a"}}"#);
    let units = match way {
        0 | 1 => vec![],
        2 => vec![native("join"), native("echo")],
        3 => vec![native("join"), native("say"), native("wait")],
        4 => vec!["rubbish".to_owned()],
        5 => vec![native("wait"), native("wait"), native("nowhere")],
        _ => vec![native("join"), native("say")],
    };
    let mut bytes = Vec::new();
    if door == Door::WebSocket && way > 0 {
        bytes.extend_from_slice(
            b"GET /switchboard HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3dpdGNoYm9hcmQgdGVzdA==\r\n\r\n",
        );
    }
    for unit in units {
        match door {
            Door::WebSocket => switchboard::wire::websocket::encode_text(&unit, Some([1, 2, 3, 4]), &mut bytes),
            Door::Lines => bytes.extend_from_slice(format!("{unit}\r\n").as_bytes()),
            Door::Backend => {
                let head = "POST /switchboard HTTP/1.1\r\nHost: localhost\r\nContent-Length:";
                bytes.extend_from_slice(format!("{head} {}\r\n\r\n{unit}", unit.len()).as_bytes());
            }
        }
    }
    if way >= 6 {
        bytes.truncate(bytes.len() - 7);
    }
    bytes
}

async fn visit(endpoint: Arc<Endpoint>, door: Door, way: usize) {
    let mut stream = endpoint.connect().await.unwrap();
    // The server may have hung up on rubbish.
    let _ = stream.write_all(&bytes(door, way)).await;
    if way.is_multiple_of(2) && door == Door::Lines {
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Tasks that are alive, and descriptors that are open, once nothing more ends.
async fn settled(running: &Running) -> (usize, usize) {
    let board = running.switchboard();
    while board.count().await > 0 || board.count_mailboxes().await > 0 {
        tokio::task::yield_now().await;
    }
    let mut last = (usize::MAX, usize::MAX);
    for _ in 0..1000 {
        let now = (Handle::current().metrics().num_alive_tasks(), descriptors());
        if now.0 >= last.0 && now.1 >= last.1 {
            break;
        }
        last = (now.0.min(last.0), now.1.min(last.1));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_come_and_go() {
    let path = |way: &str| std::env::temp_dir().join(format!("switchboard-left-{}-{way}.sock", std::process::id()));
    let server = Server::empty()
        .routes(routes())
        .limits(Limits {
            // Places that are not given back would soon be missed.
            connections: CONNECTIONS / 10,
            connections_per_address: CONNECTIONS / 10,
            ..Limits::default()
        })
        .listen("127.0.0.1:0")
        .listen(Endpoint::from(path("websocket")))
        .listen_lines("127.0.0.1:0")
        .listen_lines(Endpoint::from(path("lines")))
        .listen(Listener::lines("127.0.0.1:0").dialect(JsonServer))
        .listen(Listener::backend("127.0.0.1:0").registry("public"));
    let doors = [
        Door::WebSocket,
        Door::WebSocket,
        Door::Lines,
        Door::Lines,
        Door::Lines,
        Door::Backend,
    ];
    let running = server.start().await.unwrap();
    let endpoints: Vec<_> = running.endpoints().iter().cloned().map(Arc::new).collect();
    // Homes and buffers are there from the first client on.
    for endpoint in &endpoints {
        visit(Arc::clone(endpoint), Door::Lines, 1).await;
    }
    let before = settled(&running).await;

    let mut visits = JoinSet::new();
    for number in 0..CONNECTIONS {
        let at = number % endpoints.len();
        visits.spawn(visit(
            Arc::clone(&endpoints[at]),
            doors[at],
            number / endpoints.len() % WAYS,
        ));
        if visits.len() >= AT_ONCE {
            visits.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(visit) = visits.join_next().await {
        visit.unwrap();
    }
    let after = settled(&running).await;
    assert!(
        after <= before,
        "tasks and descriptors before {before:?}, after {after:?}"
    );
    let board = running.switchboard();
    let counters = board.counters();
    assert_eq!(counters.accepted.get(), counters.left.get());
    assert!(counters.accepted.get() > CONNECTIONS as u64 / 2, "{counters:?}");
    assert_eq!(counters.refused_connections.get() + counters.refused_address.get(), 0);
    assert!(running.shut_down(Shutdown::FinishQueues, Duration::from_secs(10)).await);
}

const CONNECTIONS: usize = 10_000;
const AT_ONCE: usize = 100;
