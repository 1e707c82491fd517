//! What must hold of every unit, tried on random ones.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use switchboard_wire::native::{self, Json, MessagePack, fuzzing};
use switchboard_wire::{Dialect, Format, Formats, Message, RawPayload, ReadLimits, Text, Uid, Unit};

const LIMITS: ReadLimits = ReadLimits { depth: 16 };

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no other", |number| number.is_finite())
            .prop_map(Value::from),
        any::<f32>()
            .prop_filter("JSON has no other", |number| number.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..20).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn uid() -> impl Strategy<Value = Uid> {
    prop_oneof![
        ".{0,32}".prop_map(|uid| Uid::Text(Text::from(uid))),
        (-Uid::MAX_INTEGER..=Uid::MAX_INTEGER).prop_map(Uid::Integer),
    ]
}

/// An envelope whose keys and values are right about as often as wrong.
fn envelope() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<String>().prop_map(|name| json!({ "a": { "name": name } })),
        value(),
    ];
    let uid = prop_oneof![Just(json!("7f")), any::<i32>().prop_map(Value::from), value()];
    let receipt = prop_oneof![any::<bool>().prop_map(Value::from), value()];
    (
        prop::option::weighted(0.9, name),
        prop::option::of(uid),
        prop::option::of(receipt),
        prop::option::of(value()),
        btree_map("[a-z]{0,7}", value(), 0..3),
    )
        .prop_map(|(name, uid, receipt, payload, others)| {
            let mut envelope: Map<String, Value> = others.into_iter().collect();
            for (key, value) in [("name", name), ("uid", uid), ("receipt", receipt), ("payload", payload)] {
                match value {
                    Some(value) => drop(envelope.insert(key.into(), value)),
                    None => drop(envelope.remove(key)),
                }
            }
            Value::Object(envelope)
        })
}

/// An envelope as clients write it, or a token away from that.
fn nearly_plain() -> impl Strategy<Value = String> {
    let space = select(&["", "", "", " ", "\n", "\t", "  "][..]);
    let name = select(
        &[
            r#""a""#,
            r#""rooms/lobby/say""#,
            r#""é""#,
            r#""\n""#,
            r#""a"#,
            "1",
            r#"{"a":{"name":"b"}}"#,
        ][..],
    );
    let uid = prop_oneof![
        select(
            &[
                "0",
                "-0",
                "-7",
                "00",
                "1.0",
                "1e2",
                "null",
                r#""""#,
                r#""7f""#,
                r#""\u0041""#,
                "x"
            ][..]
        )
        .prop_map(str::to_owned),
        "[1-9][0-9]{12,20}",
        (Uid::MAX_INTEGER - 2..Uid::MAX_INTEGER + 3).prop_map(|uid| uid.to_string()),
    ];
    let payload = prop_oneof![
        value().prop_map(|value| value.to_string()),
        value().prop_map(|value| serde_json::to_string_pretty(&value).unwrap()),
        "[\\[\\]{}\",:1ea \n]{0,6}",
    ];
    let key = |key: &'static str, value: BoxedStrategy<String>| {
        prop::option::weighted(0.7, (space.clone(), space.clone(), space.clone(), value)).prop_map(move |entry| {
            entry.map_or_else(String::new, |(a, b, c, value)| format!(",{a}\"{key}\"{b}:{c}{value}"))
        })
    };
    let uids = key("uid", uid.boxed());
    let payloads = key("payload", payload.boxed());
    let ends = select(
        &[
            "}",
            "}",
            "}",
            "} ",
            "}}",
            "",
            ",}",
            r#","uid":1}"#,
            r#","name":"a"}"#,
            r#","x":1}"#,
        ][..],
    );
    (name, uids, payloads, ends, any::<bool>()).prop_map(|(name, uid, payload, end, swap)| {
        let [first, second] = if swap { [payload, uid] } else { [uid, payload] };
        format!(r#"{{"name":{name}{first}{second}{end}"#)
    })
}

#[derive(Debug, PartialEq)]
struct Read {
    name: String,
    uid: Option<Value>,
    receipt: bool,
    payload: Option<Value>,
}

/// The reader as one would write it without a thought for speed.
fn naive(unit: &Value) -> Option<Read> {
    let envelope = unit.as_object()?;
    let uid = match envelope.get("uid") {
        None | Some(Value::Null) => None,
        Some(Value::String(uid)) if uid.len() <= 128 => Some(json!(uid)),
        Some(Value::Number(uid)) => {
            let uid = uid.as_i64().filter(|uid| uid.unsigned_abs() < 1 << 53)?;
            Some(json!(uid))
        }
        Some(_) => return None,
    };
    let receipt = match envelope.get("receipt") {
        None | Some(Value::Null) => false,
        Some(receipt) => receipt.as_bool()?,
    };
    let others: Map<String, Value> = envelope
        .iter()
        .filter(|(key, _)| !["name", "uid", "receipt", "payload"].contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let payload = match envelope.get("payload") {
        Some(payload) => Some(payload.clone()),
        None if others.is_empty() => None,
        None => Some(Value::Object(others)),
    };
    let receipt = receipt && uid.is_some();
    Some(Read {
        name: naive_name(envelope.get("name")?)?,
        uid,
        receipt,
        payload,
    })
}

fn naive_name(name: &Value) -> Option<String> {
    let Value::Object(level) = name else {
        return name.as_str().map(Into::into);
    };
    let (key, inner) = level.iter().next().filter(|_| level.len() == 1)?;
    match inner {
        Value::String(last) => (key == "name").then(|| last.clone()),
        inner => inner
            .is_object()
            .then(|| naive_name(inner))?
            .map(|rest| format!("{key}/{rest}")),
    }
}

fn read(dialect: &dyn Dialect, unit: Unit<'_>) -> Option<Read> {
    let read = dialect.read(unit, &LIMITS).ok()?;
    Some(Read {
        name: read.message.name().into(),
        uid: read.ticket.uid().map(|uid| match uid {
            Uid::Text(uid) => json!(uid.as_str()),
            Uid::Integer(uid) => json!(uid),
        }),
        receipt: read.ticket.wants_receipt(),
        payload: read.message.payload().map(|payload| payload.decode().unwrap()),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_readers_agree_with_the_naive_one(unit in envelope(), pretty: bool) {
        let expected = naive(&unit);
        let text = if pretty { serde_json::to_string_pretty(&unit) } else { serde_json::to_string(&unit) }.unwrap();
        prop_assert_eq!(&read(&Json, Unit::Text(&text)), &expected);
        let packed = RawPayload::encode(&unit, Formats::MESSAGE_PACK).unwrap();
        prop_assert_eq!(&read(&MessagePack, Unit::Binary(packed.message_pack().unwrap())), &expected);
    }

    #[test]
    fn json_and_message_pack_say_the_same(value in value(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let json: RawPayload = text.parse().unwrap();
        let native = RawPayload::encode(&value, Formats::JSON | Formats::MESSAGE_PACK).unwrap();
        let mut packed = Vec::new();
        json.write(Format::MessagePack, &mut packed).unwrap();
        prop_assert_eq!(&packed[..], native.message_pack().unwrap());
        prop_assert_eq!(&native.decode::<Value>().unwrap(), &value);

        let packed = RawPayload::from_message_pack(packed.into()).unwrap();
        prop_assert_eq!(&packed.decode::<Value>().unwrap(), &value);
        let both = packed.with_formats(Formats::JSON).unwrap();
        prop_assert_eq!(both.json(), native.json());
        prop_assert_eq!(both.decode::<Value>().unwrap(), value);
    }

    #[test]
    fn a_message_that_is_written_is_read_the_same(
        name in any::<String>(), uid in prop::option::of(uid()), receipt: bool, payload in prop::option::of(value()),
    ) {
        for dialect in [&Json as &dyn Dialect, &MessagePack] {
            let payload = payload.as_ref().map(|value| RawPayload::encode(value, Formats::JSON).unwrap());
            let message = Message::new(name.as_str()).with_uid(uid.clone()).with_payload(payload.clone());
            let mut out = Vec::new();
            native::write_message(&message, receipt, dialect.format(), &mut out).unwrap();
            let unit = if dialect.format() == Format::Json { Unit::Text(std::str::from_utf8(&out).unwrap()) } else { Unit::Binary(&out) };
            let read = dialect.read(unit, &LIMITS).unwrap();
            prop_assert_eq!(read.message.name(), &name);
            prop_assert_eq!(read.ticket.uid(), uid.as_ref());
            prop_assert_eq!(read.ticket.wants_receipt(), receipt && uid.is_some());
            let read = read.message.payload().map(|payload| payload.decode::<Value>().unwrap());
            prop_assert_eq!(read, payload.map(|payload| payload.decode::<Value>().unwrap()));
        }
    }

    #[test]
    fn rubbish_and_damaged_units_break_nothing(
        unit in envelope(), rubbish in vec(any::<u8>(), 0..64), at: prop::sample::Index, len in 0..4_usize, insert in vec(any::<u8>(), 0..3),
    ) {
        fuzzing::envelopes(&rubbish);
        let both = RawPayload::encode(&unit, Formats::JSON | Formats::MESSAGE_PACK).unwrap();
        for bytes in [both.json().unwrap().as_bytes(), both.message_pack().unwrap()] {
            fuzzing::envelopes(bytes);
            let at = at.index(bytes.len());
            let mut damaged = bytes.to_vec();
            damaged.splice(at..(at + len).min(bytes.len()), insert.iter().copied());
            fuzzing::envelopes(&damaged);
            let mut damaged = bytes.to_vec();
            damaged.splice(at..(at + len).min(bytes.len()), insert.iter().map(|byte| b"{}[]\",:\\u01e-. \nt"[usize::from(*byte) % 17]));
            fuzzing::envelopes(&damaged);
        }
    }

    #[test]
    fn envelopes_near_the_usual_are_read_as_the_naive_one_reads_them(text in nearly_plain()) {
        fuzzing::envelopes(text.as_bytes());
        // Of equal keys serde_json takes the last, where we take none.
        let is_doubled = ["\"name\"", "\"uid\""].iter().any(|key| text.matches(key).count() > 1);
        if !is_doubled {
            let expected = serde_json::from_str(&text).ok().and_then(|unit| naive(&unit));
            prop_assert_eq!(read(&Json, Unit::Text(&text)), expected, "{}", text);
        }
    }

    #[test]
    fn json_is_taken_exactly_where_serde_json_takes_it(text in "[\\[\\]{}\",:\\\\ud8c0-9eE+.\\- \ntruefalsn\u{1}é]{0,12}") {
        let ours = RawPayload::from_json(Text::from(&*text)).is_ok();
        prop_assert_eq!(ours, serde_json::from_str::<Value>(&text).is_ok(), "{:?}", text);
    }
}
