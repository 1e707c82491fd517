//! What a client may send.

use std::time::Duration;

use switchboard::prelude::*;

use super::{count, echo, error_of, gated, start};

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_is_skipped_and_answered() {
    let server = start(
        Limits {
            message_bytes: 600,
            ..Limits::default()
        },
        Routes::new().route("echo", echo()),
    );
    let mut client = server.connect().await;
    let long = "x".repeat(700);
    assert_eq!(
        error_of(
            &mut client,
            &format!(r#"{{"name":"echo","uid":"a","payload":"{long}"}}"#)
        )
        .await,
        r#"{"name":"echo","uid":"a","error":{"code":"too_large","message":"a message may have 600 bytes"}}"#
    );
    assert_eq!(
        error_of(
            &mut client,
            &format!(r#"{{"payload":"{long}","name":"echo","uid":"a"}}"#)
        )
        .await,
        r#"{"error":{"code":"too_large","message":"a message may have 600 bytes"}}"#
    );
    assert_eq!(client.request("echo", 1).await.unwrap(), 1);
    count(&server, |counters| counters.too_large.get(), 2).await;

    client
        .send_raw(format!(r#"{{"name":"echo","payload":"{}"}}"#, "x".repeat(600 * 16)))
        .await;
    assert_eq!(client.closed().await.0, CloseCode::MESSAGE_TOO_BIG);
    count(&server, |counters| counters.protocol_errors.get(), 1).await;
}

#[tokio::test(start_paused = true)]
async fn names_and_nesting_have_bounds() {
    let limits = Limits {
        name_bytes: 8,
        depth: 4,
        ..Limits::default()
    };
    let server = start(limits, Routes::new().route("<path:any>", echo()));
    let mut client = server.connect().await;
    for (unit, part) in [
        (r#"{"name":"123456789","uid":1}"#, "name"),
        (r#"{"name":"a","uid":1,"payload":[[[[1]]]]}"#, "deep"),
    ] {
        let error = error_of(&mut client, unit).await;
        assert!(
            error.contains(r#""uid":1,"error":{"code":"bad_message""#) && error.contains(part),
            "{error}"
        );
    }
    client
        .send_raw(r#"{"name":"12345678","uid":1,"payload":[[[1]]]}"#)
        .await;
    assert_eq!(
        client.receive_text().await,
        r#"{"name":"12345678","uid":1,"payload":[[[1]]]}"#
    );
    count(&server, |counters| counters.bad_messages.get(), 2).await;
}

#[tokio::test(start_paused = true)]
async fn rubbish_is_answered_until_it_is_too_much() {
    let server = start(
        Limits {
            violations: 4,
            ..Limits::default()
        },
        Routes::new().route("echo", echo()),
    );
    let mut client = server.connect().await;
    for rubbish in ["", "rubbish", r#"{"uid":1}"#, r#"{"name":"a b\u0007","uid":1}"#] {
        let error = error_of(&mut client, rubbish).await;
        assert!(error.contains(r#""code":"bad_message""#), "{error}");
    }
    assert_eq!(client.request("echo", 1).await.unwrap(), 1, "the connection lives on");
    client.send_raw(b"\xff\x00 binary").await;
    let (code, _) = client.closed().await;
    assert_eq!(code, CloseCode::VIOLATIONS);
    assert!(!code.should_reconnect());
    count(&server, |counters| counters.violations.get(), 1).await;
}

#[tokio::test(start_paused = true)]
async fn broken_framing_closes() {
    let server = start(Limits::default(), Routes::new().route("echo", echo()));
    for (bytes, code) in [
        (&[0x81, 0x01, b'x'][..], CloseCode::PROTOCOL_ERROR),
        (&[0xF1, 0x80, 0, 0, 0, 0], CloseCode::PROTOCOL_ERROR),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xFF], CloseCode::INVALID_PAYLOAD),
    ] {
        let mut client = server.connect().await;
        client.send_bytes(bytes).await;
        assert_eq!(client.closed().await.0, code);
    }
    count(&server, |counters| counters.protocol_errors.get(), 3).await;
}

#[tokio::test(start_paused = true)]
async fn too_many_fragments_close() {
    let server = start(
        Limits {
            fragments: 3,
            ..Limits::default()
        },
        Routes::new().route("echo", echo()),
    );
    let mut client = server.connect().await;
    client.send_bytes(&[0x01, 0x81, 0, 0, 0, 0, b'"']).await;
    for _ in 0..3 {
        client.send_bytes(&[0x00, 0x81, 0, 0, 0, 0, b'x']).await;
    }
    assert_eq!(client.closed().await.0, CloseCode::POLICY_VIOLATION);
}

#[tokio::test(start_paused = true)]
async fn the_read_ahead_is_bounded_and_loses_nothing() {
    for limits in [
        Limits {
            read_ahead_messages: 4,
            ..Limits::default()
        },
        Limits {
            read_ahead_bytes: 200,
            ..Limits::default()
        },
    ] {
        let (wait, gate) = gated();
        let server = start(limits, Routes::new().route("wait", wait).route("echo", echo()));
        let mut client = server.connect().await;
        client.send("wait", ()).await;
        for n in 0..100 {
            client.start_request("echo", n).await;
        }
        count(&server, |counters| counters.read_ahead_full.get(), 1).await;
        let read = server.switchboard().counters().messages.get();
        assert!(read < 10, "{read} messages read ahead");
        gate.notify_one();
        for n in 0..100 {
            let frames = client.frames_of(&switchboard::Uid::Integer(n + 1)).await;
            assert_eq!(frames[0].payload.as_ref().unwrap().decode::<i64>().unwrap(), n);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_held_back_is_not_idle() {
    let (wait, gate) = gated();
    let limits = Limits {
        read_ahead_messages: 4,
        ..Limits::default()
    };
    let routes = Routes::new()
        .route("wait", wait.timeout(Duration::from_secs(600)))
        .route("echo", echo());
    let server = start(limits, routes);
    let mut client = server.connect().await;
    client.send("wait", ()).await;
    let mut uids = Vec::new();
    for n in 0..20 {
        uids.push(client.start_request("echo", n).await);
    }
    tokio::time::sleep(Duration::from_secs(180)).await;
    gate.notify_one();
    for uid in &uids {
        client.frames_of(uid).await;
    }
    assert_eq!(server.switchboard().counters().idle.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pipelines_and_reads_is_served_however_much_it_asks() {
    let server = start(Limits::default(), Routes::new().route("echo", echo()));
    let mut client = server.connect().await;
    for n in 0..3_000 {
        client.start_request("echo", n).await;
    }
    for n in 0..3_000 {
        let frames = client.frames_of(&switchboard::Uid::Integer(n + 1)).await;
        assert_eq!(frames[0].payload.as_ref().unwrap().decode::<i64>().unwrap(), n);
    }
    assert_eq!(server.switchboard().counters().slow_consumers.get(), 0);
}
