//! Answers in many parts, as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use switchboard::prelude::*;
use tokio::sync::mpsc;

use crate::http::{Peer, post, within};
use crate::{Ended, House, OfBackend as _, has_ended, routes};

const LINES: &str = "Accept: application/x-ndjson";

#[tokio::test]
async fn every_frame_is_a_line() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    for (message, status, expected) in [
        (
            r#"{"name":"count","payload":2,"uid":7,"receipt":true}"#,
            200,
            "{\"name\":\"count\",\"uid\":7,\"payload\":0,\"more\":true}\n\
             {\"name\":\"count\",\"uid\":7,\"payload\":1,\"more\":true}\n\
             {\"name\":\"count\",\"uid\":7,\"receipt\":{\"matched\":1,\"failed\":0,\"delivered\":0,\"dropped\":0}}\n",
        ),
        (
            r#"{"name":"count","payload":1}"#,
            200,
            "{\"name\":\"count\",\"payload\":0,\"more\":true}\n{\"name\":\"count\"}\n",
        ),
        (r#"{"name":"quiet"}"#, 200, "{\"name\":\"quiet\"}\n"),
        (
            r#"{"name":"fail/taken"}"#,
            422,
            "{\"name\":\"fail/taken\",\"error\":{\"code\":\"taken\",\"message\":\"as you wish\"}}\n",
        ),
        // There is more to come, so it is too early for another status.
        (
            r#"{"name":"hang/taken"}"#,
            200,
            "{\"name\":\"hang/taken\",\"error\":{\"code\":\"taken\",\"message\":\"as you wish\"},\"more\":true}\n\
             {\"name\":\"hang/taken\",\"error\":{\"code\":\"timeout\",\"message\":\"this took longer than the 0.02 s that it may take\"}}\n",
        ),
        (
            r#"{"name":"nowhere"}"#,
            404,
            "{\"name\":\"nowhere\",\"error\":{\"code\":\"not_found\",\"message\":\"no route matches \\\"nowhere\\\"\"}}\n",
        ),
    ] {
        let answer = peer.post_with(&[LINES], message).await;
        assert_eq!((answer.status, answer.text()), (status, expected), "{message}");
        assert_eq!(answer.header("content-type"), "application/x-ndjson");
    }
    // Errors among others do not change the status, which has been said by then.
    let answer = peer
        .post_with(
            &["Accept: text/html, application/x-ndjson;q=0.9"],
            r#"{"name":"both/fail/a","payload":1}"#,
        )
        .await;
    let mut lines: Vec<_> = answer.text().lines().collect();
    lines.sort_unstable();
    assert_eq!((answer.status, lines.len()), (200, 2));
    assert!(
        lines[0].starts_with(r#"{"name":"both/fail/a","error":{"code":"a","#),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with(r#"{"name":"both/fail/a","payload":1"#),
        "{lines:?}"
    );
    assert_eq!(answer.text().matches(r#""more":true"#).count(), 1);
}

/// A stream of what the test sends, and how the server let go of it.
fn fed() -> (Controller, mpsc::UnboundedSender<u32>, Arc<AtomicUsize>) {
    let (items, received) = mpsc::unbounded_channel();
    let received = Arc::new(std::sync::Mutex::new(Some(received)));
    let ended = Arc::new(AtomicUsize::new(0));
    let guard = Ended(Arc::clone(&ended));
    let feed = Controller::silent({
        let guard = std::sync::Mutex::new(Some(guard));
        move |()| {
            let received = received.lock().unwrap().take().unwrap();
            let guard = guard.lock().unwrap().take();
            Replies(stream::unfold((received, guard), async |(mut received, guard)| {
                let item = received.recv().await?;
                Some((item, (received, guard)))
            }))
        }
    });
    (feed.of_backend(), items, ended)
}

#[tokio::test]
async fn a_line_comes_when_there_is_one() {
    let (feed, items, ended) = fed();
    let house = House::start(Server::empty().routes(routes().route("feed", feed))).await;
    let mut peer = house.connect().await;
    peer.send(post(&[LINES], br#"{"name":"feed"}"#)).await;
    for n in 0..3 {
        items.send(n).unwrap();
        if n == 0 {
            assert_eq!(peer.head().await.status, 200);
        }
        assert_eq!(
            peer.chunk().await.unwrap(),
            format!("{{\"name\":\"feed\",\"payload\":{n},\"more\":true}}\n")
        );
    }
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    drop(items);
    assert_eq!(peer.chunk().await.unwrap(), "{\"name\":\"feed\"}\n");
    assert_eq!(peer.chunk().await, None);
    has_ended(&ended).await;
    // The connection is fit for the next request.
    assert_eq!(peer.post(r#"{"name":"quiet"}"#).await.status, 200);
}

#[tokio::test]
async fn a_stream_ends_with_who_asked_for_it() {
    for headers in [[LINES].as_slice(), &[]] {
        let (feed, items, ended) = fed();
        let house = House::start(Server::empty().routes(routes().route("feed", feed))).await;
        let mut peer = house.connect().await;
        peer.send(post(headers, br#"{"name":"feed"}"#)).await;
        house.counted(|counters| counters.runs.get(), 1).await;
        items.send(1).unwrap();
        if !headers.is_empty() {
            peer.head().await;
            peer.chunk().await.unwrap();
        }
        drop(peer);
        has_ended(&ended).await;
        assert!(items.is_closed());
        assert_eq!(house.connect().await.post(r#"{"name":"quiet"}"#).await.status, 200);
    }
}

#[tokio::test]
async fn a_stream_waits_for_who_does_not_read() {
    let made = Arc::new(AtomicUsize::new(0));
    let limits = Limits {
        outbox_bytes: 64 << 10,
        ..Limits::default()
    };
    let flood = Controller::silent({
        let made = Arc::clone(&made);
        move |()| {
            let made = Arc::clone(&made);
            let made = move |_: &String| {
                made.fetch_add(1, Ordering::SeqCst);
            };
            Replies(stream::repeat("x".repeat(4 << 10)).inspect(made))
        }
    });
    let flood = routes().route("flood", flood.of_backend());
    let house = House::start(Server::empty().routes(flood).limits(limits)).await;
    let mut peer = house.connect().await;
    peer.send(post(&[LINES], br#"{"name":"flood"}"#)).await;
    peer.head().await;
    // Until the sockets are full; then nothing more is made, however often the server has its turn.
    let mut before = 0;
    let mut quiet = 0;
    while quiet < 100 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let now = made.load(Ordering::SeqCst);
        assert!(now < 16 << 10, "64 MiB are more than sockets hold");
        quiet = if now == before { quiet + 1 } else { 0 };
        before = now;
    }
    let read = tokio::spawn(async move {
        for _ in 0..200 {
            peer.chunk().await.unwrap();
        }
        peer
    });
    let peer = within(read).await.unwrap();
    within(async {
        while made.load(Ordering::SeqCst) <= before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(peer);
}

#[tokio::test]
async fn a_stream_for_one_answer_has_its_time_and_no_more() {
    let limits = Limits {
        controller: Duration::from_millis(250),
        ..Limits::default()
    };
    let tick = || tokio::time::sleep(Duration::from_millis(1));
    let endless = move |()| {
        Replies(stream::unfold(0, move |n| async move {
            tick().await;
            Some((n, n + 1))
        }))
    };
    let silent = move |()| {
        Replies(stream::unfold(0, move |n| async move {
            tick().await;
            Some((None::<u8>, n))
        }))
    };
    let endless = Controller::silent(endless).of_backend();
    let silent = Controller::silent(silent).of_backend();
    let house = House::start(
        Server::empty()
            .routes(routes().route("endless", endless).route("silent", silent))
            .limits(limits),
    )
    .await;
    let mut peer = house.connect().await;
    let answer = peer.post(r#"{"name":"endless","uid":1,"receipt":true}"#).await;
    assert_eq!(
        (answer.status, answer.text()),
        (
            200,
            "{\"name\":\"endless\",\"uid\":1,\"payload\":0,\"receipt\":{\"matched\":1,\"failed\":0,\"delivered\":0,\"dropped\":0}}\n"
        ),
        "the first answer is the result"
    );
    let answer = peer.post(r#"{"name":"silent"}"#).await;
    assert_eq!(answer.status, 504);
    assert!(
        answer.text().starts_with(
            r#"{"name":"silent","error":{"code":"timeout","message":"the stream took longer than the 0.25 s"#
        ),
        "{}",
        answer.text()
    );
    // With lines it goes on for longer than that.
    peer.send(post(&[LINES], br#"{"name":"endless"}"#)).await;
    assert_eq!(peer.head().await.status, 200);
    let mut last = String::new();
    while !last.contains("\"payload\":400,") {
        last = peer.chunk().await.unwrap();
    }
}

#[tokio::test]
async fn a_shutdown_ends_a_stream_with_a_word() {
    let (feed, items, ended) = fed();
    let house = House::start(Server::empty().routes(routes().route("feed", feed))).await;
    let mut peer = house.connect().await;
    peer.send(post(&[LINES], br#"{"name":"feed"}"#)).await;
    items.send(1).unwrap();
    peer.head().await;
    peer.chunk().await.unwrap();
    let shutdown = house
        .running
        .shut_down(switchboard::Shutdown::FinishQueues, Duration::from_secs(10));
    assert!(within(shutdown).await, "it is in time");
    assert_eq!(
        peer.chunk().await.unwrap(),
        "{\"name\":\"feed\",\"error\":{\"code\":\"unavailable\",\"message\":\"the server shuts down; connect again\"}}\n"
    );
    assert_eq!(peer.chunk().await, None);
    has_ended(&ended).await;
    assert_eq!(peer.rest().await, "");
}

#[tokio::test]
async fn a_peer_of_another_registry_is_not_asked() {
    let house = House::usual().await;
    let mut peer = Peer::connect(house.public).await;
    let answer = peer.post(r#"{"name":"quiet"}"#).await;
    assert_eq!(answer.status, 405, "the public listener opens WebSockets");
}
