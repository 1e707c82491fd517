//! What the mixer promises, as its clients see it.

#[path = "../examples/mixer/controllers.rs"]
mod controllers;

use serde_json::{Value, json};
use switchboard::testing::{TestClient, TestServer};

#[tokio::test(start_paused = true)]
async fn one_run_answers_the_sender_and_moves_everyone_elses_fader() {
    let server = start();
    let (mut left, mut right) = (server.connect().await, server.connect().await);
    assert_eq!((level(&mut left, 2).await, level(&mut right, 2).await), (50, 50));

    let frames = left.request_frames("mixer/volume_up", json!({ "channel": 2 })).await;
    let answers: Vec<Value> = frames
        .iter()
        .filter_map(|frame| frame.payload.as_ref()?.decode().ok())
        .collect();
    assert_eq!(
        answers,
        [json!({ "channel": 2, "level": 55 })],
        "the logging controller answers nothing"
    );
    assert_eq!(frames.iter().filter(|frame| frame.error.is_some()).count(), 0);
    let receipt = frames.last().and_then(|frame| frame.receipt).unwrap();
    assert_eq!(
        (receipt.matched, receipt.failed, receipt.delivered),
        (2, 0, 1),
        "two controllers, one other client"
    );

    assert_eq!(right.expect("mixer/level").await, json!({ "channel": 2, "level": 55 }));
    assert_eq!(
        right
            .request("mixer/volume_down", json!({ "channel": 2 }))
            .await
            .unwrap(),
        json!({ "channel": 2, "level": 50 })
    );
    assert_eq!(left.expect("mixer/level").await, json!({ "channel": 2, "level": 50 }));
    left.expect_silence().await;
    right.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn levels_stay_between_0_and_100_in_steps_of_5() {
    let server = start();
    let mut client = server.connect().await;
    for (direction, end) in [("up", 100), ("down", 0)] {
        let mut before = level(&mut client, 1).await;
        for _ in 0..25 {
            let answer = client
                .request(&format!("mixer/volume_{direction}"), json!({ "channel": 1 }))
                .await
                .unwrap();
            let now = answer["level"].as_i64().unwrap();
            assert!(
                (now - before).abs() == 5 || (now == before && now == end),
                "{before} to {now}"
            );
            before = now;
        }
        assert_eq!(before, end);
    }
}

#[tokio::test(start_paused = true)]
async fn all_four_levels_are_answered_and_changes_hold_for_one_channel() {
    let server = start();
    let mut client = server.connect().await;
    client
        .request("mixer/volume_up", json!({ "channel": 4 }))
        .await
        .unwrap();
    let levels = client.request("mixer/levels", ()).await.unwrap();
    let expected = json!([
        { "channel": 1, "level": 50 },
        { "channel": 2, "level": 50 },
        { "channel": 3, "level": 50 },
        { "channel": 4, "level": 55 },
    ]);
    assert_eq!(levels, expected);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_not_there_is_an_error_and_moves_nothing() {
    let server = start();
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    for channel in [0, 5, -1, i64::MIN, i64::MAX] {
        for direction in ["up", "down"] {
            let error = client
                .request(&format!("mixer/volume_{direction}"), json!({ "channel": channel }))
                .await
                .unwrap_err();
            assert_eq!(error.code(), "no_such_channel", "{channel}");
        }
    }
    for payload in [
        json!({}),
        json!({ "channel": "1" }),
        json!({ "channel": 1.5 }),
        json!(1),
        Value::Null,
    ] {
        let error = client.request("mixer/volume_up", &payload).await.unwrap_err();
        assert_eq!(error.code(), "bad_payload", "{payload}");
    }
    let error = client
        .request("mixer/volume_sideways", json!({ "channel": 1 }))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "not_found");
    for channel in 1..=4 {
        assert_eq!(level(&mut client, channel).await, 50);
    }
    other.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn frames_go_only_to_clients_that_accept_them() {
    let server = start();
    let (mut decoder, mut screen, mut page) = (server.connect().await, server.connect().await, server.connect().await);
    decoder
        .request("switchboard/accept", json!({ "names": [] }))
        .await
        .unwrap();
    screen
        .request("switchboard/accept", json!({ "names": ["decoder/*"] }))
        .await
        .unwrap();
    page.request("switchboard/accept", json!({ "names": ["mixer/*"] }))
        .await
        .unwrap();

    decoder
        .request("decoder/frame", json!({ "n": 1, "data": "AQL/" }))
        .await
        .unwrap();
    assert_eq!(screen.expect("decoder/frame").await, json!({ "n": 1, "data": "AQL/" }));
    decoder
        .request("mixer/volume_up", json!({ "channel": 1 }))
        .await
        .unwrap();
    assert_eq!(page.expect("mixer/level").await, json!({ "channel": 1, "level": 55 }));
    for client in [&mut decoder, &mut screen, &mut page] {
        client.expect_silence().await;
    }
    let error = decoder
        .request("decoder/frame", json!({ "n": -1, "data": "not base64!" }))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "bad_payload");
    screen.expect_silence().await;
}

fn start() -> TestServer {
    TestServer::start(controllers::server()).expect("the example starts")
}

async fn level(client: &mut TestClient, channel: usize) -> i64 {
    let levels = client.request("mixer/levels", ()).await.expect("this is allowed");
    levels[channel - 1]["level"].as_i64().expect("a level is a number")
}
