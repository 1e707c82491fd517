//! `switchboard/connected`, `switchboard/disconnected`, reserved names, and controllers that outlive their client.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use serde_json::json;
use switchboard::prelude::*;
use switchboard::testing::TestServer;
use switchboard::wire::websocket::{encode_close, encode_text};
use switchboard::{Shutdown, UnsentKind};
use tokio::sync::{Notify, mpsc};

fn start(routes: Routes) -> TestServer {
    TestServer::start(Server::empty().routes(routes)).unwrap()
}

/// A route that passes every disconnection on to the test.
fn watched(routes: Routes) -> (Routes, mpsc::UnboundedReceiver<(ClientId, Disconnected)>) {
    let (send, receive) = mpsc::unbounded_channel();
    let routes = routes.route(
        "switchboard/disconnected",
        Controller::silent(move |(client, disconnected): (Client, Disconnected)| {
            send.send((client.id(), disconnected)).unwrap();
        }),
    );
    (routes, receive)
}

#[tokio::test(start_paused = true)]
async fn connected_controllers_end_before_the_first_message() {
    let connected = |client: Client| async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        client.set_session(String::from("ready"));
        "welcome"
    };
    let routes = Routes::new()
        .route("switchboard/connected", Controller::silent(connected).unordered())
        .route(
            "state",
            Controller::silent(|client: Client| client.session::<String>().map(|state| state.to_string())),
        );
    let server = start(routes);
    let mut client = server.connect().await;
    assert_eq!(client.request("state", ()).await.unwrap(), "ready");
    assert_eq!(client.expect("switchboard/connected").await, "welcome");
}

#[tokio::test(start_paused = true)]
async fn disconnected_comes_once_with_what_the_client_held() {
    let routes = Routes::new().route("join", Controller::silent(|client: Client| client.join("rooms/a")));
    let (routes, mut watch) = watched(routes);
    let server = start(routes);
    let mut client = server.connect().await;
    client.request("join", ()).await.unwrap();
    assert_eq!(client.close().await.0, CloseCode::NORMAL);
    let (id, disconnected) = watch.recv().await.unwrap();
    let mailboxes: Vec<_> = disconnected.mailboxes.iter().map(ToString::to_string).collect();
    assert_eq!(mailboxes, [format!("client/{id}"), "rooms/a".to_owned()]);
    assert_eq!(disconnected.code, CloseCode::NORMAL);
    assert!(disconnected.unsent.is_empty());
    assert_eq!(server.switchboard().count().await, 0);
    assert!(watch.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_1006() {
    let (routes, mut watch) = watched(Routes::new());
    let server = start(routes);
    drop(server.connect().await);
    assert_eq!(watch.recv().await.unwrap().1.code, CloseCode::ABNORMAL);
}

#[tokio::test(start_paused = true)]
async fn a_controller_outlives_its_client_and_disconnected_waits_for_it() {
    let (gate, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (waiting, ending) = (Arc::clone(&gate), Arc::clone(&done));
    let routes = Routes::new().route(
        "work",
        Controller::silent(move |()| {
            let (waiting, ending) = (Arc::clone(&waiting), Arc::clone(&ending));
            async move {
                waiting.notified().await;
                ending.notify_one();
            }
        }),
    );
    let (routes, mut watch) = watched(routes);
    let server = start(routes);
    let mut client = server.connect().await;
    client.send("work", ()).await;
    client.request("switchboard/ping", ()).await.unwrap();
    drop(client);
    while server.switchboard().count().await > 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(watch.try_recv().is_err(), "its last controller has not ended");
    gate.notify_one();
    done.notified().await;
    watch.recv().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_client_and_a_token_tells() {
    struct Guard(mpsc::UnboundedSender<&'static str>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send("stream dropped");
        }
    }
    let (send, mut ended) = mpsc::unbounded_channel();
    let told = send.clone();
    let routes = Routes::new()
        .route(
            "watch",
            Controller::silent(move |()| {
                let guard = Guard(send.clone());
                Replies(stream::unfold(guard, |guard| async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Some((1, guard))
                }))
            }),
        )
        .route(
            "wait",
            Controller::silent(move |token: CancellationToken| {
                let told = told.clone();
                async move {
                    token.cancelled().await;
                    told.send("token cancelled").unwrap();
                }
            }),
        );
    let server = start(routes);
    let mut client = server.connect().await;
    client.send("watch", ()).await;
    client.expect("watch").await;
    client.send("wait", ()).await;
    client.request("switchboard/ping", ()).await.unwrap();
    drop(client);
    let mut told = [ended.recv().await.unwrap(), ended.recv().await.unwrap()];
    told.sort_unstable();
    assert_eq!(told, ["stream dropped", "token cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn reserved_names_are_refused_and_match_literals_only() {
    let routes = Routes::new()
        .route("<path:any>", Controller::silent(|()| "any"))
        .regex(".*", Controller::silent(|()| "every"));
    let server = start(routes);
    let mut client = server.connect().await;
    for name in [
        "switchboard/connected",
        "switchboard/disconnected",
        "switchboard/answer",
        "switchboard/x/y",
    ] {
        assert_eq!(
            client.request(name, ()).await.unwrap_err().code(),
            "forbidden",
            "{name}"
        );
    }
    client.expect_silence().await;
    assert_eq!(server.switchboard().counters().forbidden.get(), 4);
    assert_eq!(client.request_frames("switchboards/x", ()).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_application_closes_a_client_with_a_code() {
    let routes = Routes::new().route(
        "quit",
        Controller::silent(|client: Client| {
            client.close(CloseCode::FORBIDDEN, "you may not be here");
            "bye"
        }),
    );
    let (routes, mut watch) = watched(routes);
    let server = start(routes);
    let mut client = server.connect().await;
    client.send("quit", ()).await;
    assert_eq!(
        client.closed().await,
        (CloseCode::FORBIDDEN, "you may not be here".to_owned())
    );
    let (_, disconnected) = watch.recv().await.unwrap();
    assert_eq!(
        (disconnected.code, disconnected.reason.as_str()),
        (CloseCode::FORBIDDEN, "you may not be here")
    );
}

#[tokio::test(start_paused = true)]
async fn finish_queues_lets_controllers_end_and_answers_out() {
    let slow = |()| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        "done"
    };
    let server = start(Routes::new().route("slow", Controller::silent(slow)));
    let mut client = server.connect().await;
    let running = client.start_request("slow", ()).await;
    let waiting = client.start_request("slow", ()).await;
    client.request("switchboard/ping", ()).await.unwrap();
    let shutdown = tokio::spawn(server.shut_down(Shutdown::FinishQueues, Duration::from_secs(10)));
    let refused = client.frames_of(&waiting).await;
    assert_eq!(
        refused[0].error.as_ref().unwrap().code(),
        "unavailable",
        "it had not begun"
    );
    let frames = client.frames_of(&running).await;
    assert_eq!(frames[0].payload.as_ref().unwrap().decode::<String>().unwrap(), "done");
    let (code, _) = client.closed().await;
    assert_eq!(code, CloseCode::SHUTDOWN);
    assert!(code.should_reconnect());
    assert!(shutdown.await.unwrap(), "all ended in time");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_cuts_what_does_not_end_and_settles_it() {
    let server = start(Routes::new().route("hang", Controller::silent(|()| std::future::pending::<()>())));
    let mut client = server.connect().await;
    let uid = client.start_request("hang", ()).await;
    client.request("switchboard/ping", ()).await.unwrap();
    let shutdown = tokio::spawn(server.shut_down(Shutdown::FinishQueues, Duration::from_secs(3)));
    assert_eq!(client.closed().await.0, CloseCode::SHUTDOWN);
    assert!(!shutdown.await.unwrap());
    let last = client.kept().find(|frame| frame.uid.as_ref() == Some(&uid));
    assert_eq!(last.unwrap().error.as_ref().unwrap().code(), "unavailable");
}

#[tokio::test(start_paused = true)]
async fn unsent_messages_are_handed_back() {
    let routes = Routes::new().route(
        "flood",
        Controller::silent(|(Payload(n), client): (Payload<u32>, Client)| {
            for n in 0..n {
                client.send("flood", &json!({ "n": n })).unwrap();
            }
        }),
    );
    let (routes, mut watch) = watched(routes);
    let server = start(routes);
    let mut client = server.connect_narrow(64).await;
    client.send("flood", 5).await;
    while server.switchboard().counters().delivered.get() < 5 {
        tokio::task::yield_now().await;
    }
    drop(client);
    let (_, disconnected) = watch.recv().await.unwrap();
    assert!(!disconnected.unsent.is_empty());
    let last = disconnected.unsent.last().unwrap();
    assert_eq!((&*last.name, last.kind), ("flood", UnsentKind::Delivery));
    assert_eq!(last.payload.as_ref().unwrap().json(), Some(r#"{"n":4}"#));
    assert!(disconnected.unsent[1..].iter().all(|unsent| !unsent.partly_sent));
    assert_eq!(
        server.switchboard().counters().unsent.get(),
        disconnected.unsent.len() as u64
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_handled_of_a_client_that_was_closed() {
    let routes = Routes::new()
        .route(
            "quit",
            Controller::silent(|client: Client| client.close(CloseCode::FORBIDDEN, "")),
        )
        .route(
            "quit_later",
            Controller::silent(|client: Client| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                client.close(CloseCode::FORBIDDEN, "");
            }),
        )
        .route("work", Controller::silent(|()| 1));
    let server = start(routes);
    for name in ["quit", "quit_later"] {
        let before = server.switchboard().counters().runs.get();
        let mut client = server.connect().await;
        client.send(name, ()).await;
        client.send("work", ()).await;
        client.send("work", ()).await;
        assert_eq!(client.closed().await.0, CloseCode::FORBIDDEN);
        assert_eq!(client.kept().count(), 0);
        assert_eq!(server.switchboard().counters().runs.get() - before, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_a_goodbye_has_its_turn() {
    let (send, mut seen) = mpsc::unbounded_channel();
    let routes = Routes::new().route(
        "work",
        Controller::silent(move |Payload(n): Payload<u32>| {
            let send = send.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                send.send(n).unwrap();
            }
        }),
    );
    let (routes, mut watch) = watched(routes);
    let server = start(routes);
    let mut client = server.connect().await;
    for n in 0..5 {
        client.send("work", n).await;
    }
    assert_eq!(client.close().await.0, CloseCode::NORMAL);
    watch.recv().await.unwrap();
    for n in 0..5 {
        assert_eq!(seen.try_recv().unwrap(), n);
    }
    assert_eq!(server.switchboard().counters().unhandled.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn life_cycle_controllers_run_however_much_is_running() {
    let (send, mut seen) = mpsc::unbounded_channel();
    let left = send.clone();
    let routes = Routes::new()
        .route("hang", Controller::silent(|()| std::future::pending::<()>()))
        .route(
            "switchboard/connected",
            Controller::silent(move |()| {
                let send = send.clone();
                async move {
                    tokio::task::yield_now().await;
                    send.send("connected").unwrap();
                }
            }),
        )
        .route(
            "switchboard/disconnected",
            Controller::silent(move |()| {
                let left = left.clone();
                async move {
                    tokio::task::yield_now().await;
                    left.send("disconnected").unwrap();
                }
            }),
        );
    let limits = Limits {
        running: 1,
        ..Limits::default()
    };
    let server = TestServer::start(Server::empty().routes(routes).limits(limits)).unwrap();
    let mut busy = server.connect().await;
    busy.send("hang", ()).await;
    busy.request("switchboard/ping", ()).await.unwrap();
    assert_eq!(seen.recv().await, Some("connected"));
    let other = server.connect().await;
    assert_eq!(seen.recv().await, Some("connected"));
    drop(other);
    assert_eq!(seen.recv().await, Some("disconnected"));
}

#[tokio::test(start_paused = true)]
async fn a_time_out_is_told_to_its_own_controller_only() {
    let (send, mut seen) = mpsc::unbounded_channel();
    let (first, second) = (send.clone(), send);
    let waits = |milliseconds: u64, told: mpsc::UnboundedSender<u64>| {
        Controller::silent(move |token: CancellationToken| {
            let told = told.clone();
            tokio::spawn(async move {
                token.cancelled().await;
                let _ = told.send(milliseconds);
            });
            std::future::pending::<()>()
        })
        .timeout(Duration::from_millis(milliseconds))
    };
    let routes = Routes::new()
        .route("both", waits(100, first))
        .route("both", waits(60_000, second));
    let server = start(routes);
    let mut client = server.connect().await;
    client.send("both", ()).await;
    assert_eq!(seen.recv().await, Some(100));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(seen.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_said_before_a_goodbye_reaches_everybody() {
    let say = Controller::send_all(|Payload(line): Payload<String>| line).except_sender();
    let server = start(Routes::new().route("say", say));
    let mut others = Vec::new();
    for _ in 0..1_500 {
        others.push(server.connect_narrow(256).await);
    }
    let mut sender = server.connect().await;
    // In one piece, so that the sender is gone before everybody has been written to.
    let mut farewell = Vec::new();
    encode_text(
        r#"{"name":"say","payload":"farewell"}"#,
        Some([1, 2, 3, 4]),
        &mut farewell,
    );
    encode_close(CloseCode::NORMAL, "", Some([1, 2, 3, 4]), &mut farewell);
    sender.send_bytes(&farewell).await;
    // At once, not with the next heartbeat.
    let heard = async {
        for other in &mut others {
            assert_eq!(other.expect("say").await, "farewell");
        }
    };
    tokio::time::timeout(Duration::from_secs(5), heard).await.unwrap();
}
