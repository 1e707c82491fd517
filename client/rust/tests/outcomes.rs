//! What a request comes to, over every transport.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::script::Script;
use common::{Number, WAYS, Way, assert_empty, within};
use serde_json::{Value, json};
use switchboard_client::{Client, Fate, Refusal, RequestError};
use tokio::time::Instant;

async fn code(client: &Client, name: &str, payload: Value) -> String {
    match within(client.request::<Value>(name, &payload)).await {
        Err(RequestError::Failed(error)) => error.code().to_owned(),
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn every_outcome_of_the_servers_over_every_transport() {
    for way in WAYS {
        let (server, builder) = way.start().await;
        let client = builder.connect().unwrap();
        assert_eq!(
            within(client.request::<u64>("double", &Number { n: 21 }))
                .await
                .unwrap(),
            42,
            "{way:?}"
        );
        let value = json!({"text": "ä\r\n", "list": [1, 2.5, null, {"a": true}]});
        assert_eq!(
            within(client.request::<Value>("echo", &value)).await.unwrap(),
            value,
            "{way:?}"
        );
        // Nothing is `()`, and an absent option, and no number.
        within(client.request::<()>("nothing", &())).await.unwrap();
        assert_eq!(
            within(client.request::<Option<u8>>("nothing", &())).await.unwrap(),
            None
        );
        let error = within(client.request::<u8>("nothing", &())).await.unwrap_err();
        assert!(matches!(error, RequestError::Unreadable(_)), "{way:?}: {error:?}");
        let error = within(client.request::<u8>("double", &Number { n: 500 }))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, RequestError::Unreadable(_)) && error.maybe_delivered(),
            "{way:?}: {error:?}"
        );
        // The first answer wins over an error before it.
        assert_eq!(within(client.request::<u8>("both", &())).await.unwrap(), 1, "{way:?}");
        assert_eq!(
            within(client.request::<u64>("many", &Number { n: 5 })).await.unwrap(),
            0,
            "{way:?}"
        );

        assert_eq!(
            code(&client, "double", json!({"n": "many"})).await,
            "bad_payload",
            "{way:?}"
        );
        assert_eq!(code(&client, "nowhere", json!(null)).await, "not_found", "{way:?}");
        assert_eq!(code(&client, "a//b", json!(null)).await, "bad_message", "{way:?}");
        assert_eq!(code(&client, "panic", json!(null)).await, "internal", "{way:?}");
        assert_eq!(
            code(&client, "switchboard/connected", json!(null)).await,
            "forbidden",
            "{way:?}"
        );
        assert_eq!(
            code(&client, "echo", json!("x".repeat(100_000))).await,
            "too_large",
            "{way:?}"
        );
        let Err(RequestError::Failed(error)) = within(client.request::<u8>("fail", &())).await else {
            panic!("{way:?}: it fails");
        };
        assert_eq!((error.code(), error.message()), ("taken", "somebody has it"));
        assert_eq!(error.details(), Some(&json!({"by": 7})), "{way:?}");
        assert_empty(&client);
        assert_eq!(
            client.counters().late.get() + client.counters().malformed.get(),
            0,
            "{way:?}"
        );
        client.close();
        within(client.closed()).await;
        drop(server);
    }
}

#[tokio::test]
async fn answers_come_as_they_are_made_over_every_transport() {
    for way in WAYS {
        let (_server, builder) = way.start().await;
        let client = builder.connect().unwrap();
        let mut answers = client.request_stream::<u64>("many", &Number { n: 100 });
        for n in 0..100 {
            assert_eq!(within(answers.next()).await.unwrap().unwrap(), n, "{way:?}");
        }
        assert!(within(answers.next()).await.is_none());
        assert!(within(answers.next()).await.is_none());
        // The errors of some controllers are among them.
        let mut answers = client.request_stream::<u8>("both", &());
        let (mut values, mut errors) = (0, 0);
        while let Some(answer) = within(answers.next()).await {
            match answer {
                Ok(1) => values += 1,
                Err(RequestError::Failed(error)) if error.code() == "taken" => errors += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((values, errors), (1, 1), "{way:?}");
        let mut answers = client.request_stream::<u8>("nothing", &());
        assert!(within(answers.next()).await.is_none(), "{way:?}");
        let mut answers = client.request_stream::<u8>("nowhere", &());
        assert!(within(answers.next()).await.unwrap().is_err(), "{way:?}");
        assert!(within(answers.next()).await.is_none(), "{way:?}");
        assert_empty(&client);
    }
}

#[tokio::test]
async fn what_is_dropped_is_cancelled_on_the_server_over_every_transport() {
    for way in WAYS {
        let (server, builder) = way.start().await;
        let client = builder.connect().unwrap();
        within(client.connected()).await.unwrap();
        let hanging = client.request::<u8>("hang", &());
        let mut forever = client.request_stream::<u8>("forever", &());
        // It is at work by now, and so is the request before it.
        for _ in 0..10 {
            within(forever.next()).await.unwrap().unwrap();
        }
        drop((hanging, forever));
        assert_eq!(client.open_requests(), 0, "{way:?}");
        let switchboard = server.switchboard();
        within(async {
            while switchboard.counters().cancelled.get() < 2 {
                within(client.request::<()>("nothing", &())).await.unwrap();
            }
        })
        .await;
        assert_empty(&client);
        // Answers that were under way came to nobody.
        assert!(client.counters().late.get() >= 2, "{way:?}: {:?}", client.counters());
    }
}

#[tokio::test(start_paused = true)]
async fn time_outs_are_of_the_client_of_a_handle_or_of_a_request() {
    for way in [Way::Memory, Way::MemoryLines] {
        let (server, builder) = way.start().await;
        let client = builder.connect().unwrap();
        let short = client.within(Duration::from_secs(1));
        let start = tokio::time::Instant::now();
        let (a, b, c) = tokio::join!(
            client.request::<u8>("hang", &()),
            short.request::<u8>("hang", &()),
            client.request::<u8>("hang", &()).within(Duration::from_secs(7)),
        );
        for (outcome, seconds) in [(a, 30), (b, 1), (c, 7)] {
            match outcome {
                Err(RequestError::TimedOut {
                    after,
                    fate: Fate::MaybeDelivered,
                }) => assert_eq!(after.as_secs(), seconds),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(start.elapsed().as_secs(), 30);
        client.request::<()>("nothing", &()).await.unwrap();
        assert_eq!(server.switchboard().counters().cancelled.get(), 3, "the server is told");
        assert_empty(&client);
    }
}

#[tokio::test(start_paused = true)]
async fn each_frame_starts_the_time_anew() {
    let routes = switchboard::Routes::new().route(
        "slow",
        switchboard::Controller::silent(|()| {
            let slow = futures_util::stream::unfold(0_u8, |n| async move {
                tokio::time::sleep(Duration::from_secs(20)).await;
                (n < 5).then_some((n, n + 1))
            });
            switchboard::Replies(slow)
        }),
    );
    let (_server, builder) = Way::Memory
        .start_with(switchboard::Server::empty().routes(routes))
        .await;
    let client = builder.connect().unwrap();
    assert_eq!(
        client.request::<u8>("slow", &()).await.unwrap(),
        0,
        "120 s, and never 30 without a frame"
    );
    let mut answers = client.request_stream::<u8>("slow", &()).within(Duration::from_secs(21));
    let mut all = Vec::new();
    while let Some(answer) = answers.next().await {
        all.push(answer.unwrap());
    }
    assert_eq!(all, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_at_once() {
    let (_server, builder) = Way::Memory.start().await;
    let client = builder.connect().unwrap();
    let long = "x".repeat(2 << 20);
    let error = client.request::<()>("echo", &long).await.unwrap_err();
    assert!(matches!(
        error,
        RequestError::Refused(Refusal::TooLarge {
            bytes: 2_097_158,
            limit: 1_048_576
        })
    ));
    assert!(!error.maybe_delivered());
    let keys = std::collections::HashMap::from([(vec![1], 1)]);
    let error = client.request::<()>("echo", &keys).await.unwrap_err();
    assert!(matches!(error, RequestError::Refused(Refusal::Payload(_))), "{error}");
    let error = client.send("echo", &long).unwrap_err();
    assert_eq!(error.message.unwrap().name(), "echo");
    assert!(client.send("echo", &keys).unwrap_err().message.is_none());
    let mut answers = client.request_stream::<()>("echo", &long);
    assert!(answers.next().await.unwrap().is_err());
    assert!(answers.next().await.is_none());

    client.close();
    assert!(matches!(within(client.closed()).await, switchboard_client::Ended::Ours));
    let error = client.request::<()>("nothing", &()).await.unwrap_err();
    assert!(matches!(error, RequestError::Refused(Refusal::Closed(_))), "{error}");
    assert!(matches!(
        client.send("nothing", &()).unwrap_err().why,
        Refusal::Closed(_)
    ));
    assert_empty(&client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thousands_of_requests_from_many_tasks_are_each_answered_once() {
    for way in [Way::WebSocket, Way::MessagePack, Way::Lines, Way::Memory] {
        let (_server, builder) = way.start().await;
        let client = builder.connect().unwrap();
        let tasks: Vec<_> = (0..50_u64)
            .map(|task| {
                let client = client.clone();
                tokio::spawn(async move {
                    for round in 0..10 {
                        let base = task * 1000 + round * 10;
                        let open: Vec<_> = (0..10)
                            .map(|n| client.request::<u64>("double", &Number { n: base + n }))
                            .collect();
                        for (n, request) in open.into_iter().enumerate() {
                            assert_eq!(request.await.unwrap(), (base + n as u64) * 2);
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            within(task).await.unwrap();
        }
        assert_empty(&client);
        assert_eq!(client.counters().late.get(), 0, "{way:?}");
        assert_eq!(client.counters().connections.get(), 1, "{way:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_fails_its_request_and_no_other() {
    for way in [Way::Memory, Way::MessagePack, Way::MemoryLines] {
        let (_server, builder) = way.start().await;
        let limits = switchboard_client::Limits {
            received_bytes: 5000,
            ..Default::default()
        };
        let client = builder.limits(limits).connect().unwrap();
        let error = within(client.request::<Value>("echo", &"x".repeat(20_000)))
            .await
            .unwrap_err();
        assert!(matches!(error, RequestError::TooLarge(5000)), "{way:?}: {error}");
        assert_eq!(
            within(client.request::<u64>("double", &Number { n: 1 })).await.unwrap(),
            2
        );
        assert_eq!(client.counters().too_large.get(), 1, "{way:?}");
        assert_empty(&client);
    }
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_ended_and_cancelled() {
    let (server, builder) = Way::Memory.start().await;
    let limits = switchboard_client::Limits {
        buffer_messages: 10,
        ..Default::default()
    };
    let client = builder.limits(limits).connect().unwrap();
    let mut answers = client.request_stream::<u8>("forever", &());
    let switchboard = server.switchboard();
    within(async {
        while switchboard.counters().cancelled.get() < 1 {
            client.request::<()>("nothing", &()).await.unwrap();
        }
    })
    .await;
    for _ in 0..10 {
        assert_eq!(within(answers.next()).await.unwrap().unwrap(), 1);
    }
    assert!(matches!(within(answers.next()).await, Some(Err(RequestError::Overrun))));
    assert!(within(answers.next()).await.is_none());
    assert_eq!(client.counters().overrun.get(), 1);
    assert_empty(&client);
}

#[tokio::test(start_paused = true)]
async fn the_server_is_told_at_once_of_a_request_whose_time_is_up() {
    let (mut script, builder) = Script::lines();
    let client = builder.connect().unwrap();
    let request = client.request::<u8>("hang", &()).within(Duration::from_secs(1));
    let mut peer = script.peer().await;
    let since = Instant::now();
    assert_eq!(peer.name().await, "hang");
    assert!(matches!(within(request).await, Err(RequestError::TimedOut { .. })));
    assert_eq!(peer.name().await, "switchboard/cancel");
    // Not only when there is something else to do.
    assert!(since.elapsed() < Duration::from_secs(2));
    assert_empty(&client);
}
