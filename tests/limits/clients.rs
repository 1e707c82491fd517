//! What a client may hold, and how long it may be silent.

use std::time::Duration;

use serde_json::json;
use switchboard::prelude::*;

use super::{count, echo, start};

#[tokio::test(start_paused = true)]
async fn mailboxes_and_accepted_names_have_bounds() {
    let limits = Limits {
        mailboxes_per_client: 2,
        accepted_names: 2,
        ..Limits::default()
    };
    let join = Controller::silent(|(Payload(name), client): (Payload<String>, Client)| client.join(name));
    let server = start(limits, Routes::new().route("join", join));
    let mut client = server.connect().await;
    client.request("join", "a").await.unwrap();
    client.request("join", "b").await.unwrap();
    assert_eq!(client.request("join", "c").await.unwrap_err().code(), "overloaded");
    assert_eq!(client.request("join", "a").await.unwrap(), false);
    let error = client
        .request("switchboard/accept", json!({ "names": ["a", "b", "c"] }))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "too_large");
    count(&server, |counters| counters.joins_refused.get(), 1).await;
    count(&server, |counters| counters.too_large.get(), 1).await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_pinged_and_then_closed() {
    let limits = Limits {
        heartbeat: Duration::from_secs(10),
        idle: Duration::from_secs(30),
        ..Limits::default()
    };
    let server = start(limits, Routes::new().route("echo", echo()));
    // A client that answers pings stays: the test client does while it waits for something.
    let mut alive = server.connect().await;
    for _ in 0..100 {
        alive.expect_silence().await;
    }
    assert_eq!(server.switchboard().counters().idle.get(), 0);
    drop(alive);
    // One that reads nothing answers nothing.
    let mut dead = server.connect().await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(dead.closed().await.0, CloseCode::IDLE);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(server.switchboard().counters().idle.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_ping_of_the_client_is_answered_and_a_flood_of_them_costs_no_memory() {
    let limits = Limits {
        outbox_messages: 4,
        ..Limits::default()
    };
    let server = start(limits, Routes::new().route("echo", echo()));
    let mut client = server.connect_narrow(64).await;
    for _ in 0..1_000 {
        client.send_bytes(&[0x89, 0x81, 0, 0, 0, 0, b'x']).await;
    }
    assert_eq!(client.request("echo", 1).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_not_answered_is_waited_for_so_long() {
    let quit = Controller::silent(|client: Client| client.close(CloseCode::RECONNECT, "come back"));
    let server = start(
        Limits {
            close: Duration::from_secs(2),
            ..Limits::default()
        },
        Routes::new().route("quit", quit),
    );
    let mut client = server.connect_narrow(8).await;
    client.send("quit", ()).await;
    while server.switchboard().count().await > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_clients_in_one_room() {
    let routes = Routes::new()
        .route("join", Controller::silent(|client: Client| client.join("room")))
        .route(
            "say",
            Controller::send_to_mailbox(|Payload(n): Payload<u32>| n).to("room"),
        );
    let server = start(Limits::default(), routes);
    let mut clients = Vec::new();
    for _ in 0..1_000 {
        let mut client = server.connect_narrow(4 << 10).await;
        client.request("join", ()).await.unwrap();
        clients.push(client);
    }
    for n in 0..3 {
        let frames = clients[0].request_frames("say", n).await;
        assert_eq!(frames.last().unwrap().receipt.unwrap().delivered, 1_000);
        for client in &mut clients {
            assert_eq!(client.expect("say").await, n);
        }
    }
    let switchboard = server.switchboard();
    drop(clients);
    while switchboard.count().await > 0 || switchboard.count_mailboxes().await > 0 {
        tokio::task::yield_now().await;
    }
}
