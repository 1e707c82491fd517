//! Who may not ask, and what is no message.

use std::net::SocketAddr;

use switchboard::prelude::*;

use crate::http::{KEY, Peer};
use crate::{House, routes};

#[tokio::test]
async fn nobody_asks_without_the_key() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    let refused = "{\"error\":{\"code\":\"unauthenticated\",\"message\":\"the key is missing or wrong: send it as \
                   \\\"Authorization: Bearer …\\\"\"}}\n";
    let wrong = [
        "Authorization:".to_owned(),
        "Authorization: Bearer wrong".to_owned(),
        format!("Authorization: Bearer {KEY}x"),
        format!("Authorization: Bearer {}", &KEY[1..]),
        format!("Authorization: Basic {KEY}"),
    ];
    for header in &wrong {
        let answer = peer.post_with(&[header], r#"{"name":"quiet","uid":1}"#).await;
        assert_eq!((answer.status, answer.text()), (401, refused), "{header}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let both = format!("X-Backend-Key: {KEY}");
    let answer = peer
        .post_with(&["Authorization: Bearer wrong", &both], r#"{"name":"quiet"}"#)
        .await;
    assert_eq!(answer.status, 401);
    house.counted(|counters| counters.refused_key.get(), 6).await;

    for header in [both, format!("Authorization: bearer {KEY}")] {
        let answer = peer
            .post_with(&["Authorization:", &header], r#"{"name":"quiet"}"#)
            .await;
        assert_eq!(answer.status, 200, "{header}");
    }
    let counters = house.running.switchboard();
    assert_eq!(counters.counters().messages.get(), 2, "what was refused was not read");
}

#[tokio::test]
async fn what_is_no_message_is_told_so_in_json() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    let key = format!("Host: localhost\r\nAuthorization: Bearer {KEY}");
    for (request, status, expected) in [
        (
            format!("POST /elsewhere HTTP/1.1\r\n{key}\r\nContent-Length: 2\r\n\r\n{{}}"),
            404,
            r#"{"error":{"code":"not_found","message":"there is nothing at /elsewhere: POST to /switchboard"}}"#,
        ),
        (
            format!("GET /switchboard HTTP/1.1\r\n{key}\r\n\r\n"),
            405,
            r#"{"error":{"code":"bad_message","message":"the back end takes one message a request: POST it"}}"#,
        ),
        (
            format!("PUT /switchboard HTTP/1.1\r\n{key}\r\nContent-Length: 2\r\n\r\n{{}}"),
            405,
            r#"{"error":{"code":"bad_message","message":"the back end takes one message a request: POST it"}}"#,
        ),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            401,
            r#"{"error":{"code":"unauthenticated","message":"the key is missing or wrong: send it as \"Authorization: Bearer …\""}}"#,
        ),
    ] {
        peer.send(&request).await;
        let answer = peer.answer().await;
        assert_eq!(
            (answer.status, answer.text()),
            (status, &*format!("{expected}\n")),
            "{request}"
        );
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("allow"), if status == 405 { "POST" } else { "" });
    }
    for (headers, given) in [
        (
            ["Content-Type: text/plain"].as_slice(),
            "the content type is \\\"text/plain\\\": send application/json or application/msgpack",
        ),
        (
            &["Content-Type: application/x-www-form-urlencoded"],
            "curl's --data needs",
        ),
        (
            &["Content-Type: application/json", "Content-Type: application/json"],
            "the content type is",
        ),
        (
            &["Content-Encoding: gzip"],
            "the content encoding is \\\"gzip\\\": send the message as it is",
        ),
    ] {
        let answer = peer.post_with(headers, r#"{"name":"quiet"}"#).await;
        assert_eq!(answer.status, 415, "{headers:?}");
        assert!(answer.text().contains(given), "{}", answer.text());
    }
    house.counted(|counters| counters.refused_requests.get(), 7).await;
}

#[tokio::test]
async fn no_page_may_ask() {
    let house = House::start(Server::empty().routes(routes()).allow_origin("*")).await;
    let mut peer = house.connect().await;
    for origin in ["http://localhost", "https://example.org", "null"] {
        let origin = format!("Origin: {origin}");
        let answer = peer.post_with(&[&origin], r#"{"name":"quiet"}"#).await;
        assert_eq!(answer.status, 403, "{origin}");
        assert!(
            answer.text().contains("the back end is for programs, not for pages"),
            "{}",
            answer.text()
        );
    }
    // A browser asks first whether it may send the key; it may not.
    let preflight = "OPTIONS /switchboard HTTP/1.1\r\nHost: localhost\r\nOrigin: https://example.org\r\n\
                     Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n\r\n";
    peer.send(preflight).await;
    let answer = peer.answer().await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.headers.keys().all(|name| !name.starts_with("access-control")),
        "{answer:?}"
    );
    house.counted(|counters| counters.refused_origin.get(), 4).await;
}

#[tokio::test]
async fn without_a_key_it_answers_to_no_name_but_its_own() {
    let running = Server::empty()
        .routes(routes())
        .listen("127.0.0.1:0")
        .listen(Listener::backend("localhost:0"))
        .start()
        .await
        .unwrap();
    let mut peer = Peer::connect(running.addresses()[1]).await;
    for host in [
        "localhost",
        "LOCALHOST:9000",
        "127.0.0.1",
        "127.0.0.1:9000",
        "[::1]:9000",
    ] {
        let host = format!("Host: {host}");
        let answer = peer.post_with(&["Authorization:", &host], r#"{"name":"quiet"}"#).await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
    }
    // The name of a page that its owner made to mean this machine.
    for host in [
        "evil.example.org",
        "localhost.example.org:9000",
        "127.0.0.1.example.org",
        "192.0.2.1",
    ] {
        let header = format!("Host: {host}");
        let answer = peer
            .post_with(&["Authorization:", &header], r#"{"name":"quiet"}"#)
            .await;
        assert_eq!(answer.status, 403, "{host}");
        assert!(answer.text().contains(host), "{}", answer.text());
    }
    let counters = running.switchboard();
    assert_eq!(counters.counters().refused_origin.get(), 4);
}

#[tokio::test]
async fn it_does_not_start_unguarded() {
    let start = |backend: Listener| {
        Server::empty()
            .routes(routes())
            .listen("127.0.0.1:0")
            .listen(backend)
            .start()
    };
    let public: SocketAddr = ([0, 0, 0, 0], 0).into();
    let bound = tokio::net::TcpListener::bind(public).await.unwrap();
    for backend in [
        Listener::backend("0.0.0.0:0"),
        Listener::backend(public),
        Listener::backend("[::]:0"),
        Listener::backend(bound),
    ] {
        let error = start(backend).await.unwrap_err().to_string();
        assert!(
            error.contains("has no key, so whoever reaches it could send to every client: give it one"),
            "{error}"
        );
    }
    let error = start(Listener::backend("127.0.0.1:0").key("hunter2").path("x"))
        .await
        .unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("has 7 bytes, and could be guessed"), "{shown}");
    assert!(shown.contains("\"x\" cannot be the path of a back end"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");

    let error = start(Listener::from("127.0.0.1:0").registry("backend").key(KEY).path("/x"));
    let error = error.await.unwrap_err().to_string();
    assert!(
        error.contains("key(…) of the listener at 127.0.0.1:0: make it a back end"),
        "{error}"
    );
    assert!(error.contains("path(…) of the listener at 127.0.0.1:0"), "{error}");

    let listener = Listener::backend("0.0.0.0:0").key(KEY);
    assert!(!format!("{listener:?}").contains(KEY), "{listener:?}");
    start(listener).await.unwrap();
}

#[tokio::test]
async fn it_has_a_path_a_registry_and_bounds_of_its_own() {
    let small = Limits {
        message_bytes: 32,
        connections: 1,
        ..Limits::default()
    };
    let jobs = Routes::new().route("run", Controller::silent(|()| "ran").registry("jobs"));
    let backend = Listener::backend("127.0.0.1:0")
        .registry("jobs")
        .path("/jobs")
        .limits(small);
    let running = Server::empty().routes(jobs).listen(backend).start().await.unwrap();
    let mut peer = Peer::connect(running.addresses()[0]).await;
    let request = |path: &str, body: &str| {
        let length = body.len();
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    peer.send(request("/jobs?from=cron", r#"{"name":"run"}"#)).await;
    assert_eq!(peer.answer().await.text(), "{\"name\":\"run\",\"payload\":\"ran\"}\n");
    peer.send(request("/switchboard", r#"{"name":"run"}"#)).await;
    assert_eq!(peer.answer().await.status, 404);
    peer.send(request("/jobs", r#"{"name":"run","payload":"0123456789"}"#))
        .await;
    assert_eq!(peer.answer().await.status, 413);

    let mut second = Peer::connect(running.addresses()[0]).await;
    second.send(request("/jobs", r#"{"name":"run"}"#)).await;
    let answer = second.answer().await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "10"));
    assert_eq!(
        answer.text(),
        "{\"error\":{\"code\":\"overloaded\",\"message\":\"all 1 connections are taken (Limits::connections); try again \
         later\"}}\n"
    );
}
