//! Who says nothing, or too slowly, is not waited for; whoever it is, and over whatever it comes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use serde_json::Value;
use switchboard::prelude::*;
use switchboard::testing::TestServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

/// A listener of WebSockets, and one of lines.
fn start() -> TestServer {
    let limits = Limits {
        heartbeat: Duration::from_secs(20),
        idle: Duration::from_secs(60),
        silence: Duration::from_secs(600),
        close: Duration::from_secs(5),
        ..Limits::default()
    };
    let echo = Controller::silent(|Payload(value): Payload<Value>| value);
    let server = Server::empty()
        .routes(Routes::new().route("echo", echo))
        .limits(limits)
        .listen("127.0.0.1:0")
        .listen_lines("127.0.0.1:0");
    TestServer::start(server).unwrap()
}

const WEBSOCKET: usize = 0;
const LINES: usize = 1;

/// A masked text frame.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    switchboard::wire::websocket::encode_text(text, Some([0; 4]), &mut frame);
    frame
}

fn message(listener: usize, payload: &str) -> Vec<u8> {
    let text = format!(r#"{{"name":"echo","payload":"{payload}"}}"#);
    if listener == LINES {
        (text + "\n").into_bytes()
    } else {
        frame(&text)
    }
}

/// Seconds until the server closes, and what came until then.
async fn closed_after(stream: &mut DuplexStream) -> (u64, Vec<u8>) {
    let began = Instant::now();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    (began.elapsed().as_secs(), all)
}

#[tokio::test(start_paused = true)]
async fn a_client_in_lines_may_be_silent_for_longer_than_one_that_can_be_pinged() {
    let server = start();
    let mut lines = server.connect_stream(LINES).await;
    let (seconds, all) = closed_after(&mut lines).await;
    assert!((598..=605).contains(&seconds), "{seconds}");
    assert_eq!(all, b"", "nothing can be said");
    let mut websocket = server.connect_stream(WEBSOCKET).await;
    let (seconds, all) = closed_after(&mut websocket).await;
    assert!((60..=70).contains(&seconds), "{seconds}");
    assert_eq!(&all[..2], [0x89, 0], "a ping");
    assert_eq!(server.switchboard().counters().idle.get(), 2);
    assert_eq!(server.switchboard().counters().stalled.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_makes_no_message() {
    for listener in [WEBSOCKET, LINES] {
        let server = start();
        let mut stream = server.connect_stream(listener).await;
        let began = Instant::now();
        for byte in message(listener, &"x".repeat(1000)) {
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        let seconds = began.elapsed().as_secs();
        assert!((60..=70).contains(&seconds), "{listener}: {seconds}");
        assert_eq!(server.switchboard().counters().stalled.get(), 1);
        assert_eq!(server.switchboard().count().await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_always_half_read_is_no_half_message_for_ever() {
    for listener in [WEBSOCKET, LINES] {
        let server = start();
        let (mut reader, mut writer) = tokio::io::split(server.connect_stream(listener).await);
        // Each write ends one message and begins the next; the server is never between two of them.
        let whole = message(listener, "x");
        let (head, tail) = whole.split_at(5);
        writer.write_all(head).await.unwrap();
        for _ in 0..20 {
            sleep(Duration::from_secs(30)).await;
            writer.write_all(&[tail, head].concat()).await.unwrap();
            assert!(reader.read(&mut [0; 100]).await.unwrap() > 0, "an answer");
        }
        assert_eq!(server.switchboard().count().await, 1);
        assert_eq!(server.switchboard().counters().stalled.get(), 0);
        // Now nothing more comes.
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        assert_eq!(
            server.switchboard().counters().stalled.get() + server.switchboard().counters().idle.get(),
            1
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_vanishes_in_the_middle_of_a_line_leaves_nothing() {
    let server = start();
    let mut stream = server.connect_stream(LINES).await;
    stream.write_all(b"{\"name\":\"echo\"").await.unwrap();
    drop(stream);
    while server.switchboard().count().await > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(server.switchboard().counters().unhandled.get(), 1);
}
