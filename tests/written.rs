//! An answer is written into its frame as soon as its value is known; whatever becomes of the reply then, the right one is heard.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};
use switchboard::{Outcome, Reply, Request};

async fn hears(routes: Routes, sent: &[&str], expected: &[&str]) {
    let server = TestServer::start(Server::empty().routes(routes)).unwrap();
    let mut client: TestClient = server.connect().await;
    for unit in sent {
        client.send_raw(unit).await;
    }
    for unit in expected {
        assert_eq!(client.receive_text().await, *unit);
    }
    client.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_was_made_for_another_request_answers_the_one_it_is_returned_for() {
    let kept = Arc::new(Mutex::new(None));
    let late = move |request: Request| -> Outcome {
        let own = Reply::value(&request.message().uid().map(ToString::to_string), &request)?;
        Ok(kept.lock().unwrap().replace(own).unwrap_or_else(Reply::nothing))
    };
    hears(
        Routes::new().route("late", Controller::silent(late)),
        &[
            r#"{"name":"late","uid":1}"#,
            r#"{"name":"late","uid":"two"}"#,
            r#"{"name":"late","uid":3}"#,
        ],
        &[
            r#"{"name":"late","uid":1}"#,
            r#"{"name":"late","uid":"two","payload":"1"}"#,
            r#"{"name":"late","uid":3,"payload":"\"two\""}"#,
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_two_replies_to_one_request_the_one_that_is_returned_is_heard() {
    let first = |request: Request| -> Outcome {
        let first = Reply::value(&1, &request)?;
        let second = Reply::value(&2, &request)?;
        drop(second);
        Ok(first)
    };
    hears(
        Routes::new().route("first", Controller::silent(first)),
        &[r#"{"name":"first","uid":7}"#],
        &[r#"{"name":"first","uid":7,"payload":1}"#],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_value_that_fails_half_way_leaves_nothing_behind() {
    let broken = |()| (1, std::collections::BTreeMap::from([((1, 2), 3)]));
    hears(
        Routes::new()
            .route("broken", Controller::silent(broken))
            .route("whole", Controller::silent(|()| 1)),
        &[r#"{"name":"broken","uid":1}"#, r#"{"name":"whole","uid":2}"#],
        &[
            r#"{"name":"broken","uid":1,"error":{"code":"internal","message":"something went wrong on the server"}}"#,
            r#"{"name":"whole","uid":2,"payload":1}"#,
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn items_of_a_stream_are_not_final() {
    let items = |request: Request| {
        let values = stream::iter(0..2).map(move |n| Reply::value(&n, &request));
        Replies(values)
    };
    hears(
        Routes::new().route("items", Controller::silent(items)),
        &[r#"{"name":"items","uid":1}"#],
        &[
            r#"{"name":"items","uid":1,"payload":0,"more":true}"#,
            r#"{"name":"items","uid":1,"payload":1,"more":true}"#,
            r#"{"name":"items","uid":1}"#,
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_receipt_is_in_the_answer() {
    hears(
        Routes::new().route("one", Controller::silent(|()| 1)),
        &[r#"{"name":"one","uid":1,"receipt":true}"#],
        &[r#"{"name":"one","uid":1,"payload":1,"receipt":{"matched":1,"failed":0,"delivered":0,"dropped":0}}"#],
    )
    .await;
}
