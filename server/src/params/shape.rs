//! How parameters become scalars, tuples and structs: the same for a match and for the probe before the start.

use std::marker::PhantomData;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Where the values of a pattern's parameters come from.
pub(super) trait Source<'de>: Copy {
    type Error: Error;
    type Value: Deserializer<'de, Error = Self::Error>;

    /// How many parameters the pattern has.
    fn len(self) -> usize;

    fn name(self, at: usize) -> &'de str;

    /// Whether the parameter took part in the match.
    fn is_present(self, at: usize) -> bool;

    fn value(self, at: usize) -> Self::Value;

    /// The same error, known to be about this parameter.
    fn about(self, at: usize, error: Self::Error) -> Self::Error;

    /// There is not exactly one parameter, where a scalar takes one.
    fn not_one(self) -> Self::Error;

    /// There are fewer parameters than a tuple has places.
    fn too_few(self, needed: usize) -> Self::Error;
}

/// All parameters together.
pub(super) struct Shape<S>(pub(super) S);

impl<'de, S: Source<'de>> Shape<S> {
    fn scalar<V>(self, read: impl FnOnce(S::Value) -> Result<V, S::Error>) -> Result<V, S::Error> {
        match self.0.len() {
            1 => read(self.0.value(0)).map_err(|error| self.0.about(0, error)),
            _ => Err(self.0.not_one()),
        }
    }

    fn present(&self) -> impl Iterator<Item = usize> + use<'de, S> {
        let source = self.0;
        (0..source.len()).filter(move |&at| source.is_present(at))
    }
}

macro_rules! scalars {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, S::Error> {
            self.scalar(|value| value.$method(visitor))
        }
    )*};
}

impl<'de, S: Source<'de>> Deserializer<'de> for Shape<S> {
    type Error = S::Error;

    scalars! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, S::Error> {
        match self.0.len() {
            1 => self.scalar(|value| value.deserialize_any(visitor)),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, S::Error> {
        match self.present().next() {
            Some(_) => visitor.visit_some(self),
            None => visitor.visit_none(),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, S::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, S::Error> {
        self.scalar(|value| value.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, S::Error> {
        visitor.visit_seq(Present {
            source: self.0,
            places: self.present(),
            value: None,
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, S::Error> {
        visitor.visit_seq(InOrder {
            source: self.0,
            at: 0,
            len,
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, S::Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, S::Error> {
        visitor.visit_map(Present {
            source: self.0,
            places: self.present(),
            value: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, S::Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, S::Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, S::Error> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, S::Error> {
        visitor.visit_unit()
    }
}

/// The values that are there: for a `Vec` in order, for a struct or a map under their names.
struct Present<S, I> {
    source: S,
    places: I,
    value: Option<usize>,
}

impl<'de, S: Source<'de>, I: Iterator<Item = usize>> SeqAccess<'de> for Present<S, I> {
    type Error = S::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, S::Error> {
        let place = self.places.next();
        place.map(|at| read(self.source, at, seed)).transpose()
    }
}

impl<'de, S: Source<'de>, I: Iterator<Item = usize>> MapAccess<'de> for Present<S, I> {
    type Error = S::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, S::Error> {
        self.value = self.places.next();
        let key = |at| seed.deserialize(StrDeserializer::new(self.source.name(at)));
        self.value.map(key).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, S::Error> {
        match self.value.take() {
            Some(at) => read(self.source, at, seed),
            None => Err(Error::custom("a value was asked for before its name")),
        }
    }
}

/// A value for each place of a tuple.
struct InOrder<S> {
    source: S,
    at: usize,
    len: usize,
}

impl<'de, S: Source<'de>> SeqAccess<'de> for InOrder<S> {
    type Error = S::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, S::Error> {
        let at = self.at;
        if at == self.len {
            return Ok(None);
        }
        self.at += 1;
        if at < self.source.len() {
            return read(self.source, at, seed).map(Some);
        }
        let absent = Absent(PhantomData::<S::Error>);
        seed.deserialize(absent)
            .map(Some)
            .map_err(|_| self.source.too_few(self.len))
    }
}

fn read<'de, S: Source<'de>, T: DeserializeSeed<'de>>(source: S, at: usize, seed: T) -> Result<T::Value, S::Error> {
    seed.deserialize(source.value(at))
        .map_err(|error| source.about(at, error))
}

/// The place of a tuple that has no parameter: `None` to an `Option`, nothing to all else.
struct Absent<E>(PhantomData<E>);

impl<'de, E: Error> Deserializer<'de> for Absent<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, E> {
        Err(E::custom("no parameter"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
