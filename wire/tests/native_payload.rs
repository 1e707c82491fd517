//! Payloads: values to both formats and back, from one format to the other, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use switchboard_wire::{Binary, EncodeError, Format, Formats, PayloadError, RawPayload, Text};

const BOTH: Formats = Formats::JSON.union(Formats::MESSAGE_PACK);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    unsigned: u64,
    signed: i64,
    single: f32,
    double: f64,
    text: String,
    letter: char,
    bytes: Binary,
    optional: Option<Binary>,
    nothing: Option<u8>,
    unit: (),
    pair: (u8, bool),
    map: BTreeMap<i16, Vec<Binary>>,
    address: IpAddr,
    kinds: Vec<Kind>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Unit,
    Newtype(Binary),
    Tuple(u8, Binary),
    Struct { bytes: Binary },
}

fn everything() -> Everything {
    Everything {
        unsigned: u64::MAX,
        signed: i64::MIN,
        single: 0.1,
        double: 1.000_000_000_000_000_2e-308,
        text: "\u{0}\"\\/\u{7f}é🫖".into(),
        letter: '🫖',
        bytes: vec![0, 255, 254, 1].into(),
        optional: Some(vec![].into()),
        nothing: None,
        unit: (),
        pair: (1, true),
        map: BTreeMap::from([(-1, vec![]), (300, vec![vec![7].into()])]),
        address: "127.0.0.1".parse().unwrap(),
        kinds: vec![
            Kind::Unit,
            Kind::Newtype(vec![1].into()),
            Kind::Tuple(2, vec![2].into()),
            Kind::Struct { bytes: vec![3].into() },
        ],
    }
}

#[test]
fn a_value_is_the_same_in_either_format_and_after_either_way_between() {
    let value = everything();
    let native = RawPayload::encode(&value, BOTH).unwrap();
    assert!(native.json().unwrap().contains(r#""bytes":"AP/+AQ==""#));
    assert!(native.json().unwrap().contains(r#""address":"127.0.0.1""#));
    assert_eq!(native.decode::<Everything>().unwrap(), value);
    for format in [Formats::JSON, Formats::MESSAGE_PACK] {
        let one = RawPayload::encode(&value, format).unwrap();
        assert_eq!(one.formats(), format);
        assert_eq!(one.decode::<Everything>().unwrap(), value);
        let both = one.with_formats(BOTH).unwrap();
        assert_eq!(both.formats(), BOTH);
        assert_eq!(
            both.held_bytes(),
            both.json().unwrap().len() + both.message_pack().unwrap().len()
        );
        let json = RawPayload::from_json(Text::from(both.json().unwrap())).unwrap();
        assert_eq!(json.decode::<Everything>().unwrap(), value);
    }
    let transcoded = RawPayload::encode(&value, Formats::MESSAGE_PACK)
        .unwrap()
        .with_formats(BOTH)
        .unwrap();
    assert_eq!(transcoded.json(), native.json());
}

#[test]
fn no_format_means_json() {
    let payload = RawPayload::encode(&1, Formats::NONE).unwrap();
    assert_eq!(payload.formats(), Formats::JSON);
}

#[test]
fn bytes_in_json_are_base64_or_numbers() {
    assert_eq!(*decode::<Binary>(r#""AQL/""#).unwrap(), [1, 2, 255]);
    assert_eq!(*decode::<Binary>(r#""\u0041QL\/""#).unwrap(), [1, 2, 255]);
    assert_eq!(*decode::<Binary>("[1,2,255]").unwrap(), [1, 2, 255]);
    assert!(decode::<Binary>(r#""""#).unwrap().is_empty());
    assert_eq!(decode::<Option<Binary>>("null").unwrap(), None);
    for refused in [r#""AQL""#, r#""AQL-""#, r#""A Q=""#, "[256]", "5", "null", "{}"] {
        decode::<Binary>(refused).unwrap_err();
    }
    let error = decode::<Vec<Binary>>(r#"["AA==","A"]"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"`[1]`: invalid value: string "A", expected bytes in base64 (standard alphabet, padded)"#
    );
}

#[test]
fn bytes_in_flattened_and_untagged_types_are_found_too() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        data: Binary,
    }
    let value = Outer {
        inner: Inner {
            data: vec![9, 8].into(),
        },
    };
    for format in [Formats::JSON, Formats::MESSAGE_PACK] {
        let payload = RawPayload::encode(&value, format).unwrap();
        assert_eq!(payload.decode::<Outer>().unwrap(), value);
    }
}

#[test]
fn an_error_names_the_path() {
    #[derive(Debug, Deserialize)]
    struct Mixer {
        #[allow(dead_code)]
        items: Vec<Item>,
    }
    #[derive(Debug, Deserialize)]
    struct Item {
        #[allow(dead_code)]
        level: u8,
    }
    for (payload, path, reason) in [
        (
            r#"{"items":[{"level":1},{"level":2},{"level":"x"}]}"#,
            "items[2].level",
            r#"invalid type: string "x", expected u8"#,
        ),
        (
            r#"{"items":[{"level":300}]}"#,
            "items[0].level",
            "invalid value: integer `300`, expected u8",
        ),
        (r#"{"items":[{}]}"#, "items[0]", "missing field `level`"),
        ("{}", "", "missing field `items`"),
        ("5", "", "invalid type: integer `5`, expected struct Mixer"),
    ] {
        let payload: RawPayload = payload.parse().unwrap();
        let packed = RawPayload::from_message_pack(message_pack(&payload).into()).unwrap();
        for payload in [payload, packed] {
            let error = payload.decode::<Mixer>().unwrap_err();
            assert_eq!((error.path(), error.reason()), (path, reason));
        }
    }
}

#[test]
fn an_error_does_not_repeat_a_large_payload() {
    let payload = format!(r#"{{"{0}":"{0}"}}"#, "é".repeat(30_000));
    let error = decode::<HashMap<String, u8>>(&payload).unwrap_err();
    assert!(error.to_string().len() < 1_000, "{} bytes", error.to_string().len());
    assert!(error.to_string().contains('…'));
}

#[test]
fn an_absent_payload_is_an_empty_object() {
    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Options {
        level: u8,
    }
    #[derive(Debug, Deserialize)]
    struct Needed {
        #[allow(dead_code)]
        level: u8,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Unit;
    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapped(Options);

    let absent = RawPayload::decode_absent::<Options>();
    assert_eq!(absent.unwrap(), Options { level: 0 });
    assert_eq!(
        RawPayload::decode_absent::<Wrapped>().unwrap(),
        Wrapped(Options { level: 0 })
    );
    assert_eq!(
        RawPayload::decode_absent::<HashMap<String, u8>>().unwrap(),
        HashMap::new()
    );
    assert_eq!(RawPayload::decode_absent::<Value>().unwrap(), json!({}));
    let none = RawPayload::decode_absent::<Option<Needed>>().unwrap();
    assert!(none.is_none());
    RawPayload::decode_absent::<()>().unwrap();
    assert_eq!(RawPayload::decode_absent::<Unit>().unwrap(), Unit);

    let error = RawPayload::decode_absent::<Needed>().unwrap_err();
    assert_eq!(error.to_string(), "the payload is missing: missing field `level`");
    for (error, expected) in [
        (RawPayload::decode_absent::<String>().unwrap_err(), "a string"),
        (RawPayload::decode_absent::<Vec<u8>>().unwrap_err(), "a sequence"),
        (
            RawPayload::decode_absent::<(u8, u8)>().unwrap_err(),
            "a tuple of size 2",
        ),
        (RawPayload::decode_absent::<bool>().unwrap_err(), "a boolean"),
        (RawPayload::decode_absent::<Kind>().unwrap_err(), "enum Kind"),
        (RawPayload::decode_absent::<Binary>().unwrap_err(), "bytes"),
    ] {
        assert_eq!(
            error.to_string(),
            format!("the payload is missing, expected {expected}")
        );
    }
}

#[test]
fn a_value_that_cannot_be_written_says_why() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("out of paper"))
        }
    }
    for format in [Format::Json, Format::MessagePack] {
        let error = RawPayload::encode(&Failing, format.into()).unwrap_err();
        assert_eq!(
            error,
            EncodeError::Value {
                format,
                reason: "out of paper".into()
            }
        );
        assert_eq!(
            error.to_string(),
            format!("the value cannot be written as {format}: out of paper")
        );
    }
    RawPayload::encode(&HashMap::from([(vec![1], 1)]), Formats::JSON).unwrap_err();
}

#[test]
fn a_value_may_encode_another_while_it_is_encoded() {
    struct Outer;
    impl Serialize for Outer {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let inner = RawPayload::encode(&"inner", Formats::JSON).unwrap();
            serializer.collect_seq(["outer", inner.json().unwrap()])
        }
    }
    let payload = RawPayload::encode(&Outer, Formats::JSON).unwrap();
    assert_eq!(payload.json(), Some(r#"["outer","\"inner\""]"#));
}

#[test]
fn raw_json_within_a_value_stays_on_one_line() {
    let raw: Box<RawValue> = serde_json::from_str("{\n\"a\": 1\r\n}").unwrap();
    let payload = RawPayload::encode(&raw, Formats::JSON).unwrap();
    assert_eq!(payload.json(), Some("{\"a\": 1}"));
    assert_eq!(payload.decode::<Box<RawValue>>().unwrap().get(), "{\"a\": 1}");
    let payload: RawPayload = "[\n1,\r\n2]".parse().unwrap();
    assert_eq!(payload.json(), Some("[1,2]"));
}

fn decode<T: DeserializeOwned>(json: &str) -> Result<T, PayloadError> {
    json.parse::<RawPayload>().unwrap().decode()
}

fn message_pack(payload: &RawPayload) -> Vec<u8> {
    let mut out = Vec::new();
    payload.write(Format::MessagePack, &mut out).unwrap();
    out
}
