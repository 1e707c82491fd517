//! The test vectors of docs/protocol/, against the client: the server and the browser's client run the same files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use common::script::{Peer, Script};
use common::{state, within};
use serde_json::{Value, json};
use switchboard::wire::native::MessagePack;
use switchboard::wire::websocket::{Decoder, DecoderLimits, Event, Input, Role, encode_binary, encode_close};
use switchboard::wire::{CloseCode, Dialect, Formats, ReadLimits, Unit};
use switchboard_client::{
    Binary, Client, Delivery, Framing, Message, Outcome, RawPayload, Receipt, Report, RequestError, State, Subscription,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn vectors(file: &str) -> Value {
    let path = format!("{}/../../docs/protocol/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn list<'v>(vectors: &'v Value, key: &str) -> &'v [Value] {
    vectors[key].as_array().unwrap()
}

/// A client that hears all, with a server that says what it is told to.
struct Stage {
    client: Client,
    heard: Subscription,
    complaints: Arc<Mutex<Vec<String>>>,
    peer: Peer,
    _script: Script,
}

impl Stage {
    async fn new() -> Self {
        let (mut script, builder) = Script::lines();
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&complaints);
        let client = builder
            .on_report(move |report| {
                if let Report::Complaint { error, .. } = report {
                    told.lock().unwrap().push(error.code().to_owned());
                }
            })
            .connect()
            .unwrap();
        let heard = client.on("*").unwrap();
        let peer = script.peer().await;
        Self {
            client,
            heard,
            complaints,
            peer,
            _script: script,
        }
    }

    /// Says a line, and one behind it, whose delivery shows that the first has been read.
    async fn say(&mut self, text: &str) {
        let lines = format!("{text}\r\n{{\"name\":\"end/of/it\"}}\r\n");
        self.peer.writer.write_all(lines.as_bytes()).await.unwrap();
    }

    /// What was heard before that one.
    async fn heard(&mut self) -> Vec<(String, Option<Value>)> {
        let mut heard = Vec::new();
        loop {
            let delivery = within(self.heard.next()).await.unwrap().unwrap();
            if delivery.name() == "end/of/it" {
                return heard;
            }
            let payload = delivery.payload().map(|payload| payload.decode().unwrap());
            heard.push((delivery.name().to_owned(), payload));
        }
    }

    fn malformed(&self) -> u64 {
        self.client.counters().malformed.get()
    }
}

#[tokio::test]
async fn frames_do_what_they_say() {
    let frames = vectors("frames.json");
    for vector in list(&frames, "written").iter().chain(list(&frames, "read")) {
        let text = vector["json"].as_str().unwrap();
        let frame: Value = serde_json::from_str(text).unwrap();
        let mut stage = Stage::new().await;
        let mut answers = stage.client.request_stream::<Value>("ask", &1);
        let uid = stage.peer.next().await.unwrap()["uid"].clone();
        // The uid of a request is the client's to choose.
        assert_eq!(uid, 1, "the first request has the uid that the vectors have");
        stage.say(text).await;
        let heard = stage.heard().await;
        let kind = vector["kind"].as_str().unwrap();
        let complaints = stage.complaints.lock().unwrap().clone();
        assert_eq!(stage.malformed(), 0, "{text}");
        let own = (
            frame["name"].as_str().unwrap_or_default().to_owned(),
            frame.get("payload").cloned(),
        );
        assert_eq!(heard, if kind == "delivery" { vec![own] } else { vec![] }, "{text}");
        let is_settled = stage.client.open_requests() == 0;
        assert_eq!(is_settled, ["answer", "done", "error"].contains(&kind), "{text}");
        match kind {
            "answer" | "part" => assert_eq!(
                within(answers.next()).await.unwrap().unwrap(),
                frame["payload"],
                "{text}"
            ),
            "done" => assert!(within(answers.next()).await.is_none(), "{text}"),
            "error" | "partial error" => {
                let Some(Err(RequestError::Failed(error))) = within(answers.next()).await else {
                    panic!("{text}: no error")
                };
                assert_eq!(error.code(), frame["error"]["code"], "{text}");
                assert_eq!(error.message(), frame["error"]["message"], "{text}");
                assert_eq!(error.details(), frame["error"].get("details"), "{text}");
            }
            "report" => assert_eq!(complaints, [frame["error"]["code"].as_str().unwrap()], "{text}"),
            "delivery" => {}
            other => panic!("a kind that nobody knows: {other}"),
        }
        assert_eq!(complaints.is_empty(), kind != "report", "{text}");
    }
}

#[tokio::test]
async fn what_is_no_frame_is_counted_and_passed_over() {
    for unit in list(&vectors("frames.json"), "invalid") {
        let mut stage = Stage::new().await;
        stage.say(unit.as_str().unwrap()).await;
        assert_eq!(stage.heard().await, [], "{unit}");
        assert_eq!(stage.malformed(), 1, "{unit}");
    }
}

#[tokio::test(start_paused = true)]
async fn close_codes_say_whether_to_come_back() {
    for code in list(&vectors("close-codes.json"), "codes") {
        let number = u16::try_from(code["code"].as_u64().unwrap()).unwrap();
        // These are never on the wire.
        if [1005, 1006].contains(&number) {
            let should = CloseCode::new(number).should_reconnect();
            assert_eq!(should, code["reconnect"], "{number}");
            continue;
        }
        let (mut script, builder) = Script::new(Framing::WebSocket, 1024);
        let client = builder.connect().unwrap();
        let mut stream = script.stream().await;
        state(&client, State::is_connected).await;
        let mut frame = Vec::new();
        encode_close(CloseCode::new(number), "", None, &mut frame);
        stream.write_all(&frame).await.unwrap();
        let after = state(&client, |state| !state.is_connected()).await;
        let comes_back = matches!(after, State::Waiting { .. } | State::Connecting);
        assert_eq!(comes_back, code["reconnect"], "{number}: {after:?}");
    }
}

#[tokio::test]
async fn patterns_hear_what_they_say() {
    let names = vectors("names.json");
    for pattern in list(&names, "patterns") {
        let mut stage = Stage::new().await;
        let text = pattern["pattern"].as_str().unwrap();
        let mut heard = stage.client.on(text).unwrap();
        let mut end = stage.client.on("end/of/it").unwrap();
        for name in list(pattern, "refuses").iter().chain(list(pattern, "accepts")) {
            let line = serde_json::json!({"name": name, "payload": 1});
            stage.peer.say(&line).await;
        }
        stage.say(r#"{"name":"before/the/end"}"#).await;
        within(end.next()).await.unwrap().unwrap();
        for name in list(pattern, "accepts") {
            let delivery = within(heard.next()).await.unwrap().unwrap();
            assert_eq!(delivery.name(), name.as_str().unwrap(), "{text}");
        }
    }
    let (_script, builder) = Script::lines();
    let client = builder.connect().unwrap();
    for text in list(&names, "no_patterns") {
        assert!(client.on(text.as_str().unwrap()).is_err(), "{text}");
    }
}

#[tokio::test]
async fn what_the_client_sends_means_what_was_said() {
    for vector in list(&vectors("messages.json"), "valid") {
        let mut means = vector["means"].clone();
        let mut stage = Stage::new().await;
        let name = means["name"].as_str().unwrap().to_owned();
        let payload = means.get("payload").cloned();
        let client = &stage.client;
        let (mut asked, mut receipted) = (None, None);
        match (means.get("uid").is_some(), means.get("receipt").is_some()) {
            (true, true) => receipted = Some(client.request_with_receipt::<Value>(&name, &payload)),
            (true, false) => asked = Some(client.request::<Value>(&name, &payload)),
            (false, _) => {
                let payload = payload.map(|payload| RawPayload::encode(&payload, Formats::JSON).unwrap());
                client.send_message(Message::new(&*name).with_payload(payload)).unwrap();
            }
        }
        // The uid of a request is the client's to choose.
        if let Some(uid) = means.get_mut("uid") {
            *uid = json!(1);
        }
        assert_eq!(stage.peer.next().await.unwrap(), means);
        drop((asked, receipted));
    }
}

/// What a request comes to, whichever way it was asked.
type Asked = Pin<Box<dyn Future<Output = (Result<Value, RequestError>, Option<Receipt>)> + Send>>;

#[tokio::test]
async fn conversations_go_as_they_are_written_down() {
    for vector in list(&vectors("conversations.json"), "conversations") {
        let about = &vector["about"];
        let mut stage = Stage::new().await;
        // By the uid of the vector: the request, its uid here, and its first answer.
        let mut open: HashMap<String, (Asked, Value, Option<Value>)> = HashMap::new();
        for step in list(vector, "steps") {
            if let Some(said) = step.get("send") {
                let (name, payload) = (said["name"].as_str().unwrap(), said.get("payload"));
                if said.get("uid").is_none() {
                    stage.client.send(name, &payload).unwrap();
                    assert_eq!(stage.peer.next().await.unwrap(), *said, "{about}");
                    continue;
                }
                let asked = ask(&stage.client, name, payload, said.get("receipt").is_some());
                let mut sent = stage.peer.next().await.unwrap();
                let uid = std::mem::replace(&mut sent["uid"], said["uid"].clone());
                assert_eq!(sent, *said, "{about}");
                open.insert(said["uid"].to_string(), (asked, uid, None));
                continue;
            }
            let mut frame = step["receive"].clone();
            if let Some(error) = frame.get_mut("error") {
                error["message"] = json!("for people");
            }
            let Some(mut request) = frame.get("uid").and_then(|uid| open.remove(&uid.to_string())) else {
                stage.say(&frame.to_string()).await;
                let own = (
                    frame["name"].as_str().unwrap().to_owned(),
                    frame.get("payload").cloned(),
                );
                let is_error = frame.get("error").is_some();
                assert_eq!(
                    stage.heard().await,
                    if is_error { vec![] } else { vec![own] },
                    "{about}"
                );
                let complaints = std::mem::take(&mut *stage.complaints.lock().unwrap());
                assert_eq!(complaints.len(), usize::from(is_error), "{about}");
                continue;
            };
            let uid = std::mem::replace(&mut frame["uid"], request.1.clone());
            stage.say(&frame.to_string()).await;
            assert_eq!(stage.heard().await, [], "{about}");
            request.2 = request.2.or(frame.get("payload").cloned());
            if frame.get("more").is_some() {
                open.insert(uid.to_string(), request);
                continue;
            }
            let (asked, _, answer) = request;
            let (result, receipt) = within(asked).await;
            match result {
                Err(RequestError::Failed(error)) => assert_eq!(error.code(), frame["error"]["code"], "{about}"),
                Err(error) => panic!("{about}: {error}"),
                Ok(value) => {
                    assert!(frame.get("error").is_none(), "{about}");
                    assert!(answer.is_none_or(|answer| answer == value), "{about}: {value}");
                }
            }
            let matched = receipt.map(|receipt| receipt.matched.into());
            assert_eq!(
                matched,
                frame.get("receipt").map(|receipt| receipt["matched"].clone()),
                "{about}"
            );
        }
        assert_eq!(
            (stage.client.open_requests(), stage.client.counters().late.get()),
            (0, 0),
            "{about}"
        );
        assert_eq!(stage.malformed(), 0, "{about}");
    }
}

fn ask(client: &Client, name: &str, payload: Option<&Value>, receipt: bool) -> Asked {
    if receipt {
        let asked = client.request_with_receipt::<Value>(name, &payload);
        Box::pin(async {
            let Outcome { result, receipt } = asked.await;
            (result, receipt)
        })
    } else {
        let asked = client.request::<Value>(name, &payload);
        Box::pin(async { (asked.await, None) })
    }
}

/// The payload as a client in JSON would have it.
fn in_json(delivery: &Delivery) -> Value {
    let json = delivery.payload().unwrap().clone().with_formats(Formats::JSON).unwrap();
    serde_json::from_str(json.json().unwrap()).unwrap()
}

#[tokio::test]
async fn values_in_message_pack() {
    let vectors = vectors("msgpack.json");
    let (mut script, builder) = Script::new(Framing::WebSocket, 64 << 10);
    let client = builder.message_pack().connect().unwrap();
    let mut heard = client.on("v").unwrap();
    let mut stream = script.stream().await;

    for vector in list(&vectors, "written")
        .iter()
        .filter(|vector| !vector["json"].is_null())
    {
        client.send("v", &vector["json"]).unwrap();
        let mut bytes = vec![0; 1024];
        let read = within(stream.read(&mut bytes)).await.unwrap();
        let (mut input, mut decoder) = (Input::new(&mut bytes[..read]), Decoder::new(Role::Server));
        let event = decoder.next(&mut input, &DecoderLimits::with_message(1024)).unwrap();
        let Some(Event::Binary(unit)) = event else {
            panic!("{vector}: {event:?}")
        };
        let read = MessagePack.read(Unit::Binary(unit), &ReadLimits { depth: 64 }).unwrap();
        let payload = read.message.payload().unwrap();
        assert_eq!(payload.message_pack().unwrap(), hex(&vector["hex"]), "{vector}");
    }
    for vector in list(&vectors, "written").iter().chain(list(&vectors, "read")) {
        stream.write_all(&delivery(&hex(&vector["hex"]))).await.unwrap();
        let delivery = within(heard.next()).await.unwrap().unwrap();
        // Where keys that are numbers are strings: serde_json's own `Value` takes no other.
        assert_eq!(in_json(&delivery), vector["json"], "{vector}");
    }
    for vector in list(&vectors, "bin") {
        stream.write_all(&delivery(&hex(&vector["hex"]))).await.unwrap();
        let delivery = within(heard.next()).await.unwrap().unwrap();
        assert!(delivery.decode::<Binary>().is_ok(), "{vector}");
        assert_eq!(in_json(&delivery), vector["base64"], "{vector}");
    }
    for (n, bytes) in list(&vectors, "invalid").iter().enumerate() {
        stream.write_all(&delivery(&hex(bytes))).await.unwrap();
        stream.write_all(&delivery(&[0xC3])).await.unwrap();
        let behind: bool = within(heard.next()).await.unwrap().unwrap().decode().unwrap();
        assert!(behind && client.counters().malformed.get() == n as u64 + 1, "{bytes}");
    }
}

/// A frame with a delivery of this value.
fn delivery(value: &[u8]) -> Vec<u8> {
    let unit = [b"\x82\xa4name\xa1v\xa7payload", value].concat();
    let mut frame = Vec::new();
    encode_binary(&unit, None, &mut frame);
    frame
}

fn hex(digits: &Value) -> Vec<u8> {
    let digits = digits.as_str().unwrap().as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
