//! How long a controller may run, and what becomes of one that takes longer.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Functions whose decorators say how long they may run.
mod decorated {
    use std::time::Duration;

    use switchboard::prelude::*;

    #[silent("short", timeout = "500ms")]
    async fn short() {
        std::future::pending::<()>().await;
    }

    #[silent("long", timeout = "5s")]
    async fn long() -> &'static str {
        tokio::time::sleep(Duration::from_secs(4)).await;
        "in time"
    }
}

fn start(limit: Duration, routes: Routes) -> TestServer {
    let limits = Limits {
        controller: limit,
        ..Limits::default()
    };
    let server = Server::empty().discover("timeouts::decorated").routes(routes);
    TestServer::start(server.limits(limits)).unwrap()
}

fn hangs() -> Controller {
    Controller::silent(|()| std::future::pending::<()>())
}

/// Asks for a controller that never ends; all has begun when this returns.
async fn begin(client: &mut TestClient, name: &str) -> switchboard::Uid {
    let uid = client.start_request(name, ()).await;
    client.request("switchboard/ping", ()).await.unwrap();
    uid
}

#[tokio::test(start_paused = true)]
async fn a_controller_may_run_for_thirty_seconds() {
    let server = TestServer::start(Server::empty().routes(Routes::new().route("hang", hangs()))).unwrap();
    let mut client = server.connect().await;
    let uid = begin(&mut client, "hang").await;
    let board = server.switchboard();
    sleep(Duration::from_millis(29_900)).await;
    assert_eq!(board.counters().timeouts.get(), 0);
    let frames = client.frames_of(&uid).await;
    let error = frames[0].error.as_ref().unwrap();
    assert_eq!(
        (frames.len(), error.code(), error.message()),
        (1, "timeout", "this took longer than the 30 s that it may take")
    );
    assert_eq!(board.counters().timeouts.get(), 1);
    assert_eq!(board.counters().failed.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_the_servers_to_set() {
    let server = start(Duration::from_secs(2), Routes::new().route("hang", hangs()));
    let mut client = server.connect().await;
    let uid = begin(&mut client, "hang").await;
    sleep(Duration::from_millis(1_900)).await;
    assert_eq!(server.switchboard().counters().timeouts.get(), 0);
    let frames = client.frames_of(&uid).await;
    assert!(frames[0].error.as_ref().unwrap().message().contains(" 2 s "));
    // The line goes on, and nothing comes of the one that was given up.
    assert_eq!(client.request("hang", ()).await.unwrap_err().code(), "timeout");
    client.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_routes_own_time_wins_whether_shorter_or_longer() {
    let server = start(Duration::from_secs(2), Routes::new());
    let mut client = server.connect().await;
    let error = client.request("short", ()).await.unwrap_err();
    assert!(error.message().contains(" 0.5 s "), "{error}");
    assert_eq!(client.request("long", ()).await.unwrap(), "in time");
    assert_eq!(server.switchboard().counters().timeouts.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_item_of_a_stream_has_the_servers_time() {
    let pauses = [0, 1_900, 1_900, 1_900, 2_100];
    let ticks = move |()| {
        Replies(stream::unfold(0, move |n| async move {
            sleep(Duration::from_millis(*pauses.get(n)?)).await;
            Some((n, n + 1))
        }))
    };
    let server = start(
        Duration::from_secs(2),
        Routes::new().route("ticks", Controller::silent(ticks)),
    );
    let mut client = server.connect().await;
    let frames = client.request_frames("ticks", ()).await;
    let items: Vec<usize> = frames
        .iter()
        .filter_map(|frame| frame.payload.as_ref())
        .map(|payload| payload.decode().unwrap())
        .collect();
    assert_eq!(items, [0, 1, 2, 3], "5.7 s in all, none of them late");
    let last = frames.last().unwrap();
    assert_eq!(last.error.as_ref().unwrap().code(), "timeout");
    assert_eq!(last.receipt.unwrap().failed, 1);
}

#[tokio::test]
async fn a_blocking_controller_has_the_servers_time_and_its_token_tells() {
    let (told, mut tell) = mpsc::unbounded_channel();
    let waits = move |token: CancellationToken| {
        // Only a server that does not tell comes to the bound.
        let began = std::time::Instant::now();
        while !token.is_cancelled() && began.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        told.send(token.is_cancelled()).unwrap();
    };
    let routes = Routes::new().route("wait", Controller::silent(waits).blocking());
    // Time enough for the thread to begin: what is late before it began never runs.
    let server = start(Duration::from_secs(1), routes);
    let mut client = server.connect().await;
    assert_eq!(client.request("wait", ()).await.unwrap_err().code(), "timeout");
    assert_eq!(tell.recv().await, Some(true));
    let board = server.switchboard();
    while board.counters().late.get() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(board.counters().timeouts.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_timed_out_controller_is_dropped_and_its_token_is_cancelled() {
    struct Guard(mpsc::UnboundedSender<&'static str>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }
    let (told, mut tell) = mpsc::unbounded_channel();
    let (give, mut tokens) = mpsc::unbounded_channel();
    let waits = move |token: CancellationToken| {
        let guard = Guard(told.clone());
        give.send(token).unwrap();
        async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        }
    };
    let server = start(
        Duration::from_secs(2),
        Routes::new().route("wait", Controller::silent(waits)),
    );
    let mut client = server.connect().await;
    let uid = begin(&mut client, "wait").await;
    let token = tokens.recv().await.unwrap();
    assert!(!token.is_cancelled() && tell.try_recv().is_err(), "it runs");
    let frames = client.frames_of(&uid).await;
    assert_eq!(frames[0].error.as_ref().unwrap().code(), "timeout");
    assert!(token.is_cancelled());
    assert_eq!(tell.recv().await, Some("dropped"));
}

/// A time-out hits one controller alone, so it does not tell the others of the message to stop.
#[tokio::test(start_paused = true)]
async fn a_time_out_cancels_no_other_controllers_token() {
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&tokens);
    let quick = Controller::silent(|_: CancellationToken| std::future::pending::<()>());
    let patient = Controller::silent(move |token: CancellationToken| {
        kept.lock().unwrap().push(token.clone());
        async move {
            tokio::select! {
                () = token.cancelled() => "told to stop",
                () = sleep(Duration::from_secs(4)) => "done",
            }
        }
    });
    let routes = Routes::new()
        .route("both", quick.timeout(Duration::from_secs(1)))
        .route("both", patient.timeout(Duration::from_secs(5)));
    let server = start(Duration::from_secs(2), routes);
    let mut client = server.connect().await;
    let frames = client.request_frames("both", ()).await;
    assert_eq!(frames[0].error.as_ref().unwrap().code(), "timeout");
    assert_eq!(frames[1].payload.as_ref().unwrap().decode::<String>().unwrap(), "done");
    assert!(!tokens.lock().unwrap()[0].is_cancelled());
}
