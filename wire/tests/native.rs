//! The native dialect, read: tables of units with what is read from them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use switchboard_wire::native::{Json, MessagePack};
use switchboard_wire::{Dialect, Format, Incoming, Malformed, RawPayload, ReadLimits, Text, Uid, Unit, code};

const LIMITS: ReadLimits = ReadLimits { depth: 8 };

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Expected {
    error: Option<String>,
    name: Option<String>,
    uid: Option<Value>,
    #[serde(default)]
    receipt: bool,
    #[serde(default, deserialize_with = "present")]
    payload: Option<Value>,
}

#[test]
fn units_in_json() {
    for (line, unit, expected) in cases(include_str!("../testdata/native.txt")) {
        let unit = unit.strip_prefix("! ").unwrap_or(unit);
        let text = raw_payload(expected);
        let read = check(line, Json.read(Unit::Text(unit), &LIMITS), expected);
        let payload = read.as_ref().and_then(|read| read.message.payload());
        assert_eq!(
            payload.map(|payload| payload.json().unwrap()),
            text.as_deref(),
            "line {line}"
        );
    }
}

#[test]
fn the_same_units_in_message_pack() {
    let mut tried = 0;
    for (line, unit, expected) in cases(include_str!("../testdata/native.txt")) {
        let Ok(unit) = RawPayload::from_json(Text::from(unit)) else {
            continue;
        };
        let unit = unit.with_formats(Format::MessagePack.into()).unwrap();
        let unit = Unit::Binary(unit.message_pack().unwrap());
        check(line, MessagePack.read(unit, &LIMITS), expected);
        tried += 1;
    }
    assert!(tried > 60, "only {tried}");
}

#[test]
fn units_that_only_message_pack_has() {
    for (line, unit, expected) in cases(include_str!("../testdata/native_msgpack.txt")) {
        check(line, MessagePack.read(Unit::Binary(&bytes(unit)), &LIMITS), expected);
    }
}

#[test]
fn line_breaks_between_tokens_do_not_travel() {
    let unit = "\r\n{\"name\":\"a\",\n\"payload\":{\r\n \"x\":\n\"\\n\"}}\n";
    let read = Json.read(Unit::Text(unit), &LIMITS).unwrap();
    assert_eq!(read.message.payload().unwrap().json(), Some(r#"{ "x":"\n"}"#));

    let unit = "{\"name\":\"a\",\"x\"\n:\n1}";
    let read = Json.read(Unit::Text(unit), &LIMITS).unwrap();
    assert_eq!(read.message.payload().unwrap().json(), Some(r#"{"x":1}"#));
}

#[test]
fn a_string_uid_has_at_most_128_bytes_however_it_is_written() {
    let longest = "é".repeat(64);
    let escaped = r"\u00e9".repeat(64);
    for uid in [&longest, &escaped] {
        let unit = format!(r#"{{"uid":"{uid}","name":"a"}}"#);
        let read = Json.read(Unit::Text(&unit), &LIMITS).unwrap();
        assert_eq!(read.ticket.uid(), Some(&Uid::Text(Text::from(&*longest))));

        let unit = format!(r#"{{"uid":"{uid}x","name":"a"}}"#);
        let malformed = Json.read(Unit::Text(&unit), &LIMITS).unwrap_err();
        assert!(!malformed.ticket.wants_answer());
        assert_eq!(malformed.name, Some(Text::from("a")));
    }
}

#[test]
fn a_string_uid_is_no_longer_in_message_pack() {
    for (len, taken) in [(128_u8, true), (129, false)] {
        let mut unit = b"\x82\xa4name\xa1a\xa3uid\xd9".to_vec();
        unit.push(len);
        unit.resize(unit.len() + usize::from(len), b'x');
        let read = MessagePack.read(Unit::Binary(&unit), &LIMITS);
        assert_eq!(read.is_ok(), taken, "{len} bytes");
    }
}

#[test]
fn control_characters_and_quotes_are_found_wherever_in_a_string_they_are() {
    let plain = "xé".repeat(10);
    for (at, _) in plain.char_indices() {
        for byte in 0..=0x7f_u8 {
            let mut string = plain.clone();
            string.insert(at, char::from(byte));
            let unit = format!(r#"{{"name":"a","payload":"{string}"}}"#);
            let taken = serde_json::from_str::<Value>(&unit).is_ok();
            let read = Json.read(Unit::Text(&unit), &LIMITS);
            assert_eq!(read.is_ok(), taken, "{byte:#04x} at {at}");
        }
    }
}

#[test]
fn the_wrong_kind_of_unit_is_told_the_sub_protocol() {
    let binary = Json.read(Unit::Binary(b"{}"), &LIMITS).unwrap_err().error;
    assert_eq!(binary.code(), code::BAD_MESSAGE);
    assert!(
        binary.message().contains("is switchboard.v1+json: send text"),
        "{binary}"
    );

    let text = MessagePack.read(Unit::Text("{}"), &LIMITS).unwrap_err().error;
    assert_eq!(text.code(), code::BAD_MESSAGE);
    assert!(
        text.message().contains("is switchboard.v1+msgpack: send binary"),
        "{text}"
    );
}

#[test]
fn nesting_is_refused_at_any_limit_and_any_depth() {
    let deep = |depth: usize| {
        format!(
            r#"{{"name":"a","payload":{}{},"uid":1}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    for (limit, payload, taken) in [
        (0, 0, true),
        (1, 0, true),
        (1, 1, false),
        (128, 127, true),
        (128, 128, false),
        (9999, 127, true),
        (9999, 128, false),
        (128, 30_000, false),
    ] {
        let unit = if payload == 0 {
            r#"{"name":"a","uid":1}"#.into()
        } else {
            deep(payload)
        };
        let read = Json.read(Unit::Text(&unit), &ReadLimits { depth: limit });
        assert_eq!(read.is_ok(), taken, "{payload} at {limit}");
        if let Err(malformed) = read {
            assert_eq!(malformed.ticket.uid(), Some(&Uid::Integer(1)));
        } else if let Some(payload) = read.unwrap().message.payload() {
            payload.decode::<Value>().unwrap();
            payload.write(Format::MessagePack, &mut Vec::new()).unwrap();
        }
    }
    for (depth, taken) in [(126, true), (127, false)] {
        let unit = format!(r#"{{"name":"a","x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        let read = Json.read(Unit::Text(&unit), &ReadLimits { depth: 128 });
        assert_eq!(read.is_ok(), taken, "flat, {depth}");
        if let Ok(read) = read {
            read.message.payload().unwrap().decode::<Value>().unwrap();
        }
    }
    let mut deep = b"\x83\xa4name\xa1a\xa7payload".to_vec();
    deep.resize(deep.len() + 60_000, 0x91);
    deep.extend_from_slice(b"\x01\xa3uid\x01");
    let malformed = MessagePack
        .read(Unit::Binary(&deep), &ReadLimits { depth: 128 })
        .unwrap_err();
    assert!(malformed.error.message().contains("deeper than 128"));
    assert_eq!(malformed.ticket.uid(), Some(&Uid::Integer(1)));
}

#[test]
fn the_beginning_of_a_skipped_message_tells_whom_to_answer() {
    let whole = r#"{"name":"rooms/é/say","uid":1234,"receipt":true,"payload":"xx"#;
    for (cut, name, uid) in [
        (0, None, None),
        (1, None, None),
        (20, None, None),
        (22, Some("rooms/é/say"), None),
        (30, Some("rooms/é/say"), None),
        (33, Some("rooms/é/say"), None),
        (34, Some("rooms/é/say"), Some(Uid::Integer(1234))),
        (whole.len(), Some("rooms/é/say"), Some(Uid::Integer(1234))),
    ] {
        let (read, ticket) = Json.read_prefix(&whole.as_bytes()[..cut]);
        assert_eq!(read.as_deref(), name, "cut at {cut}");
        assert_eq!(ticket.uid(), uid.as_ref(), "cut at {cut}");
        assert_eq!(ticket.wants_receipt(), cut == whole.len(), "cut at {cut}");
    }
    let (name, ticket) = MessagePack.read_prefix(b"\x83\xa4name\xa1a\xa3uid\xcd\x01\x02\xa7payload\xc6\x00\xff");
    assert_eq!((name.as_deref(), ticket.uid()), (Some("a"), Some(&Uid::Integer(258))));
    let (name, ticket) = MessagePack.read_prefix(b"\x83\xa4name\xa1a\xa3uid\xcd\x01");
    assert_eq!((name.as_deref(), ticket.uid()), (Some("a"), None));
    for rubbish in [&b"\xff\xfe"[..], b"hello", b""] {
        assert!(Json.read_prefix(rubbish).0.is_none());
        assert!(MessagePack.read_prefix(rubbish).0.is_none());
    }
}

#[test]
fn a_message_shares_one_copy_of_its_unit() {
    let read = Json
        .read(Unit::Text(r#"{"name":"a/b","uid":"u","payload":[1]}"#), &LIMITS)
        .unwrap();
    let name = read.message.name().as_ptr() as usize;
    let payload = read.message.payload().unwrap().json().unwrap().as_ptr() as usize;
    assert_eq!(payload - name, 25);
}

/// The cases of a table with their line numbers.
fn cases(table: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    table
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#') && !line.is_empty())
        .map(|(index, line)| {
            let (unit, expected) = line.rsplit_once(" => ").unwrap();
            (index + 1, unit, expected)
        })
}

fn check(line: usize, read: Result<Incoming, Box<Malformed>>, expected: &str) -> Option<Incoming> {
    let expected: Expected = serde_json::from_str(expected).unwrap();
    let (found, read) = match read {
        Ok(read) => {
            assert_eq!(read.message.uid(), read.ticket.uid());
            let found = Expected {
                error: None,
                name: Some(read.message.name().into()),
                uid: read.ticket.uid().map(uid),
                receipt: read.ticket.wants_receipt(),
                payload: read.message.payload().map(as_json),
            };
            (found, Some(read))
        }
        Err(malformed) => {
            assert_eq!(malformed.error.code(), code::BAD_MESSAGE);
            let message = malformed.error.message();
            let part = expected.error.as_deref().unwrap_or("a message");
            let found = Expected {
                error: Some(if message.contains(part) { part } else { message }.into()),
                name: malformed.name.map(|name| name.to_string()),
                uid: malformed.ticket.uid().map(uid),
                receipt: malformed.ticket.wants_receipt(),
                payload: None,
            };
            (found, None)
        }
    };
    assert_eq!(found, expected, "line {line}");
    read
}

fn as_json(payload: &RawPayload) -> Value {
    let mut json = Vec::new();
    payload.write(Format::Json, &mut json).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// The expected payload as it stands in the table.
fn raw_payload(expected: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        payload: Option<&'a RawValue>,
    }
    if serde_json::from_str::<Map<String, Value>>(expected)
        .unwrap()
        .get("payload")
        == Some(&json!(null))
    {
        return Some("null".into());
    }
    let raw: Raw<'_> = serde_json::from_str(expected).unwrap();
    raw.payload.map(|payload| payload.get().into())
}

fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    serde::Deserialize::deserialize(value).map(Some)
}

fn uid(uid: &Uid) -> Value {
    match uid {
        Uid::Text(uid) => json!(uid.as_str()),
        Uid::Integer(uid) => json!(uid),
    }
}

/// Hexadecimal with `'text'` in between.
fn bytes(spelled: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, part) in spelled.split('\'').enumerate() {
        if index % 2 == 1 {
            bytes.extend_from_slice(part.as_bytes());
            continue;
        }
        let digits: Vec<u8> = part.bytes().filter(|byte| *byte != b' ').collect();
        for pair in digits.chunks(2) {
            let pair = std::str::from_utf8(pair).unwrap();
            bytes.push(u8::from_str_radix(pair, 16).unwrap());
        }
    }
    bytes
}

#[test]
fn of_a_line_that_was_skipped_the_uid_is_found_at_either_end() {
    let uid = |prefix: &str, suffix: &str| {
        let (_, ticket) = Json.read_cut(prefix.as_bytes(), suffix.as_bytes());
        ticket.uid().cloned()
    };
    let at_start = r#"{"name":"a","uid":7,"payload":"xx"#;
    assert_eq!(uid(at_start, r#"x","uid":8}"#), Some(Uid::Integer(7)));
    assert_eq!(
        uid(r#"{"name":"a","payload":"xx"#, r#"x","uid":"u"}"#),
        Some(Uid::Text("u".into()))
    );
    assert_eq!(
        uid(r#"{"name":"a","payload":{"xx"#, r#"x","uid":"u"}}"#),
        None,
        "the payload's own"
    );
}
