//! The native dialect, written: every kind of frame, byte by byte.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::json;
use switchboard_wire::native::{Json, MessagePack, ServerFrame};
use switchboard_wire::websocket::MessageKind;
use switchboard_wire::{
    Dialect, End, Error, Format, Formats, Frame, Message, RawPayload, Receipt, Text, Ticket, Uid, Unit, Written, native,
};

const RECEIPT: Receipt = Receipt {
    matched: 2,
    failed: 1,
    delivered: 300,
    dropped: 0,
};

#[test]
fn every_kind_of_frame() {
    let payload = RawPayload::encode(&json!({"level": 55}), Formats::JSON | Formats::MESSAGE_PACK).unwrap();
    let error = Error::new("name_taken", "taken: \"kevin\"");
    let detailed = Error::new("e", "m").with_details(json!({"a": [1]}));
    let text = &Ticket::new(Some(Uid::Text(Text::from("7f\"3a"))), true);
    let integer = &Ticket::new(Some(Uid::Integer(-7)), false);
    let none = &Ticket::default();
    let asking = &Ticket::default().asking();
    let payload = Some(&payload);
    let name = "mixer/level";
    let (more, last) = (End::More, End::Final(None));

    #[rustfmt::skip]
    let frames: [(Frame<'_>, &str, &[u8]); 17] = [
        (Frame::Delivery { name, mailbox: None, payload },
         r#"{"name":"mixer/level","payload":{"level":55}}"#,
         b"\x82\xa4name\xabmixer/level\xa7payload\x81\xa5level\x37"),
        (Frame::Delivery { name, mailbox: Some("rooms/lobby"), payload },
         r#"{"name":"mixer/level","mailbox":"rooms/lobby","payload":{"level":55}}"#,
         b"\x83\xa4name\xabmixer/level\xa7mailbox\xabrooms/lobby\xa7payload\x81\xa5level\x37"),
        (Frame::Delivery { name, mailbox: None, payload: None },
         r#"{"name":"mixer/level"}"#,
         b"\x81\xa4name\xabmixer/level"),
        (Frame::Answer { ticket: text, name, payload, end: last },
         r#"{"name":"mixer/level","uid":"7f\"3a","payload":{"level":55}}"#,
         b"\x83\xa4name\xabmixer/level\xa3uid\xa57f\"3a\xa7payload\x81\xa5level\x37"),
        (Frame::Answer { ticket: integer, name, payload, end: more },
         r#"{"name":"mixer/level","uid":-7,"payload":{"level":55},"more":true}"#,
         b"\x84\xa4name\xabmixer/level\xa3uid\xf9\xa7payload\x81\xa5level\x37\xa4more\xc3"),
        (Frame::Answer { ticket: integer, name, payload: None, end: more },
         r#"{"name":"mixer/level","uid":-7,"more":true}"#,
         b"\x83\xa4name\xabmixer/level\xa3uid\xf9\xa4more\xc3"),
        (Frame::Answer { ticket: none, name, payload, end: more },
         r#"{"name":"mixer/level","payload":{"level":55}}"#,
         b"\x82\xa4name\xabmixer/level\xa7payload\x81\xa5level\x37"),
        (Frame::Done { ticket: integer, name, receipt: None },
         r#"{"name":"mixer/level","uid":-7}"#,
         b"\x82\xa4name\xabmixer/level\xa3uid\xf9"),
        (Frame::Done { ticket: integer, name, receipt: Some(RECEIPT) },
         r#"{"name":"mixer/level","uid":-7,"receipt":{"matched":2,"failed":1,"delivered":300,"dropped":0}}"#,
         b"\x83\xa4name\xabmixer/level\xa3uid\xf9\xa7receipt\x84\xa7matched\x02\xa6failed\x01\xa9delivered\xcd\x01\x2c\xa7dropped\x00"),
        (Frame::Failed { ticket: integer, name: Some(name), error: &error, end: last },
         r#"{"name":"mixer/level","uid":-7,"error":{"code":"name_taken","message":"taken: \"kevin\""}}"#,
         b"\x83\xa4name\xabmixer/level\xa3uid\xf9\xa5error\x82\xa4code\xaaname_taken\xa7message\xaetaken: \"kevin\""),
        (Frame::Failed { ticket: integer, name: None, error: &detailed, end: last },
         r#"{"uid":-7,"error":{"code":"e","message":"m","details":{"a":[1]}}}"#,
         b"\x82\xa3uid\xf9\xa5error\x83\xa4code\xa1e\xa7message\xa1m\xa7details\x81\xa1a\x91\x01"),
        (Frame::Failed { ticket: integer, name: Some(name), error: &detailed, end: more },
         r#"{"name":"mixer/level","uid":-7,"error":{"code":"e","message":"m","details":{"a":[1]}},"more":true}"#,
         b"\x84\xa4name\xabmixer/level\xa3uid\xf9\xa5error\x83\xa4code\xa1e\xa7message\xa1m\xa7details\x81\xa1a\x91\x01\xa4more\xc3"),
        (Frame::Failed { ticket: integer, name: None, error: &detailed, end: End::Final(Some(RECEIPT)) },
         r#"{"uid":-7,"error":{"code":"e","message":"m","details":{"a":[1]}},"receipt":{"matched":2,"failed":1,"delivered":300,"dropped":0}}"#,
         b"\x83\xa3uid\xf9\xa5error\x83\xa4code\xa1e\xa7message\xa1m\xa7details\x81\xa1a\x91\x01\xa7receipt\x84\xa7matched\x02\xa6failed\x01\xa9delivered\xcd\x01\x2c\xa7dropped\x00"),
        (Frame::Failed { ticket: none, name: None, error: &error, end: End::Final(Some(RECEIPT)) },
         r#"{"error":{"code":"name_taken","message":"taken: \"kevin\""}}"#,
         b"\x81\xa5error\x82\xa4code\xaaname_taken\xa7message\xaetaken: \"kevin\""),
        (Frame::Failed { ticket: none, name: Some(name), error: &error, end: more },
         r#"{"name":"mixer/level","error":{"code":"name_taken","message":"taken: \"kevin\""}}"#,
         b"\x82\xa4name\xabmixer/level\xa5error\x82\xa4code\xaaname_taken\xa7message\xaetaken: \"kevin\""),
        (Frame::Answer { ticket: asking, name, payload: None, end: more },
         r#"{"name":"mixer/level","more":true}"#,
         b"\x82\xa4name\xabmixer/level\xa4more\xc3"),
        (Frame::Done { ticket: asking, name, receipt: Some(RECEIPT) },
         r#"{"name":"mixer/level","receipt":{"matched":2,"failed":1,"delivered":300,"dropped":0}}"#,
         b"\x82\xa4name\xabmixer/level\xa7receipt\x84\xa7matched\x02\xa6failed\x01\xa9delivered\xcd\x01\x2c\xa7dropped\x00"),
    ];
    for (frame, json, message_pack) in frames {
        let mut out = b"before".to_vec();
        Json.write(&frame, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("before{json}"));

        let mut out = Vec::new();
        MessagePack.write(&frame, &mut out).unwrap();
        assert_eq!(out, message_pack, "{json}");

        let read = ServerFrame::parse(Unit::Text(json)).unwrap();
        let same = ServerFrame::parse(Unit::Binary(message_pack)).unwrap();
        assert_eq!(summary(&read), summary(&same));
        assert_eq!(summary(&read), serde_json::from_str::<serde_json::Value>(json).unwrap());
    }
}

#[test]
fn an_answer_whose_value_is_written_in_its_place_is_the_same() {
    let tickets = [
        Ticket::default(),
        Ticket::new(Some(Uid::Integer(-7)), false),
        Ticket::new(Some(Uid::Text(Text::from("7f\"3a"))), false),
    ];
    let dialects: [&dyn Dialect; 2] = [&Json, &MessagePack];
    for (ticket, dialect) in tickets
        .iter()
        .flat_map(|ticket| dialects.map(|dialect| (ticket, dialect)))
    {
        let format = dialect.format();
        let value = json!({"level": [55, -1.5, "\u{1}"]});
        let payload = RawPayload::encode(&value, format.into()).unwrap();
        let answer = Frame::Answer {
            ticket,
            name: "mixer/\"level\"",
            payload: Some(&payload),
            end: End::Final(None),
        };
        let mut whole = b"before".to_vec();
        let kind = match dialect.write(&answer, &mut whole).unwrap() {
            Written::Text => MessageKind::Text,
            Written::Binary => MessageKind::Binary,
            Written::Nothing => panic!("an answer is written"),
        };

        let mut out = b"before".to_vec();
        assert_eq!(
            dialect.begin_answer(ticket, &Text::from("mixer/\"level\""), &mut out),
            Some(kind)
        );
        let start = out.len();
        RawPayload::encode_into(&value, format, &mut out).unwrap();
        let again = RawPayload::from_encoded(format, &out[start..]);
        assert_eq!(
            (again.json(), again.message_pack()),
            (payload.json(), payload.message_pack())
        );
        dialect.end_answer(&mut out);
        assert_eq!(out, whole);
    }
}

#[test]
fn an_answer_begins_as_it_is_spelled_here_however_the_message_was() {
    let limits = &switchboard_wire::ReadLimits { depth: 32 };
    for (read, expected) in [
        (
            r#"{"name":"a/ö","uid":12,"payload":{}}"#,
            r#"{"name":"a/ö","uid":12,"payload":"#,
        ),
        (
            r#"{"name":"a","uid":"u","payload":{}}"#,
            r#"{"name":"a","uid":"u","payload":"#,
        ),
        (r#"{"name":"","payload": {}}"#, r#"{"name":"","payload":"#),
        (r#"{"name":"a","payload":{}}"#, r#"{"name":"a","payload":"#),
        (
            r#"{"name": "a","uid":12,"payload":{}}"#,
            r#"{"name":"a","uid":12,"payload":"#,
        ),
        (
            r#"{"name":"a", "uid":12,"payload":{}}"#,
            r#"{"name":"a","uid":12,"payload":"#,
        ),
        (
            r#"{"name":"a","uid": 12,"payload":{}}"#,
            r#"{"name":"a","uid":12,"payload":"#,
        ),
        (
            r#"{"name":"a","uid":"u", "payload":{}}"#,
            r#"{"name":"a","uid":"u","payload":"#,
        ),
        (
            r#"{"name":"a","uid":12,"payload": {}}"#,
            r#"{"name":"a","uid":12,"payload":"#,
        ),
        (r#"{"name":"a","uid":12}"#, r#"{"name":"a","uid":12,"payload":"#),
        (
            r#"{"uid":12,"name":"a","payload":{}}"#,
            r#"{"name":"a","uid":12,"payload":"#,
        ),
        (
            r#"{"name":"a","uid":12,"level":1}"#,
            r#"{"name":"a","uid":12,"payload":"#,
        ),
    ] {
        let read = Json.read(Unit::Text(read), limits).unwrap();
        let mut out = Vec::new();
        Json.begin_answer(&read.ticket, read.message.name_text(), &mut out)
            .unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        Json.begin_answer(&read.ticket, &Text::from("other"), &mut out).unwrap();
        assert!(out.starts_with(br#"{"name":"other""#));
    }
}

#[test]
fn a_client_writes_what_the_server_reads() {
    let payload: RawPayload = r#"{"a":1}"#.parse().unwrap();
    let bare = Message::new("a");
    let full = Message::new("a/\u{1f}")
        .with_uid(Some(Uid::Text(Text::from("u"))))
        .with_payload(payload);
    for (message, receipt, json, message_pack) in [
        (&bare, false, r#"{"name":"a"}"#, &b"\x81\xa4name\xa1a"[..]),
        (
            &full,
            true,
            r#"{"name":"a/\u001f","uid":"u","receipt":true,"payload":{"a":1}}"#,
            b"\x84\xa4name\xa3a/\x1f\xa3uid\xa1u\xa7receipt\xc3\xa7payload\x81\xa1a\x01",
        ),
    ] {
        let mut out = Vec::new();
        native::write_message(message, receipt, Format::Json, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), json);
        let mut out = Vec::new();
        native::write_message(message, receipt, Format::MessagePack, &mut out).unwrap();
        assert_eq!(out, message_pack);
    }
}

#[test]
fn a_payload_without_a_form_in_the_dialect_is_an_error() {
    let payload = RawPayload::from_message_pack((&b"\xd4\x01\x00"[..]).into()).unwrap();
    let frame = Frame::Delivery {
        name: "a",
        mailbox: None,
        payload: Some(&payload),
    };
    let error = Json.write(&frame, &mut Vec::new()).unwrap_err();
    assert!(
        error.to_string().starts_with("extension type 1 of MessagePack"),
        "{error}"
    );
    MessagePack.write(&frame, &mut Vec::new()).unwrap();
}

#[test]
fn a_frame_with_unknown_keys_is_read_and_a_broken_one_is_not() {
    let frame = ServerFrame::parse(Unit::Text(
        r#" {"name":"a","seq":9,"uid":null,"payload":null,"error":null} "#,
    ))
    .unwrap();
    assert_eq!(summary(&frame), json!({"name": "a", "payload": null}));
    let frame = ServerFrame::parse(Unit::Binary(b"\x82\x01\x02\xa4name\xa1a")).unwrap();
    assert_eq!(summary(&frame), json!({"name": "a"}));

    for (unit, reason) in [
        ("", "expected `{`"),
        ("[]", "expected `{`"),
        (r#"{"name":"a"}}"#, "expected the end"),
        (
            r#"{"name":5}"#,
            "`name` of the frame: invalid type: integer `5`, expected a string",
        ),
        (r#"{"uid":1.5}"#, "`uid` of the frame: expected a string or an integer"),
        (r#"{"more":1}"#, "`more` of the frame: invalid type"),
        (
            r#"{"error":{"code":"x"}}"#,
            "`error` of the frame: missing field `message`",
        ),
        (
            r#"{"receipt":{"matched":-1}}"#,
            "`receipt` of the frame: `matched`: invalid value",
        ),
    ] {
        let error = ServerFrame::parse(Unit::Text(unit)).unwrap_err().to_string();
        assert!(error.contains(reason), "{unit}: {error}");
    }
    for unit in [&b""[..], b"\x90", b"\x81\xa4name", b"\x80\x80"] {
        ServerFrame::parse(Unit::Binary(unit)).unwrap_err();
    }
}

/// A frame as its JSON would be.
fn summary(frame: &ServerFrame) -> serde_json::Value {
    let mut fields = serde_json::Map::new();
    if let Some(name) = &frame.name {
        fields.insert("name".into(), json!(name.as_str()));
    }
    match &frame.uid {
        Some(Uid::Text(uid)) => drop(fields.insert("uid".into(), json!(uid.as_str()))),
        Some(Uid::Integer(uid)) => drop(fields.insert("uid".into(), json!(uid))),
        None => {}
    }
    if let Some(mailbox) = &frame.mailbox {
        fields.insert("mailbox".into(), json!(mailbox.as_str()));
    }
    if let Some(payload) = &frame.payload {
        fields.insert("payload".into(), payload.decode().unwrap());
    }
    if let Some(error) = &frame.error {
        let mut inner = json!({"code": error.code(), "message": error.message()});
        if let Some(details) = error.details() {
            inner["details"] = details.clone();
        }
        fields.insert("error".into(), inner);
    }
    if frame.more {
        fields.insert("more".into(), json!(true));
    }
    if let Some(receipt) = frame.receipt {
        let Receipt {
            matched,
            failed,
            delivered,
            dropped,
        } = receipt;
        fields.insert(
            "receipt".into(),
            json!({"matched": matched, "failed": failed, "delivered": delivered, "dropped": dropped}),
        );
    }
    fields.into()
}
