//! Payloads from one format to the other, and what is refused as one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use switchboard_wire::{EncodeError, Format, Formats, RawPayload, Text};

const BOTH: Formats = Formats::JSON.union(Formats::MESSAGE_PACK);

#[test]
fn message_pack_to_json() {
    for (bytes, json) in [
        (&b"\xc0"[..], "null"),
        (b"\xca\x7f\xc0\x00\x00", "null"),
        (b"\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", "null"),
        (b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", "1.0"),
        (b"\xca\x3d\xcc\xcc\xcd", "0.1"),
        (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808"),
        (b"\xa3\"\n\x7f", "\"\\\"\\n\u{7f}\""),
        (b"\xc4\x02\xfb\xf0", "\"+/A=\""),
        (b"\x83\x01\x02\xd0\xff\xc0\xc3\xa1x", r#"{"1":2,"-1":null,"true":"x"}"#),
        (b"\x93\x90\x80\x91\xc2", "[[],{},[false]]"),
    ] {
        let payload = RawPayload::from_message_pack(bytes.to_vec().into()).unwrap();
        assert_eq!(payload.with_formats(Formats::JSON).unwrap().json(), Some(json));
    }
    for (bytes, key) in [
        (&b"\x81\xc0\x01"[..], "nil"),
        (b"\x81\xca\x00\x00\x00\x00\x01", "a float"),
        (b"\x81\xc4\x00\x01", "`bin`"),
        (b"\x81\x90\x01", "an array"),
        (b"\x81\x80\x01", "a map"),
        (b"\x81\xd4\x05\x00\x01", "an extension type"),
    ] {
        let payload = RawPayload::from_message_pack(bytes.to_vec().into()).unwrap();
        assert_eq!(payload.with_formats(Formats::JSON).unwrap_err(), EncodeError::Key(key));
    }
    let payload = RawPayload::from_message_pack((&b"\x91\xd6\xff\x00\x00\x00\x00"[..]).into()).unwrap();
    assert_eq!(
        payload.with_formats(Formats::JSON).unwrap_err(),
        EncodeError::Extension(-1)
    );
}

#[test]
fn json_to_message_pack() {
    for (json, bytes) in [
        ("null", &b"\xc0"[..]),
        (" true ", b"\xc3"),
        ("false", b"\xc2"),
        ("127", b"\x7f"),
        ("128", b"\xcc\x80"),
        ("-32", b"\xe0"),
        ("-33", b"\xd0\xdf"),
        ("18446744073709551615", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("18446744073709551616", b"\xcb\x43\xf0\x00\x00\x00\x00\x00\x00"),
        ("-9223372036854775809", b"\xcb\xc3\xe0\x00\x00\x00\x00\x00\x00"),
        ("-0", b"\xcb\x80\x00\x00\x00\x00\x00\x00\x00"),
        ("1.0", b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
        ("\"\\u00e9\\n\"", b"\xa3\xc3\xa9\n"),
        ("[ ]", b"\x90"),
        ("{ \"a\" : [ { } ] }", b"\x81\xa1a\x91\x80"),
    ] {
        assert_eq!(message_pack(&json.parse().unwrap()), bytes, "{json}");
    }
    for len in [15_usize, 16, 65_535, 65_536] {
        let array = RawPayload::encode(&vec![0_u8; len], BOTH).unwrap();
        let json: RawPayload = array.json().unwrap().parse().unwrap();
        assert_eq!(message_pack(&json), array.message_pack().unwrap());
        let map: BTreeMap<_, _> = (0..len).map(|key| (key.to_string(), ())).collect();
        let map = RawPayload::encode(&map, BOTH).unwrap();
        let json: RawPayload = map.json().unwrap().parse().unwrap();
        assert_eq!(message_pack(&json), map.message_pack().unwrap());
    }
}

#[test]
fn what_is_broken_or_too_deep_is_no_payload() {
    for json in [
        "",
        " ",
        "1 2",
        "{",
        "[1,]",
        "\"\\ud800\"",
        "1e999",
        "nul",
        "\"\u{1}\"",
        "\u{feff}1",
    ] {
        RawPayload::from_json(Text::from(json)).unwrap_err();
    }
    for bytes in [
        &b""[..],
        b"\xc1",
        b"\x01\x02",
        b"\x91",
        b"\xa1\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc8\x00\x01\x05",
    ] {
        RawPayload::from_message_pack(bytes.into()).unwrap_err();
    }
    let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
    let deepest: RawPayload = nested(127).parse().unwrap();
    deepest.decode::<Value>().unwrap();
    let packed = RawPayload::from_message_pack(message_pack(&deepest).into()).unwrap();
    packed.decode::<Value>().unwrap();
    packed.with_formats(Formats::JSON).unwrap();
    let error = nested(128).parse::<RawPayload>().unwrap_err();
    assert_eq!(error.to_string(), "arrays and objects nest deeper than 127");
    nested(1_000_000).parse::<RawPayload>().unwrap_err();
    RawPayload::from_message_pack(vec![0x91; 128].into()).unwrap_err();
    RawPayload::from_message_pack(vec![0x91; 1_000_000].into()).unwrap_err();

    let mut value = json!(1);
    for _ in 0..200 {
        value = json!([value]);
    }
    let deep = RawPayload::encode(&value, Formats::JSON).unwrap();
    deep.with_formats(BOTH).unwrap_err();
    let deep = RawPayload::encode(&value, Formats::MESSAGE_PACK).unwrap();
    deep.clone().with_formats(BOTH).unwrap_err();
    deep.decode::<Value>().unwrap_err();
}

fn message_pack(payload: &RawPayload) -> Vec<u8> {
    let mut out = Vec::new();
    payload.write(Format::MessagePack, &mut out).unwrap();
    out
}
