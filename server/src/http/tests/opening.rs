use super::*;

#[tokio::test]
async fn a_websocket_is_opened_as_the_rfc_shows_it() {
    let mut house = House::open(Limits::default(), &HttpConfig::default()).await;
    let mut peer = house.connect().await;
    let local = peer.0.get_ref().local_addr().expect("is connected");
    peer.send(opening(&[])).await;
    let answer = peer.answer().await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.headers["upgrade"], "websocket");
    assert_eq!(answer.headers["connection"], "Upgrade");
    assert_eq!(answer.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(answer.headers.get("sec-websocket-protocol"), None);

    let opened = house.session().await;
    assert!(matches!(opened.stream, Stream::Tcp(_)), "the socket is taken back");
    assert_eq!(opened.hello.address, Some(local));
    assert_eq!(&*opened.hello.registry, "public");
    let mut stream = opened.stream;
    stream.write_all(b"frames").await.expect("the peer is there");
    drop(stream);
    assert_eq!(peer.rest().await, "frames");
}

#[tokio::test]
async fn the_first_sub_protocol_that_is_spoken_is_taken() {
    let mut house = House::open(Limits::default(), &HttpConfig::default()).await;
    for (asked, encoding, agreed) in [
        (None, 0, None),
        (Some("switchboard.v1+json"), 0, Some("switchboard.v1+json")),
        (Some("switchboard.v1+msgpack"), 1, Some("switchboard.v1+msgpack")),
        (
            Some("chat, switchboard.v1+msgpack,switchboard.v1+json"),
            1,
            Some("switchboard.v1+msgpack"),
        ),
        (
            Some("x\r\nSec-WebSocket-Protocol: switchboard.v1+json"),
            0,
            Some("switchboard.v1+json"),
        ),
    ] {
        let line = asked.map(|asked| format!("Sec-WebSocket-Protocol: {asked}"));
        let answer = house
            .ask(&opening(&line.iter().map(String::as_str).collect::<Vec<_>>()))
            .await;
        assert_eq!(answer.status, 101, "{asked:?}");
        assert_eq!(
            answer.headers.get("sec-websocket-protocol").map(String::as_str),
            agreed,
            "{asked:?}"
        );
        assert_eq!(house.session().await.hello.encoding, encoding, "{asked:?}");
    }
}

#[tokio::test]
async fn what_comes_with_the_handshake_is_not_lost() {
    let mut house = House::open(Limits::default(), &HttpConfig::default()).await;
    let mut peer = house.connect().await;
    let early = "f".repeat(5_000);
    peer.send(opening(&[]) + &early).await;
    let opened = house.session().await;
    let mut heard = opened.early.to_vec();
    let Stream::Tcp(mut socket) = opened.stream else {
        panic!("the socket is taken back");
    };
    let mut rest = vec![0; early.len() - heard.len()];
    within(socket.read_exact(&mut rest)).await.expect("the peer is there");
    heard.extend(rest);
    assert_eq!(heard, early.as_bytes());
}

#[tokio::test]
async fn a_connection_can_fetch_files_and_then_open() {
    let mut config = HttpConfig::default();
    config.page("<h1>hello</h1>");
    let mut house = House::open(Limits::default(), &config).await;
    let mut peer = house.connect().await;
    for path in ["/", "/switchboard.js", "/nothing"] {
        peer.send(get(path)).await;
        peer.answer().await;
    }
    peer.send(opening(&[])).await;
    assert_eq!(peer.answer().await.status, 101);
    house.session().await;
}

#[tokio::test]
async fn every_refusal_says_what_is_wrong() {
    // The request's lines, and of the answer: its status, a header, and words of its text.
    let cases: &[(&[&str], u16, &str, &str)] = &[
        (
            &["Upgrade:"],
            426,
            "sec-websocket-version: 13",
            "open it with a WebSocket client",
        ),
        (
            &["Upgrade:", "Connection:"],
            426,
            "upgrade: websocket",
            "open it with a WebSocket client",
        ),
        (&["Upgrade: h2c"], 426, "upgrade: websocket", "\"Upgrade: websocket\""),
        (
            &["Connection: keep-alive"],
            426,
            "upgrade: websocket",
            "a proxy in between must pass both on",
        ),
        (
            &["Sec-WebSocket-Version: 8"],
            426,
            "sec-websocket-version: 13",
            "version must be 13",
        ),
        (
            &["Sec-WebSocket-Version:"],
            426,
            "sec-websocket-version: 13",
            "version must be 13",
        ),
        (
            &["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"],
            426,
            "sec-websocket-version: 13",
            "in one",
        ),
        (
            &["Sec-WebSocket-Key:"],
            400,
            "content-type: text/plain; charset=utf-8",
            "16 bytes in base64",
        ),
        (
            &["Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="],
            400,
            "x-content-type-options: nosniff",
            "16 bytes in base64",
        ),
        (
            &["Sec-WebSocket-Protocol: chat"],
            400,
            "content-type: text/plain; charset=utf-8",
            "switchboard.v1+msgpack",
        ),
        (
            &["Sec-WebSocket-Protocol: Switchboard.v1+JSON"],
            400,
            "x-content-type-options: nosniff",
            "none of",
        ),
        (
            &["Content-Length: 5"],
            400,
            "x-content-type-options: nosniff",
            "has no body",
        ),
        (
            &["Transfer-Encoding: chunked"],
            400,
            "x-content-type-options: nosniff",
            "has no body",
        ),
    ];
    let mut house = House::open(Limits::default(), &HttpConfig::default()).await;
    for (lines, status, header, words) in cases {
        let answer = house.ask(&opening(lines)).await;
        let (name, value) = header.split_once(": ").expect("is a header");
        assert_eq!(answer.status, *status, "{lines:?}");
        assert_eq!(answer.headers.get(name).map(String::as_str), Some(value), "{lines:?}");
        assert!(answer.body.contains(words), "{lines:?}: {}", answer.body);
    }
    assert_eq!(house.counters().refused_handshake.get(), cases.len() as u64);
    assert!(house.opened.try_recv().is_err(), "none of them became a session");
}

#[tokio::test]
async fn only_get_over_http_1_1_opens() {
    let house = House::open(Limits::default(), &HttpConfig::default()).await;
    let answer = house.ask(&opening(&[]).replace("GET", "POST")).await;
    assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, "GET"));
    let answer = house.ask(&opening(&[]).replace("HTTP/1.1", "HTTP/1.0")).await;
    assert_eq!(answer.status, 505);
    assert!(answer.body.contains("opened over HTTP/1.1"), "{}", answer.body);
    assert_eq!(house.counters().refused_handshake.get(), 2);
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_unless_allowed() {
    let house = House::open(Limits::default(), &HttpConfig::default()).await;
    let answer = house.ask(&opening(&["Origin: https://evil.example"])).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("https://evil.example"), "{}", answer.body);
    assert!(answer.body.contains("Server::allow_origin"), "{}", answer.body);
    assert_eq!(house.ask(&opening(&["Origin: null"])).await.status, 403);
    assert_eq!(house.counters().refused_origin.get(), 2);
    assert_eq!(house.counters().refused_handshake.get(), 0);
    assert_eq!(
        house.ask(&opening(&["Origin: http://server.example.com"])).await.status,
        101
    );

    let mut config = HttpConfig::default();
    config.allow_origin("https://*.example");
    let house = House::open(Limits::default(), &config).await;
    assert_eq!(house.ask(&opening(&["Origin: https://evil.example"])).await.status, 101);
}

#[tokio::test]
async fn the_endpoint_can_be_elsewhere() {
    let mut config = HttpConfig::default();
    config.path("/live/ws");
    let house = House::open(Limits::default(), &config).await;
    assert_eq!(house.ask(&opening(&[])).await.status, 404);
    assert_eq!(
        house
            .ask(&opening(&[]).replace("/switchboard", "/live/ws?token=1"))
            .await
            .status,
        101
    );
}
