use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU8;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use switchboard_router::Pattern;

fn path(pattern: &str) -> Pattern {
    Pattern::path(pattern).unwrap()
}

fn regex(pattern: &str) -> Pattern {
    Pattern::regex(pattern).unwrap()
}

/// What a controller of this pattern takes of this name.
fn read<T: DeserializeOwned>(pattern: &Pattern, name: &str) -> Result<T, String> {
    let captured = pattern.matches(name).expect("the name matches");
    super::read(pattern, captured.iter(name).map(|(param, value)| (param.name(), value)))
}

fn check<T: DeserializeOwned>(pattern: &Pattern) -> Result<(), String> {
    super::check::<T>(pattern)
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Up,
    #[serde(alias = "dn")]
    Down,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Room(String);

#[derive(Debug, Deserialize, PartialEq)]
struct Unit;

#[derive(Debug, Deserialize, PartialEq)]
struct Pair(String, u32);

#[derive(Debug, Deserialize, PartialEq)]
struct Place {
    room: Room,
    line: Option<u32>,
    #[serde(default)]
    column: u8,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Flat {
    room: String,
    #[serde(flatten)]
    rest: HashMap<String, String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum IdOrName {
    Id(u64),
    Name(String),
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(try_from = "u8")]
struct Even(u8);

impl TryFrom<u8> for Even {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if number % 2 == 1 || number == 0 {
            return Err(format!("{number} is not even and positive"));
        }
        Ok(Self(number))
    }
}

/// Takes what no made-up value is.
#[derive(Debug, PartialEq)]
struct Secret;

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "sesame" => Ok(Self),
            _ => Err(serde::de::Error::custom("not the word")),
        }
    }
}

macro_rules! reads {
    ($($type:ty: $pattern:expr, $name:literal => $value:expr;)*) => {$(
        let pattern = $pattern;
        assert_eq!(read::<$type>(&pattern, $name), Ok($value), "{} of {pattern}", stringify!($type));
        assert_eq!(check::<$type>(&pattern), Ok(()), "the check of {} on {pattern}", stringify!($type));
    )*};
}

macro_rules! refuses {
    ($($type:ty: $pattern:expr, $name:literal => $message:literal;)*) => {$(
        let pattern = $pattern;
        assert_eq!(read::<$type>(&pattern, $name).unwrap_err(), $message, "{} of {pattern}", stringify!($type));
        assert_eq!(check::<$type>(&pattern), Ok(()), "other values would do for {} on {pattern}", stringify!($type));
    )*};
}

macro_rules! never {
    ($($type:ty: $pattern:expr => $message:literal;)*) => {$(
        let pattern = $pattern;
        assert_eq!(check::<$type>(&pattern).unwrap_err(), $message, "{} of {pattern}", stringify!($type));
    )*};
}

#[test]
fn a_scalar_takes_the_only_parameter() {
    let one = || path("a/<x>");
    reads! {
        u8: one(), "a/255" => 255;
        u8: path("a/<int:x>"), "a/007" => 7;
        i8: one(), "a/-128" => -128;
        u16: one(), "a/65535" => u16::MAX;
        i16: one(), "a/-32768" => i16::MIN;
        u32: one(), "a/4294967295" => u32::MAX;
        i32: one(), "a/-1" => -1;
        u64: one(), "a/18446744073709551615" => u64::MAX;
        i64: path("a/<int:x>"), "a/-9223372036854775808" => i64::MIN;
        u128: one(), "a/340282366920938463463374607431768211455" => u128::MAX;
        i128: one(), "a/-1" => -1;
        f32: one(), "a/1.5" => 1.5;
        f64: one(), "a/-1e3" => -1000.0;
        bool: one(), "a/true" => true;
        bool: one(), "a/false" => false;
        char: one(), "a/ü" => 'ü';
        String: one(), "a/ü ü" => "ü ü".to_owned();
        String: path("a/<path:x>"), "a/b/c" => "b/c".to_owned();
        Direction: one(), "a/up" => Direction::Up;
        Direction: one(), "a/dn" => Direction::Down;
        Room: one(), "a/lobby" => Room("lobby".to_owned());
        IpAddr: one(), "a/::1" => IpAddr::V6(Ipv6Addr::LOCALHOST);
        SocketAddr: one(), "a/127.0.0.1:80" => SocketAddr::from(([127, 0, 0, 1], 80));
        NonZeroU8: one(), "a/1" => NonZeroU8::MIN;
        Even: one(), "a/4" => Even(4);
        Secret: one(), "a/sesame" => Secret;
        IdOrName: one(), "a/7" => IdOrName::Name("7".to_owned());
        IdOrName: path("a/<int:x>"), "a/7" => IdOrName::Id(7);
        serde_json::Value: one(), "a/7" => serde_json::json!("7");
        Option<u8>: one(), "a/7" => Some(7);
        Option<u8>: path("a"), "a" => None;
        Option<char>: regex("a(?<x>b)?"), "a" => None;
        (): one(), "a/7" => ();
        (): path("a"), "a" => ();
        Unit: one(), "a/7" => Unit;
    }
}

#[test]
fn a_value_that_does_not_fit_is_named_with_what_was_expected() {
    let one = || path("a/<x>");
    refuses! {
        u8: one(), "a/256" => "the parameter `x` is \"256\": expected a whole number from 0 to 255";
        u8: path("a/<int:x>"), "a/-1" => "the parameter `x` is \"-1\": expected a whole number from 0 to 255";
        i64: one(), "a/1.5" => "the parameter `x` is \"1.5\": expected a whole number from -9223372036854775808 to 9223372036854775807";
        u32: path("a/<slug:x>"), "a/b" => "the parameter `x` is \"b\": expected a whole number from 0 to 4294967295";
        f64: one(), "a/NaN" => "the parameter `x` is \"NaN\": expected a number";
        f32: one(), "a/1e99" => "the parameter `x` is \"1e99\": expected a number";
        bool: path("a/<int:x>"), "a/1" => "the parameter `x` is \"1\": expected `true` or `false`";
        char: one(), "a/ab" => "the parameter `x` is \"ab\": expected one character";
        Direction: one(), "a/Up" => "the parameter `x` is \"Up\": expected one of `up`, `dn`, `down`";
        NonZeroU8: one(), "a/0" => "the parameter `x` is \"0\": invalid value: integer `0`, expected a nonzero u8";
        Even: one(), "a/3" => "the parameter `x` is \"3\": 3 is not even and positive";
        IpAddr: one(), "a/host" => "the parameter `x` is \"host\": invalid IP address syntax";
        (String, u8): path("<a>/<b>"), "x/y" => "the parameter `b` is \"y\": expected a whole number from 0 to 255";
        Place: path("<room>/<line>"), "x/y" => "the parameter `line` is \"y\": expected a whole number from 0 to 4294967295";
        HashMap<String, u8>: path("<a>/<b>"), "1/x" => "the parameter `b` is \"x\": expected a whole number from 0 to 255";
        u8: regex("a(?<x>1)?"), "a" => "the parameter `x` is missing: expected a whole number from 0 to 255";
        String: regex("a(?<x>1)?"), "a" => "the parameter `x` is missing: expected a string";
        (char, char): regex("(?<x>x)?(?<y>y)"), "y" => "the parameter `x` is missing: expected one character";
        Place: regex("a(?<room>b)?"), "a" => "the parameter `room` is missing: it is needed here";
    }
}

#[test]
fn a_long_value_is_shortened_and_made_visible() {
    let name = format!("a/{}", "ü".repeat(200));
    let message = read::<u8>(&path("a/<x>"), &name).unwrap_err();
    let shown = format!(
        "the parameter `x` is \"{}…\": expected a whole number from 0 to 255",
        "ü".repeat(40)
    );
    assert_eq!(message, shown);
    assert!(
        read::<u8>(&path("a/<x>"), "a/\u{202e}")
            .unwrap_err()
            .contains(r#""\u{202e}""#)
    );
}

#[test]
fn a_tuple_takes_them_in_order() {
    let two = || path("<a>/<int:b>");
    reads! {
        (String, u32): two(), "x/7" => ("x".to_owned(), 7);
        (String,): two(), "x/7" => ("x".to_owned(),);
        Pair: two(), "x/7" => Pair("x".to_owned(), 7);
        [String; 2]: two(), "x/7" => ["x".to_owned(), "7".to_owned()];
        (String, u32, Option<u8>): two(), "x/7" => ("x".to_owned(), 7, None);
        (Option<char>, char): regex("(?<x>x)?(?<y>y)"), "y" => (None, 'y');
        (Option<char>, char): regex("(?<x>x)?(?<y>y)"), "xy" => (Some('x'), 'y');
        Vec<String>: two(), "x/7" => vec!["x".to_owned(), "7".to_owned()];
        Vec<char>: regex("(?<x>x)?(?<y>y)"), "y" => vec!['y'];
        Vec<String>: path("a"), "a" => Vec::<String>::new();
        Option<(String, u32)>: two(), "x/7" => Some(("x".to_owned(), 7));
    }
}

#[test]
fn a_struct_takes_them_by_name() {
    let room = || Room("lobby".to_owned());
    let strings = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    reads! {
        Place: path("<line>/<room>/<column>"), "3/lobby/4" => Place { room: room(), line: Some(3), column: 4 };
        Place: path("<room>/<other>"), "lobby/x" => Place { room: room(), line: None, column: 0 };
        Place: regex("(?<room>lobby)(?<line>7)?"), "lobby" => Place { room: room(), line: None, column: 0 };
        Flat: path("<room>/<x>"), "lobby/1" => Flat { room: "lobby".to_owned(), rest: strings(&[("x", "1")]) };
        BTreeMap<String, String>: path("<a>/<b>"), "1/2" => BTreeMap::from_iter(strings(&[("a", "1"), ("b", "2")]) as HashMap<_, _>);
        serde_json::Value: path("<a>/<int:b>"), "1/2" => serde_json::json!({"a": "1", "b": 2});
    }
}

#[test]
fn what_no_parameter_fills_is_found_without_a_message() {
    #[derive(Debug, Deserialize)]
    struct Deep {
        #[expect(dead_code, reason = "only read")]
        place: Place,
    }
    never! {
        String: path("a") => "the pattern has no parameter: add it to the pattern, or take less";
        Direction: path("a") => "the pattern has no parameter: add it to the pattern, or take less";
        u8: path("<a>/<b>/<c>") => "the pattern has 3 parameters, `a`, `b`, `c`, and this takes one: take a tuple or a struct";
        Option<u8>: path("<a>/<b>") => "the pattern has 2 parameters, `a`, `b`, and this takes one: take a tuple or a struct";
        (String, u8): path("<a>") => "2 parameters are needed and the pattern has only `a`: add it to the pattern, or take less";
        Pair: path("a") => "2 parameters are needed and the pattern has none: add it to the pattern, or take less";
        Place: path("<line>") => "no parameter fills the field `room`, the pattern has `line`: give a parameter that name, or make the field an `Option`";
        Place: path("a") => "no parameter fills the field `room`, the pattern has none: give a parameter that name, or make the field an `Option`";
        Flat: path("<x>") => "no parameter fills the field `room`, the pattern has `x`: give a parameter that name, or make the field an `Option`";
        Deep: path("<place>") => "the parameter `place` is one value, and struct Place is wanted there: take a scalar";
        (Vec<u8>,): path("<a>") => "the parameter `a` is one value, and a sequence is wanted there: take a scalar";
    }
}

#[test]
fn a_missing_field_is_found_behind_fields_that_are_hard_to_please() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Hard {
        address: IpAddr,
        even: Even,
        direction: Direction,
        missing: String,
    }
    let message = check::<Hard>(&path("<address>/<even>/<direction>")).unwrap_err();
    assert!(
        message.starts_with("no parameter fills the field `missing`"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_known_passes() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Locked {
        secret: Secret,
        missing: String,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    enum Loaded {
        Some(u8),
        None,
    }
    assert_eq!(check::<Locked>(&path("<secret>")), Ok(()));
    assert_eq!(check::<Loaded>(&path("<a>")), Ok(()));
    assert_eq!(check::<bool>(&path("<int:a>")), Ok(()));
    assert_eq!(check::<u32>(&path("<uuid:a>")), Ok(()));
}

#[test]
fn a_variant_with_data_is_told_to_the_sender() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    enum Loaded {
        Some(u8),
        None,
    }
    let message = read::<Loaded>(&path("<a>"), "Some").unwrap_err();
    assert_eq!(
        message,
        "the parameter `a` is \"Some\": invalid type: unit variant, expected newtype variant"
    );
}
