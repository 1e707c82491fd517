//! Who hears what: the three decorators, mailboxes, accepted names, receipts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};

fn start(routes: Routes) -> TestServer {
    TestServer::start(Server::empty().routes(routes)).unwrap()
}

fn echo(Payload(value): Payload<Value>) -> Value {
    value
}

/// Lets a client join and leave what it names, as an application would after having checked it.
fn rooms() -> Routes {
    Routes::new()
        .route(
            "join",
            Controller::silent(|(Payload(name), client): (Payload<String>, Client)| client.join(name)),
        )
        .route(
            "leave",
            Controller::silent(|(Payload(name), client): (Payload<String>, Client)| client.leave(&Mailbox::new(name))),
        )
        .route(
            "held",
            Controller::silent(|client: Client| {
                client
                    .mailboxes()
                    .iter()
                    .skip(1)
                    .map(|mailbox| mailbox.name().to_owned())
                    .collect::<Vec<_>>()
            }),
        )
}

async fn three(server: &TestServer) -> (TestClient, TestClient, TestClient) {
    (server.connect().await, server.connect().await, server.connect().await)
}

#[tokio::test(start_paused = true)]
async fn silent_reaches_the_sender_alone() {
    let server = start(Routes::new().route("say", Controller::silent(echo)));
    let (mut sender, mut other, _) = three(&server).await;
    assert_eq!(sender.request("say", "hi").await.unwrap(), "hi");
    sender.expect_silence().await;
    other.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn send_all_reaches_everyone_and_the_delivery_comes_before_the_acknowledgement() {
    let server = start(Routes::new().route("say", Controller::send_all(echo)));
    let (mut sender, mut other, mut third) = three(&server).await;
    sender
        .send_raw(r#"{"name":"say","uid":1,"payload":"hi","receipt":true}"#)
        .await;
    assert_eq!(sender.receive_text().await, r#"{"name":"say","payload":"hi"}"#);
    assert_eq!(
        sender.receive_text().await,
        r#"{"name":"say","uid":1,"receipt":{"matched":1,"failed":0,"delivered":3,"dropped":0}}"#
    );
    for client in [&mut other, &mut third] {
        assert_eq!(client.receive_text().await, r#"{"name":"say","payload":"hi"}"#);
        client.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn except_sender_leaves_the_sender_out() {
    let server = start(Routes::new().route("say", Controller::send_all(echo).except_sender().reply("said")));
    let (mut sender, mut other, _) = three(&server).await;
    assert_eq!(sender.request("say", "hi").await.unwrap(), Value::Null);
    sender.expect_silence().await;
    assert_eq!(other.expect("said").await, "hi");
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_reaches_its_holders_once_and_names_itself() {
    let routes = rooms()
        .route("rooms/<room>/say", Controller::send_to_mailbox(echo).to("rooms/<room>"))
        .route(
            "both",
            Controller::send_to_mailbox(|Payload(value): Payload<Value>| {
                (value, [Mailbox::new("rooms/a"), Mailbox::new("rooms/b")])
            }),
        )
        .route(
            "nobody",
            Controller::send_to_mailbox(|Payload(value): Payload<Value>| (value, Mailboxes::default())),
        );
    let server = start(routes);
    let (mut sender, mut holder, mut stranger) = three(&server).await;
    assert_eq!(holder.request("join", "rooms/a").await.unwrap(), true);
    assert_eq!(holder.request("join", "rooms/a").await.unwrap(), false);
    assert_eq!(holder.request("join", "rooms/b").await.unwrap(), true);

    sender.send("rooms/a/say", "hi").await;
    assert_eq!(
        holder.receive_text().await,
        r#"{"name":"rooms/a/say","mailbox":"rooms/a","payload":"hi"}"#
    );
    sender.send("both", 2).await;
    assert_eq!(
        holder.receive_text().await,
        r#"{"name":"both","mailbox":"rooms/a","payload":2}"#
    );
    sender.send("nobody", 3).await;
    holder.expect_silence().await;
    stranger.expect_silence().await;
    sender.expect_silence().await;

    assert_eq!(holder.request("leave", "rooms/a").await.unwrap(), true);
    assert_eq!(holder.request("leave", "rooms/a").await.unwrap(), false);
    sender.send("rooms/a/say", "hi").await;
    holder.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_holds_a_mailbox_of_its_own() {
    let routes = Routes::new()
        .route(
            "me",
            Controller::silent(|client: Client| client.mailbox().name().to_owned()),
        )
        .route(
            "tell",
            Controller::send_to_mailbox(|Payload((to, value)): Payload<(String, Value)>| (value, Mailbox::new(to))),
        );
    let server = start(routes);
    let (mut sender, mut other, _) = three(&server).await;
    let mailbox = other.request("me", ()).await.unwrap();
    assert!(mailbox.as_str().unwrap().starts_with("client/"));
    sender.send("tell", (&mailbox, "psst")).await;
    assert_eq!(other.expect("tell").await, "psst");
    sender.expect_silence().await;
    for wrong in [
        "client/",
        "client/0",
        "client/zz",
        &mailbox.as_str().unwrap().to_uppercase(),
    ] {
        sender.send("tell", (wrong, "psst")).await;
    }
    other.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_what_is_the_servers_to_give() {
    let server = start(rooms());
    let mut client = server.connect().await;
    for (mailbox, code) in [
        ("client/0123456789abcdef0123456789abcdef", "forbidden"),
        ("users/1", "forbidden"),
        ("switchboard/all", "forbidden"),
        ("", "bad_payload"),
        ("a//b", "bad_payload"),
        ("a\nb", "bad_payload"),
        (&"x".repeat(256), "bad_payload"),
    ] {
        let error = client.request("join", mailbox).await.unwrap_err();
        assert_eq!(error.code(), code, "{mailbox:?}");
    }
    assert_eq!(client.request("held", ()).await.unwrap(), json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_client_hears_the_names_that_it_accepts_and_its_answers_always() {
    let routes = rooms()
        .route("mixer/level", Controller::send_all(echo))
        .route("decoder/frame", Controller::send_all(echo))
        .route("rooms/<room>/say", Controller::send_to_mailbox(echo).to("rooms/<room>"))
        .route("ask", Controller::silent(echo));
    let server = start(routes);
    let (mut mixer, mut sender, _) = three(&server).await;
    mixer.request("join", "rooms/a").await.unwrap();
    assert_eq!(
        mixer
            .request("switchboard/accept", json!({ "names": ["mixer/*"] }))
            .await
            .unwrap(),
        Value::Null
    );
    sender.send("decoder/frame", 1).await;
    sender.send("rooms/a/say", 2).await;
    sender.send("mixer/level", 3).await;
    assert_eq!(mixer.expect("mixer/level").await, 3);
    mixer.expect_silence().await;
    assert_eq!(mixer.request("ask", 4).await.unwrap(), 4);

    mixer
        .request("switchboard/accept", json!({ "names": [] }))
        .await
        .unwrap();
    sender.send("mixer/level", 5).await;
    mixer.expect_silence().await;
    mixer
        .request("switchboard/accept", json!({ "names": ["*"] }))
        .await
        .unwrap();
    sender.send("decoder/frame", 6).await;
    assert_eq!(mixer.expect("decoder/frame").await, 6);

    for names in [
        json!(["a//b"]),
        json!(["*/x"]),
        json!("mixer/*"),
        json!([1]),
        json!(null),
    ] {
        let error = mixer
            .request("switchboard/accept", json!({ "names": names }))
            .await
            .unwrap_err();
        assert_eq!(error.code(), "bad_payload", "{names}");
    }
    sender.send("decoder/frame", 7).await;
    assert_eq!(mixer.expect("decoder/frame").await, 7, "a refused set changes nothing");
}

#[tokio::test(start_paused = true)]
async fn accept_takes_effect_in_its_turn() {
    let server = start(Routes::new().route("all", Controller::send_all(echo)));
    let mut client = server.connect().await;
    client.send("all", 1).await;
    client.send("switchboard/accept", json!({ "names": [] })).await;
    client.send("all", 2).await;
    client.send("switchboard/accept", json!({ "names": ["all"] })).await;
    client.send("all", 3).await;
    assert_eq!(client.expect("all").await, 1);
    assert_eq!(client.expect("all").await, 3);
    client.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_goes_to_the_sender_alone() {
    let routes = Routes::new().route(
        "say",
        Controller::send_all(|()| Err::<i32, _>(Error::new("no", "not today"))),
    );
    let server = start(routes);
    let (mut sender, mut other, _) = three(&server).await;
    assert_eq!(sender.request("say", ()).await.unwrap_err().code(), "no");
    other.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_returned_is_heard_by_nobody() {
    let routes = Routes::new()
        .route("unit", Controller::send_all(|()| ()))
        .route("none", Controller::send_all(|()| None::<i32>))
        .route("null", Controller::send_all(|()| Value::Null));
    let server = start(routes);
    let (mut sender, mut other, _) = three(&server).await;
    for name in ["unit", "none"] {
        assert_eq!(sender.request_frames(name, ()).await[0].receipt.unwrap().delivered, 0);
    }
    other.expect_silence().await;
    sender.send("null", ()).await;
    assert_eq!(other.receive_text().await, r#"{"name":"null","payload":null}"#);
}

#[tokio::test(start_paused = true)]
async fn a_returned_message_keeps_its_name_and_payload_and_not_its_uid() {
    let routes = Routes::new()
        .route("forward", Controller::send_all(|message: Message| message))
        .route(
            "rename",
            Controller::send_all(|message: Message| message.with_name("renamed")),
        );
    let server = start(routes);
    let (mut sender, mut other, _) = three(&server).await;
    sender
        .send_raw(r#"{"name":"forward","uid":1,"payload":{"a": 1.50}}"#)
        .await;
    assert_eq!(
        other.receive_text().await,
        r#"{"name":"forward","payload":{"a": 1.50}}"#
    );
    sender.send_raw(r#"{"name":"rename"}"#).await;
    assert_eq!(
        other.receive_text().await,
        r#"{"name":"renamed"}"#,
        "an absent payload stays absent"
    );
}

#[tokio::test(start_paused = true)]
async fn formats_meet() {
    let routes = Routes::new()
        .route(
            "forward",
            Controller::send_all(|message: Message| message).except_sender(),
        )
        .route(
            "bytes",
            Controller::send_all(|()| switchboard::Binary::from(vec![1, 2, 255])),
        );
    let server = start(routes);
    let mut json = server.connect().await;
    let mut packed = server.connect_message_pack().await;
    json.send("forward", json!({ "n": 1, "list": [true, null, "x"] })).await;
    assert_eq!(
        packed.expect("forward").await,
        json!({ "n": 1, "list": [true, null, "x"] })
    );
    packed.send("forward", json!({ "n": 1.5 })).await;
    assert_eq!(json.expect("forward").await, json!({ "n": 1.5 }));
    json.send("bytes", ()).await;
    assert_eq!(json.receive_text().await, r#"{"name":"bytes","payload":"AQL/"}"#);
    let frame = packed.expect_frame().await;
    let bytes: switchboard::Binary = frame.payload.unwrap().decode().unwrap();
    assert_eq!(&bytes[..], [1, 2, 255]);
}

#[tokio::test(start_paused = true)]
async fn a_background_task_sends_and_asks_through_the_switchboard() {
    let server = start(rooms());
    let (mut a, mut b, _c) = three(&server).await;
    a.request("join", "rooms/a").await.unwrap();
    b.request("join", "rooms/a").await.unwrap();
    let switchboard = server.switchboard();
    let room = Mailbox::new("rooms/a");
    assert_eq!(switchboard.count_holders(&room).await, 2);
    assert_eq!(switchboard.count_mailboxes().await, 1);
    while switchboard.count().await < 3 {
        tokio::task::yield_now().await;
    }
    let sent = switchboard.send_to_mailbox(room.clone(), "news", &1).unwrap();
    assert_eq!((sent.delivered, sent.dropped), (2, 0));
    assert_eq!((a.expect("news").await, b.expect("news").await), (json!(1), json!(1)));
    let first = &switchboard.holders(&room).await[0];
    assert_eq!(switchboard.except(first).send_all("news", &2).unwrap().delivered, 2);
    assert_eq!(first.send("direct", &3).unwrap().delivered, 1);
    assert_eq!(switchboard.client(first.id()).as_ref(), Some(first));

    a.close().await;
    b.close().await;
    while switchboard.count_mailboxes().await > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        switchboard.count_holders(&room).await,
        0,
        "nothing is left of a mailbox that nobody holds"
    );
}
