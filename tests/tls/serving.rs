//! What is served over TLS is what is served without.

use std::time::Duration;

use switchboard::prelude::*;
use switchboard::testing::TestClient;
use switchboard::wire::connection::{Endpoint, Stream};
use switchboard::{Running, Shutdown};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::{Certificates, connect, routes, start, until};

#[tokio::test]
async fn requests_and_deliveries_cross_between_tls_and_plain() {
    let certificates = Certificates::new();
    let limits = Limits {
        message_bytes: 4 << 20,
        outbox_bytes: 16 << 20,
        ..Limits::default()
    };
    let running = Server::empty()
        .routes(routes())
        .limits(limits)
        .listen("127.0.0.1:0")
        .listen(Listener::from("127.0.0.1:0").tls(certificates.tls()))
        .start()
        .await
        .unwrap();
    let [plain, secure] = *running.addresses() else {
        panic!("two listeners")
    };
    let mut plain = TestClient::connect(plain).await.unwrap();
    let mut secure = connect(secure, &certificates.client()).await;
    assert_eq!(secure.request("echo", "hello").await.unwrap(), "hello");
    assert_eq!(secure.request("nowhere", ()).await.unwrap_err().code(), "not_found");
    plain.request("join", ()).await.unwrap();
    secure.request("join", ()).await.unwrap();
    plain.send("say", "to TLS").await;
    assert_eq!(secure.expect("say").await, "to TLS");
    secure.send("say", "from TLS").await;
    assert_eq!(plain.expect("say").await, "from TLS");

    // More than any buffer on the way takes at once.
    let large = "x".repeat(3 << 20);
    assert_eq!(secure.request("echo", &large).await.unwrap(), large);
    plain.send("say", &large).await;
    assert_eq!(secure.expect("say").await, large);
    let addresses: Vec<_> = running.switchboard().clients().await;
    assert!(addresses.iter().all(|client| client.address().is_some()));
}

#[tokio::test]
async fn a_thousand_messages_are_answered_in_order() {
    let certificates = Certificates::new();
    let (_running, address) = start(&certificates, Limits::default()).await;
    let mut client = connect(address, &certificates.client()).await;
    let mut uids = Vec::new();
    for n in 0..1_000 {
        uids.push(client.start_request("echo", n).await);
    }
    for (n, uid) in uids.into_iter().enumerate() {
        let frame = client.expect_next().await;
        let payload: usize = frame.payload.unwrap().decode().unwrap();
        assert_eq!((frame.uid, payload), (Some(uid), n));
    }
}

#[tokio::test]
async fn a_reader_that_never_reads_fills_its_own_outbox_only() {
    let certificates = Certificates::new();
    let limits = Limits {
        outbox_bytes: 64 << 10,
        close: Duration::from_millis(100),
        ..Limits::default()
    };
    let (running, address) = start(&certificates, limits).await;
    let tls = certificates.client();
    let mut stuck = connect(address, &tls).await;
    stuck.request("join", ()).await.unwrap();
    let mut healthy = connect(address, &tls).await;
    healthy.request("join", ()).await.unwrap();
    let mut sender = connect(address, &tls).await;
    let line = "x".repeat(30_000);
    let switchboard = running.switchboard();
    while switchboard.counters().slow_consumers.get() == 0 {
        sender.send("say", &line).await;
        assert_eq!(healthy.expect("say").await, line.as_str());
    }
    assert_eq!(healthy.request("echo", 1).await.unwrap(), 1);
    until(|| switchboard.counters().left.get() == 1).await;
    assert!(switchboard.counters().unsent.get() > 0);
}

/// A server that says how its clients left.
async fn observed(certificates: &Certificates) -> (Running, mpsc::UnboundedReceiver<Disconnected>) {
    let (send, gone) = mpsc::unbounded_channel();
    let routes = routes().route(
        "switchboard/disconnected",
        Controller::silent(move |disconnected: Disconnected| {
            let _ = send.send(disconnected);
        }),
    );
    let listener = Listener::from("127.0.0.1:0").tls(certificates.tls());
    // Nothing in these tests is to wait for its time to be up.
    let limits = Limits {
        close: Duration::from_secs(3600),
        ..Limits::default()
    };
    let server = Server::empty().routes(routes).limits(limits).listen(listener);
    (server.start().await.unwrap(), gone)
}

/// A WebSocket over TLS whose bytes the test reads itself.
async fn raw(running: &Running, certificates: &Certificates) -> Stream {
    let endpoint = Endpoint::from(running.address().unwrap());
    let stream = endpoint.connect().await.unwrap();
    let mut stream = certificates.client().connect("localhost", stream).await.unwrap();
    let request = "GET /switchboard HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3dpdGNoYm9hcmQgdGVzdA==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    while running.switchboard().count().await == 0 {
        tokio::task::yield_now().await;
    }
    stream
}

#[tokio::test]
async fn a_connection_that_is_cut_off_is_no_goodbye() {
    let certificates = Certificates::new();
    let (running, mut gone) = observed(&certificates).await;
    // Without close_notify, anybody on the way can have cut it.
    drop(raw(&running, &certificates).await);
    let cut = gone.recv().await.unwrap();
    assert_eq!(cut.code, CloseCode::ABNORMAL);
    assert!(
        cut.reason.contains("without sending TLS close_notify"),
        "{}",
        cut.reason
    );

    let mut stream = raw(&running, &certificates).await;
    stream.shutdown().await.unwrap();
    let ended = gone.recv().await.unwrap();
    assert_eq!(
        (ended.code, ended.reason.as_str()),
        (CloseCode::ABNORMAL, "closed without a close frame")
    );
    // Ours ends well, whatever theirs did.
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_shutdown_says_goodbye_in_websocket_and_in_tls() {
    for how in [Shutdown::FinishQueues, Shutdown::FinishMessages, Shutdown::Now] {
        let certificates = Certificates::new();
        let (running, mut gone) = observed(&certificates).await;
        let mut stream = raw(&running, &certificates).await;
        let shutdown = tokio::spawn(running.shut_down(how, Duration::from_secs(20)));
        let mut frame = [0; 4];
        stream.read_exact(&mut frame).await.unwrap();
        assert_eq!((frame[0], frame[2..].to_vec()), (0x88, 4000_u16.to_be_bytes().to_vec()));
        let mut reason = vec![0; usize::from(frame[1]) - 2];
        stream.read_exact(&mut reason).await.unwrap();
        assert_eq!(reason, b"the server shuts down");
        if how != Shutdown::Now {
            // The same close frame, under a mask of zeros.
            stream
                .write_all(&[0x88, 0x82, 0, 0, 0, 0, frame[2], frame[3]])
                .await
                .unwrap();
        }
        let end = stream.read_to_end(&mut Vec::new()).await;
        assert!(matches!(end, Ok(0)), "{how:?}: the end is not cut off: {end:?}");
        assert!(shutdown.await.unwrap(), "{how:?}");
        assert_eq!(gone.recv().await.unwrap().code, CloseCode::SHUTDOWN);
    }
}

#[tokio::test]
async fn a_client_that_says_goodbye_hears_it_back() {
    let certificates = Certificates::new();
    let (running, mut gone) = observed(&certificates).await;
    let mut stream = raw(&running, &certificates).await;
    let [high, low] = CloseCode::NORMAL.get().to_be_bytes();
    stream.write_all(&[0x88, 0x82, 0, 0, 0, 0, high, low]).await.unwrap();
    let mut frames = Vec::new();
    stream.read_to_end(&mut frames).await.unwrap();
    assert_eq!(frames, [0x88, 2, high, low]);
    assert_eq!(gone.recv().await.unwrap().code, CloseCode::NORMAL);
}
