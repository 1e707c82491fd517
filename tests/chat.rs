//! What the chat promises, as its clients see it.

#[path = "../examples/chat/controllers.rs"]
mod controllers;

use serde_json::{Value, json};
use switchboard::Error;
use switchboard::testing::{TestClient, TestServer};

#[tokio::test(start_paused = true)]
async fn login_answers_with_an_id_and_the_name_without_the_blanks_around_it() {
    let server = start();
    let mut ada = server.connect().await;
    let account = ada
        .request("accounts/login", json!({ "name": "  Ada Lovelace " }))
        .await
        .unwrap();
    assert_eq!(account["name"], "Ada Lovelace");
    assert_eq!(account["id"].as_str().map(str::len), Some(32), "{account}");
    assert_eq!(account.as_object().map(serde_json::Map::len), Some(2), "{account}");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_taken_while_its_owner_is_there_however_it_is_spelled() {
    let server = start();
    let mut ada = enter(&server, "Ada").await;
    let mut other = server.connect().await;
    for name in ["Ada", "ADA", " ada "] {
        assert_eq!(code(login(&mut other, name).await), "name_taken", "{name}");
    }
    assert!(login(&mut ada, "Ada").await.is_ok(), "the owner may say it again");
    assert_eq!(code(login(&mut ada, "Grace").await), "forbidden");
    assert!(login(&mut other, "Grace").await.is_ok(), "a refused name is free");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_free_again_when_its_owner_is_gone() {
    let server = start();
    let mut ada = enter_room(&server, "Ada", "lobby").await;
    let bob = enter_room(&server, "Bob", "lobby").await;
    ada.expect("rooms/lobby/joined").await;
    bob.close().await;
    ada.expect("rooms/lobby/left").await;
    let mut other = server.connect().await;
    assert!(login(&mut other, "Bob").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn names_that_cannot_be_seen_or_are_too_long_are_bad() {
    let server = start();
    let mut client = server.connect().await;
    let longest = "ä".repeat(32);
    for name in [
        "",
        "   ",
        &"ä".repeat(33),
        "a\nb",
        "a\u{0}b",
        "a\u{200b}b",
        "a\u{202e}b",
        "a\tb",
    ] {
        assert_eq!(code(login(&mut client, name).await), "bad_name", "{name:?}");
    }
    assert_eq!(code(client.request("accounts/login", json!({})).await), "bad_payload");
    assert_eq!(
        code(client.request("accounts/login", json!({ "name": 7 })).await),
        "bad_payload"
    );
    assert!(login(&mut client, &longest).await.is_ok(), "32 characters are allowed");
}

#[tokio::test(start_paused = true)]
async fn without_login_everything_else_is_unauthenticated() {
    let server = start();
    let mut stranger = server.connect().await;
    let names = [
        "rooms/lobby/join",
        "rooms/lobby/leave",
        "rooms/lobby/say",
        "rooms/lobby/typing",
        "messages/private",
        "messages/broadcast",
    ];
    for name in names {
        assert_eq!(
            code(stranger.request(name, json!({ "to": "Ada", "text": "hello" })).await),
            "unauthenticated",
            "{name}"
        );
        assert_eq!(
            code(stranger.request(name, json!("nonsense")).await),
            "unauthenticated",
            "{name}"
        );
    }
    let refused = login(&mut stranger, "").await;
    assert_eq!(code(refused), "bad_name");
    assert_eq!(
        code(stranger.request("rooms/lobby/join", json!({})).await),
        "unauthenticated"
    );
}

#[tokio::test(start_paused = true)]
async fn who_joins_is_told_who_is_there_and_the_others_are_told_once() {
    let server = start();
    let mut ada = enter(&server, "Ada").await;
    let mut bob = enter(&server, "Bob").await;
    let mut outside = enter(&server, "Outside").await;

    let room = ada.request("rooms/lobby/join", ()).await.unwrap();
    assert_eq!(room, json!({ "room": "lobby", "members": ["Ada"] }));
    let room = bob.request("rooms/lobby/join", ()).await.unwrap();
    assert_eq!(room, json!({ "room": "lobby", "members": ["Ada", "Bob"] }));
    assert_eq!(ada.expect("rooms/lobby/joined").await, json!({ "name": "Bob" }));

    let again = bob.request("rooms/lobby/join", ()).await.unwrap();
    assert_eq!(again, room);
    for client in [&mut ada, &mut bob, &mut outside] {
        client.expect_silence().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_join_at_once_each_hears_of_the_other() {
    const MEMBERS: usize = 12;
    let server = start();
    let mut entering = Vec::new();
    for n in 0..MEMBERS {
        let mut client = enter(&server, &format!("m{n:02}")).await;
        entering.push(tokio::spawn(async move {
            let room = client.request("rooms/lobby/join", ()).await.unwrap();
            (client, room)
        }));
    }
    for entered in entering {
        let (mut client, room) = entered.await.unwrap();
        let mut known: Vec<String> = serde_json::from_value(room["members"].clone()).unwrap();
        while known.len() < MEMBERS {
            let joined = client.expect("rooms/lobby/joined").await;
            let name = joined["name"].as_str().unwrap().to_owned();
            if !known.contains(&name) {
                known.push(name);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_announced_and_hears_no_more_of_the_room() {
    let server = start();
    let mut ada = enter_room(&server, "Ada", "lobby").await;
    let mut bob = enter_room(&server, "Bob", "lobby").await;
    ada.expect("rooms/lobby/joined").await;

    assert_eq!(bob.request("rooms/lobby/leave", ()).await.unwrap(), Value::Null);
    assert_eq!(ada.expect("rooms/lobby/left").await, json!({ "name": "Bob" }));
    ada.request("rooms/lobby/say", json!({ "text": "gone?" }))
        .await
        .unwrap();
    bob.expect_silence().await;
    assert_eq!(
        code(bob.request("rooms/lobby/leave", ()).await),
        "forbidden",
        "one leaves once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_member_that_disconnects_leaves_all_its_rooms() {
    let server = start();
    let mut ada = enter_room(&server, "Ada", "lobby").await;
    let mut eve = enter_room(&server, "Eve", "attic").await;
    let mut bob = enter_room(&server, "Bob", "lobby").await;
    bob.request("rooms/attic/join", ()).await.unwrap();
    ada.expect("rooms/lobby/joined").await;
    eve.expect("rooms/attic/joined").await;

    drop(bob);
    assert_eq!(ada.expect("rooms/lobby/left").await, json!({ "name": "Bob" }));
    assert_eq!(eve.expect("rooms/attic/left").await, json!({ "name": "Bob" }));
    let room = ada.request("rooms/lobby/join", ()).await.unwrap();
    assert_eq!(room["members"], json!(["Ada"]));
    ada.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_line_reaches_everyone_in_the_room_and_nobody_else() {
    let server = start();
    let mut ada = enter_room(&server, "Ada", "lobby").await;
    let mut bob = enter_room(&server, "Bob", "lobby").await;
    let mut eve = enter_room(&server, "Eve", "attic").await;
    ada.expect("rooms/lobby/joined").await;

    let answer = bob
        .request("rooms/lobby/say", json!({ "text": "<b>hello</b> ☎" }))
        .await
        .unwrap();
    assert_eq!(
        answer,
        Value::Null,
        "what is said comes as a delivery, to its author too"
    );
    for client in [&mut ada, &mut bob] {
        let frame = client.expect_frame().await;
        assert_eq!(frame.mailbox.as_deref(), Some("rooms/lobby"));
        assert_eq!(frame.name.as_deref(), Some("rooms/lobby/say"));
        let said: Value = frame.payload.unwrap().decode().unwrap();
        assert_eq!(said, json!({ "from": "Bob", "text": "<b>hello</b> ☎" }));
    }
    assert_eq!(
        code(eve.request("rooms/lobby/say", json!({ "text": "let me in" })).await),
        "forbidden"
    );
    for client in [&mut ada, &mut bob, &mut eve] {
        client.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn typing_is_shown_to_the_others_in_the_room() {
    let server = start();
    let mut ada = enter_room(&server, "Ada", "lobby").await;
    let mut bob = enter_room(&server, "Bob", "lobby").await;
    ada.expect("rooms/lobby/joined").await;
    let mut eve = enter(&server, "Eve").await;

    bob.send("rooms/lobby/typing", ()).await;
    assert_eq!(ada.expect("rooms/lobby/typing").await, json!({ "from": "Bob" }));
    bob.expect_silence().await;
    assert_eq!(code(eve.request("rooms/lobby/typing", ()).await), "forbidden");
    ada.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_private_message_reaches_its_addressee_alone() {
    let server = start();
    let mut ada = enter_room(&server, "Ada", "lobby").await;
    let mut bob = enter_room(&server, "Bob", "lobby").await;
    ada.expect("rooms/lobby/joined").await;
    let mut eve = enter_room(&server, "Eve", "lobby").await;
    ada.expect("rooms/lobby/joined").await;
    bob.expect("rooms/lobby/joined").await;

    let answer = ada
        .request("messages/private", json!({ "to": "bob", "text": "psst" }))
        .await
        .unwrap();
    assert_eq!(answer, Value::Null);
    assert_eq!(
        bob.expect("messages/private").await,
        json!({ "from": "Ada", "text": "psst" })
    );
    assert_eq!(
        code(
            ada.request("messages/private", json!({ "to": "Nobody", "text": "psst" }))
                .await
        ),
        "no_such_user"
    );
    for client in [&mut ada, &mut bob, &mut eve] {
        client.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_reaches_everyone() {
    let server = start();
    let mut ada = enter_room(&server, "Ada", "lobby").await;
    let mut bob = enter_room(&server, "Bob", "attic").await;
    let mut stranger = server.connect().await;

    ada.request("messages/broadcast", json!({ "text": "closing" }))
        .await
        .unwrap();
    for client in [&mut ada, &mut bob, &mut stranger] {
        assert_eq!(
            client.expect("messages/broadcast").await,
            json!({ "from": "Ada", "text": "closing" })
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_says_something_and_not_too_much() {
    let server = start();
    let mut ada = enter_room(&server, "Ada", "lobby").await;
    for name in ["rooms/lobby/say", "messages/broadcast", "messages/private"] {
        for text in [
            json!(""),
            json!(" \n "),
            json!("x".repeat(2_001)),
            json!(7),
            Value::Null,
        ] {
            let error = ada
                .request(name, json!({ "to": "Ada", "text": text }))
                .await
                .unwrap_err();
            assert_eq!(error.code(), "bad_payload", "{name} {text}");
            assert!(error.message().contains("text"), "{error}");
        }
        ada.expect_silence().await;
        ada.request(name, json!({ "to": "Ada", "text": "☎".repeat(2_000) }))
            .await
            .unwrap();
        ada.expect(name).await;
    }
}

fn start() -> TestServer {
    TestServer::start(controllers::server()).expect("the example starts")
}

async fn login(client: &mut TestClient, name: &str) -> Result<Value, Error> {
    client.request("accounts/login", json!({ "name": name })).await
}

async fn enter(server: &TestServer, name: &str) -> TestClient {
    let mut client = server.connect().await;
    login(&mut client, name).await.expect("this is allowed");
    client
}

async fn enter_room(server: &TestServer, name: &str, room: &str) -> TestClient {
    let mut client = enter(server, name).await;
    client
        .request(&format!("rooms/{room}/join"), ())
        .await
        .expect("this is allowed");
    client
}

fn code(result: Result<Value, Error>) -> String {
    result.expect_err("this should have failed").code().to_owned()
}
