//! Promise 3 and 4: at each bound something with a name happens, it is counted, and nobody else notices.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clients;
mod messages;
mod outbox;
mod running;

use std::sync::Arc;

use serde_json::Value;
use switchboard::Counters;
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};
use tokio::sync::Notify;

fn start(limits: Limits, routes: Routes) -> TestServer {
    TestServer::start(Server::empty().routes(routes).limits(limits)).unwrap()
}

fn echo() -> Controller {
    Controller::silent(|Payload(value): Payload<Value>| value)
}

fn hang() -> Controller {
    Controller::silent(|()| std::future::pending::<()>())
}

/// A controller that waits until it is let go.
fn gated() -> (Controller, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let waiting = Arc::clone(&gate);
    let wait = Controller::silent(move |()| {
        let waiting = Arc::clone(&waiting);
        async move { waiting.notified().await }
    });
    (wait, gate)
}

async fn count(server: &TestServer, counter: impl Fn(&Counters) -> u64, expected: u64) {
    let switchboard = server.switchboard();
    while counter(switchboard.counters()) < expected {
        tokio::task::yield_now().await;
    }
    assert_eq!(counter(switchboard.counters()), expected);
}

async fn error_of(client: &mut TestClient, unit: &str) -> String {
    client.send_raw(unit).await;
    client.receive_text().await
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let routes = Routes::new().route("a//b", echo());
    let server = Server::empty()
        .state(1_u8)
        .state(2_u8)
        .state(String::new())
        .state(String::new())
        .routes(routes)
        .allow_origin("nonsense");
    let error = server.check().unwrap_err().to_string();
    for part in ["u8 was given twice", "String was given twice", "a//b", "nonsense"] {
        assert!(error.contains(part), "{part} in {error}");
    }
}
