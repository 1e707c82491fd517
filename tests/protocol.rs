//! The test vectors of docs/protocol/, against the server: what it reads, what it writes, and what it says to what.
//! The browser's client runs the same files (client/javascript/tests/protocol.test.js).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use futures_util::stream;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};
use switchboard::wire::native::{Json, MessagePack, ServerFrame};
use switchboard::wire::{Dialect, End, Format, Formats, Frame, ReadLimits, Receipt, Ticket, Unit};
use switchboard::{CloseCode, RawPayload, Uid};

/// The vectors of one kind.
fn vectors<T: DeserializeOwned>(file: &str, kind: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol").join(file);
    let mut all: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let vectors: Vec<T> = serde_json::from_value(all[kind].take()).unwrap();
    assert!(!vectors.is_empty(), "{} has no {kind}", path.display());
    vectors
}

fn field<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap_or_else(|| panic!("{key} of {vector}"))
}

fn server() -> TestServer {
    let routes = Routes::new()
        .route("echo", Controller::silent(|message: Message| message))
        .route("nothing", Controller::silent(|()| ()))
        .route("count", Controller::silent(|()| Replies(stream::iter([1, 2]))))
        .route("shout", Controller::send_all(|message: Message| message))
        .route("forever", Controller::silent(|()| Replies(stream::pending::<u8>())));
    TestServer::start(Server::empty().routes(routes)).unwrap()
}

#[test]
fn messages_mean_what_they_say() {
    for vector in vectors::<Value>("messages.json", "valid") {
        let unit = field(&vector, "unit");
        let read = Json.read(Unit::Text(unit), &ReadLimits { depth: 64 }).unwrap();
        let mut means = Map::new();
        means.insert("name".to_owned(), read.message.name().into());
        if let Some(uid) = read.ticket.uid() {
            means.insert("uid".to_owned(), self::uid(uid));
        }
        if read.ticket.wants_receipt() {
            means.insert("receipt".to_owned(), true.into());
        }
        if let Some(payload) = read.message.payload() {
            means.insert("payload".to_owned(), payload.decode().unwrap());
        }
        assert_eq!(Value::Object(means), vector["means"], "{unit}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_is_answered() {
    let server = server();
    for vector in vectors::<Value>("messages.json", "invalid") {
        let unit = field(&vector, "unit");
        let mut client = server.connect().await;
        client.send_raw(unit).await;
        let mut answer = spoken(&client.receive_raw().await, Format::Json);
        let error = answer.as_object_mut().unwrap().remove("error").unwrap();
        assert_eq!(error["code"], "bad_message", "{unit}");
        assert_eq!(answer, vector["answer"], "{unit}");
        assert_eq!(client.request("echo", 1).await.unwrap(), 1, "the connection lives on");
    }
}

#[test]
fn frames_are_written_and_read_as_they_stand() {
    for vector in vectors::<Value>("frames.json", "written") {
        let (text, bytes) = (field(&vector, "json"), hex(field(&vector, "msgpack")));
        let frame = ServerFrame::parse(Unit::Text(text)).unwrap();
        assert_eq!(kind(&frame), vector["kind"], "{text}");
        assert_eq!(written(&frame, &Json), text.as_bytes(), "{text}");
        let frame = ServerFrame::parse(Unit::Binary(&bytes)).unwrap();
        assert_eq!(kind(&frame), vector["kind"], "{text}");
        assert_eq!(written(&frame, &MessagePack), bytes, "{text}");
    }
}

#[test]
fn frames_are_read_in_other_forms_and_rubbish_is_not() {
    for vector in vectors::<Value>("frames.json", "read") {
        let frame = ServerFrame::parse(Unit::Text(field(&vector, "json"))).unwrap();
        assert_eq!(kind(&frame), vector["kind"], "{vector}");
    }
    for unit in vectors::<String>("frames.json", "invalid") {
        assert!(ServerFrame::parse(Unit::Text(&unit)).is_err(), "{unit}");
    }
}

#[test]
fn close_codes_say_whether_to_come_back() {
    for vector in vectors::<Value>("close-codes.json", "codes") {
        let code = u16::try_from(vector["code"].as_u64().unwrap()).unwrap();
        assert_eq!(CloseCode::new(code).should_reconnect(), vector["reconnect"], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_are_names_and_others_are_not() {
    let server = server();
    for (kind, expected) in [("valid", "not_found"), ("invalid", "bad_message")] {
        for name in vectors::<String>("names.json", kind) {
            let mut client = server.connect().await;
            let error = client.request(&name, ()).await.unwrap_err();
            assert_eq!(error.code(), expected, "{name:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn patterns_let_through_what_they_say() {
    let server = server();
    for vector in vectors::<Value>("names.json", "patterns") {
        let mut client = server.connect().await;
        let accepted = json!({"names": [vector["pattern"]]});
        client.request("switchboard/accept", accepted).await.unwrap();
        let names = |key: &str| -> Vec<String> { serde_json::from_value(vector[key].clone()).unwrap() };
        for name in names("refuses").into_iter().chain(names("accepts")) {
            server.switchboard().send_all(name, &1).unwrap();
        }
        for name in names("accepts") {
            assert_eq!(client.expect_next().await.name.as_deref(), Some(&*name), "{vector}");
        }
        client.expect_silence().await;
    }
    let mut client = server.connect().await;
    for pattern in vectors::<String>("names.json", "no_patterns") {
        let accepted = client.request("switchboard/accept", json!({"names": [pattern]})).await;
        assert_eq!(accepted.unwrap_err().code(), "bad_payload", "{pattern:?}");
    }
}

#[test]
fn values_in_message_pack() {
    let message_pack = |bytes: Vec<u8>| RawPayload::from_message_pack(bytes.into());
    for vector in vectors::<Value>("msgpack.json", "written") {
        let payload = RawPayload::encode(&vector["json"], Formats::MESSAGE_PACK).unwrap();
        assert_eq!(payload.message_pack().unwrap(), hex(field(&vector, "hex")), "{vector}");
    }
    for kind in ["written", "read"] {
        for vector in vectors::<Value>("msgpack.json", kind) {
            let payload = message_pack(hex(field(&vector, "hex"))).unwrap();
            let text = payload.with_formats(Formats::JSON).unwrap();
            let value: Value = serde_json::from_str(text.json().unwrap()).unwrap();
            assert_eq!(value, vector["json"], "{vector}");
        }
    }
    for vector in vectors::<Value>("msgpack.json", "bin") {
        let payload = message_pack(hex(field(&vector, "hex"))).unwrap();
        let text = payload.with_formats(Formats::JSON).unwrap();
        assert_eq!(text.json().unwrap(), format!("{}", vector["base64"]), "{vector}");
    }
    for bytes in vectors::<String>("msgpack.json", "invalid") {
        assert!(message_pack(hex(&bytes)).is_err(), "{bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn conversations_go_as_they_are_written_down() {
    let server = server();
    for vector in vectors::<Value>("conversations.json", "conversations") {
        converse(&mut server.connect().await, Format::Json, &vector).await;
        converse(&mut server.connect_message_pack().await, Format::MessagePack, &vector).await;
    }
}

async fn converse(client: &mut TestClient, format: Format, conversation: &Value) {
    let about = field(conversation, "about");
    for step in conversation["steps"].as_array().unwrap() {
        if let Some(message) = step.get("send") {
            let unit = RawPayload::encode(message, Formats::from(format)).unwrap();
            match format {
                Format::Json => client.send_raw(unit.json().unwrap()).await,
                Format::MessagePack => client.send_raw(unit.message_pack().unwrap()).await,
            }
        } else {
            let mut frame = spoken(&client.receive_raw().await, format);
            if let Some(error) = frame.get_mut("error") {
                error.as_object_mut().unwrap().remove("message");
            }
            assert_eq!(frame, step["receive"], "{about}, {format:?}");
        }
    }
    client.expect_silence().await;
}

/// A unit of the server's as a value.
fn spoken(unit: &[u8], format: Format) -> Value {
    let payload = match format {
        Format::Json => RawPayload::from_json(std::str::from_utf8(unit).unwrap().into()),
        Format::MessagePack => RawPayload::from_message_pack(unit.to_vec().into()),
    };
    payload.unwrap().decode().unwrap()
}

fn kind(frame: &ServerFrame) -> &'static str {
    match (&frame.uid, &frame.error, &frame.payload) {
        (None, None, _) => "delivery",
        (None, Some(_), _) => "report",
        (Some(_), None, Some(_)) if frame.more => "part",
        (Some(_), None, Some(_)) => "answer",
        (Some(_), Some(_), _) if frame.more => "partial error",
        (Some(_), Some(_), _) => "error",
        (Some(_), None, None) => "done",
    }
}

/// The bytes that the server writes to say the same.
fn written(frame: &ServerFrame, dialect: &dyn Dialect) -> Vec<u8> {
    let ticket = Ticket::new(frame.uid.clone(), frame.receipt.is_some());
    let name = frame.name.as_deref();
    let receipt: Option<Receipt> = frame.receipt;
    let end = if frame.more { End::More } else { End::Final(receipt) };
    let payload = frame.payload.as_ref();
    let said = match (&frame.error, kind(frame)) {
        (Some(error), _) => Frame::Failed {
            ticket: &ticket,
            name,
            error,
            end,
        },
        (None, "delivery") => Frame::Delivery {
            name: name.unwrap(),
            mailbox: frame.mailbox.as_deref(),
            payload,
        },
        (None, "done") => Frame::Done {
            ticket: &ticket,
            name: name.unwrap(),
            receipt,
        },
        (None, _) => Frame::Answer {
            ticket: &ticket,
            name: name.unwrap(),
            payload,
            end,
        },
    };
    let mut out = Vec::new();
    dialect.write(&said, &mut out).unwrap();
    out
}

fn uid(uid: &Uid) -> Value {
    match uid {
        Uid::Integer(uid) => (*uid).into(),
        Uid::Text(uid) => uid.as_str().into(),
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
