//! Promise 1: a client's messages are dispatched in their order, and what holds the line back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use serde_json::Value;
use switchboard::prelude::*;
use switchboard::testing::TestServer;
use tokio::sync::{Notify, Semaphore};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u32>>>);

impl Log {
    fn write(&self, n: u32) {
        self.0.lock().unwrap().push(n);
    }

    fn read(&self) -> Vec<u32> {
        self.0.lock().unwrap().clone()
    }
}

fn start(routes: Routes) -> TestServer {
    TestServer::start(Server::empty().routes(routes)).unwrap()
}

/// Notes its number after as many milliseconds.
fn sleeper(log: &Log) -> Controller {
    let log = log.clone();
    Controller::silent(move |Payload(n): Payload<u32>| {
        let log = log.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(n.into())).await;
            log.write(n);
        }
    })
}

#[tokio::test(start_paused = true)]
async fn the_next_message_waits_for_the_last() {
    let log = Log::default();
    let server = start(Routes::new().route("sleep", sleeper(&log)));
    let mut client = server.connect().await;
    for n in [300, 20, 100] {
        client.send("sleep", n).await;
    }
    client.request("sleep", 0).await.unwrap();
    assert_eq!(log.read(), [300, 20, 100, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_unordered_route_does_not_hold_the_next_message_back() {
    let log = Log::default();
    let routes = Routes::new()
        .route("sleep", sleeper(&log).unordered())
        .route("now", Controller::silent(|()| 1));
    let server = start(routes);
    let mut client = server.connect().await;
    for n in [300, 20, 100] {
        client.send("sleep", n).await;
    }
    client.request("now", ()).await.unwrap();
    assert!(log.read().is_empty());
    client.request("sleep", 400).await.unwrap();
    assert_eq!(log.read(), [20, 100, 300, 400]);
}

#[tokio::test(start_paused = true)]
async fn controllers_of_one_message_run_at_the_same_time() {
    let log = Log::default();
    let meet = Arc::new(tokio::sync::Barrier::new(3));
    let mut routes = Routes::new();
    for n in 0..3 {
        let (meet, log) = (Arc::clone(&meet), log.clone());
        routes = routes.route(
            "meet",
            Controller::silent(move |()| {
                let (meet, log) = (Arc::clone(&meet), log.clone());
                async move {
                    meet.wait().await;
                    log.write(n);
                }
            }),
        );
    }
    let server = start(routes);
    server.connect().await.request("meet", ()).await.unwrap();
    assert_eq!(log.read().len(), 3, "each waited for the others");
}

#[tokio::test(start_paused = true)]
async fn clients_do_not_wait_for_each_other() {
    let gate = Arc::new(Notify::new());
    let waiting = Arc::clone(&gate);
    let routes = Routes::new()
        .route(
            "wait",
            Controller::silent(move |()| {
                let waiting = Arc::clone(&waiting);
                async move { waiting.notified().await }
            }),
        )
        .route("now", Controller::silent(|()| 1));
    let server = start(routes);
    let (mut slow, mut quick) = (server.connect().await, server.connect().await);
    let uid = slow.start_request("wait", ()).await;
    assert_eq!(quick.request("now", ()).await.unwrap(), 1);
    gate.notify_one();
    slow.frames_of(&uid).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_lets_the_line_go_at_its_first_item() {
    let step = Arc::new(Semaphore::new(0));
    let steps = Arc::clone(&step);
    let routes = Routes::new()
        .route(
            "watch",
            Controller::silent(move |()| {
                let steps = Arc::clone(&steps);
                Replies(stream::unfold((steps, 0), |(steps, n)| async move {
                    steps.acquire().await.unwrap().forget();
                    Some((n, (steps, n + 1)))
                }))
            }),
        )
        .route("now", Controller::silent(|()| 1));
    let server = start(routes);
    let mut client = server.connect().await;
    let watch = client.start_request("watch", ()).await;
    let now = client.start_request("now", ()).await;
    client.expect_silence().await;
    step.add_permits(1);
    client.frames_of(&now).await;
    client.send("switchboard/cancel", serde_json::json!({ "uid": 1 })).await;
    assert_eq!(client.frames_of(&watch).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_messages_stay_in_order() {
    let routes = Routes::new().route("echo", Controller::silent(|Payload(n): Payload<u32>| n));
    let server = start(routes);
    let mut client = server.connect().await;
    for start in (0..10_000).step_by(100) {
        let mut uids = Vec::new();
        for n in start..start + 100 {
            uids.push((n, client.start_request("echo", n).await));
        }
        for (n, uid) in uids {
            let frame = client.receive_text().await;
            let switchboard::Uid::Integer(uid) = uid else {
                panic!("the test client counts")
            };
            assert!(
                frame.starts_with(&format!(r#"{{"name":"echo","uid":{uid},"payload":{n},"#)),
                "{frame}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_control_lane_overtakes_the_line() {
    let routes = Routes::new().route("hang", Controller::silent(|()| std::future::pending::<()>()));
    let server = start(routes);
    let mut client = server.connect().await;
    client.send("hang", ()).await;
    client.send("hang", ()).await;
    assert_eq!(client.request("switchboard/ping", ()).await.unwrap(), Value::Null);
    let hello = client.request("switchboard/hello", ()).await.unwrap();
    assert_eq!(hello["heartbeat"], 25_000);
    assert_eq!(hello["limits"]["message_bytes"], 65_536);
    assert_eq!(hello["id"].as_str().unwrap().len(), 32);
}

#[tokio::test(start_paused = true)]
async fn what_one_sender_sends_to_a_mailbox_arrives_in_order() {
    let routes = Routes::new()
        .route("join", Controller::silent(|client: Client| client.join("room")))
        .route(
            "say",
            Controller::send_to_mailbox(|Payload(n): Payload<u32>| n).to("room"),
        );
    let server = start(routes);
    let mut holders = Vec::new();
    for _ in 0..5 {
        let mut holder = server.connect().await;
        holder.request("join", ()).await.unwrap();
        holders.push(holder);
    }
    let mut sender = server.connect().await;
    for n in 0..500 {
        sender.send("say", n).await;
    }
    for holder in &mut holders {
        for n in 0..500 {
            assert_eq!(holder.expect("say").await, n);
        }
    }
}
