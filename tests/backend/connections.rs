//! How requests arrive: in pieces, too much of them, or not to their end.

use std::sync::Arc;
use std::time::Duration;

use switchboard::Shutdown;
use switchboard::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use crate::http::{KEY, post, within};
use crate::{House, OfBackend as _, routes};

#[tokio::test]
async fn a_message_may_come_byte_by_byte_and_in_chunks() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    peer.0.get_ref().set_nodelay(true).unwrap();
    for byte in post(&[], br#"{"name":"echo","payload":"slow"}"#) {
        peer.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(peer.answer().await.text(), "{\"name\":\"echo\",\"payload\":\"slow\"}\n");
    let chunks = b"8\r\n{\"name\":\r\n8\r\n\"quiet\"}\r\n0\r\n\r\n";
    let answer = peer
        .post_with(&["Content-Length:", "Transfer-Encoding: chunked"], chunks)
        .await;
    assert_eq!(answer.text(), "{\"name\":\"quiet\"}\n");
}

#[tokio::test]
async fn requests_may_follow_each_other_without_waiting() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    let requests: Vec<u8> = (0..50)
        .flat_map(|n| post(&[], format!(r#"{{"name":"echo","payload":{n}}}"#).as_bytes()))
        .collect();
    peer.send(requests).await;
    for n in 0..50 {
        assert_eq!(
            peer.answer().await.text(),
            format!("{{\"name\":\"echo\",\"payload\":{n}}}\n")
        );
    }
}

#[tokio::test]
async fn too_much_is_not_kept_and_its_answer_is_not_lost() {
    let house = House::usual().await;
    // Twice the limit, read to its end; the connection lives on.
    let mut peer = house.connect().await;
    let answer = peer.post(vec![b'x'; 128 << 10]).await;
    assert_eq!(answer.status, 413);
    assert_eq!(peer.post(r#"{"name":"quiet"}"#).await.status, 200);

    // As much without the key.
    let answer = peer
        .post_with(&["Authorization: Bearer wrong"], vec![b'x'; 128 << 10])
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(peer.post(r#"{"name":"quiet"}"#).await.status, 200);

    // A hundred times the limit is not read to its end.
    let mut peer = house.connect().await;
    let head = format!(
        "POST /switchboard HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 6553600\r\n\r\n"
    );
    peer.send(head + r#"{"name":"echo","uid":9,"#).await;
    peer.send(vec![b' '; 65 << 10]).await;
    let answer = peer.answer().await;
    assert_eq!(answer.status, 413);
    assert!(
        answer
            .text()
            .starts_with(r#"{"name":"echo","uid":9,"error":{"code":"too_large""#),
        "{}",
        answer.text()
    );

    // Who asks first whether it may send so much need not.
    let mut peer = house.connect().await;
    let head = format!(
        "POST /switchboard HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 6553600\r\n\
         Expect: 100-continue\r\n\r\n"
    );
    peer.send(head).await;
    let answer = peer.answer().await;
    assert_eq!(
        (answer.status, answer.text()),
        (
            413,
            "{\"error\":{\"code\":\"too_large\",\"message\":\"a message may have 65536 bytes\"}}\n"
        )
    );
    house.counted(|counters| counters.too_large.get(), 3).await;
}

#[tokio::test]
async fn who_waits_for_a_hundred_gets_it() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    let request = post(&["Expect: 100-continue"], br#"{"name":"quiet"}"#);
    let (head, body) = request.split_at(request.len() - 16);
    peer.send(head).await;
    assert_eq!(peer.head().await.status, 100);
    peer.send(body).await;
    assert_eq!(peer.answer().await.text(), "{\"name\":\"quiet\"}\n");
    // Without the key there is nothing to wait for.
    let mut peer = house.connect().await;
    peer.send(post(&["Authorization:", "Expect: 100-continue"], b"")).await;
    assert_eq!(peer.answer().await.status, 401);
}

#[tokio::test]
async fn a_message_that_does_not_come_is_not_waited_for() {
    let limits = Limits {
        handshake: Duration::from_millis(300),
        ..Limits::default()
    };
    let house = House::start(Server::empty().routes(routes()).limits(limits)).await;
    let mut peer = house.connect().await;
    let request = post(&[], br#"{"name":"quiet"}"#);
    peer.send(&request[..request.len() - 8]).await;
    let answer = peer.answer().await;
    assert_eq!(
        (answer.status, answer.text()),
        (
            408,
            "{\"error\":{\"code\":\"timeout\",\"message\":\"the message did not arrive within 0.3 s (Limits::handshake)\"}}\n"
        )
    );
    assert_eq!(answer.header("connection"), "close");
    assert_eq!(peer.rest().await, "");
    house.counted(|counters| counters.handshake_timeouts.get(), 1).await;
}

#[tokio::test]
async fn half_a_message_is_none() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    let request = post(&[], br#"{"name":"publish","payload":1}"#);
    peer.send(&request[..request.len() - 8]).await;
    peer.0.get_mut().shutdown().await.unwrap();
    let rest = peer.rest().await;
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400"), "{rest}");
    house.counted(|counters| counters.refused_requests.get(), 1).await;
    let board = house.running.switchboard();
    assert_eq!(board.counters().messages.get(), 0);
    assert_eq!(house.connect().await.post(r#"{"name":"quiet"}"#).await.status, 200);
}

/// A controller that tells when it has begun and ends when it may.
fn gated() -> (Routes, Arc<Notify>, Arc<Notify>) {
    let (started, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wait = Controller::silent({
        let (started, gate) = (Arc::clone(&started), Arc::clone(&gate));
        move |()| {
            let (started, gate) = (Arc::clone(&started), Arc::clone(&gate));
            async move {
                started.notify_one();
                gate.notified().await;
                "waited"
            }
        }
    });
    (routes().route("wait", wait.of_backend()), started, gate)
}

#[tokio::test]
async fn a_shutdown_waits_for_an_answer() {
    let (routes, started, gate) = gated();
    let house = House::start(Server::empty().routes(routes)).await;
    let mut peer = house.connect().await;
    peer.send(post(&[], br#"{"name":"wait"}"#)).await;
    within(started.notified()).await;
    let shutdown = tokio::spawn(house.running.shut_down(Shutdown::FinishQueues, Duration::from_secs(10)));
    tokio::task::yield_now().await;
    gate.notify_one();
    assert_eq!(
        peer.answer().await.text(),
        "{\"name\":\"wait\",\"payload\":\"waited\"}\n"
    );
    assert!(within(shutdown).await.unwrap(), "it is in time");
    assert_eq!(peer.rest().await, "");
}

#[tokio::test]
async fn a_shutdown_that_waits_no_longer_says_so() {
    let brief = Limits {
        close: Duration::from_secs(1),
        ..Limits::default()
    };
    let patient = Limits {
        close: Duration::from_secs(60),
        ..Limits::default()
    };
    // At the end of `Limits::close`, at once, and at the deadline.
    for (how, limits, deadline) in [
        (Shutdown::FinishQueues, brief, Duration::from_millis(1500)),
        (Shutdown::Now, patient.clone(), Duration::from_secs(10)),
        (Shutdown::FinishQueues, patient, Duration::from_millis(100)),
    ] {
        let (routes, started, _gate) = gated();
        let house = House::start(Server::empty().routes(routes).limits(limits)).await;
        let mut peer = house.connect().await;
        peer.send(post(&[], br#"{"name":"wait","uid":1}"#)).await;
        within(started.notified()).await;
        let shutdown = tokio::spawn(house.running.shut_down(how, deadline));
        let answer = peer.answer().await;
        assert_eq!(answer.status, 503, "{how:?}");
        assert!(
            answer.text().starts_with(
                r#"{"name":"wait","uid":1,"error":{"code":"unavailable","message":"the server shuts down; "#
            ),
            "{}",
            answer.text()
        );
        assert_eq!(peer.rest().await, "");
        within(shutdown).await.unwrap();
    }
}

#[tokio::test]
async fn a_message_that_comes_when_the_server_stops_is_refused() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    let request = post(&["Expect: 100-continue"], br#"{"name":"quiet"}"#);
    let (head, body) = request.split_at(request.len() - 16);
    peer.send(head).await;
    assert_eq!(peer.head().await.status, 100, "it is being read");
    let board = house.running.switchboard();
    let shutdown = tokio::spawn(house.running.shut_down(Shutdown::FinishQueues, Duration::from_secs(10)));
    within(async {
        while tokio::net::TcpStream::connect(house.public).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    peer.send(body).await;
    let answer = peer.answer().await;
    assert_eq!(
        (answer.status, answer.text()),
        (
            503,
            "{\"name\":\"quiet\",\"error\":{\"code\":\"unavailable\",\"message\":\"the server shuts down; ask again\"}}\n"
        )
    );
    assert!(within(shutdown).await.unwrap(), "it is in time");
    assert_eq!(board.counters().runs.get(), 0);
}

#[tokio::test]
async fn at_the_bound_of_controllers_more_are_refused() {
    let (routes, started, gate) = gated();
    let limits = Limits {
        running: 1,
        ..Limits::default()
    };
    let house = House::start(Server::empty().routes(routes).limits(limits)).await;
    let (mut first, mut second) = (house.connect().await, house.connect().await);
    first.send(post(&[], br#"{"name":"wait"}"#)).await;
    within(started.notified()).await;
    let answer = second.post(r#"{"name":"wait"}"#).await;
    assert_eq!(
        (answer.status, answer.text()),
        (
            503,
            "{\"name\":\"wait\",\"error\":{\"code\":\"overloaded\",\"message\":\"the server has too much to do; try again later\"}}\n"
        )
    );
    gate.notify_one();
    assert_eq!(first.answer().await.status, 200);
}
