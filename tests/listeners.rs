//! Several listeners in one server, each with its registry and its bounds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;
use switchboard::prelude::*;
use switchboard::testing::TestClient;

#[tokio::test]
async fn a_listener_can_have_bounds_of_its_own() {
    let small = Limits {
        message_bytes: 100,
        connections: 1,
        mailboxes_per_client: 1,
        ..Limits::default()
    };
    let routes = Routes::new()
        .route("echo", Controller::silent(|Payload(value): Payload<Value>| value))
        .route("join", Controller::silent(|client: Client| client.join("room")));
    let server = Server::empty()
        .routes(routes)
        .listen("127.0.0.1:0")
        .listen(Listener::from("127.0.0.1:0").limits(small));
    let running = server.start().await.unwrap();
    let [wide, narrow] = running.addresses() else {
        panic!("there are two")
    };
    let (mut wide_client, mut narrow_client) = (
        TestClient::connect(*wide).await.unwrap(),
        TestClient::connect(*narrow).await.unwrap(),
    );
    let long = "x".repeat(200);
    assert_eq!(wide_client.request("echo", &long).await.unwrap(), long);
    let error = narrow_client.request("echo", &long).await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        ("too_large", "a message may have 100 bytes")
    );
    let hello = narrow_client.request("switchboard/hello", ()).await.unwrap();
    assert_eq!(
        (&hello["limits"]["message_bytes"], &hello["limits"]["mailboxes"]),
        (&100.into(), &1.into())
    );

    let refused = TestClient::connect(*narrow).await.unwrap_err().to_string();
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    TestClient::connect(*wide).await.unwrap();
}
