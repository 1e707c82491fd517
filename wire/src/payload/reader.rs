//! Values out of JSON that has passed the scanner, in few instructions.
//!
//! It takes what clients send and gives up on what they seldom do: then, and where the value is none, serde_json reads the text
//! again and says what it is. What is read here is what serde_json reads, but that bytes come from base64 strings.

use std::fmt;

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};

use super::base64_bytes::BytesOrNumbers;
use super::scan::{Scanner, plain_end};
use access::{Elements, Entries};
use variant::{Tagged, Untagged};

mod access;
mod key;
mod variant;

/// The value; none where it is no such value, or one that is not read here.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    let mut reader = Reader {
        text,
        at: 0,
        left: DEPTH,
        is_given_up: false,
    };
    let value = T::deserialize(&mut reader);
    // A `Deserialize` may have made something of our giving up.
    value.ok().filter(|_| !reader.is_given_up)
}

/// A position in a text.
struct Reader<'de> {
    text: &'de str,
    at: usize,
    /// How many more arrays and objects may be open.
    left: u8,
    is_given_up: bool,
}

/// Serde_json can say what is wrong, if anything is.
#[derive(Debug)]
struct Unread;

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not read")
    }
}

impl std::error::Error for Unread {}

impl de::Error for Unread {
    #[inline]
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }

    // Neither is told, so neither is put together.
    #[inline]
    fn invalid_type(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self
    }

    #[inline]
    fn invalid_value(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self
    }
}

impl<'de> Reader<'de> {
    #[cold]
    fn give_up<T>(&mut self) -> Result<T, Unread> {
        self.is_given_up = true;
        Err(Unread)
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no whitespace.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// Passes a byte that has to stand here.
    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Unread> {
        if self.next() != Some(byte) {
            return self.give_up();
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn literal(&mut self, literal: &str) -> Result<(), Unread> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(literal.as_bytes()) {
            return self.give_up();
        }
        self.at += literal.len();
        Ok(())
    }

    /// Passes a string, at its opening quote. Gives what stands between its quotes where that is without escapes.
    #[inline]
    fn plain(&mut self) -> Option<&'de str> {
        let start = self.at + 1;
        let end = plain_end(self.text.as_bytes(), start);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// Passes a string with escapes, at its opening quote.
    #[cold]
    fn escaped(&mut self) -> Result<String, Unread> {
        let quoted = self.value()?;
        serde_json::from_str(quoted).or_else(|_| self.give_up())
    }

    #[inline]
    fn string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Unread> {
        if self.next() != Some(b'"') {
            return self.give_up();
        }
        match self.plain() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => visitor.visit_str(&self.escaped()?),
        }
    }

    /// Passes any value.
    fn value(&mut self) -> Result<&'de str, Unread> {
        self.next();
        let mut scanner = Scanner::at(self.text, self.at);
        match scanner.skip(DEPTH.into()) {
            Ok(value) => {
                self.at = scanner.position();
                Ok(value)
            }
            Err(_) => self.give_up(),
        }
    }

    /// Passes an integer of up to 18 digits; none, and nothing is passed, where another number stands there.
    #[inline]
    fn integer(&mut self) -> Option<(bool, u64)> {
        let bytes = self.text.as_bytes();
        let is_negative = self.peek() == Some(b'-');
        let start = self.at + usize::from(is_negative);
        let (mut at, mut number) = (start, 0);
        while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
            number = number * 10 + u64::from(digit - b'0');
            at += 1;
            if at > start + 18 {
                return None;
            }
        }
        // -0 is a float.
        let is_other = matches!(bytes.get(at), Some(b'.' | b'e' | b'E')) || (is_negative && number == 0);
        if at == start || is_other {
            return None;
        }
        self.at = at;
        Some((is_negative, number))
    }

    #[inline]
    fn sequence<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Unread> {
        self.open()?;
        let value = visitor.visit_seq(Elements::of(self))?;
        self.close(b']')?;
        Ok(value)
    }

    #[inline]
    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Unread> {
        self.open()?;
        let value = visitor.visit_map(Entries::of(self))?;
        self.close(b'}')?;
        Ok(value)
    }

    #[inline]
    fn open(&mut self) -> Result<(), Unread> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return self.give_up(),
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn close(&mut self, bracket: u8) -> Result<(), Unread> {
        self.left += 1;
        self.expect(bracket)
    }

    /// Whether another element comes; passes the comma before it.
    #[inline]
    fn more(&mut self, is_first: &mut bool, bracket: u8) -> Result<bool, Unread> {
        let next = self.next();
        if next == Some(bracket) {
            return Ok(false);
        }
        if !std::mem::take(is_first) {
            self.expect(b',')?;
        }
        Ok(true)
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
            match self.next() {
                Some(b'-' | b'0'..=b'9') => {}
                _ => return self.give_up(),
            }
            match self.integer() {
                Some((false, number)) => visitor.visit_u64(number),
                Some((true, number)) => visitor.visit_i64(-(number as i64)),
                None => {
                    let number = self.value()?;
                    serde_json::Deserializer::from_str(number).$method(visitor).map_err(|_| Unread)
                }
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unread;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.next() {
            Some(b'"') => self.string(visitor),
            Some(b'{') => self.map(visitor),
            Some(b'[') => self.sequence(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            Some(b'n') => self.deserialize_unit(visitor),
            _ => match self.integer() {
                Some((false, number)) => visitor.visit_u64(number),
                Some((true, number)) => visitor.visit_i64(-(number as i64)),
                None => {
                    let mut json = serde_json::Deserializer::from_str(self.value()?);
                    json.deserialize_any(visitor).map_err(|_| Unread)
                }
            },
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_f32 deserialize_f64
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        let is_true = self.next() == Some(b't');
        self.literal(if is_true { "true" } else { "false" })?;
        visitor.visit_bool(is_true)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        let number = self.value()?;
        let mut json = serde_json::Deserializer::from_str(number);
        json.deserialize_i128(visitor).map_err(|_| Unread)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        let number = self.value()?;
        let mut json = serde_json::Deserializer::from_str(number);
        json.deserialize_u128(visitor).map_err(|_| Unread)
    }

    #[inline]
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.string(visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.string(visitor)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.string(visitor)
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.string(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.deserialize_any(BytesOrNumbers(visitor))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.deserialize_any(BytesOrNumbers(visitor))
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        if self.next() == Some(b'n') {
            self.literal("null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.next();
        self.literal("null")?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unread> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Unread> {
        if !name.starts_with(PRIVATE) {
            return visitor.visit_newtype_struct(self);
        }
        let value = self.value()?;
        let mut json = serde_json::Deserializer::from_str(value);
        json.deserialize_newtype_struct(name, visitor).map_err(|_| Unread)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.next() {
            Some(b'[') => self.sequence(visitor),
            _ => self.give_up(),
        }
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unread> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.next() {
            Some(b'{') => self.map(visitor),
            _ => self.give_up(),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        match self.next() {
            Some(b'{') => self.map(visitor),
            Some(b'[') => self.sequence(visitor),
            _ => self.give_up(),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        match self.next() {
            Some(b'"') => visitor.visit_enum(Untagged(self)),
            Some(b'{') => {
                self.open()?;
                let value = visitor.visit_enum(Tagged(self))?;
                self.close(b'}')?;
                Ok(value)
            }
            _ => self.give_up(),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.value()?;
        visitor.visit_unit()
    }
}

/// As deep as serde_json goes.
const DEPTH: u8 = 127;
/// How the names begin by which serde_json knows its own types.
const PRIVATE: &str = "$serde_json::private::";
