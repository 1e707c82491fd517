//! Keys of objects.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::{Reader, Unread};

/// A key, which is a text, or an integer or a boolean in quotes. Others are left to serde_json.
pub(super) struct Key<'a, 'de>(pub(super) &'a mut Reader<'de>);

impl<'de> Key<'_, 'de> {
    fn integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        if self.0.next() != Some(b'"') {
            return self.0.give_up();
        }
        self.0.at += 1;
        let number = self.0.integer();
        if self.0.peek() != Some(b'"') {
            return self.0.give_up();
        }
        self.0.at += 1;
        match number {
            Some((false, number)) => visitor.visit_u64(number),
            Some((true, number)) => visitor.visit_i64(-(number as i64)),
            None => self.0.give_up(),
        }
    }
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
            self.integer(visitor)
        }
    )*};
}

macro_rules! leave {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
            self.0.give_up()
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'_, 'de> {
    type Error = Unread;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.0.string(visitor)
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64
    }

    leave! {
        deserialize_i128 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.0.plain() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => self.0.give_up(),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        match self.0.plain() {
            Some(key) => BorrowedStrDeserializer::new(key).deserialize_enum(name, variants, visitor),
            None => self.0.give_up(),
        }
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
