//! What a controller sees of who asks over HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use switchboard::prelude::*;
use switchboard::testing::TestClient;
use tokio::sync::{Notify, oneshot};

use crate::http::{Peer, post, within};
use crate::{Ended, House, OfBackend as _, has_ended, routes};

#[tokio::test]
async fn a_guest_is_never_on_the_board() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let event = |word: &'static str| {
        let events = Arc::clone(&events);
        move |()| events.lock().unwrap().push(word)
    };
    let who = async |guest: Client, board: Switchboard| {
        let sent = guest.send("news", &1).unwrap();
        let mailed = board.send_to_mailbox(guest.mailbox(), "news", &1).unwrap();
        json!({
            "count": board.count().await,
            "known": board.client(guest.id()).is_some(),
            "address": guest.address().map(|address| address.ip().to_string()),
            "left": guest.has_left(),
            "sent": [sent.delivered, sent.dropped],
            "mailed": [mailed.delivered, mailed.dropped],
            "join": guest.join("room").unwrap_err().to_string(),
            "mailboxes": guest.mailboxes().len(),
        })
    };
    let routes = routes()
        .route(
            "who",
            Controller::silent(move |(guest, board)| who(guest, board)).of_backend(),
        )
        .route("switchboard/connected", Controller::silent(event("public +")))
        .route("switchboard/disconnected", Controller::silent(event("public -")))
        .route(
            "switchboard/connected",
            Controller::silent(event("backend +")).of_backend(),
        )
        .route(
            "switchboard/disconnected",
            Controller::silent(event("backend -")).of_backend(),
        );
    let house = House::start(Server::empty().routes(routes)).await;
    let kevin = TestClient::connect(house.public).await.unwrap();
    let mut peer = house.connect().await;
    let answer = peer.post(r#"{"name":"who"}"#).await;
    let frame: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        frame["payload"],
        json!({
            "count": 1,
            "known": false,
            "address": "127.0.0.1",
            "left": false,
            "sent": [0, 1],
            "mailed": [0, 0],
            "join": "mailbox \"room\" cannot be joined: who asks over HTTP hears its answer and nothing else; connect to join",
            "mailboxes": 1,
        })
    );
    kevin.close().await;
    house.counted(|counters| counters.left.get(), 1).await;
    within(async {
        while events.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(*events.lock().unwrap(), ["public +", "public -"]);
    assert_eq!(house.running.switchboard().counters().accepted.get(), 1);
}

#[tokio::test]
async fn its_address_is_seen_through_trusted_proxies() {
    let address = |guest: Client| guest.address().map(|address| address.ip().to_string());
    let address = || routes().route("address", Controller::silent(address).of_backend());
    let forwarded = "X-Forwarded-For: 192.0.2.7";
    let house = House::start(Server::empty().routes(address()).trust_proxy("127.0.0.0/8")).await;
    let answer = house
        .connect()
        .await
        .post_with(&[forwarded], r#"{"name":"address"}"#)
        .await;
    assert_eq!(answer.text(), "{\"name\":\"address\",\"payload\":\"192.0.2.7\"}\n");
    let house = House::start(Server::empty().routes(address())).await;
    let answer = house
        .connect()
        .await
        .post_with(&[forwarded], r#"{"name":"address"}"#)
        .await;
    assert_eq!(answer.text(), "{\"name\":\"address\",\"payload\":\"127.0.0.1\"}\n");
}

#[tokio::test]
async fn clients_behind_one_proxy_are_counted_by_their_own_address() {
    let limits = Limits {
        connections_per_address: 1,
        ..Limits::default()
    };
    let (started, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wait = Controller::silent({
        let (started, gate) = (Arc::clone(&started), Arc::clone(&gate));
        move |()| {
            let (started, gate) = (Arc::clone(&started), Arc::clone(&gate));
            async move {
                started.notify_one();
                gate.notified().await;
            }
        }
    });
    let server = Server::empty()
        .routes(routes().route("wait", wait.of_backend()))
        .trust_proxy("127.0.0.1")
        .limits(limits);
    let house = House::start(server).await;
    let (mut first, mut second) = (house.connect().await, house.connect().await);
    first
        .send(post(&["X-Forwarded-For: 192.0.2.7"], br#"{"name":"wait"}"#))
        .await;
    within(started.notified()).await;
    let answer = second
        .post_with(&["X-Forwarded-For: 192.0.2.7"], r#"{"name":"quiet"}"#)
        .await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "10"));
    assert!(answer.text().contains(r#""code":"rate_limited""#), "{}", answer.text());
    let answer = second
        .post_with(&["X-Forwarded-For: 192.0.2.8"], r#"{"name":"quiet"}"#)
        .await;
    assert_eq!(answer.status, 200);
    gate.notify_one();
    assert_eq!(first.answer().await.status, 200);
    let answer = second
        .post_with(&["X-Forwarded-For: 192.0.2.7"], r#"{"name":"quiet"}"#)
        .await;
    assert_eq!(answer.status, 200, "the place was given back");
}

#[tokio::test]
async fn a_controller_runs_to_its_end_though_nobody_waits_for_it() {
    let started = Arc::new(Notify::new());
    let (open, gate) = oneshot::channel::<()>();
    let gate = Arc::new(Mutex::new(Some(gate)));
    let guest = Arc::new(Mutex::new(None));
    let dropped = Arc::new(AtomicUsize::new(0));
    let publish = Controller::send_all({
        let (started, seen) = (Arc::clone(&started), Arc::clone(&guest));
        let kept = Mutex::new(Some(Ended(Arc::clone(&dropped))));
        move |guest: Client| {
            let kept = kept.lock().unwrap().take().unwrap();
            *seen.lock().unwrap() = Some(guest.clone());
            let gate = gate.lock().unwrap().take().unwrap();
            started.notify_one();
            async move {
                // What holds the client that holds it.
                guest.set_session((guest.clone(), kept));
                gate.await.unwrap();
                if guest.has_left() { "after it left" } else { "too early" }
            }
        }
    });
    let publish = publish.reply("news").of_backend();
    let house = House::start(Server::empty().routes(routes().route("late", publish))).await;
    let mut kevin = TestClient::connect(house.public).await.unwrap();
    let mut peer = house.connect().await;
    peer.send(post(&[], br#"{"name":"late"}"#)).await;
    within(started.notified()).await;
    drop(peer);
    let guest = guest.lock().unwrap().take().unwrap();
    within(async {
        while !guest.has_left() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(guest);
    assert_eq!(dropped.load(Ordering::SeqCst), 0, "the controller still runs");
    open.send(()).unwrap();
    assert_eq!(kevin.expect("news").await, "after it left");
    has_ended(&dropped).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_needs_no_key_and_knows_no_address() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let path = std::env::temp_dir().join(format!("switchboard-backend-{}.sock", std::process::id()));
    let address = |guest: Client| guest.address().is_none();
    let running = Server::empty()
        .routes(Routes::new().route("nobody", Controller::silent(address).of_backend()))
        .listen(Listener::backend(switchboard::Endpoint::from(path.clone())))
        .start()
        .await
        .unwrap();
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let request = b"POST /switchboard HTTP/1.0\r\nHost: whatever\r\nContent-Length: 17\r\n\r\n{\"name\":\"nobody\"}";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\n{\"name\":\"nobody\",\"payload\":true}\n"),
        "{answer}"
    );
    drop(running);
}

#[tokio::test]
async fn an_axum_router_and_websockets_share_a_port() {
    let app = axum::Router::new().route("/health", axum::routing::get(async || "fine"));
    let house = House::start(Server::empty().routes(routes()).http(app)).await;
    let mut peer = Peer::connect(house.public).await;
    peer.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(peer.answer().await.text(), "fine");
    let mut kevin = TestClient::connect(house.public).await.unwrap();
    assert_eq!(kevin.request("public", ()).await.unwrap(), "for browsers");
    // The back end has a port of its own, and nothing else there.
    let mut peer = house.connect().await;
    peer.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(peer.answer().await.status, 401);
}
