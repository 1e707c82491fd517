//! Peers of every kind of listener, that write and read by hand.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::wire::connection::Stream;
use switchboard::wire::websocket::{Decoder, DecoderLimits, Event, Input, Role, encode_text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How a request comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    WebSocket,
    Lines,
    JsonServer,
    /// HTTP, a request a message.
    Backend,
}

/// What a request comes to, for one who wants a single result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Answer(Value),
    Nothing,
    /// Code and message.
    Failed(String, String),
}

impl Door {
    pub(crate) fn hears_deliveries(self) -> bool {
        matches!(self, Self::WebSocket | Self::Lines)
    }
}

impl Outcome {
    /// Whether it is what is expected; an expected error without a message stands for any.
    pub(crate) fn is_like(&self, expected: &Self) -> bool {
        match (self, expected) {
            (Self::Failed(code, _), Self::Failed(wanted, any)) if any.is_empty() => code == wanted,
            // In JsonServer an object's keys lie beside others, and nothing is an empty object.
            _ => self == expected,
        }
    }
}

/// One connection.
pub(crate) struct Peer {
    door: Door,
    stream: Stream,
    decoder: Decoder,
    /// What was read and is no whole line.
    partial: Vec<u8>,
    /// First answers and errors of requests that are not settled.
    open: HashMap<i64, Outcome>,
    settled: HashMap<i64, Outcome>,
    deliveries: Vec<(String, Value)>,
    uids: i64,
}

impl Peer {
    pub(crate) async fn over(mut stream: Stream, door: Door) -> Self {
        if door == Door::WebSocket {
            shake_hands(&mut stream).await;
        }
        Self {
            door,
            stream,
            decoder: Decoder::new(Role::Client),
            partial: Vec::new(),
            open: HashMap::new(),
            settled: HashMap::new(),
            deliveries: Vec::new(),
            uids: 1_000_000,
        }
    }

    pub(crate) async fn ask(&mut self, name: &str, payload: &Value) -> Outcome {
        self.uids += 1;
        self.start(self.uids, name, payload).await;
        self.outcome(self.uids).await
    }

    pub(crate) async fn start(&mut self, uid: i64, name: &str, payload: &Value) {
        let text = if self.door == Door::JsonServer {
            let (handler, method) = name.split_once('/').unwrap();
            let mut message = payload.clone();
            let entries = message.as_object_mut().unwrap();
            entries.insert("handler".into(), handler.into());
            entries.insert("method".into(), method.into());
            entries.insert("uid".into(), uid.into());
            entries.insert("vid".into(), 7.into());
            message.to_string()
        } else {
            format!(r#"{{"name":"{name}","uid":{uid},"payload":{payload}}}"#)
        };
        self.write(&text).await;
    }

    pub(crate) async fn outcome(&mut self, uid: i64) -> Outcome {
        loop {
            if let Some(outcome) = self.settled.remove(&uid) {
                return outcome;
            }
            self.read().await;
        }
    }

    pub(crate) async fn delivery(&mut self) -> (String, Value) {
        while self.deliveries.is_empty() {
            self.read().await;
        }
        self.deliveries.remove(0)
    }

    pub(crate) async fn send_rubbish(&mut self) {
        for rubbish in ["", "[1", "null", "{\"name\":7}", "{\"method\":7}"] {
            self.write(rubbish).await;
        }
    }

    pub(crate) async fn close(mut self) {
        self.stream.shutdown().await.unwrap();
    }

    async fn write(&mut self, text: &str) {
        let mut bytes = Vec::new();
        match self.door {
            Door::WebSocket => encode_text(text, Some([1, 2, 3, 4]), &mut bytes),
            Door::Lines | Door::JsonServer => bytes = format!("{text}\r\n").into_bytes(),
            Door::Backend => {
                let head = "POST /switchboard HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length:";
                bytes = format!("{head} {}\r\n\r\n{text}", text.len()).into_bytes();
            }
        }
        self.stream.write_all(&bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    async fn read(&mut self) {
        let mut bytes = [0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(60), self.stream.read(&mut bytes));
        let n = read.await.expect("something comes within a minute").unwrap();
        assert_ne!(n, 0, "{:?}: the server closed", self.door);
        let mut texts = Vec::new();
        if self.door == Door::WebSocket {
            let limits = DecoderLimits::with_message(1 << 24);
            let mut input = Input::new(&mut bytes[..n]);
            while let Some(event) = self.decoder.next(&mut input, &limits).unwrap() {
                match event {
                    Event::Text(text) => texts.push(text.to_owned()),
                    other => panic!("unexpected: {other:?}"),
                }
            }
        } else if self.door == Door::Backend {
            self.partial.extend_from_slice(&bytes[..n]);
            while let Some((body, end)) = response(&self.partial) {
                texts.push(String::from_utf8(self.partial[body..end].to_vec()).unwrap());
                self.partial.drain(..end);
            }
        } else {
            self.partial.extend_from_slice(&bytes[..n]);
            while let Some(end) = self.partial.windows(2).position(|end| end == b"\r\n") {
                texts.push(String::from_utf8(self.partial[..end].to_vec()).unwrap());
                self.partial.drain(..end + 2);
            }
        }
        for text in texts {
            let frame: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
            match self.door {
                Door::JsonServer => self.take_json_server(frame),
                Door::WebSocket | Door::Lines | Door::Backend => self.take_native(&frame),
            }
        }
    }

    fn take_native(&mut self, frame: &Value) {
        let outcome = match (frame.get("payload"), frame.get("error")) {
            (Some(payload), _) => Outcome::Answer(payload.clone()),
            (None, Some(error)) => failed(&error["code"], &error["message"]),
            (None, None) => Outcome::Nothing,
        };
        let Some(uid) = frame.get("uid") else {
            if let Outcome::Answer(payload) = outcome {
                let name = frame["name"].as_str().unwrap().to_owned();
                self.deliveries.push((name, payload));
            }
            return;
        };
        let uid = uid.as_i64().unwrap();
        let best = match (self.open.remove(&uid), outcome) {
            (Some(first @ Outcome::Answer(_)), _) => first,
            (Some(first @ Outcome::Failed(..)), Outcome::Nothing | Outcome::Failed(..)) => first,
            (_, outcome) => outcome,
        };
        if frame.get("more").is_some() {
            self.open.insert(uid, best);
        } else {
            assert!(self.settled.insert(uid, best).is_none(), "{uid} is settled once");
        }
    }

    fn take_json_server(&mut self, frame: Value) {
        let Value::Object(mut frame) = frame else {
            panic!("no object: {frame}");
        };
        let uid = frame.remove("uid").unwrap().as_i64().unwrap();
        assert!(self.uids >= uid, "nobody asked");
        assert_eq!(frame.remove("vid"), Some(json!(7)));
        let outcome = match (
            frame.remove("success").unwrap().as_bool().unwrap(),
            frame.remove("result"),
        ) {
            (false, _) => failed(&frame["code"], &frame["error"]),
            (true, Some(result)) => Outcome::Answer(result),
            (true, None) if frame.is_empty() => Outcome::Nothing,
            (true, None) => Outcome::Answer(frame.into()),
        };
        assert!(self.settled.insert(uid, outcome).is_none(), "{uid} is answered once");
    }
}

fn failed(code: &Value, message: &Value) -> Outcome {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Outcome::Failed(text(code), text(message))
}

/// Where the body of the first response begins and ends, once it is there.
fn response(bytes: &[u8]) -> Option<(usize, usize)> {
    let body = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..body]).unwrap().to_lowercase();
    let (_, length) = head.split_once("content-length:").unwrap();
    let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
    (bytes.len() >= body + length).then_some((body, body + length))
}

async fn shake_hands(stream: &mut Stream) {
    let request = "GET /switchboard HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3dpdGNoYm9hcmQgdGVzdA==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}
