//! A server on real sockets: how it starts, what it survives, and that nothing of its clients is left over.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use switchboard::prelude::*;
use switchboard::testing::TestClient;
use switchboard::{Endpoint, Running, Shutdown};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn routes() -> Routes {
    Routes::new()
        .route("echo", Controller::silent(|Payload(value): Payload<Value>| value))
        .route("panic", Controller::silent(|()| -> i32 { panic!("a bug") }))
        .route("join", Controller::silent(|client: Client| client.join("room")))
        .route(
            "say",
            Controller::send_to_mailbox(|Payload(value): Payload<Value>| value).to("room"),
        )
}

async fn start() -> (Running, SocketAddr) {
    let running = Server::empty()
        .routes(routes())
        .listen("127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let address = running.address().unwrap();
    (running, address)
}

/// Waits until nobody is connected and nothing is held.
async fn emptied(running: &Running) {
    let switchboard = running.switchboard();
    while switchboard.count().await > 0 || switchboard.count_mailboxes().await > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn it_lives_through_whatever_one_client_does() {
    let (running, address) = start().await;
    let mut healthy = TestClient::connect(address).await.unwrap();

    // A connection that is killed in the middle of a frame.
    let mut killed = TestClient::connect(address).await.unwrap();
    killed.request("join", ()).await.unwrap();
    killed.send_bytes(&[0x81, 0xFE, 0x01]).await;
    drop(killed);

    // A message of 1 MiB, binary rubbish, an unknown name, a panic.
    let mut odd = TestClient::connect(address).await.unwrap();
    odd.send_raw(format!(
        r#"{{"name":"echo","uid":1,"payload":"{}"}}"#,
        "x".repeat(1 << 20)
    ))
    .await;
    assert_eq!(
        odd.closed().await.0,
        CloseCode::MESSAGE_TOO_BIG,
        "beyond 16 times the limit"
    );
    let mut odd = TestClient::connect(address).await.unwrap();
    odd.send_raw(format!(
        r#"{{"name":"echo","uid":1,"payload":"{}"}}"#,
        "x".repeat(1 << 19)
    ))
    .await;
    assert!(
        odd.receive_text()
            .await
            .contains(r#""uid":1,"error":{"code":"too_large""#)
    );
    odd.send_raw([0, 159, 146, 150]).await;
    assert!(odd.receive_text().await.contains("bad_message"));
    assert_eq!(odd.request("nowhere", ()).await.unwrap_err().code(), "not_found");
    assert_eq!(odd.request("panic", ()).await.unwrap_err().code(), "internal");
    assert_eq!(odd.request("echo", 1).await.unwrap(), 1);

    // Bytes that are no HTTP.
    let mut rubbish = TcpStream::connect(address).await.unwrap();
    rubbish.write_all(&[0; 512]).await.unwrap();
    let mut answer = Vec::new();
    let _ = rubbish.read_to_end(&mut answer).await;

    assert_eq!(healthy.request("echo", "still here").await.unwrap(), "still here");
    drop((odd, healthy));
    emptied(&running).await;
}

#[tokio::test]
async fn a_client_that_is_killed_leaves_nothing_behind() {
    let (running, address) = start().await;
    for _ in 0..200 {
        let mut client = TestClient::connect(address).await.unwrap();
        client.request("join", ()).await.unwrap();
    }
    emptied(&running).await;
    let switchboard = running.switchboard();
    assert_eq!(switchboard.counters().accepted.get(), 200);
    assert_eq!(switchboard.counters().left.get(), 200);
}

#[tokio::test]
async fn ten_thousand_messages_of_one_client_are_answered_in_order() {
    let (_running, address) = start().await;
    let mut client = TestClient::connect(address).await.unwrap();
    let mut uids = std::collections::VecDeque::new();
    for n in 0..10_000 {
        uids.push_back((n, client.start_request("echo", n).await));
        if uids.len() == 100 {
            let (n, uid) = uids.pop_front().unwrap();
            let frame = client.expect_next().await;
            assert_eq!(
                (frame.uid, frame.payload.unwrap().decode::<i32>().unwrap()),
                (Some(uid), n)
            );
        }
    }
    for (n, uid) in uids {
        let frame = client.expect_next().await;
        assert_eq!(
            (frame.uid, frame.payload.unwrap().decode::<i32>().unwrap()),
            (Some(uid), n)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_in_one_room_hear_every_line_in_order() {
    let (running, address) = start().await;
    let mut clients = Vec::new();
    for _ in 0..1_000 {
        let mut client = TestClient::connect(address).await.unwrap();
        client.request("join", ()).await.unwrap();
        clients.push(client);
    }
    let mut sender = TestClient::connect(address).await.unwrap();
    for n in 0..10 {
        let frames = sender.request_frames("say", n).await;
        assert_eq!(frames.last().unwrap().receipt.unwrap().delivered, 1_000);
    }
    for client in &mut clients {
        for n in 0..10 {
            assert_eq!(client.expect("say").await, n);
        }
    }
    drop((clients, sender));
    emptied(&running).await;
}

#[tokio::test]
async fn a_reader_that_never_reads_fills_its_own_outbox_only() {
    let limits = Limits {
        outbox_bytes: 64 << 10,
        close: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = Server::empty().routes(routes()).limits(limits).listen("127.0.0.1:0");
    let running = server.start().await.unwrap();
    let address = running.address().unwrap();
    let mut stuck = TestClient::connect(address).await.unwrap();
    stuck.request("join", ()).await.unwrap();
    let mut healthy = TestClient::connect(address).await.unwrap();
    healthy.request("join", ()).await.unwrap();
    let line = "x".repeat(30_000);
    let switchboard = running.switchboard();
    while switchboard.counters().slow_consumers.get() == 0 {
        healthy.send("say", &line).await;
        assert_eq!(healthy.expect("say").await, line.as_str());
    }
    assert_eq!(healthy.request("echo", 1).await.unwrap(), 1);
    while switchboard.count().await > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(switchboard.counters().unsent.get() > 0);
}

#[tokio::test]
async fn a_shutdown_tells_clients_to_come_back_and_ends() {
    let (running, address) = start().await;
    let mut client = TestClient::connect(address).await.unwrap();
    client.request("echo", 1).await.unwrap();
    let shutdown = tokio::spawn(running.shut_down(Shutdown::FinishQueues, Duration::from_secs(5)));
    let (code, _) = client.closed().await;
    assert_eq!(code, CloseCode::SHUTDOWN);
    assert!(shutdown.await.unwrap());
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_bind_failure_names_the_address_and_the_cause() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = Server::empty().routes(routes()).serve(address).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("in use"), "{text}");
}

#[tokio::test]
async fn a_listener_serves_its_registry_and_no_other() {
    let routes = routes().route("admin", Controller::silent(|()| "yes").registry("backend"));
    let public = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = Server::empty()
        .routes(routes)
        .listen(public)
        .listen(Listener::from("127.0.0.1:0").registry("backend"))
        .start()
        .await
        .unwrap();
    let [front, back] = *running.addresses() else {
        panic!("two listeners")
    };
    let mut front = TestClient::connect(front).await.unwrap();
    let mut back = TestClient::connect(back).await.unwrap();
    assert_eq!(front.request("admin", ()).await.unwrap_err().code(), "not_found");
    assert_eq!(back.request("admin", ()).await.unwrap(), "yes");
    assert_eq!(back.request("echo", 1).await.unwrap_err().code(), "not_found");
    // There is one switchboard: deliveries cross listeners.
    front.request("join", ()).await.unwrap();
    let sent = running.switchboard().send_to_mailbox("room", "news", &1).unwrap();
    assert_eq!(sent.delivered, 1);
    assert_eq!(front.expect("news").await, 1);
}

#[tokio::test]
async fn a_mounted_server_refuses_what_it_would_not_serve() {
    let server = || Server::empty().routes(routes());
    for (server, word) in [
        (server().page("<p>"), "page"),
        (server().files("/static", "."), "files"),
        (server().http(axum::Router::new()), "http"),
        (server().listen("127.0.0.1:0"), "listen"),
    ] {
        let error = server.mount().unwrap_err().to_string();
        assert!(error.contains(&format!("`{word}(…)`")), "{error}");
    }
    assert!(
        Server::empty()
            .routes(routes())
            .run()
            .await
            .unwrap_err()
            .to_string()
            .contains("no listener")
    );
}

#[tokio::test]
async fn it_runs_inside_of_an_axum_application() {
    let (board, running) = Server::empty().routes(routes()).mount().unwrap();
    let app = axum::Router::new()
        .route("/health", axum::routing::get(|| async { "fine" }))
        .merge(board);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(axum::serve(listener, app).into_future());
    let mut client = TestClient::connect(address).await.unwrap();
    assert_eq!(client.request("echo", 1).await.unwrap(), 1);
    let seen = &running.switchboard().clients().await[0];
    assert!(
        seen.address()
            .is_some_and(|address| address.ip().is_loopback() && address.port() != 0)
    );
    serving.abort();
}

#[tokio::test]
async fn a_unix_socket_serves_as_a_port_does() {
    let path = std::env::temp_dir().join(format!("switchboard-{}.sock", std::process::id()));
    let unix = Endpoint::from(path.clone());
    let running = Server::empty()
        .routes(routes())
        .listen("127.0.0.1:0")
        .listen(unix.clone())
        .start()
        .await
        .unwrap();
    let mut near = TestClient::connect(unix.clone()).await.unwrap();
    let mut far = TestClient::connect(running.address().unwrap()).await.unwrap();
    assert_eq!(near.request("echo", "near").await.unwrap(), "near");
    assert_eq!(far.request("echo", "far").await.unwrap(), "far");
    let clients = running.switchboard().clients().await;
    assert_eq!(clients.iter().filter(|client| client.address().is_none()).count(), 1);
    assert_eq!(running.endpoints()[1], unix);
    assert!(running.shut_down(Shutdown::FinishQueues, Duration::from_secs(10)).await);
    assert!(!path.exists(), "the file goes with the server");
}

#[tokio::test]
async fn an_address_that_cannot_be_listened_on_is_named_with_the_cause() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = Server::empty()
        .routes(routes())
        .listen("127.0.0.1:0")
        .listen(address)
        .start()
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on {address}: Address already in use (os error 98); stop what listens there, or choose another \
             port (0 takes a free one); [::] takes the port for IPv4, too"
        )
    );
    let nowhere = Server::empty()
        .routes(routes())
        .listen("unix:/nowhere/it.sock")
        .start()
        .await
        .unwrap_err();
    assert_eq!(
        nowhere.to_string(),
        "cannot listen on unix:/nowhere/it.sock: No such file or directory (os error 2); create the folder that it is to be in"
    );
}
