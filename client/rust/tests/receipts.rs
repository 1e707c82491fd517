//! Where a message went, and what the server says of itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::script::Script;
use common::{Number, WAYS, assert_empty, memory, routes, within};
use serde_json::{Value, json};
use switchboard::prelude::*;
use switchboard::testing::TestServer;
use switchboard_client::{Client, Fate, Framing, Hello, Outcome, Receipt, Refusal, RequestError};

fn receipt(matched: u32, failed: u32, delivered: u32, dropped: u32) -> Option<Receipt> {
    Some(Receipt {
        matched,
        failed,
        delivered,
        dropped,
    })
}

async fn ask(client: &Client, name: &str, payload: Value) -> Outcome<Value> {
    within(client.request_with_receipt(name, &payload)).await
}

fn code(outcome: &Outcome<Value>) -> &str {
    match &outcome.result {
        Err(RequestError::Failed(error)) => error.code(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_receipt_counts_over_every_transport_whether_it_went_well_or_not() {
    for way in WAYS {
        let (_server, builder) = way.start().await;
        let client = builder.connect().unwrap();
        let outcome = within(client.request_with_receipt::<u64>("double", &Number { n: 21 })).await;
        assert_eq!(outcome.result.unwrap(), 42, "{way:?}");
        assert_eq!(outcome.receipt, receipt(1, 0, 0, 0), "{way:?}");

        let outcome = ask(&client, "say", json!("to all")).await;
        assert_eq!(outcome.receipt, receipt(1, 0, 1, 0), "{way:?}");
        // Nobody is in the room yet.
        assert_eq!(ask(&client, "tell", json!(1)).await.receipt, receipt(1, 0, 0, 0));
        within(client.request::<()>("join", &())).await.unwrap();
        assert_eq!(ask(&client, "tell", json!(1)).await.receipt, receipt(1, 0, 1, 0));

        let outcome = ask(&client, "both", json!(null)).await;
        assert_eq!(outcome.result.as_ref().unwrap(), 1, "an answer wins");
        assert_eq!(outcome.receipt, receipt(3, 1, 0, 0), "{way:?}");
        let outcome = ask(&client, "fail", json!(null)).await;
        assert_eq!((code(&outcome), outcome.receipt), ("taken", receipt(1, 1, 0, 0)));
        let outcome = ask(&client, "nowhere", json!(null)).await;
        assert_eq!(code(&outcome), "not_found");
        assert_eq!(outcome.receipt.map(|receipt| receipt.matched), Some(0), "{way:?}");

        let outcome = within(client.request_with_receipt::<()>("nothing", &())).await;
        assert!(outcome.result.is_ok() && outcome.receipt == receipt(1, 0, 0, 0));
        // There is an answer, of another type.
        let outcome = within(client.request_with_receipt::<bool>("double", &Number { n: 1 })).await;
        assert!(matches!(outcome.result, Err(RequestError::Unreadable(_))));
        assert_eq!(outcome.receipt, receipt(1, 0, 0, 0), "{way:?}");
        assert_empty(&client);
    }
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_reached_is_counted() {
    let say = Controller::send_all(|Payload(n): Payload<u32>| n).except_sender();
    let limits = Limits {
        outbox_messages: 2,
        slow: switchboard::Slow::DropNewest,
        ..Limits::default()
    };
    let server = Server::empty().routes(Routes::new().route("say", say)).limits(limits);
    let server = Arc::new(TestServer::start(server).unwrap());
    let _narrow = server.connect_narrow(40).await;
    let client = memory(Framing::WebSocket, Arc::clone(&server)).connect().unwrap();
    while server.switchboard().count().await < 2 {
        tokio::task::yield_now().await;
    }
    let (mut delivered, mut dropped) = (0, 0);
    for n in 0..20 {
        let receipt = ask(&client, "say", json!(n)).await.receipt.unwrap();
        assert_eq!(receipt.delivered + receipt.dropped, 1);
        delivered += receipt.delivered;
        dropped += receipt.dropped;
    }
    assert!(delivered > 0 && dropped > 0, "{delivered} delivered, {dropped} dropped");
}

#[tokio::test(start_paused = true)]
async fn what_no_server_settled_has_no_receipt() {
    let (mut script, builder) = Script::lines();
    let client = builder.connect().unwrap();
    let mut peer = script.peer().await;

    let late = client
        .request_with_receipt::<u8>("late", &())
        .within(Duration::from_secs(1));
    let late = within(late).await;
    assert!(
        matches!(
            late.result,
            Err(RequestError::TimedOut {
                fate: Fate::MaybeDelivered,
                ..
            })
        ),
        "{late:?}"
    );
    assert_eq!(late.receipt, None);
    assert_eq!(
        peer.next().await.unwrap(),
        json!({"name": "late", "uid": 1, "receipt": true})
    );
    assert_eq!(peer.name().await, "switchboard/cancel");

    // A server that knows no receipts answers as ever.
    let asked = client.request_with_receipt::<u8>("plain", &());
    let message = peer.next().await.unwrap();
    peer.answer(&message, json!(7)).await;
    let plain = within(asked).await;
    assert_eq!((plain.result.unwrap(), plain.receipt), (7, None));

    // One that asks for none is told none.
    let asked = client.request::<u8>("bare", &());
    let message = peer.next().await.unwrap();
    assert_eq!(message, json!({"name": "bare", "uid": 3}));
    peer.answer(&message, json!(8)).await;
    assert_eq!(within(asked).await.unwrap(), 8);

    // To drop it is to give it up.
    drop(client.request_with_receipt::<u8>("dropped", &()));
    let lost = client.request_with_receipt::<u8>("lost", &());
    while peer.name().await != "lost" {}
    drop(peer);
    let lost = within(lost).await;
    assert!(
        matches!(
            lost.result,
            Err(RequestError::Lost {
                fate: Fate::MaybeDelivered,
                ..
            })
        ),
        "{lost:?}"
    );
    assert_eq!(lost.receipt, None);

    client.close();
    within(client.closed()).await;
    let refused = within(client.request_with_receipt::<u8>("refused", &())).await;
    assert!(matches!(refused.result, Err(RequestError::Refused(Refusal::Closed(_)))));
    assert_eq!(refused.receipt, None);
    assert_empty(&client);
}

#[tokio::test(start_paused = true)]
async fn one_that_waited_for_a_connection_asks_for_its_receipt_as_well() {
    let (mut script, builder) = Script::lines();
    let client = builder.connect().unwrap();
    let first = script.peer().await;
    drop(first);
    common::state(&client, |state| !state.is_connected()).await;
    let asked = client.request_with_receipt::<u8>("queued", &());
    let mut peer = script.peer().await;
    let message = peer.next().await.unwrap();
    assert_eq!(message["receipt"], true);
    let counted = json!({"matched": 2, "failed": 1, "delivered": 30, "dropped": 4});
    peer.say(&json!({"name": "queued", "uid": message["uid"], "payload": 1, "more": true}))
        .await;
    peer.say(&json!({"name": "queued", "uid": message["uid"], "receipt": counted}))
        .await;
    let outcome = within(asked).await;
    assert_eq!((outcome.result.unwrap(), outcome.receipt), (1, receipt(2, 1, 30, 4)));
}

#[tokio::test]
async fn the_server_says_who_the_client_is_and_which_bounds_it_keeps_to() {
    for way in WAYS {
        let limits = Limits {
            message_bytes: 1_000,
            name_bytes: 100,
            depth: 10,
            read_ahead_messages: 9,
            mailboxes_per_client: 8,
            accepted_names: 7,
            heartbeat: Duration::from_millis(12_500),
            ..Limits::default()
        };
        let (_server, builder) = way.start_with(Server::empty().routes(routes()).limits(limits)).await;
        let early: Arc<Mutex<Option<Hello>>> = Arc::default();
        let told = Arc::clone(&early);
        let client = builder
            .on_connected(move |client| {
                let told = Arc::clone(&told);
                async move {
                    *told.lock().unwrap() = Some(client.hello().await?);
                    Ok(())
                }
            })
            .connect()
            .unwrap();
        let hello = within(client.hello()).await.unwrap();
        assert_eq!(early.lock().unwrap().as_ref(), Some(&hello), "{way:?}");
        assert!(hello.id.len() > 8, "{way:?}: {hello:?}");
        assert_eq!(hello.heartbeat, Duration::from_millis(12_500));
        let limits = hello.limits;
        assert_eq!(
            (limits.message_bytes, limits.name_bytes, limits.depth),
            (1_000, 100, 10),
            "{way:?}"
        );
        assert_eq!(
            (limits.read_ahead_messages, limits.mailboxes, limits.accepted_names),
            (9, 8, 7),
            "{way:?}"
        );

        // It is the name of the mailbox that this client alone holds.
        let (_other_server, other) = way.start().await;
        let other = other.connect().unwrap();
        assert_ne!(within(other.hello()).await.unwrap().id, hello.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hello_that_is_none_is_told() {
    let (mut script, builder) = Script::lines();
    let client = builder.connect().unwrap();
    let mut peer = script.peer().await;
    let limits = json!({"message_bytes": 1, "name_bytes": 2, "depth": 3, "read_ahead_messages": 4, "mailboxes": 5, "accepted_names": 6});

    let hello = client.hello();
    let asked = peer.next().await.unwrap();
    assert_eq!(asked["name"], "switchboard/hello");
    let newer = json!({"id": "x", "heartbeat": 0, "limits": limits, "region": "north"});
    peer.answer(&asked, newer).await;
    assert_eq!(
        within(hello).await.unwrap().heartbeat,
        Duration::ZERO,
        "what is not known is passed over"
    );

    let hello = client.hello();
    let asked = peer.next().await.unwrap();
    peer.answer(&asked, json!({"id": "x", "heartbeat": -1, "limits": limits}))
        .await;
    let error = within(hello).await.unwrap_err();
    assert!(
        matches!(error, RequestError::Unreadable(_)) && error.to_string().contains("heartbeat"),
        "{error}"
    );

    let hello = client.hello();
    let asked = peer.next().await.unwrap();
    let error = json!({"code": "not_found", "message": "what is that?"});
    peer.say(&json!({"name": asked["name"], "uid": asked["uid"], "error": error}))
        .await;
    assert!(matches!(within(hello).await, Err(RequestError::Failed(error)) if error.code() == "not_found"));

    let hello = client.hello();
    peer.next().await.unwrap();
    drop(peer);
    assert!(matches!(within(hello).await, Err(RequestError::Lost { .. })));
}
