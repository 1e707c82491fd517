//! What a message comes to.

use switchboard::testing::TestClient;

use crate::House;

#[tokio::test]
async fn every_request_ends_with_a_status_and_one_frame() {
    let house = House::usual().await;
    // One connection for all of them: each leaves it fit for the next.
    let mut peer = house.connect().await;
    let long = format!(r#"{{"name":"echo","uid":"long","payload":"{}"}}"#, "x".repeat(65 << 10));
    #[rustfmt::skip]
    let table: &[(&str, u16, &str)] = &[
        (r#"{"name":"echo","payload":[1,"é"]}"#, 200, r#"{"name":"echo","payload":[1,"é"]}"#),
        (r#"{"name":"echo","line":"bare"}"#, 200, r#"{"name":"echo","payload":{"line":"bare"}}"#),
        (r#"{"name":"echo","uid":7,"payload":null}"#, 200, r#"{"name":"echo","uid":7,"payload":null}"#),
        (r#"{"name":"echo","uid":"a\"b","payload":1}"#, 200, r#"{"name":"echo","uid":"a\"b","payload":1}"#),
        (r#"{"name":"echo","payload":1,"receipt":true}"#, 200,
         r#"{"name":"echo","payload":1,"receipt":{"matched":1,"failed":0,"delivered":0,"dropped":0}}"#),
        (r#"{"name":"quiet"}"#, 200, r#"{"name":"quiet"}"#),
        (r#"{"name":"quiet","uid":1,"receipt":true}"#, 200,
         r#"{"name":"quiet","uid":1,"receipt":{"matched":1,"failed":0,"delivered":0,"dropped":0}}"#),
        (r#"{"name":"both/1","payload":1}"#, 200, r#"{"name":"both/1","payload":1}"#),
        // An answer is the result, whatever failed beside it.
        (r#"{"name":"both/fail/taken","payload":1,"receipt":true}"#, 200,
         r#"{"name":"both/fail/taken","payload":1,"receipt":{"matched":2,"failed":1,"delivered":0,"dropped":0}}"#),
        // The first part of many is, too.
        (r#"{"name":"count","payload":3}"#, 200, r#"{"name":"count","payload":0}"#),
        (r#"{"name":"count","payload":0}"#, 200, r#"{"name":"count"}"#),
        (r#"{"name":"switchboard/ping","uid":3}"#, 200, r#"{"name":"switchboard/ping","uid":3}"#),

        (r#"{"name":"#, 400, r#"{"error":{"code":"bad_message","message":"not JSON: expected a value at byte 8"}}"#),
        ("", 400, r#"{"error":{"code":"bad_message","message":"not JSON: expected a value at byte 0"}}"#),
        ("[]", 400, r#"{"error":{"code":"bad_message","message":"a message is an object with a `name`"}}"#),
        (r#"{"uid":1}"#, 400, r#"{"uid":1,"error":{"code":"bad_message","message":"`name` is missing"}}"#),
        (r#"{"receipt":true}"#, 400,
         r#"{"error":{"code":"bad_message","message":"`name` is missing"},"receipt":{"matched":0,"failed":0,"delivered":0,"dropped":0}}"#),
        (r#"{"name":"a//b","uid":1}"#, 400,
         r#"{"uid":1,"error":{"code":"bad_message","message":"`name` is no name: empty segment at byte 2 of the name: write one `/` between segments, none at the ends"}}"#),
        (&long, 413, r#"{"name":"echo","uid":"long","error":{"code":"too_large","message":"a message may have 65536 bytes"}}"#),
        (r#"{"name":"nowhere","uid":1}"#, 404,
         r#"{"name":"nowhere","uid":1,"error":{"code":"not_found","message":"no route matches \"nowhere\""}}"#),
        (r#"{"name":"public"}"#, 404,
         r#"{"name":"public","error":{"code":"not_found","message":"no route matches \"public\""}}"#),
        (r#"{"name":"double","payload":"x"}"#, 422,
         r#"{"name":"double","error":{"code":"bad_payload","message":"invalid type: string \"x\", expected u8"}}"#),
        (r#"{"name":"panic","uid":1}"#, 500,
         r#"{"name":"panic","uid":1,"error":{"code":"internal","message":"something went wrong on the server"}}"#),
        (r#"{"name":"hang"}"#, 504,
         r#"{"name":"hang","error":{"code":"timeout","message":"this took longer than the 0.02 s that it may take"}}"#),
        // The first of two errors.
        (r#"{"name":"hang/taken","receipt":true}"#, 422,
         r#"{"name":"hang/taken","error":{"code":"taken","message":"as you wish"},"receipt":{"matched":2,"failed":2,"delivered":0,"dropped":0}}"#),
        (r#"{"name":"detailed"}"#, 422,
         r#"{"name":"detailed","error":{"code":"taken","message":"kevin is taken","details":["kevin"]}}"#),
        (r#"{"name":"switchboard/cancel","uid":1}"#, 403,
         r#"{"name":"switchboard/cancel","uid":1,"error":{"code":"forbidden","message":"\"switchboard/cancel\" is reserved: who asks over HTTP may send only switchboard/ping and switchboard/hello under switchboard/"}}"#),
        (r#"{"name":"switchboard/connected"}"#, 403,
         r#"{"name":"switchboard/connected","error":{"code":"forbidden","message":"\"switchboard/connected\" is reserved: who asks over HTTP may send only switchboard/ping and switchboard/hello under switchboard/"}}"#),
        (r#"{"name":"echo","payload":"still here"}"#, 200, r#"{"name":"echo","payload":"still here"}"#),
    ];
    for (message, status, expected) in table {
        let answer = peer.post(message).await;
        let shown: String = message.chars().take(80).collect();
        assert_eq!(
            (answer.status, answer.text()),
            (*status, &*format!("{expected}\n")),
            "{shown}"
        );
        assert_eq!(answer.header("content-type"), "application/json", "{shown}");
    }
    let counters = house.running.switchboard();
    assert_eq!(counters.counters().messages.get(), table.len() as u64);
    assert_eq!(
        (counters.counters().too_large.get(), counters.counters().forbidden.get()),
        (1, 2)
    );
}

#[tokio::test]
async fn the_status_says_what_the_code_says() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    for (code, status) in [
        ("bad_message", 400),
        ("unauthenticated", 401),
        ("forbidden", 403),
        ("not_found", 404),
        ("too_large", 413),
        ("bad_payload", 422),
        ("rate_limited", 429),
        ("internal", 500),
        ("cancelled", 503),
        ("overloaded", 503),
        ("unavailable", 503),
        ("timeout", 504),
        ("name_taken", 422),
    ] {
        let answer = peer.post(format!(r#"{{"name":"fail/{code}"}}"#)).await;
        let frame = format!(r#"{{"name":"fail/{code}","error":{{"code":"{code}","message":"as you wish"}}}}"#);
        assert_eq!((answer.status, answer.text().trim_end()), (status, &*frame));
        let challenge = if status == 401 { "Bearer" } else { "" };
        assert_eq!(answer.header("www-authenticate"), challenge, "{code}");
    }
}

#[tokio::test]
async fn deliveries_arrive_and_are_counted_before_the_answer() {
    let house = House::usual().await;
    let mut kevin = TestClient::connect(house.public).await.unwrap();
    let mut julia = TestClient::connect(house.public).await.unwrap();
    let mut peer = house.connect().await;
    let answer = peer.post(r#"{"name":"publish","payload":"tea","receipt":true}"#).await;
    assert_eq!(
        answer.text(),
        "{\"name\":\"publish\",\"receipt\":{\"matched\":1,\"failed\":0,\"delivered\":2,\"dropped\":0}}\n"
    );
    for client in [&mut kevin, &mut julia] {
        assert_eq!(client.receive_text().await, r#"{"name":"news","payload":"tea"}"#);
    }
    assert_eq!(
        kevin.request("echo", 1).await.unwrap_err().code(),
        "not_found",
        "it is not public"
    );
}

#[tokio::test]
async fn message_pack_is_answered_in_message_pack() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    for content_type in [
        "application/msgpack",
        "application/vnd.msgpack",
        "Application/MsgPack; v=1",
    ] {
        let content_type = format!("Content-Type: {content_type}");
        let answer = peer
            .post_with(
                &[&content_type],
                b"\x83\xa4name\xa4echo\xa3uid\x07\xa7payload\x81\xa1b\xc4\x02\x00\xff",
            )
            .await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "application/msgpack")
        );
        assert_eq!(
            answer.body,
            b"\x83\xa4name\xa4echo\xa3uid\x07\xa7payload\x81\xa1b\xc4\x02\x00\xff"
        );
    }
    let answer = peer.post_with(&["Content-Type: application/msgpack"], b"\xc1").await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.starts_with(b"\x81\xa5error\x82\xa4code\xabbad_message"),
        "{answer:?}"
    );

    // Lines are of JSON.
    let headers = ["Content-Type: application/msgpack", "Accept: application/x-ndjson"];
    let answer = peer
        .post_with(&headers, b"\x82\xa4name\xa4echo\xa7payload\xc4\x02\x00\xff")
        .await;
    assert_eq!(answer.text(), "{\"name\":\"echo\",\"payload\":\"AP8=\"}\n");
}

#[tokio::test]
async fn the_content_type_may_be_left_out_and_have_parameters() {
    let house = House::usual().await;
    let mut peer = house.connect().await;
    for header in [
        "Content-Type:",
        "Content-Type: application/json; charset=utf-8",
        "Content-Type: APPLICATION/JSON",
    ] {
        let answer = peer.post_with(&[header], r#"{"name":"quiet"}"#).await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, "{\"name\":\"quiet\"}\n"),
            "{header}"
        );
    }
    let answer = peer.post(b"{\"name\":\"\xff\"}").await;
    assert_eq!(
        (answer.status, answer.text()),
        (
            400,
            "{\"error\":{\"code\":\"bad_message\",\"message\":\"the message is not UTF-8\"}}\n"
        )
    );
}

#[tokio::test]
async fn hello_tells_the_limits() {
    let house = House::usual().await;
    let answer = house.connect().await.post(r#"{"name":"switchboard/hello"}"#).await;
    let frame: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(frame["payload"]["limits"]["message_bytes"], 65536);
    assert_eq!(frame["payload"]["id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn an_answer_that_has_no_form_in_its_format_is_an_error() {
    let house = House::usual().await;
    // An extension type of MessagePack, which JSON has no form for.
    let headers = ["Content-Type: application/msgpack", "Accept: application/x-ndjson"];
    let mut peer = house.connect().await;
    let answer = peer
        .post_with(&headers, b"\x83\xa4name\xa4echo\xa3uid\x01\xa7payload\xd4\x01\x00")
        .await;
    assert_eq!(
        (answer.status, answer.text()),
        (
            500,
            "{\"name\":\"echo\",\"uid\":1,\"error\":{\"code\":\"internal\",\"message\":\"the answer cannot be written in the \
             format of this request\"}}\n"
        )
    );
    assert_eq!(house.running.switchboard().counters().unwritable.get(), 1);
}
