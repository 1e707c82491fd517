//! Real sockets, frame by frame: fragments, pings and close frames, both sub-protocols, and what a message costs in tasks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;

use serde_json::{Value, json};
use switchboard::prelude::*;
use switchboard::testing::TestClient;
use switchboard::wire::native::{SUBPROTOCOL_JSON, SUBPROTOCOL_MESSAGE_PACK, ServerFrame, write_message};
use switchboard::wire::{Format, Formats, Unit};
use switchboard::{RawPayload, Running, Uid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start(routes: Routes) -> (Running, SocketAddr) {
    let running = Server::empty()
        .routes(routes)
        .listen("127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let address = running.address().unwrap();
    (running, address)
}

fn echo() -> Routes {
    Routes::new().route("echo", Controller::silent(|Payload(value): Payload<Value>| value))
}

/// A WebSocket whose frames are written and read by hand.
struct RawSocket(TcpStream);

impl RawSocket {
    /// Opens it, and gives back the lines of the answer too.
    async fn open(address: SocketAddr, subprotocol: Option<&str>) -> (Self, Vec<String>) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let offer = subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
        // The key and what it is answered with are the example of RFC 6455, section 1.3.
        let request = format!(
            "GET /switchboard HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
            offer.unwrap_or_default()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        let lines: Vec<_> = String::from_utf8(answer)
            .unwrap()
            .lines()
            .map(str::to_lowercase)
            .collect();
        assert!(lines[0].starts_with("http/1.1 101"), "{lines:?}");
        let accepted = "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=";
        assert!(lines.iter().any(|line| line == accepted), "{lines:?}");
        (Self(stream), lines)
    }

    /// Writes one masked frame of at most 125 bytes.
    async fn write(&mut self, first_byte: u8, payload: &[u8]) {
        assert!(payload.len() < 126);
        let key = [0x1F, 0x2E, 0x3D, 0x4C];
        let mut frame = vec![first_byte, 0x80 | payload.len() as u8];
        frame.extend(key);
        frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        self.0.write_all(&frame).await.unwrap();
    }

    /// The next frame of at most 125 bytes: its first byte and its payload. The server does not mask.
    async fn read(&mut self) -> (u8, Vec<u8>) {
        let first_byte = self.0.read_u8().await.unwrap();
        let length = self.0.read_u8().await.unwrap();
        assert!(length < 126);
        let mut payload = vec![0; usize::from(length)];
        self.0.read_exact(&mut payload).await.unwrap();
        (first_byte, payload)
    }

    /// The bytes that come before the end of the connection.
    async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.unwrap();
        rest
    }
}

fn message_pack(name: &str, uid: i64, payload: &Value) -> Vec<u8> {
    let payload = RawPayload::encode(payload, Formats::from(Format::MessagePack)).unwrap();
    let message = Message::new(name)
        .with_uid(Some(Uid::Integer(uid)))
        .with_payload(payload);
    let mut unit = Vec::new();
    write_message(&message, false, Format::MessagePack, &mut unit).unwrap();
    unit
}

fn answer(unit: Unit<'_>) -> (Option<Uid>, Value) {
    let frame = ServerFrame::parse(unit).unwrap();
    assert!(frame.settles(), "{frame:?}");
    (frame.uid, frame.payload.unwrap().decode().unwrap())
}

#[tokio::test]
async fn fragments_with_a_ping_in_between_are_one_message() {
    let (_running, address) = start(echo()).await;
    let (mut socket, lines) = RawSocket::open(address, Some(SUBPROTOCOL_MESSAGE_PACK)).await;
    let agreed = format!("sec-websocket-protocol: {SUBPROTOCOL_MESSAGE_PACK}");
    assert!(lines.contains(&agreed), "{lines:?}");

    let value = json!({ "room": "lobby", "n": [1, 2, 3] });
    let unit = message_pack("echo", 41, &value);
    let (first, rest) = unit.split_at(5);
    let (second, third) = rest.split_at(rest.len() / 2);
    socket.write(BINARY, first).await;
    socket.write(FIN | PING, b"still there?").await;
    socket.write(CONTINUATION, second).await;
    // The pong does not wait for the end of the message.
    assert_eq!(socket.read().await, (FIN | PONG, b"still there?".to_vec()));
    socket.write(FIN | CONTINUATION, third).await;
    let (first_byte, unit) = socket.read().await;
    assert_eq!(first_byte, FIN | BINARY);
    assert_eq!(answer(Unit::Binary(&unit)), (Some(Uid::Integer(41)), value));
}

#[tokio::test]
async fn a_client_may_ask_for_json_or_for_nothing() {
    let (_running, address) = start(echo()).await;
    for (offer, agreed) in [
        (Some(SUBPROTOCOL_JSON), Some(SUBPROTOCOL_JSON)),
        (Some("chat, switchboard.v1+json"), Some(SUBPROTOCOL_JSON)),
        (None, None),
    ] {
        let (mut socket, lines) = RawSocket::open(address, offer).await;
        let protocol = lines
            .iter()
            .find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
        assert_eq!(protocol, agreed, "{offer:?}");
        socket
            .write(FIN | TEXT, br#"{"name":"echo","uid":"a","payload":[1]}"#)
            .await;
        let expected = br#"{"name":"echo","uid":"a","payload":[1]}"#.to_vec();
        assert_eq!(socket.read().await, (FIN | TEXT, expected), "{offer:?}");
    }
}

#[tokio::test]
async fn a_close_frame_is_answered_with_its_code_and_the_connection_ends() {
    let (running, address) = start(echo()).await;
    for code in [1000_u16, 1001, 3000, 4321] {
        let (mut socket, _) = RawSocket::open(address, Some(SUBPROTOCOL_MESSAGE_PACK)).await;
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend(b"bye");
        socket.write(FIN | CLOSE, &payload).await;
        let (first_byte, answer) = socket.read().await;
        assert_eq!((first_byte, &answer[..2]), (FIN | CLOSE, &code.to_be_bytes()[..]));
        assert!(socket.rest().await.is_empty());
    }
    let (mut socket, _) = RawSocket::open(address, None).await;
    socket.write(FIN | CLOSE, b"").await;
    assert_eq!(
        socket.read().await,
        (FIN | CLOSE, Vec::new()),
        "no code is answered with none"
    );
    assert!(socket.rest().await.is_empty());
    while running.switchboard().count().await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn answers_that_are_owed_come_before_the_close_frame() {
    let (_running, address) = start(echo()).await;
    let (mut socket, _) = RawSocket::open(address, Some(SUBPROTOCOL_MESSAGE_PACK)).await;
    socket.write(FIN | BINARY, &message_pack("echo", 1, &json!(true))).await;
    socket.write(FIN | CLOSE, &1000_u16.to_be_bytes()).await;
    let (first_byte, unit) = socket.read().await;
    assert_eq!(first_byte, FIN | BINARY);
    assert_eq!(answer(Unit::Binary(&unit)), (Some(Uid::Integer(1)), json!(true)));
    assert_eq!(socket.read().await, (FIN | CLOSE, 1000_u16.to_be_bytes().to_vec()));
}

#[tokio::test]
async fn what_is_answered_at_once_starts_no_task() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let routes = Routes::new()
        .route("inline", Controller::silent(move |()| alive()))
        .route("ready", Controller::silent(move |()| async move { alive() }))
        .route(
            "later",
            Controller::silent(move |()| async move {
                tokio::task::yield_now().await;
                alive()
            }),
        );
    let (_running, address) = start(routes).await;
    let mut client = TestClient::connect(address).await.unwrap();
    client.request("inline", ()).await.unwrap();
    let idle = alive();
    for name in ["inline", "ready"] {
        let mut uids = Vec::new();
        for _ in 0..1_000 {
            uids.push(client.start_request(name, ()).await);
        }
        for uid in uids {
            let frames = client.frames_of(&uid).await;
            let seen: usize = frames[0].payload.as_ref().unwrap().decode().unwrap();
            assert_eq!(seen, idle, "{name}: tasks while it ran");
        }
        assert_eq!(alive(), idle, "{name}: tasks afterwards");
    }
    assert_eq!(
        client.request("later", ()).await.unwrap(),
        idle + 1,
        "one that waits is a task of its own"
    );
}

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
