//! The client's side of the handshake.

use switchboard_wire::websocket::{Opening, OpeningError, accept_key};

fn opening() -> Opening {
    Opening::new("localhost:8000", "/switchboard?a=1", *b"the sample nonce").protocol("switchboard.v1+json")
}

fn answer(change: impl Fn(&mut Vec<String>)) -> Vec<u8> {
    let mut lines = vec![
        "HTTP/1.1 101 Switching Protocols".to_owned(),
        "connection: keep-alive, Upgrade".to_owned(),
        "upgrade: WebSocket".to_owned(),
        format!("sec-websocket-accept: {}", opening().accept()),
        "Sec-WebSocket-Protocol: switchboard.v1+json".to_owned(),
    ];
    change(&mut lines);
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

#[test]
fn the_request_is_what_the_rfc_asks_for() {
    let mut opening = opening();
    assert!(opening.header("Authorization", "Bearer secret"));
    assert_eq!(
        opening.request(),
        "GET /switchboard?a=1 HTTP/1.1\r\nHost: localhost:8000\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: switchboard.v1+json\r\nAuthorization: Bearer secret\r\n\r\n"
    );
    assert_eq!(opening.accept(), accept_key("dGhlIHNhbXBsZSBub25jZQ=="));
    assert!(!format!("{opening:?}").contains("secret"));
}

#[test]
fn headers_that_would_be_another_request_are_refused() {
    let mut opening = opening();
    for (name, value) in [
        ("a", "b\r\nc: d"),
        ("a\r\n", "b"),
        ("a b", "c"),
        ("", "a"),
        ("a", "\0"),
        ("HOST", "elsewhere"),
        ("Sec-WebSocket-Key", "a"),
        ("content-length", "3"),
    ] {
        assert!(!opening.header(name, value), "{name:?}: {value:?}");
    }
}

#[test]
fn an_answer_counts_once_it_is_whole_and_not_a_byte_further() {
    let mut bytes = answer(|_| {});
    let end = bytes.len();
    for cut in 0..end {
        assert_eq!(opening().read(&bytes[..cut], false), Ok(None), "{cut}");
        assert_eq!(opening().read(&bytes[..cut], true), Err(OpeningError::Ended), "{cut}");
    }
    bytes.extend_from_slice(&[0x81, 2, b'h', b'i']);
    assert_eq!(opening().read(&bytes, false), Ok(Some(end)));
}

#[test]
fn an_answer_to_something_else_is_told() {
    type Change = fn(&mut Vec<String>);
    let wrong: [(Change, &str); 9] = [
        (
            |lines| lines[3] = "sec-websocket-accept: AAAA".to_owned(),
            "does not fit",
        ),
        (|lines| drop(lines.remove(3)), "does not fit"),
        (|lines| lines.push(lines[3].clone()), "does not fit"),
        (|lines| drop(lines.remove(4)), "sub-protocol"),
        (|lines| lines[4].push('x'), "sub-protocol"),
        (|lines| drop(lines.remove(1)), "does not switch"),
        (|lines| lines[2] = "upgrade: h2c".to_owned(), "does not switch"),
        (
            |lines| lines.push("sec-websocket-extensions: permessage-deflate".to_owned()),
            "extension",
        ),
        (|lines| lines[0] = "SSH-2.0-OpenSSH".to_owned(), "no HTTP"),
    ];
    for (change, part) in wrong {
        let error = opening().read(&answer(change), false).unwrap_err();
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[test]
fn what_is_too_long_is_not_kept() {
    let long = answer(|lines| lines.push(format!("a: {}", "x".repeat(Opening::MOST))));
    assert_eq!(
        opening().read(&long[..Opening::MOST + 1], false),
        Err(OpeningError::TooLong)
    );
    assert_eq!(opening().read(&long, false), Err(OpeningError::TooLong));
    let many = answer(|lines| lines.extend((0..100).map(|n| format!("h{n}: x"))));
    assert_eq!(opening().read(&many, false), Err(OpeningError::TooLong));
}

#[test]
fn a_refusal_comes_with_its_body() {
    let head = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\ncontent-length: 9\r\n\r\n";
    assert_eq!(opening().read(head.as_bytes(), false), Ok(None), "the body is missing");
    let OpeningError::Refused(refused) = opening()
        .read(format!("{head}too many\n").as_bytes(), false)
        .unwrap_err()
    else {
        panic!("a refusal");
    };
    assert_eq!((refused.status, refused.retry_after), (503, Some(10)));
    assert_eq!(
        refused.to_string(),
        "the server refuses the WebSocket with HTTP 503: too many"
    );
    assert!(refused.should_retry());

    // A body of any length, and one that ends early.
    let long = format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 9999999\r\n\r\n{}",
        "ä".repeat(5000)
    );
    let OpeningError::Refused(refused) = opening().read(long.as_bytes(), false).unwrap_err() else {
        panic!("a refusal");
    };
    assert_eq!((refused.body.len(), refused.should_retry()), (Opening::BODY, false));
    assert!(matches!(
        opening().read(head.as_bytes(), true),
        Err(OpeningError::Refused(_))
    ));

    let retried: Vec<u16> = (300..600)
        .filter(|status| {
            let answer = format!("HTTP/1.1 {status} X\r\n\r\n");
            let error = opening().read(answer.as_bytes(), false).unwrap_err();
            matches!(error, OpeningError::Refused(refused) if refused.should_retry())
        })
        .filter(|status| (400..506).contains(status))
        .collect();
    assert_eq!(retried, [404, 408, 425, 429, 500, 502, 503, 504]);
}
