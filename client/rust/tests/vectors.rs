//! The test vectors of docs/protocol/, against the client: the server and the browser's client run the same files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::sync::{Arc, Mutex};

use common::script::{Peer, Script};
use common::{state, within};
use serde_json::Value;
use switchboard::wire::CloseCode;
use switchboard::wire::websocket::encode_close;
use switchboard_client::{Client, Framing, Report, RequestError, State, Subscription};
use tokio::io::AsyncWriteExt;

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
