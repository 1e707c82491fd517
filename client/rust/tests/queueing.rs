//! What waits to be sent, and what is given back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::script::Script;
use common::{Way, assert_empty, within};
use serde_json::json;
use switchboard_client::{
    Builder, Ended, Fate, Framing, Limits, Posted, Refusal, Report, RequestError, Unsent, UnsentReason,
};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_and_gives_back_what_it_gives_up() {
    let refuse = || async { Err(std::io::ErrorKind::ConnectionRefused.into()) };
    let limits = Limits {
        queue_messages: 4,
        queue_bytes: 100,
        queue_age: Duration::from_secs(10),
        ..Limits::default()
    };
    let (builder, reports) = reports(Builder::over(Framing::Lines, refuse).limits(limits));
    let client = builder.connect().unwrap();
    let asked = client.request::<u8>("asked", &());
    for n in 0..3 {
        assert_eq!(client.send("letter", &n).unwrap(), Posted::Queued);
    }
    let error = client.send("letter", &3).unwrap_err();
    assert!(matches!(error.why, Refusal::QueueFull), "{error}");
    let message = *error.message.unwrap();
    assert_eq!(
        (message.name(), message.payload().unwrap().json()),
        ("letter", Some("3"))
    );
    let error = client.request::<u8>("asked", &()).await.unwrap_err();
    assert!(matches!(error, RequestError::Refused(Refusal::QueueFull)), "{error}");
    // Bytes: one place is free, but not for so many.
    drop(asked);
    assert!(matches!(
        client.send("letter", &"x".repeat(100)).unwrap_err().why,
        Refusal::QueueFull
    ));
    assert_eq!(client.counters().refused.get(), 3);
    // What came back is sent as it is, once there is room; those who wait for it are told.
    let asked = client.request::<u8>("asked", &());
    let (ready, at) = (client.ready_to_send(), Instant::now());
    within(ready).await.unwrap();
    assert_eq!(at.elapsed().as_secs(), 10, "the letters were old");
    client.send_message(message).unwrap();
    let told: Vec<_> = std::mem::take(&mut *reports.lock().unwrap());
    let told: Vec<_> = told
        .iter()
        .map(|report| match report {
            Report::Unsent(Unsent {
                message,
                why: UnsentReason::Old,
                partly_sent: false,
                ..
            }) => (message.name(), message.payload().unwrap().json().unwrap()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [("letter", "0"), ("letter", "1"), ("letter", "2")]);
    // A request waits for as long as it may take, and was not sent.
    let error = within(asked).await.unwrap_err();
    assert!(
        matches!(
            error,
            RequestError::TimedOut {
                fate: Fate::NotSent,
                ..
            }
        ),
        "{error}"
    );
    // What is left at the end comes back, too.
    let asked = client.request::<u8>("asked", &());
    client.send("last", &()).unwrap();
    client.close();
    within(client.closed()).await;
    let error = within(asked).await.unwrap_err();
    assert!(
        matches!(
            error,
            RequestError::Lost {
                why: Ended::Ours,
                fate: Fate::NotSent
            }
        ),
        "{error}"
    );
    let left: Vec<_> = reports
        .lock()
        .unwrap()
        .iter()
        .map(|report| format!("{report:?}"))
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[1].contains("last") && left[1].contains("Ended(Ours)"), "{left:?}");
    assert_eq!(client.counters().unsent.get(), 5);
    assert_empty(&client);
}

#[tokio::test(start_paused = true)]
async fn what_had_no_byte_written_is_sent_on_the_next_connection_and_nothing_else_is() {
    // So narrow that the first message is cut.
    let (mut script, builder) = Script::new(Framing::Lines, 16);
    let (builder, reports) = reports(builder);
    let client = builder.connect().unwrap();
    let stream = script.stream().await;
    within(client.connected()).await.unwrap();
    client.send("the first letter", &1).unwrap();
    let first = client.request::<u8>("first", &());
    client.send("second", &2).unwrap();
    let second = client.request::<u8>("second", &());
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(stream);
    let mut peer = script.peer().await;
    assert_eq!(peer.name().await, "first");
    assert_eq!(peer.name().await, "second");
    let asked = peer.next().await.unwrap();
    assert_eq!(asked, json!({"name": "second", "uid": 2}));
    peer.answer(&asked, json!(2)).await;
    assert_eq!(within(second).await.unwrap(), 2);
    let [
        Report::Unsent(Unsent {
            message,
            partly_sent: true,
            ..
        }),
    ] = &std::mem::take(&mut *reports.lock().unwrap())[..]
    else {
        panic!("the first letter comes back");
    };
    assert_eq!(message.name(), "the first letter");
    // Now a request is cut: it may not be sent again.
    drop(first);
    let cut = client.request::<u8>("a request that does not fit", &());
    let behind = client.request::<u8>("behind", &());
    // The cancelling of what was dropped comes first.
    assert_eq!(
        peer.next().await.unwrap(),
        json!({"name": "switchboard/cancel", "payload": {"uid": 1}})
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(peer);
    let error = within(cut).await.unwrap_err();
    assert!(
        matches!(
            error,
            RequestError::Lost {
                fate: Fate::MaybeDelivered,
                ..
            }
        ),
        "{error}"
    );
    let mut peer = script.peer().await;
    let asked = peer.next().await.unwrap();
    assert_eq!(asked["name"], "behind");
    peer.answer(&asked, json!(3)).await;
    assert_eq!(within(behind).await.unwrap(), 3);
    assert_empty(&client);
}

#[tokio::test]
async fn what_is_queued_is_sent_before_goodbye() {
    for way in [Way::WebSocket, Way::Lines, Way::Memory, Way::MemoryLines] {
        let (_server, builder) = way.start().await;
        let client = builder.connect().unwrap();
        within(client.connected()).await.unwrap();
        let asked: Vec<_> = (0..100)
            .map(|n| client.request::<u64>("double", &common::Number { n }))
            .collect();
        client.close();
        for (n, asked) in asked.into_iter().enumerate() {
            assert_eq!(within(asked).await.unwrap(), n as u64 * 2, "{way:?}");
        }
        assert!(matches!(within(client.closed()).await, Ended::Ours));
        assert_eq!(client.counters().lost.get(), 0);
        assert_empty(&client);
    }
}

/// Where the reports of a client go.
fn reports(builder: Builder) -> (Builder, Arc<Mutex<Vec<Report>>>) {
    let reports = Arc::<Mutex<Vec<Report>>>::default();
    let sink = Arc::clone(&reports);
    (
        builder.on_report(move |report| sink.lock().unwrap().push(report)),
        reports,
    )
}
