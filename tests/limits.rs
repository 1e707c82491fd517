//! Promise 3 and 4: at each bound something with a name happens, it is counted, and nobody else notices.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use serde_json::{Value, json};
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};
use switchboard::{Counters, Slow};
use tokio::sync::Notify;

fn start(limits: Limits, routes: Routes) -> TestServer {
    TestServer::start(Server::empty().routes(routes).limits(limits)).unwrap()
}

fn echo() -> Controller {
    Controller::silent(|Payload(value): Payload<Value>| value)
}

fn hang() -> Controller {
    Controller::silent(|()| std::future::pending::<()>())
}

/// A controller that waits until it is let go.
fn gated() -> (Controller, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let waiting = Arc::clone(&gate);
    let wait = Controller::silent(move |()| {
        let waiting = Arc::clone(&waiting);
        async move { waiting.notified().await }
    });
    (wait, gate)
}

async fn count(server: &TestServer, counter: impl Fn(&Counters) -> u64, expected: u64) {
    let switchboard = server.switchboard();
    while counter(switchboard.counters()) < expected {
        tokio::task::yield_now().await;
    }
    assert_eq!(counter(switchboard.counters()), expected);
}

async fn error_of(client: &mut TestClient, unit: &str) -> String {
    client.send_raw(unit).await;
    client.receive_text().await
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_is_skipped_and_answered() {
    let server = start(
        Limits {
            message_bytes: 600,
            ..Limits::default()
        },
        Routes::new().route("echo", echo()),
    );
    let mut client = server.connect().await;
    let long = "x".repeat(700);
    assert_eq!(
        error_of(
            &mut client,
            &format!(r#"{{"name":"echo","uid":"a","payload":"{long}"}}"#)
        )
        .await,
        r#"{"name":"echo","uid":"a","error":{"code":"too_large","message":"a message may have 600 bytes"}}"#
    );
    assert_eq!(
        error_of(
            &mut client,
            &format!(r#"{{"payload":"{long}","name":"echo","uid":"a"}}"#)
        )
        .await,
        r#"{"error":{"code":"too_large","message":"a message may have 600 bytes"}}"#
    );
    assert_eq!(client.request("echo", 1).await.unwrap(), 1);
    count(&server, |counters| counters.too_large.get(), 2).await;

    client
        .send_raw(format!(r#"{{"name":"echo","payload":"{}"}}"#, "x".repeat(600 * 16)))
        .await;
    assert_eq!(client.closed().await.0, CloseCode::MESSAGE_TOO_BIG);
    count(&server, |counters| counters.protocol_errors.get(), 1).await;
}

#[tokio::test(start_paused = true)]
async fn names_and_nesting_have_bounds() {
    let limits = Limits {
        name_bytes: 8,
        depth: 4,
        ..Limits::default()
    };
    let server = start(limits, Routes::new().route("<path:any>", echo()));
    let mut client = server.connect().await;
    for (unit, part) in [
        (r#"{"name":"123456789","uid":1}"#, "name"),
        (r#"{"name":"a","uid":1,"payload":[[[[1]]]]}"#, "deep"),
    ] {
        let error = error_of(&mut client, unit).await;
        assert!(
            error.contains(r#""uid":1,"error":{"code":"bad_message""#) && error.contains(part),
            "{error}"
        );
    }
    client
        .send_raw(r#"{"name":"12345678","uid":1,"payload":[[[1]]]}"#)
        .await;
    assert_eq!(
        client.receive_text().await,
        r#"{"name":"12345678","uid":1,"payload":[[[1]]]}"#
    );
    count(&server, |counters| counters.bad_messages.get(), 2).await;
}

#[tokio::test(start_paused = true)]
async fn rubbish_is_answered_until_it_is_too_much() {
    let server = start(
        Limits {
            violations: 4,
            ..Limits::default()
        },
        Routes::new().route("echo", echo()),
    );
    let mut client = server.connect().await;
    for rubbish in ["", "rubbish", r#"{"uid":1}"#, r#"{"name":"a b\u0007","uid":1}"#] {
        let error = error_of(&mut client, rubbish).await;
        assert!(error.contains(r#""code":"bad_message""#), "{error}");
    }
    assert_eq!(client.request("echo", 1).await.unwrap(), 1, "the connection lives on");
    client.send_raw(b"\xff\x00 binary").await;
    let (code, _) = client.closed().await;
    assert_eq!(code, CloseCode::VIOLATIONS);
    assert!(!code.should_reconnect());
    count(&server, |counters| counters.violations.get(), 1).await;
}

#[tokio::test(start_paused = true)]
async fn broken_framing_closes() {
    let server = start(Limits::default(), Routes::new().route("echo", echo()));
    for (bytes, code) in [
        (&[0x81, 0x01, b'x'][..], CloseCode::PROTOCOL_ERROR),
        (&[0xF1, 0x80, 0, 0, 0, 0], CloseCode::PROTOCOL_ERROR),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xFF], CloseCode::INVALID_PAYLOAD),
    ] {
        let mut client = server.connect().await;
        client.send_bytes(bytes).await;
        assert_eq!(client.closed().await.0, code);
    }
    count(&server, |counters| counters.protocol_errors.get(), 3).await;
}

#[tokio::test(start_paused = true)]
async fn too_many_fragments_close() {
    let server = start(
        Limits {
            fragments: 3,
            ..Limits::default()
        },
        Routes::new().route("echo", echo()),
    );
    let mut client = server.connect().await;
    client.send_bytes(&[0x01, 0x81, 0, 0, 0, 0, b'"']).await;
    for _ in 0..3 {
        client.send_bytes(&[0x00, 0x81, 0, 0, 0, 0, b'x']).await;
    }
    assert_eq!(client.closed().await.0, CloseCode::POLICY_VIOLATION);
}

#[tokio::test(start_paused = true)]
async fn the_read_ahead_is_bounded_and_loses_nothing() {
    for limits in [
        Limits {
            read_ahead_messages: 4,
            ..Limits::default()
        },
        Limits {
            read_ahead_bytes: 200,
            ..Limits::default()
        },
    ] {
        let (wait, gate) = gated();
        let server = start(limits, Routes::new().route("wait", wait).route("echo", echo()));
        let mut client = server.connect().await;
        client.send("wait", ()).await;
        for n in 0..100 {
            client.start_request("echo", n).await;
        }
        count(&server, |counters| counters.read_ahead_full.get(), 1).await;
        let read = server.switchboard().counters().messages.get();
        assert!(read < 10, "{read} messages read ahead");
        gate.notify_one();
        for n in 0..100 {
            let frames = client.frames_of(&switchboard::Uid::Integer(n + 1)).await;
            assert_eq!(frames[0].payload.as_ref().unwrap().decode::<i64>().unwrap(), n);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_clients_controllers_wait_for_each_other_at_its_bound() {
    let (wait, gate) = gated();
    let limits = Limits {
        running_per_client: 2,
        ..Limits::default()
    };
    let server = start(limits, Routes::new().route("wait", wait.unordered()));
    let mut client = server.connect().await;
    let uids = [
        client.start_request("wait", ()).await,
        client.start_request("wait", ()).await,
        client.start_request("wait", ()).await,
    ];
    client.expect_silence().await;
    assert_eq!(server.switchboard().counters().runs.get(), 2);
    assert!(server.switchboard().counters().running_per_client_full.get() >= 1);
    gate.notify_waiters();
    client.frames_of(&uids[0]).await;
    client.frames_of(&uids[1]).await;
    client.expect_silence().await;
    gate.notify_waiters();
    client.frames_of(&uids[2]).await;
}

#[tokio::test(start_paused = true)]
async fn controllers_over_the_servers_bound_are_refused() {
    let limits = Limits {
        running: 2,
        ..Limits::default()
    };
    let routes = Routes::new().route("hang", hang().unordered()).route("echo", echo());
    let server = start(limits, routes);
    let (mut a, mut b) = (server.connect().await, server.connect().await);
    a.send("hang", ()).await;
    a.send("hang", ()).await;
    a.request("switchboard/ping", ()).await.unwrap();
    assert_eq!(b.request("hang", ()).await.unwrap_err().code(), "overloaded");
    assert_eq!(
        b.request("echo", 1).await.unwrap(),
        1,
        "what answers at once needs no place"
    );
    count(&server, |counters| counters.overloaded.get(), 1).await;
}

#[tokio::test(start_paused = true)]
async fn streams_have_a_bound_of_their_own() {
    let watch = Controller::silent(|()| {
        Replies(stream::unfold(0, |n| async move {
            if n > 0 {
                std::future::pending::<()>().await;
            }
            Some((n, n + 1))
        }))
    });
    let limits = Limits {
        streams_per_client: 2,
        ..Limits::default()
    };
    let server = start(limits, Routes::new().route("watch", watch).route("echo", echo()));
    let mut client = server.connect().await;
    client.start_request("watch", ()).await;
    client.start_request("watch", ()).await;
    assert_eq!(client.request("watch", ()).await.unwrap_err().code(), "overloaded");
    assert_eq!(client.request("echo", 1).await.unwrap(), 1);
    count(&server, |counters| counters.streams_refused.get(), 1).await;
}

#[tokio::test(start_paused = true)]
async fn mailboxes_and_accepted_names_have_bounds() {
    let limits = Limits {
        mailboxes_per_client: 2,
        accepted_names: 2,
        ..Limits::default()
    };
    let join = Controller::silent(|(Payload(name), client): (Payload<String>, Client)| client.join(name));
    let server = start(limits, Routes::new().route("join", join));
    let mut client = server.connect().await;
    client.request("join", "a").await.unwrap();
    client.request("join", "b").await.unwrap();
    assert_eq!(client.request("join", "c").await.unwrap_err().code(), "overloaded");
    assert_eq!(client.request("join", "a").await.unwrap(), false);
    let error = client
        .request("switchboard/accept", json!({ "names": ["a", "b", "c"] }))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "too_large");
    count(&server, |counters| counters.joins_refused.get(), 1).await;
    count(&server, |counters| counters.too_large.get(), 1).await;
}

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
async fn silence_is_pinged_and_then_closed() {
    let limits = Limits {
        heartbeat: Duration::from_secs(10),
        idle: Duration::from_secs(30),
        ..Limits::default()
    };
    let server = start(limits, Routes::new().route("echo", echo()));
    // A client that answers pings stays: the test client does while it waits for something.
    let mut alive = server.connect().await;
    for _ in 0..100 {
        alive.expect_silence().await;
    }
    assert_eq!(server.switchboard().counters().idle.get(), 0);
    drop(alive);
    // One that reads nothing answers nothing.
    let mut dead = server.connect().await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(dead.closed().await.0, CloseCode::IDLE);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(server.switchboard().counters().idle.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_ping_of_the_client_is_answered_and_a_flood_of_them_costs_no_memory() {
    let limits = Limits {
        outbox_messages: 4,
        ..Limits::default()
    };
    let server = start(limits, Routes::new().route("echo", echo()));
    let mut client = server.connect_narrow(64).await;
    for _ in 0..1_000 {
        client.send_bytes(&[0x89, 0x81, 0, 0, 0, 0, b'x']).await;
    }
    assert_eq!(client.request("echo", 1).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_not_answered_is_waited_for_so_long() {
    let quit = Controller::silent(|client: Client| client.close(CloseCode::RECONNECT, "come back"));
    let server = start(
        Limits {
            close: Duration::from_secs(2),
            ..Limits::default()
        },
        Routes::new().route("quit", quit),
    );
    let mut client = server.connect_narrow(8).await;
    client.send("quit", ()).await;
    while server.switchboard().count().await > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_plain_function_that_blocks_is_counted() {
    let limits = Limits {
        inline: Duration::from_millis(1),
        ..Limits::default()
    };
    let slow = Controller::silent(|()| std::thread::sleep(Duration::from_millis(5)));
    let server = start(limits, Routes::new().route("slow", slow));
    server.connect().await.request("slow", ()).await.unwrap();
    assert_eq!(server.switchboard().counters().slow_inline.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_clients_in_one_room() {
    let routes = Routes::new()
        .route("join", Controller::silent(|client: Client| client.join("room")))
        .route(
            "say",
            Controller::send_to_mailbox(|Payload(n): Payload<u32>| n).to("room"),
        );
    let server = start(Limits::default(), routes);
    let mut clients = Vec::new();
    for _ in 0..1_000 {
        let mut client = server.connect_narrow(4 << 10).await;
        client.request("join", ()).await.unwrap();
        clients.push(client);
    }
    for n in 0..3 {
        let frames = clients[0].request_frames("say", n).await;
        assert_eq!(frames.last().unwrap().receipt.unwrap().delivered, 1_000);
        for client in &mut clients {
            assert_eq!(client.expect("say").await, n);
        }
    }
    let switchboard = server.switchboard();
    drop(clients);
    while switchboard.count().await > 0 || switchboard.count_mailboxes().await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_held_back_is_not_idle() {
    let (wait, gate) = gated();
    let limits = Limits {
        read_ahead_messages: 4,
        ..Limits::default()
    };
    let routes = Routes::new()
        .route("wait", wait.timeout(Duration::from_secs(600)))
        .route("echo", echo());
    let server = start(limits, routes);
    let mut client = server.connect().await;
    client.send("wait", ()).await;
    let mut uids = Vec::new();
    for n in 0..20 {
        uids.push(client.start_request("echo", n).await);
    }
    tokio::time::sleep(Duration::from_secs(180)).await;
    gate.notify_one();
    for uid in &uids {
        client.frames_of(uid).await;
    }
    assert_eq!(server.switchboard().counters().idle.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn open_streams_do_not_keep_the_next_message_waiting() {
    let watch = Controller::silent(|()| {
        Replies(stream::unfold(0, |n| async move {
            if n > 0 {
                std::future::pending::<()>().await;
            }
            Some((n, n + 1))
        }))
    });
    let limits = Limits {
        running_per_client: 2,
        streams_per_client: 8,
        ..Limits::default()
    };
    let server = start(limits, Routes::new().route("watch", watch).route("echo", echo()));
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.start_request("watch", ()).await;
    }
    assert_eq!(client.request("echo", 1).await.unwrap(), 1);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let routes = Routes::new().route("a//b", echo());
    let server = Server::empty()
        .state(1_u8)
        .state(2_u8)
        .state(String::new())
        .state(String::new())
        .routes(routes)
        .allow_origin("nonsense");
    let error = server.check().unwrap_err().to_string();
    for part in ["u8 was given twice", "String was given twice", "a//b", "nonsense"] {
        assert!(error.contains(part), "{part} in {error}");
    }
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

#[tokio::test(start_paused = true)]
async fn a_client_that_pipelines_and_reads_is_served_however_much_it_asks() {
    let server = start(Limits::default(), Routes::new().route("echo", echo()));
    let mut client = server.connect().await;
    for n in 0..3_000 {
        client.start_request("echo", n).await;
    }
    for n in 0..3_000 {
        let frames = client.frames_of(&switchboard::Uid::Integer(n + 1)).await;
        assert_eq!(frames[0].payload.as_ref().unwrap().decode::<i64>().unwrap(), n);
    }
    assert_eq!(server.switchboard().counters().slow_consumers.get(), 0);
}

#[tokio::test]
async fn threads_that_nobody_waits_for_count_until_they_end() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let (enter, mut entered) = tokio::sync::mpsc::unbounded_channel();
    let block = Controller::silent(move |()| {
        enter.send(()).unwrap();
        let _ = wait.lock().unwrap().recv();
    });
    let limits = Limits {
        running_per_client: 2,
        ..Limits::default()
    };
    let routes = Routes::new()
        .route("block", block.blocking().unordered())
        .route("echo", echo());
    let server = start(limits, routes);
    let mut client = server.connect().await;
    for uid in 1..=2 {
        client.start_request("block", ()).await;
        entered.recv().await.unwrap();
        client.send("switchboard/cancel", json!({ "uid": uid })).await;
    }
    let echoed = client.start_request("echo", 1).await;
    count(&server, |counters| counters.cancelled.get(), 2).await;
    client.request("switchboard/ping", ()).await.unwrap();
    assert_eq!(
        server.switchboard().counters().runs.get(),
        2,
        "the third waits for a thread"
    );
    release.send(()).unwrap();
    release.send(()).unwrap();
    client.frames_of(&echoed).await;
}
