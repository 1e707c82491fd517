//! Exactly one final frame for each request, whatever its controllers do; the bytes are spelled out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use serde_json::Value;
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};
use tokio::sync::Notify;

async fn client(routes: Routes) -> (TestServer, TestClient) {
    let server = TestServer::start(Server::empty().routes(routes)).unwrap();
    let client = server.connect().await;
    (server, client)
}

/// Sends each unit and compares the units that come back, then silence.
async fn exchange(client: &mut TestClient, sent: &[&str], expected: &[&str]) {
    for unit in sent {
        client.send_raw(unit).await;
    }
    for unit in expected {
        assert_eq!(client.receive_text().await, *unit);
    }
    client.expect_silence().await;
}

fn double() -> Controller {
    Controller::silent(|Payload(n): Payload<i64>| n * 2)
}

fn nothing() -> Controller {
    Controller::silent(|()| ())
}

fn fails() -> Controller {
    Controller::silent(|()| Err::<(), _>(Error::new("odd", "that is odd").with_details(3)))
}

fn panics() -> Controller {
    Controller::silent(|()| -> i32 { panic!("a bug") })
}

#[tokio::test(start_paused = true)]
async fn an_answer_an_acknowledgement_and_an_error_settle() {
    let routes = Routes::new()
        .route("double", double())
        .route("nothing", nothing())
        .route("fails", fails())
        .route("panics", panics());
    let (_server, mut client) = client(routes).await;
    for (sent, expected) in [
        (
            r#"{"name":"double","uid":1,"payload":4}"#,
            r#"{"name":"double","uid":1,"payload":8}"#,
        ),
        (
            r#"{"name":"double","uid":"1","payload":4}"#,
            r#"{"name":"double","uid":"1","payload":8}"#,
        ),
        (r#"{"name":"nothing","uid":2}"#, r#"{"name":"nothing","uid":2}"#),
        (
            r#"{"name":"fails","uid":3}"#,
            r#"{"name":"fails","uid":3,"error":{"code":"odd","message":"that is odd","details":3}}"#,
        ),
        (
            r#"{"name":"panics","uid":4}"#,
            r#"{"name":"panics","uid":4,"error":{"code":"internal","message":"something went wrong on the server"}}"#,
        ),
        (
            r#"{"name":"nowhere","uid":5}"#,
            r#"{"name":"nowhere","uid":5,"error":{"code":"not_found","message":"no route matches \"nowhere\""}}"#,
        ),
        (
            r#"{"name":"nothing","uid":6,"receipt":true}"#,
            r#"{"name":"nothing","uid":6,"receipt":{"matched":1,"failed":0,"delivered":0,"dropped":0}}"#,
        ),
        (
            r#"{"name":"fails","uid":7,"receipt":true}"#,
            r#"{"name":"fails","uid":7,"error":{"code":"odd","message":"that is odd","details":3},"receipt":{"matched":1,"failed":1,"delivered":0,"dropped":0}}"#,
        ),
    ] {
        exchange(&mut client, &[sent], &[expected]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_uid_values_and_errors_come_and_acknowledgements_do_not() {
    let routes = Routes::new()
        .route("double", double())
        .route("nothing", nothing())
        .route("fails", fails());
    let (_server, mut client) = client(routes).await;
    exchange(
        &mut client,
        &[r#"{"name":"double","payload":4}"#],
        &[r#"{"name":"double","payload":8}"#],
    )
    .await;
    exchange(&mut client, &[r#"{"name":"nothing"}"#], &[]).await;
    exchange(
        &mut client,
        &[r#"{"name":"fails"}"#, r#"{"name":"nowhere","uid":null}"#],
        &[
            r#"{"name":"fails","error":{"code":"odd","message":"that is odd","details":3}}"#,
            r#"{"name":"nowhere","error":{"code":"not_found","message":"no route matches \"nowhere\""}}"#,
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn controllers_that_answer_at_once_share_the_final_frame() {
    let routes = Routes::new()
        .route("both", double())
        .route("both", nothing())
        .regex("both|neither", nothing());
    let (_server, mut client) = client(routes).await;
    exchange(
        &mut client,
        &[r#"{"name":"both","uid":1,"payload":4}"#],
        &[r#"{"name":"both","uid":1,"payload":8}"#],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_controller_holds_no_answer_back() {
    let gate = Arc::new(Notify::new());
    let waiting = Arc::clone(&gate);
    let slow = Controller::silent(move |()| {
        let waiting = Arc::clone(&waiting);
        async move {
            waiting.notified().await;
            "slow"
        }
    });
    let routes = Routes::new().route("both", double()).route("both", slow);
    let (_server, mut client) = client(routes).await;
    exchange(
        &mut client,
        &[r#"{"name":"both","uid":1,"payload":4}"#],
        &[r#"{"name":"both","uid":1,"payload":8,"more":true}"#],
    )
    .await;
    gate.notify_one();
    exchange(&mut client, &[], &[r#"{"name":"both","uid":1,"payload":"slow"}"#]).await;
}

#[tokio::test(start_paused = true)]
async fn one_controllers_panic_or_time_out_is_its_own() {
    let hangs = Controller::silent(|()| std::future::pending::<()>()).timeout(Duration::from_secs(2));
    let routes = Routes::new()
        .route("all", double())
        .route("all", panics())
        .route("all", hangs);
    let (server, mut client) = client(routes).await;
    client.send_raw(r#"{"name":"all","uid":1,"payload":4}"#).await;
    let mut at_once = [client.receive_text().await, client.receive_text().await];
    at_once.sort();
    assert_eq!(
        at_once,
        [
            r#"{"name":"all","uid":1,"error":{"code":"internal","message":"something went wrong on the server"},"more":true}"#,
            r#"{"name":"all","uid":1,"payload":8,"more":true}"#,
        ]
    );
    exchange(&mut client, &[], &[]).await;
    assert_eq!(
        client.receive_text().await,
        r#"{"name":"all","uid":1,"error":{"code":"timeout","message":"this took longer than the 2 s that it may take"}}"#
    );
    let switchboard = server.switchboard();
    let counters = switchboard.counters();
    assert_eq!((counters.panics.get(), counters.timeouts.get()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_caught_wherever_it_happens() {
    struct Bomb;
    impl FromRequest for Bomb {
        type Rejection = Error;
        fn from_request(_: &Request) -> Result<Self, Error> {
            panic!("while extracting")
        }
    }
    struct Shy;
    impl serde::Serialize for Shy {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("while serialising")
        }
    }
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("while dropping");
            }
        }
    }
    let routes = Routes::new()
        .route("extract", Controller::silent(|_: Bomb| 1))
        .route("serialise", Controller::silent(|()| Shy))
        .route(
            "later",
            Controller::silent(|()| async {
                tokio::task::yield_now().await;
                panic!("after waiting");
                #[allow(unreachable_code, reason = "the closure needs a type to return")]
                1
            }),
        )
        .route(
            "drop",
            Controller::silent(|()| async {
                let _late = Late;
                std::future::pending::<()>().await;
            })
            .timeout(Duration::from_secs(1)),
        )
        .route(
            "stream",
            Controller::silent(|()| Replies(stream::once(async { explode() }))),
        )
        .route("double", double());
    let (_server, mut client) = client(routes).await;
    for (name, code) in [
        ("extract", "internal"),
        ("serialise", "internal"),
        ("later", "internal"),
        ("drop", "timeout"),
        ("stream", "internal"),
    ] {
        let error = client.request(name, ()).await.unwrap_err();
        assert_eq!(error.code(), code, "{name}");
        assert_eq!(client.request("double", 3).await.unwrap(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_settled_by_its_end() {
    let routes = Routes::new()
        .route(
            "count",
            Controller::silent(|Payload(n): Payload<i32>| Replies(stream::iter(0..n))),
        )
        .route(
            "fail",
            Controller::silent(|()| Replies(stream::iter([Ok(1), Err(Error::new("enough", "no more")), Ok(2)]))),
        );
    let (_server, mut client) = client(routes).await;
    exchange(
        &mut client,
        &[r#"{"name":"count","uid":1,"payload":2}"#],
        &[
            r#"{"name":"count","uid":1,"payload":0,"more":true}"#,
            r#"{"name":"count","uid":1,"payload":1,"more":true}"#,
            r#"{"name":"count","uid":1}"#,
        ],
    )
    .await;
    exchange(
        &mut client,
        &[r#"{"name":"count","uid":2,"payload":0}"#],
        &[r#"{"name":"count","uid":2}"#],
    )
    .await;
    exchange(
        &mut client,
        &[r#"{"name":"fail","uid":3}"#],
        &[
            r#"{"name":"fail","uid":3,"payload":1,"more":true}"#,
            r#"{"name":"fail","uid":3,"error":{"code":"enough","message":"no more"}}"#,
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_item_of_a_stream_has_its_time() {
    let ticks = Controller::silent(|()| {
        Replies(stream::unfold(0_u64, |n| async move {
            tokio::time::sleep(Duration::from_millis(600 * n)).await;
            Some((n, n + 1))
        }))
    });
    let routes = Routes::new().route("ticks", ticks.timeout(Duration::from_secs(1)));
    let (_server, mut client) = client(routes).await;
    let frames = client.request_frames("ticks", ()).await;
    assert_eq!(frames.len(), 3, "two items in time, the third late");
    assert_eq!(frames[2].error.as_ref().unwrap().code(), "timeout");
}

#[tokio::test(start_paused = true)]
async fn cancel_settles_what_runs_and_what_waits() {
    let routes = Routes::new()
        .route("hang", Controller::silent(|()| std::future::pending::<()>()))
        .route("forever", Controller::silent(|()| Replies(stream::repeat(1))))
        .route("double", double());
    let (server, mut client) = client(routes).await;
    let cancelled = |name: &str, uid: &str| {
        format!(r#"{{"name":"{name}","uid":{uid},"error":{{"code":"cancelled","message":"cancelled, as you asked"}}}}"#)
    };
    // The second waits behind the first, and is cancelled before it ever ran.
    client.send_raw(r#"{"name":"hang","uid":"a"}"#).await;
    client.send_raw(r#"{"name":"double","uid":2,"payload":1}"#).await;
    client
        .send_raw(r#"{"name":"switchboard/cancel","uid":3,"payload":{"uid":2}}"#)
        .await;
    assert_eq!(client.receive_text().await, cancelled("double", "2"));
    assert_eq!(client.receive_text().await, r#"{"name":"switchboard/cancel","uid":3}"#);
    client
        .send_raw(r#"{"name":"switchboard/cancel","payload":{"uid":"a"}}"#)
        .await;
    assert_eq!(client.receive_text().await, cancelled("hang", r#""a""#));
    assert_eq!(
        client.request("double", 5).await.unwrap(),
        10,
        "nothing holds the line any more"
    );

    let uid = client.start_request("forever", ()).await;
    client.send("switchboard/cancel", serde_json::json!({ "uid": 2 })).await;
    let frames = client.frames_of(&uid).await;
    assert_eq!(frames.last().unwrap().error.as_ref().unwrap().code(), "cancelled");
    client.expect_silence().await;
    assert_eq!(server.switchboard().counters().cancelled.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn cancelling_nothing_is_done_and_cancelling_rubbish_is_refused() {
    let (_server, mut client) = client(Routes::new().route("double", double())).await;
    assert_eq!(
        client
            .request("switchboard/cancel", serde_json::json!({ "uid": 99 }))
            .await
            .unwrap(),
        Value::Null
    );
    for payload in [
        serde_json::json!({}),
        serde_json::json!({ "uid": true }),
        serde_json::json!(null),
    ] {
        let error = client.request("switchboard/cancel", payload).await.unwrap_err();
        assert_eq!(error.code(), "bad_payload");
    }
}

#[tokio::test(start_paused = true)]
async fn a_uid_may_be_used_again_and_each_request_is_settled() {
    let gate = Arc::new(Notify::new());
    let waiting = Arc::clone(&gate);
    let slow = Controller::silent(move |()| {
        let waiting = Arc::clone(&waiting);
        async move { waiting.notified().await }
    });
    let routes = Routes::new().route("slow", slow.unordered());
    let (_server, mut client) = client(routes).await;
    exchange(
        &mut client,
        &[r#"{"name":"slow","uid":1}"#, r#"{"name":"slow","uid":1}"#],
        &[],
    )
    .await;
    gate.notify_waiters();
    exchange(
        &mut client,
        &[],
        &[r#"{"name":"slow","uid":1}"#, r#"{"name":"slow","uid":1}"#],
    )
    .await;
}

#[tokio::test]
async fn a_blocking_controller_that_is_too_late_is_dropped_and_counted() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let slow = Controller::silent(move |()| {
        let _ = wait.lock().unwrap().recv();
        1
    });
    let routes = Routes::new()
        .route("slow", slow.blocking().timeout(Duration::from_secs(1)))
        .route("double", double());
    let (server, mut client) = client(routes).await;
    let error = client.request("slow", ()).await.unwrap_err();
    assert_eq!(error.code(), "timeout");
    assert_eq!(
        client.request("double", 2).await.unwrap(),
        4,
        "the next message does not wait for the thread"
    );
    let switchboard = server.switchboard();
    assert_eq!(switchboard.counters().late.get(), 0);
    release.send(()).unwrap();
    while switchboard.counters().late.get() == 0 {
        tokio::task::yield_now().await;
    }
}

fn explode() -> i32 {
    panic!("in a stream")
}

#[tokio::test(start_paused = true)]
async fn a_reply_whose_name_is_none_fails() {
    let routes = Routes::new()
        .regex(r"pick/(?<what>.*)", Controller::silent(|()| 1).reply("picked/<what>"))
        .route(
            "rename",
            Controller::silent(|message: Message| message.with_name("a//b")),
        );
    let (_server, mut client) = client(routes).await;
    exchange(
        &mut client,
        &[r#"{"name":"pick/one","uid":1}"#],
        &[r#"{"name":"picked/one","uid":1,"payload":1}"#],
    )
    .await;
    assert_eq!(client.request("rename", ()).await.unwrap_err().code(), "internal");
}
