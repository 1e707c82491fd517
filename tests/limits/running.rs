//! What may run at once.

use std::time::Duration;

use futures_util::stream;
use serde_json::json;
use switchboard::prelude::*;

use super::{count, echo, gated, hang, start};

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
