//! What may wait to be read.

use std::time::Duration;

use futures_util::stream;
use switchboard::Slow;
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};

use super::{count, echo, start};

/// A narrow client that does not read, a healthy one, and a sender.
async fn slow_reader(limits: Limits, slow: Option<Slow>) -> (TestServer, TestClient, TestClient, TestClient) {
    let mut say = Controller::send_all(|Payload(n): Payload<u32>| n).except_sender();
    if let Some(slow) = slow {
        say = say.slow(slow);
    }
    let server = start(limits, Routes::new().route("say", say));
    let narrow = server.connect_narrow(40).await;
    let healthy = server.connect().await;
    let sender = server.connect().await;
    while server.switchboard().count().await < 3 {
        tokio::task::yield_now().await;
    }
    (server, narrow, healthy, sender)
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_never_reads_is_closed_and_delays_nobody() {
    for limits in [
        Limits {
            outbox_messages: 10,
            ..Limits::default()
        },
        Limits {
            outbox_bytes: 300,
            ..Limits::default()
        },
    ] {
        let (server, mut narrow, mut healthy, mut sender) = slow_reader(limits, None).await;
        for n in 0..50 {
            sender.request("say", n).await.unwrap();
            assert_eq!(healthy.expect("say").await, n);
        }
        count(&server, |counters| counters.slow_consumers.get(), 1).await;
        assert_eq!(narrow.closed().await.0, CloseCode::SLOW_CONSUMER);
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_or_the_oldest_deliveries_are_lost_where_the_route_says_so() {
    for slow in [Slow::DropNewest, Slow::DropOldest] {
        let limits = Limits {
            outbox_messages: 10,
            ..Limits::default()
        };
        let (server, mut narrow, mut healthy, mut sender) = slow_reader(limits, Some(slow)).await;
        let mut dropped = 0;
        for n in 0..50 {
            let frames = sender.request_frames("say", n).await;
            dropped += frames[0].receipt.unwrap().dropped;
            assert_eq!(healthy.expect("say").await, n);
        }
        let mut heard = Vec::new();
        while heard.len() < 50 - server.switchboard().counters().dropped.get() as usize {
            heard.push(narrow.expect("say").await.as_u64().unwrap());
        }
        narrow.expect_silence().await;
        assert!(heard.len() < 20 && heard.is_sorted());
        let last = *heard.last().unwrap();
        if slow == Slow::DropOldest {
            assert_eq!((last, dropped), (49, 0), "the newest was taken, at an older one's cost");
        } else {
            assert!(last < 49 && dropped > 0);
        }
        assert_eq!(server.switchboard().counters().slow_consumers.get(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_fit_closes() {
    let limits = Limits {
        outbox_messages: 5,
        slow: Slow::DropNewest,
        ..Limits::default()
    };
    let together = Controller::silent(|()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        "all at once"
    });
    let server = start(limits, Routes::new().route("together", together.unordered()));
    let mut narrow = server.connect_narrow(64).await;
    for _ in 0..20 {
        narrow.start_request("together", ()).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(server.switchboard().counters().slow_consumers.get(), 1);
    assert_eq!(narrow.closed().await.0, CloseCode::SLOW_CONSUMER);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_and_does_not_read_waits_and_is_idle_in_the_end() {
    let limits = Limits {
        outbox_messages: 6,
        ..Limits::default()
    };
    let server = start(limits, Routes::new().route("echo", echo()));
    let mut narrow = server.connect_narrow(200).await;
    for n in 0..10 {
        narrow.start_request("echo", n).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(
        server.switchboard().counters().runs.get() < 10,
        "it is served on when it has read"
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(server.switchboard().counters().idle.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_quick_stream_waits_for_its_reader() {
    let limits = Limits {
        outbox_messages: 8,
        ..Limits::default()
    };
    let count = Controller::silent(|()| Replies(stream::iter(0..1_000)));
    let server = start(limits, Routes::new().route("count", count));
    let mut client = server.connect_narrow(128).await;
    let frames = client.request_frames("count", ()).await;
    assert_eq!(frames.len(), 1_001);
    assert_eq!(server.switchboard().counters().slow_consumers.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_to_a_client_that_says_goodbye_does_not_hang_the_server() {
    let routes = Routes::new()
        .route("spin", Controller::silent(|()| Replies(stream::repeat(1))))
        .route("echo", echo());
    let server = start(Limits::default(), routes);
    let mut stuck = server.connect_narrow(64).await;
    stuck.start_request("spin", ()).await;
    stuck.send_bytes(&[0x88, 0x80, 0, 0, 0, 0]).await;
    let mut other = server.connect().await;
    assert_eq!(other.request("echo", 1).await.unwrap(), 1);
    while server.switchboard().count().await > 1 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
