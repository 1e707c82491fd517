//! What we read and write is what serde_json reads and writes.

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Unit;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Wrapped(u8);

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Pair(i64, Option<String>);

#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
enum Plain {
    First,
    #[serde(rename = "se\"cond")]
    Second,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Mixed {
    Nothing,
    One(f64),
    Two(u8, String),
    Named { a: bool, b: Vec<Self> },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Either {
    Number(i32),
    Text(String),
    Object { x: Option<f32> },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind")]
enum Kind {
    A { n: u64 },
    B,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
struct Flat {
    id: u32,
    #[serde(default)]
    other: Option<Vec<i16>>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Ours and serde_json's write the same; ours reads it, without giving up, and so it is the same again.
#[track_caller]
fn both_ways<T: Debug + DeserializeOwned + PartialEq + Serialize>(value: &T) {
    let expected = serde_json::to_string(value).unwrap();
    let mut out = b"before".to_vec();
    encode_into(value, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), format!("before{expected}"));
    let spaced = serde_json::to_string_pretty(value).unwrap();
    for text in [&expected, &spaced] {
        assert_eq!(
            reader::read::<T>(text).as_ref(),
            serde_json::from_str(text).ok().as_ref(),
            "{text}"
        );
        assert!(reader::read::<T>(text).is_some(), "gave up on {text}");
    }
}

#[test]
fn all_kinds_of_values() {
    both_ways(&Unit);
    both_ways(&Wrapped(7));
    both_ways(&Pair(i64::from(i32::MIN), None));
    both_ways(&Pair(-1, Some("\u{1}\u{8}\u{c}\n\r\t\"\\/ä\u{7f}日".to_owned())));
    both_ways(&[Plain::First, Plain::Second]);
    both_ways(&vec![
        Mixed::Nothing,
        Mixed::One(-0.0),
        Mixed::One(1e300),
        Mixed::Two(255, String::new()),
        Mixed::Named { a: true, b: vec![] },
        Mixed::Named {
            a: false,
            b: vec![Mixed::Nothing, Mixed::One(0.1)],
        },
    ]);
    both_ways(&(
        Either::Number(-3),
        Either::Text("3".into()),
        Either::Object { x: Some(1.5) },
    ));
    both_ways(&vec![Kind::A { n: 3 }, Kind::B]);
    both_ways(&Flat {
        id: 1,
        other: Some(vec![-1, 0, 1]),
        rest: BTreeMap::from([("a\"".to_owned(), Value::from(vec![1.5, -2.0]))]),
    });
    both_ways(&BTreeMap::from([(1_u32, 'a'), (2, '"')]));
    both_ways(&BTreeMap::from([(-1_i64, ((), Some(())).0)]));
    both_ways(&BTreeMap::from([(true, [0_u8; 0])]));
    both_ways(&BTreeMap::from([(Plain::First, 1)]));
    both_ways(&BTreeMap::from([("k".to_owned(), u64::MAX)]));
    both_ways(&(u64::MAX, i64::MIN, i64::MAX, 999_999_999_999_999_999_u64, -0_i8));
    both_ways(&(u128::MAX, i128::MIN, f32::MIN_POSITIVE, f64::MAX, 0.1_f32));
}

#[test]
fn what_is_read_seldom_is_read_all_the_same() {
    fn read<T: DeserializeOwned>(text: &str) -> T {
        decode(text).unwrap()
    }
    assert_eq!(
        read::<BTreeMap<Plain, u8>>(r#"{"se\"cond":1}"#),
        BTreeMap::from([(Plain::Second, 1)])
    );
    assert_eq!(read::<Plain>(r#""\u0066irst""#), Plain::First);
    assert!(read::<f64>("-0").is_sign_negative());
    assert!(read::<Value>("-0").as_f64().unwrap().is_sign_negative());
    assert_eq!(
        read::<Value>("1234567890123456789012").as_f64(),
        Some(1_234_567_890_123_456_789_012.0)
    );
    let raw = "[1, {\"a\":\t2}]";
    assert_eq!(read::<(u8, Box<RawValue>)>(&format!("[1,{raw}]")).1.get(), raw);
    let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
    assert_eq!(serde_json::to_string(&read::<Value>(&deep)).unwrap(), deep);
}

/// A field whose reading never fails.
#[derive(Debug, Deserialize, PartialEq)]
struct Lenient {
    #[serde(deserialize_with = "or_default")]
    map: BTreeMap<String, u8>,
    after: u8,
}

fn or_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(source: D) -> Result<T, D::Error> {
    Ok(T::deserialize(source).unwrap_or_default())
}

#[test]
fn a_deserialize_that_swallows_errors_comes_to_what_it_always_does() {
    for text in [
        r#"{"map":{"a":1},"after":2}"#,
        r#"{"map":[],"after":2}"#,
        r#"{"map":{"a":-1},"after":2}"#,
        r#"{"map":7,"after":2}"#,
    ] {
        let expected = serde_json::from_str::<Lenient>(text).ok();
        assert_eq!(decode::<Lenient>(text).ok(), expected, "{text}");
    }
}

#[test]
fn what_has_no_form_is_refused_with_the_same_words() {
    fn refused<T: Serialize>(value: &T) {
        let expected = serde_json::to_string(value).unwrap_err().to_string();
        let error = encode(value).unwrap_err().to_string();
        assert_eq!(error, format!("the value cannot be written as JSON: {expected}"));
    }
    refused(&BTreeMap::from([((1, 2), 3)]));
    refused(&BTreeMap::from([(None::<u8>, 3)]));
    refused(&std::collections::HashMap::<&str, _>::from([(
        "a",
        BTreeMap::from([([1], 1)]),
    )]));
    struct Float;
    impl Serialize for Float {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([(f64::NAN, 1)])
        }
    }
    refused(&Float);
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no\nform"))
        }
    }
    refused(&[Fails]);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[ -~\\n\\t\u{0}-\u{1f}äö\"\\\\]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,9}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_value(value in values()) {
        both_ways(&value);
    }

    #[test]
    fn any_text_that_is_json_is_read_as_serde_json_reads_it(text in "[\\[\\]{}\",:0-9eE.+\\- a-f\\\\untrls]{0,24}") {
        if scan::whole(&text).is_ok() {
            let expected = serde_json::from_str::<Value>(&text).ok();
            prop_assert_eq!(decode::<Value>(&text).ok(), expected);
            let expected = serde_json::from_str::<Vec<Either>>(&text).ok();
            prop_assert_eq!(decode::<Vec<Either>>(&text).ok(), expected);
        }
    }
}
