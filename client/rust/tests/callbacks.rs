//! Functions that are called with an outcome: each once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::script::Script;
use common::{Number, Way, assert_empty, within};
use switchboard_client::{Ended, Fate, Refusal, RequestError};

type Outcome = Result<u64, RequestError>;

#[tokio::test]
async fn each_is_called_once_with_the_answer_or_the_reason_that_there_is_none() {
    let (_server, builder) = Way::WebSocket.start().await;
    let client = builder.connect().unwrap();
    let (sender, outcomes) = mpsc::channel();
    let call = |name: &'static str, timeout: u64, payload: &str| {
        let sender = sender.clone();
        let client = client.within(Duration::from_millis(timeout));
        let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
        client.call(name, &payload, move |outcome: Outcome| {
            sender.send((name, outcome)).unwrap()
        })
    };
    let hanging = call("hang", 60_000, "null");
    call("double", 60_000, r#"{"n":21}"#);
    call("fail", 60_000, "null");
    call("echo", 60_000, "\"no number\"");
    let take = || outcomes.recv_timeout(Duration::from_secs(60)).unwrap();
    // The task of the connection is on this thread.
    within(client.request::<()>("nothing", &())).await.unwrap();
    assert!(matches!(take(), ("double", Ok(42))));
    assert!(matches!(take(), ("fail", Err(RequestError::Failed(error))) if error.code() == "taken"));
    assert!(matches!(take(), ("echo", Err(RequestError::Unreadable(_)))));
    assert!(client.cancel(hanging));
    assert!(!client.cancel(hanging), "it was");
    assert!(matches!(
        take(),
        ("hang", Err(RequestError::Cancelled(Fate::MaybeDelivered)))
    ));

    call("hang", 1, "null");
    within(async {
        while client.open_requests() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert!(matches!(take(), ("hang", Err(RequestError::TimedOut { .. }))));
    call("hang", 60_000, "null");
    client.close();
    within(client.closed()).await;
    assert!(matches!(
        take(),
        ("hang", Err(RequestError::Lost { why: Ended::Ours, .. }))
    ));
    call("double", 60_000, r#"{"n":21}"#);
    assert!(matches!(
        take(),
        ("double", Err(RequestError::Refused(Refusal::Closed(_))))
    ));
    assert!(outcomes.try_recv().is_err(), "each once");
    assert_empty(&client);
}

#[tokio::test]
async fn one_that_panics_harms_nobody() {
    let (_server, builder) = Way::Memory.start().await;
    let client = builder.connect().unwrap();
    client.on_each("said/*", |_| panic!("as told")).unwrap().keep();
    client.call("nothing", &(), |_: Result<(), _>| panic!("as told"));
    within(client.request::<()>("say", &1)).await.unwrap();
    assert_eq!(
        within(client.request::<u64>("double", &Number { n: 2 })).await.unwrap(),
        4
    );
    assert_eq!(client.counters().panics.get(), 2);
    within(client.request::<()>("say", &1)).await.unwrap();
    assert_eq!(client.counters().panics.get(), 3, "it is called on");
    assert_eq!(client.counters().connections.get(), 1);
}

#[tokio::test]
async fn functions_hear_deliveries_until_they_are_let_go_of() {
    let (_server, builder) = Way::Memory.start().await;
    let client = builder.connect().unwrap();
    let heard = Arc::new(AtomicUsize::new(0));
    let count = |by: usize| {
        let heard = Arc::clone(&heard);
        move |_| {
            heard.fetch_add(by, Ordering::Relaxed);
        }
    };
    client.on_each("said/all", count(1)).unwrap().keep();
    let listening = client.on_each("*", count(100)).unwrap();
    within(client.request::<()>("say", &1)).await.unwrap();
    within(client.request::<()>("whisper", &1)).await.unwrap();
    assert_eq!(heard.load(Ordering::Relaxed), 201);
    drop(listening);
    within(client.request::<()>("say", &1)).await.unwrap();
    assert_eq!(heard.load(Ordering::Relaxed), 202);
    client.close();
    within(client.closed()).await;
    assert_eq!(Arc::strong_count(&heard), 1, "what they hold is let go of");
}

#[tokio::test]
async fn all_are_handed_to_the_programs_own_loop() {
    let (_server, builder) = Way::Memory.start().await;
    let (to_loop, event_loop) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let client = builder
        .call_on(move |task| to_loop.send(task).unwrap())
        .connect()
        .unwrap();
    let (sender, outcomes) = mpsc::channel();
    for n in 0..10 {
        let sender = sender.clone();
        client.call("double", &Number { n }, move |outcome: Outcome| {
            sender.send((std::thread::current().id(), outcome.unwrap())).unwrap();
        });
    }
    within(client.request::<()>("nothing", &())).await.unwrap();
    assert!(outcomes.try_recv().is_err(), "none was called yet");
    let window = std::thread::spawn(move || event_loop.try_iter().for_each(|task| task()));
    let id = window.thread().id();
    window.join().unwrap();
    let outcomes: Vec<_> = outcomes.try_iter().collect();
    assert_eq!(outcomes, (0..10).map(|n| (id, n * 2)).collect::<Vec<_>>());
}

#[test]
fn a_program_without_async_has_its_runtime_beside_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (_server, builder) = runtime.block_on(Way::WebSocket.start());
    let client = {
        let _entered = runtime.enter();
        builder.connect().unwrap()
    };
    let (sender, outcomes) = mpsc::channel();
    client.call("double", &Number { n: 4 }, move |outcome: Outcome| {
        sender.send(outcome).unwrap()
    });
    assert_eq!(outcomes.recv_timeout(Duration::from_secs(60)).unwrap().unwrap(), 8);

    // The runtime goes first: what is open is settled all the same.
    let (sender, outcomes) = mpsc::channel();
    client.call("hang", &(), move |outcome: Outcome| sender.send(outcome).unwrap());
    drop(runtime);
    let outcome = outcomes.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(
        matches!(
            outcome,
            Err(RequestError::Lost {
                why: Ended::Lost(_),
                ..
            })
        ),
        "{outcome:?}"
    );
    assert_empty(&client);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_make_another_and_close_the_client() {
    let (mut script, builder) = Script::lines();
    let client = builder.connect().unwrap();
    let again = client.clone();
    let (sender, outcomes) = mpsc::channel();
    client.call("first", &(), move |outcome: Outcome| {
        let inner = again.clone();
        again.call("second", &outcome.unwrap(), move |outcome: Outcome| {
            inner.close();
            sender.send(outcome.unwrap()).unwrap();
        });
    });
    let mut peer = script.peer().await;
    for n in [1, 2] {
        let asked = peer.next().await.unwrap();
        peer.answer(&asked, n.into()).await;
    }
    assert!(peer.next().await.is_none());
    drop(peer);
    within(client.closed()).await;
    assert_eq!(outcomes.try_recv().unwrap(), 2);
}
