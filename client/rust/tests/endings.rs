//! How connections end, and what a client makes of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::script::Script;
use common::{Way, assert_empty, memory, routes, state, within};
use switchboard::Server;
use switchboard::testing::TestServer;
use switchboard::wire::websocket::{Decoder, DecoderLimits, Event, Input, Role, encode_close, encode_text};
use switchboard_client::{Builder, Client, CloseCode, Ended, Fate, Framing, Limits, RequestError, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn close_codes_say_whether_to_come_back() {
    for code in [1001, 1011, 1012, 1013, 4000, 4001, 4002, 4003, 4499] {
        let (mut script, builder) = Script::new(Framing::WebSocket, 64 << 10);
        let client = builder.connect().unwrap();
        let asked = client.request::<u8>("a", &());
        let mut stream = script.stream().await;
        assert_eq!(read_frame(&mut stream).await, r#"{"name":"a","uid":1}"#);
        close(&mut stream, code).await;
        let Err(RequestError::Lost { why, fate }) = within(asked).await else {
            panic!("{code}: it is lost");
        };
        assert_eq!(
            (why.to_string(), fate),
            (
                format!("the server closed the connection: {code}, bye"),
                Fate::MaybeDelivered
            )
        );
        assert_eq!(
            read_frame(&mut stream).await,
            format!("close {code}"),
            "it is answered in kind"
        );
        let _again = script.stream().await;
        within(client.connected()).await.unwrap();
        assert_empty(&client);
    }
    for code in [1000, 1002, 1003, 1007, 1008, 1009, 3000, 4500, 4501, 4502, 4999] {
        let (mut script, builder) = Script::new(Framing::WebSocket, 64 << 10);
        let client = builder.connect().unwrap();
        let mut stream = script.stream().await;
        close(&mut stream, code).await;
        let Ended::Closed { code: told, reason } = within(client.closed()).await else {
            panic!("{code}: the server closed");
        };
        assert_eq!((told.get(), &*reason), (code, "bye"));
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(!script.has_next(), "{code}: it stays away");
        assert!(matches!(client.connected().await, Err(Ended::Closed { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_peer_is_noticed_in_time_and_any_byte_is_a_sign_of_life() {
    let limits = Limits {
        heartbeat: Duration::from_secs(20),
        patience: Duration::from_secs(5),
        ..Limits::default()
    };
    for framing in [Framing::WebSocket, Framing::Lines] {
        let (mut script, builder) = Script::new(framing, 64 << 10);
        let client = builder.limits(limits.clone()).connect().unwrap();
        let mut stream = script.stream().await;
        within(client.connected()).await.unwrap();
        // Half a message, then the other half: both are bytes.
        let mut text = Vec::new();
        encode_text(r#"{"name":"a"}"#, None, &mut text);
        if framing == Framing::Lines {
            text = b"{\"name\":\"a\"}\r\n".to_vec();
        }
        for part in [&text[..5], &text[5..]] {
            tokio::time::sleep(Duration::from_secs(19)).await;
            stream.write_all(part).await.unwrap();
        }
        let heard = Instant::now();
        // It is asked, answers, and is asked again.
        for _ in 0..2 {
            if framing == Framing::WebSocket {
                assert_eq!(read_frame(&mut stream).await, "ping");
                stream.write_all(&[0x8A, 0]).await.unwrap();
            } else {
                let mut line = [0; 35];
                within(stream.read_exact(&mut line)).await.unwrap();
                assert_eq!(&line, b"{\"name\":\"switchboard/ping\",\"uid\":0}");
                within(stream.read_exact(&mut [0; 2])).await.unwrap();
                stream
                    .write_all(b"{\"name\":\"switchboard/ping\",\"uid\":0}\r\n")
                    .await
                    .unwrap();
            }
        }
        assert_eq!(heard.elapsed().as_secs(), 40);
        // Then it is dead: what is written is swallowed.
        let asked = client.request::<u8>("a", &());
        let error = within(asked).await.unwrap_err();
        assert!(
            matches!(
                error,
                RequestError::Lost {
                    why: Ended::Silent(_),
                    fate: Fate::MaybeDelivered
                }
            ),
            "{error}"
        );
        assert_eq!(heard.elapsed().as_secs(), 65, "{framing:?}");
        let _again = script.stream().await;
        within(client.connected()).await.unwrap();
        assert_eq!(client.counters().late.get(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_with_the_latest() {
    let (mut script, builder) = Script::new(Framing::WebSocket, 64 << 10);
    let client = builder.connect().unwrap();
    let mut stream = script.stream().await;
    stream.write_all(&[0x89, 1, b'a', 0x89, 1, b'b']).await.unwrap();
    assert_eq!(read_frame(&mut stream).await, "pong [98]");
    // Broken framing is told, and another connection made.
    stream.write_all(&[0xFF, 0]).await.unwrap();
    assert_eq!(read_frame(&mut stream).await, "close 1002");
    let State::Waiting {
        why: Ended::Broken(_), ..
    } = state(&client, |state| matches!(state, State::Waiting { .. })).await
    else {
        panic!("it says so");
    };
    script.stream().await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_within_the_time_to_connect_is_given_up() {
    let client = Builder::over(Framing::Lines, std::future::pending).connect().unwrap();
    let start = Instant::now();
    let state = state(&client, |state| matches!(state, State::Waiting { .. })).await;
    assert!(
        matches!(
            state,
            State::Waiting {
                attempt: 1,
                why: Ended::Slow(_),
                ..
            }
        ),
        "{state:?}"
    );
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_client_leaves_when_its_last_handle_does_and_says_goodbye() {
    for way in [Way::WebSocket, Way::Lines, Way::Memory, Way::MemoryLines] {
        let (server, builder) = way.start().await;
        let client = builder.connect().unwrap();
        let asked = client.request::<u64>("double", &common::Number { n: 2 });
        drop(client.clone());
        drop(client);
        assert_eq!(within(asked).await.unwrap(), 4, "a request keeps it");
        let switchboard = server.switchboard();
        within(async {
            while switchboard.counters().left.get() < 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(switchboard.count().await, 0, "{way:?}");
    }
}

#[tokio::test]
async fn refusals_in_http_are_told_with_their_status_and_body() {
    let limits = switchboard::Limits {
        connections: 1,
        ..Default::default()
    };
    let running = Server::empty()
        .routes(routes())
        .limits(limits)
        .listen("127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let address = running.address().unwrap();
    let first = Client::connect(&format!("ws://{address}")).unwrap();
    within(first.connected()).await.unwrap();
    // One too many may come again, when it is told.
    let second = Client::builder(&format!("ws://{address}"))
        .random(|| 0.0)
        .connect()
        .unwrap();
    let waiting = state(&second, |state| matches!(state, State::Waiting { .. })).await;
    let State::Waiting {
        until,
        why: Ended::Refused(refused),
        ..
    } = waiting
    else {
        panic!("{waiting:?}");
    };
    assert_eq!((refused.status, refused.retry_after), (503, Some(10)));
    assert!(refused.body.contains("connections"), "{refused}");
    assert!(until > Instant::now() + Duration::from_secs(5));
    drop((first, second));
    // An origin that is not allowed may not.
    let stranger = Client::builder(&format!("ws://{address}")).header("Origin", "https://example.org");
    let Ended::Refused(refused) = within(stranger.connect().unwrap().closed()).await else {
        panic!("it is refused");
    };
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("https://example.org"), "{refused}");
}

#[tokio::test]
async fn a_client_in_memory_needs_no_socket() {
    let server = Arc::new(TestServer::start(Server::empty().routes(routes())).unwrap());
    let client = memory(Framing::WebSocket, server).connect().unwrap();
    assert_eq!(
        client.request::<u64>("double", &common::Number { n: 4 }).await.unwrap(),
        8
    );
}
async fn close(stream: &mut tokio::io::DuplexStream, code: u16) {
    let mut bytes = Vec::new();
    encode_close(CloseCode::new(code), "bye", None, &mut bytes);
    stream.write_all(&bytes).await.unwrap();
}

/// The next frame of a client: its text, or what else it is.
async fn read_frame(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut decoder = Decoder::new(Role::Server);
    loop {
        let mut byte = [0];
        if within(stream.read(&mut byte)).await.unwrap() == 0 {
            return "the end".to_owned();
        }
        match decoder
            .next(&mut Input::new(&mut byte), &DecoderLimits::default())
            .unwrap()
        {
            None => {}
            Some(Event::Text(text)) => return text.to_owned(),
            Some(Event::Close(close)) => return format!("close {}", close.map_or(1005, |close| close.code.get())),
            Some(Event::Ping(_)) => return "ping".to_owned(),
            Some(Event::Pong(payload)) => return format!("pong {payload:?}"),
            Some(other) => return format!("{other:?}"),
        }
    }
}
