//! Several listeners in one server, each with its registry and its bounds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use serde_json::Value;
use switchboard::prelude::*;
use switchboard::testing::TestClient;
use switchboard::wire::native::{MessagePack, ServerFrame, write_message};
use switchboard::wire::{Format, Unit};
use switchboard::{RawPayload, Uid};

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

#[tokio::test]
async fn one_server_listens_on_both_kinds_of_addresses_and_offers_each_its_own() {
    if !has_ipv6() {
        return;
    }
    let small = Limits {
        message_bytes: 100,
        ..Limits::default()
    };
    let routes = Routes::new()
        .route("echo", Controller::silent(|Payload(text): Payload<String>| text))
        .route(
            "whence",
            Controller::silent(|client: Client| client.address().map(|address| address.ip().to_string()))
                .registry("backend"),
        )
        .route("tell", Controller::send_all(|()| "everybody").registry("backend"));
    let running = Server::empty()
        .routes(routes)
        .listen("127.0.0.1:0")
        .listen(
            Listener::from("[::1]:0")
                .registry("backend")
                .dialect(MessagePack)
                .limits(small),
        )
        .start()
        .await
        .unwrap();
    let [four, six] = *running.addresses() else {
        panic!("two listeners")
    };
    assert!(four.is_ipv4() && six.is_ipv6());
    let mut front = TestClient::connect(four).await.unwrap();
    let mut back = TestClient::connect(six).await.unwrap();

    let long = "x".repeat(200);
    assert_eq!(front.request("echo", &long).await.unwrap(), long);
    assert_eq!(front.request("whence", ()).await.unwrap_err().code(), "not_found");

    let answer = ask(&mut back, "whence", &()).await;
    assert_eq!(answer.payload.unwrap().decode::<String>().unwrap(), "::1");
    let refused = ask(&mut back, "echo", &"hello").await.error.unwrap();
    assert_eq!(refused.code(), "not_found");
    let refused = ask(&mut back, "whence", &long).await.error.unwrap();
    assert_eq!(refused.message(), "a message may have 100 bytes");

    // There is one switchboard, and each hears it in its own dialect.
    ask(&mut back, "tell", &()).await;
    assert_eq!(front.expect("tell").await, "everybody");
}

/// The first frame that answers, or is heard, in MessagePack.
async fn ask(client: &mut TestClient, name: &str, payload: &impl serde::Serialize) -> ServerFrame {
    let payload = RawPayload::encode(payload, Format::MessagePack.into()).unwrap();
    let message = Message::new(name)
        .with_uid(Some(Uid::Integer(1)))
        .with_payload(Some(payload));
    let mut unit = Vec::new();
    write_message(&message, false, Format::MessagePack, &mut unit).unwrap();
    client.send_raw(unit).await;
    ServerFrame::parse(Unit::Binary(&client.receive_raw().await)).unwrap()
}

#[tokio::test]
async fn all_addresses_of_ipv6_are_all_of_ipv4_too() {
    if !has_ipv6() {
        return;
    }
    let routes = || Routes::new().route("echo", Controller::silent(|Payload(value): Payload<Value>| value));
    // Which port is free is found out for both.
    let port = TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
    let error = Server::empty()
        .routes(routes())
        .listen(format!("[::]:{port}"))
        .listen(format!("0.0.0.0:{port}"))
        .start()
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on 0.0.0.0:{port}: Address already in use (os error 98); stop what listens there, or choose \
             another port (0 takes a free one); [::] takes the port for IPv4, too"
        )
    );
    let running = Server::empty().routes(routes()).listen("[::]:0").start().await.unwrap();
    let port = running.address().unwrap().port();
    for address in [
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    ] {
        let mut client = TestClient::connect(address).await.unwrap();
        assert_eq!(client.request("echo", 1).await.unwrap(), 1);
    }
}

/// There are machines without, where nothing is to be seen of it.
fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}
