//! How a client comes back, and what it does first.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::script::Script;
use common::{assert_empty, routes, state, within};
use serde_json::{Value, json};
use switchboard::testing::TestServer;
use switchboard::wire::connection::Stream;
use switchboard::{Server, Shutdown};
use switchboard_client::{Builder, Ended, Framing, Limits, Posted, State};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn what_is_said_first_goes_before_the_queue_on_every_connection() {
    let (mut script, builder) = Script::lines();
    let client = builder
        .accept(["rooms/*"])
        .on_connected(|client| async move {
            let name: String = client.request("login", &"kevin").await?;
            client.send("hello", &name)?;
            Ok(())
        })
        .connect()
        .unwrap();
    assert_eq!(client.send("first", &1).unwrap(), Posted::Queued);
    let asked = client.request::<u8>("second", &());
    client.send("third", &()).unwrap();
    assert!(matches!(client.state(), State::Connecting));

    for round in 0..3 {
        let mut peer = script.peer().await;
        let accept = peer.next().await.unwrap();
        assert_eq!(
            (&accept["name"], &accept["payload"]),
            (&json!("switchboard/accept"), &json!({"names": ["rooms/*"]}))
        );
        peer.say(&json!({"name": "switchboard/accept", "uid": accept["uid"]}))
            .await;
        let login = peer.next().await.unwrap();
        assert_eq!((&login["name"], &login["payload"]), (&json!("login"), &json!("kevin")));
        peer.expect_silence().await;
        assert!(!client.state().is_connected(), "the queue waits for the answer");
        if round == 1 {
            // The connection ends before: it is begun anew.
            continue;
        }
        peer.answer(&login, json!("Kevin")).await;
        let hello = peer.next().await.unwrap();
        assert_eq!(hello, json!({"name": "hello", "payload": "Kevin"}));
        if round == 0 {
            assert_eq!(peer.next().await.unwrap(), json!({"name": "first", "payload": 1}));
            let second = peer.next().await.unwrap();
            assert_eq!(second, json!({"name": "second", "uid": 1}));
            assert_eq!(peer.next().await.unwrap(), json!({"name": "third"}));
            peer.answer(&second, json!(7)).await;
            state(&client, State::is_connected).await;
            assert_eq!(client.send("fourth", &()).unwrap(), Posted::Sent);
            assert_eq!(peer.name().await, "fourth");
        } else {
            state(&client, State::is_connected).await;
            client.close();
            assert!(peer.next().await.is_none());
        }
    }
    assert_eq!(within(asked).await.unwrap(), 7);
    within(client.closed()).await;
    assert_empty(&client);
}

#[tokio::test(start_paused = true)]
async fn what_fails_on_a_connection_is_tried_on_another() {
    let (mut script, builder) = Script::lines();
    let limits = Limits {
        on_connected: Duration::from_secs(3),
        ..Limits::default()
    };
    let client = builder
        .limits(limits)
        .on_connected(|client| async move {
            let how: String = client.request("how", &()).await?;
            match &*how {
                "panic" => panic!("as told"),
                "hang" => std::future::pending().await,
                "fail" => Err("it does not work".into()),
                _ => Ok(()),
            }
        })
        .connect()
        .unwrap();
    for (how, part) in [
        ("panic", "it panicked: as told"),
        ("hang", "it took longer than 3s"),
        ("fail", "it does not work"),
        ("error", "forbidden: no"),
    ] {
        let mut peer = script.peer().await;
        let asked = peer.next().await.unwrap();
        if how == "error" {
            let error = json!({"code": "forbidden", "message": "no"});
            peer.say(&json!({"name": "how", "uid": asked["uid"], "error": error}))
                .await;
        } else {
            peer.answer(&asked, json!(how)).await;
        }
        assert!(peer.next().await.is_none(), "{how}: the connection is closed");
        let State::Waiting { why, .. } = state(&client, |state| matches!(state, State::Waiting { .. })).await else {
            unreachable!();
        };
        assert!(
            matches!(&why, Ended::OnConnected(text) if text.contains(part)),
            "{how}: {why}"
        );
    }
    let mut peer = script.peer().await;
    let asked = peer.next().await.unwrap();
    peer.answer(&asked, json!("fine")).await;
    within(client.connected()).await.unwrap();
    assert_empty(&client);
}

#[tokio::test(start_paused = true)]
async fn waits_double_within_their_bounds_and_begin_anew_after_a_good_connection() {
    let number = Arc::new(Mutex::new(0.0));
    let random = Arc::clone(&number);
    let (mut script, builder) = Script::lines();
    let client = builder.random(move || *random.lock().unwrap()).connect().unwrap();
    let mut peer = script.peer().await;
    for (random, millis) in [
        (0.5, 250),
        (1.0, 1000),
        (0.0, 0),
        (1.0, 4000),
        (0.25, 2000),
        (1.0, 16_000),
        (1.0, 20_000),
        (0.5, 10_000),
        // From here on it was good, each time.
        (1.0, 500),
        (1.0, 500),
    ] {
        within(client.connected()).await.unwrap();
        if millis == 500 {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        *number.lock().unwrap() = random;
        drop(peer);
        let ended = Instant::now();
        peer = script.peer().await;
        let waited = ended.elapsed().as_millis() as u64;
        assert!((millis..=millis + 10).contains(&waited), "{waited} and not {millis} ms");
    }
    assert_eq!(client.counters().lost.get(), 10);
}

#[tokio::test(start_paused = true)]
async fn accept_is_said_again_until_it_is_answered() {
    let (mut script, builder) = Script::lines();
    let client = builder.connect().unwrap();
    let mut peer = script.peer().await;
    within(client.connected()).await.unwrap();
    let accepted = client.accept(["a/*"]);
    let asked = peer.next().await.unwrap();
    assert_eq!(asked["payload"], json!({"names": ["a/*"]}));
    client.send("later", &()).unwrap();
    assert_eq!(peer.name().await, "later");
    drop(peer);
    // The one that was not answered, ahead of what was sent meanwhile.
    client.send("meanwhile", &()).unwrap();
    let mut peer = script.peer().await;
    assert_eq!(peer.next().await.unwrap(), asked);
    assert_eq!(peer.name().await, "meanwhile");
    peer.say(&json!({"name": "switchboard/accept", "uid": asked["uid"]}))
        .await;
    within(accepted).await.unwrap();
    assert_empty(&client);
    drop(peer);
    // From now on the last that was said.
    drop(client.accept(["b"]));
    let mut peer = script.peer().await;
    let again = peer.next().await.unwrap();
    assert_eq!(
        (&again["name"], &again["payload"]),
        (&json!("switchboard/accept"), &json!({"names": ["b"]}))
    );
    assert_ne!(again["uid"], asked["uid"]);
    peer.say(&json!({"name": "switchboard/accept", "uid": again["uid"]}))
        .await;
}

/// Servers, of which the client reaches the one that is there.
#[derive(Clone, Default)]
struct Restarted(Arc<Mutex<Option<Arc<TestServer>>>>);

impl Restarted {
    fn start(&self) {
        let server = TestServer::start(Server::empty().routes(routes())).unwrap();
        *self.0.lock().unwrap() = Some(Arc::new(server));
    }

    async fn stop(&self, how: Shutdown) {
        let server = self.0.lock().unwrap().take().unwrap();
        let server = Arc::into_inner(server).unwrap();
        server.shut_down(how, Duration::from_secs(10)).await;
    }

    fn builder(&self) -> Builder {
        let this = self.clone();
        Builder::over(Framing::WebSocket, move || {
            let this = this.clone();
            async move {
                let server = this.0.lock().unwrap().clone();
                let server = server.ok_or(std::io::ErrorKind::ConnectionRefused)?;
                Ok(Stream::new(server.connect_stream(0).await))
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_restarts_finds_its_clients_again() {
    let servers = Restarted::default();
    let client = servers
        .builder()
        .accept(["tell"])
        .on_connected(|client| async move { Ok(client.request::<()>("join", &()).await?) })
        .connect()
        .unwrap();
    let mut heard = client.on("*").unwrap();
    for n in 0..5_u64 {
        let asked = client.request::<Value>("tell", &n);
        servers.start();
        // It was queued, is asked after the room is joined, and heard in it.
        within(asked).await.unwrap();
        let delivery = within(heard.next()).await.unwrap().unwrap();
        assert_eq!(
            (delivery.name(), delivery.mailbox(), delivery.decode::<u64>().unwrap()),
            ("tell", Some("room"), n)
        );
        let hanging = client.request::<u8>("hang", &());
        within(client.request::<()>("nothing", &())).await.unwrap();
        servers.stop(Shutdown::Now).await;
        let error = within(hanging).await.unwrap_err();
        assert!(error.maybe_delivered(), "{error:?}");
    }
    assert_eq!(client.counters().unheard.get(), 0);
    assert_empty(&client);
}
