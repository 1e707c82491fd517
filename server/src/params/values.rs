//! Reading captured values.

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;
use switchboard_router::Converter;

use super::Capture;
use super::fault::Fault;
use super::shape::Source;

/// All that a match captured, in the order of the pattern.
#[derive(Clone, Copy)]
pub(super) struct Captures<'a>(pub(super) &'a [Capture<'a>]);

impl<'de> Source<'de> for Captures<'de> {
    type Error = Fault;
    type Value = Value<'de>;

    fn len(self) -> usize {
        self.0.len()
    }

    fn name(self, at: usize) -> &'de str {
        self.0[at].name
    }

    fn is_present(self, at: usize) -> bool {
        self.0[at].value.is_some()
    }

    fn value(self, at: usize) -> Value<'de> {
        Value(&self.0[at])
    }

    fn about(self, at: usize, fault: Fault) -> Fault {
        fault.of(self.0[at].name, self.0[at].value)
    }

    fn not_one(self) -> Fault {
        Fault::new(format_args!("one is needed here, there are {}", self.0.len()))
    }

    fn too_few(self, needed: usize) -> Fault {
        Fault::new(format_args!("{needed} are needed here"))
    }
}

/// One captured value.
pub(super) struct Value<'a>(&'a Capture<'a>);

impl<'a> Value<'a> {
    fn text(&self, expected: impl Display) -> Result<&'a str, Fault> {
        self.0.value.ok_or_else(|| wanted(expected))
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let wanted = || wanted(format_args!("a whole number from {} to {}", <$type>::MIN, <$type>::MAX));
            let number = self.0.value.and_then(|text| text.parse().ok()).ok_or_else(wanted)?;
            visitor.$visit(number)
        }
    )*};
}

macro_rules! floats {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let number = self.0.value.and_then(|text| text.parse::<$type>().ok());
            let finite = number.filter(|number| number.is_finite());
            visitor.$visit(finite.ok_or_else(|| wanted("a number"))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Fault;

    integers! {
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
    }

    floats! {
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match (self.0.converter, self.0.value) {
            (_, None) => visitor.visit_none(),
            (Converter::Int, Some(_)) => self.deserialize_i64(visitor),
            (_, Some(text)) => visitor.visit_borrowed_str(text),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.value {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => Err(wanted("`true` or `false`")),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let mut chars = self.0.value.unwrap_or_default().chars();
        match (chars.next(), chars.next()) {
            (Some(only), None) => visitor.visit_char(only),
            _ => Err(wanted("one character")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = self.text("a string")?;
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = self.text("a string")?;
        visitor.visit_borrowed_bytes(text.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.value {
            Some(_) => visitor.visit_some(self),
            None => visitor.visit_none(),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    /// An enum by the name of a variant; only those without data have one.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let names = || {
            let names: Vec<_> = variants.iter().map(|name| format!("`{name}`")).collect();
            wanted(format_args!("one of {}", names.join(", ")))
        };
        let text = self.0.value.ok_or_else(names)?;
        let outcome = visitor.visit_enum(StrDeserializer::<Fault>::new(text));
        outcome.map_err(|fault| match variants.contains(&text) {
            true => fault,
            false => names(),
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { seq tuple tuple_struct map struct identifier ignored_any }
}

fn wanted(expected: impl Display) -> Fault {
    Fault::new(format_args!("expected {expected}"))
}
