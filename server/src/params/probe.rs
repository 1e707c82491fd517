//! Whether the parameters of a pattern can fill a type: found before the start, by reading the type from made-up values.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error, Expected, Unexpected, Visitor};
use switchboard_router::{Converter, Pattern};

use super::listed;
use super::shape::{Shape, Source};

/// Checks that the pattern has what a `Params<T>` takes, as far as that can be known without a message.
///
/// # Errors
///
/// What no message could ever fill: a field, a place of a tuple, a scalar among several parameters. A type that refuses
/// the made-up values, for reasons of its own, passes.
pub(crate) fn check<T: DeserializeOwned>(pattern: &Pattern) -> Result<(), String> {
    let mut tries = vec![0; pattern.params().len()];
    loop {
        let probe = Probe { pattern, tries: &tries };
        let Err(finding) = T::deserialize(Shape(probe)) else {
            return Ok(());
        };
        match finding {
            Finding::Never(reason) => return Err(reason),
            Finding::MissingField(field) if pattern.params().is_empty() => {
                return Err(format!(
                    "no parameter fills the field `{field}`, the pattern has none: {ADD_FIELD}"
                ));
            }
            Finding::MissingField(field) => {
                let names = listed(pattern);
                return Err(format!(
                    "no parameter fills the field `{field}`, the pattern has {names}: {ADD_FIELD}"
                ));
            }
            Finding::Refused(param) if tries[param] + 1 < STRINGS.len() => tries[param] += 1,
            Finding::Refused(_) | Finding::WrongType | Finding::Unknown => return Ok(()),
        }
    }
}

/// Why the made-up values do not fill the type.
#[derive(Debug)]
enum Finding {
    /// No values would.
    Never(String),
    /// There is no parameter of this name.
    MissingField(&'static str),
    /// The value of this parameter, by its place, was not taken; another might be.
    Refused(usize),
    /// A value was not even looked at: it is of a kind that the type never takes.
    WrongType,
    /// The type's own reasons.
    Unknown,
}

impl Error for Finding {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Unknown
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::WrongType
    }

    fn missing_field(field: &'static str) -> Self {
        Self::MissingField(field)
    }
}

impl std::error::Error for Finding {}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// The parameters of a pattern with made-up values; for each, how many were tried before.
#[derive(Clone, Copy)]
struct Probe<'a> {
    pattern: &'a Pattern,
    tries: &'a [usize],
}

impl<'a> Source<'a> for Probe<'a> {
    type Error = Finding;
    type Value = Value;

    fn len(self) -> usize {
        self.tries.len()
    }

    fn name(self, at: usize) -> &'a str {
        self.pattern.params()[at].name()
    }

    fn is_present(self, _: usize) -> bool {
        true
    }

    fn value(self, at: usize) -> Value {
        Value {
            converter: self.pattern.params()[at].converter(),
            tries: self.tries[at],
        }
    }

    fn about(self, at: usize, finding: Finding) -> Finding {
        match finding {
            Finding::Never(expected) => Finding::Never(format!(
                "the parameter `{}` is one value, and {expected} is wanted there: take a scalar",
                self.name(at)
            )),
            _ => Finding::Refused(at),
        }
    }

    fn not_one(self) -> Finding {
        Finding::Never(match self.len() {
            0 => format!("the pattern has no parameter: {ADD_PARAM}"),
            len => format!(
                "the pattern has {len} parameters, {}, and this takes one: take a tuple or a struct",
                listed(self.pattern)
            ),
        })
    }

    fn too_few(self, needed: usize) -> Finding {
        Finding::Never(match self.len() {
            0 => format!("{needed} parameters are needed and the pattern has none: {ADD_PARAM}"),
            _ => format!(
                "{needed} parameters are needed and the pattern has only {}: {ADD_PARAM}",
                listed(self.pattern)
            ),
        })
    }
}

/// A made-up value.
struct Value {
    converter: Converter,
    tries: usize,
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Finding> {
            visitor.$visit(self.tries as $type)
        }
    )*};
}

macro_rules! strings {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Finding> {
            visitor.visit_str(STRINGS[self.tries])
        }
    )*};
}

/// What holds several values where there is one never fits, unless its visitor takes a string all the same.
macro_rules! several {
    ($($method:ident($($argument:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* visitor: V) -> Result<V::Value, Finding> {
            let expected = (&visitor as &dyn Expected).to_string();
            visitor.visit_str(STRINGS[self.tries]).map_err(|finding| match finding {
                Finding::WrongType => Finding::Never(expected),
                other => other,
            })
        }
    )*};
}

impl<'de> Deserializer<'de> for Value {
    type Error = Finding;

    numbers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
    }

    strings! { deserialize_str deserialize_string deserialize_identifier }

    several! {
        deserialize_seq();
        deserialize_tuple(usize);
        deserialize_tuple_struct(&'static str, usize);
        deserialize_map();
        deserialize_struct(&'static str, &'static [&'static str]);
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Finding> {
        match self.converter {
            Converter::Int => self.deserialize_i64(visitor),
            _ => self.deserialize_str(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Finding> {
        visitor.visit_bool(self.tries % 2 == 1)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Finding> {
        visitor.visit_char(if self.tries == 0 { 'a' } else { '0' })
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Finding> {
        visitor.visit_bytes(STRINGS[self.tries].as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Finding> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Finding> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Finding> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Finding> {
        match variants.get(self.tries) {
            Some(name) => visitor.visit_enum(StrDeserializer::<Finding>::new(name)),
            None => Err(Finding::Unknown),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Finding> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Finding> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Finding> {
        visitor.visit_unit()
    }
}

/// Values that types commonly take, tried in turn. One of them should please an identifier, an address, a date.
const STRINGS: [&str; 12] = [
    "a",
    "1",
    "",
    "00000000-0000-4000-8000-000000000000",
    "127.0.0.1",
    "::1",
    "127.0.0.1:80",
    "2000-01-01",
    "2000-01-01T00:00:00Z",
    "00:00:00",
    "true",
    "a://a.example/",
];

const ADD_PARAM: &str = "add it to the pattern, or take less";
const ADD_FIELD: &str = "give a parameter that name, or make the field an `Option`";
