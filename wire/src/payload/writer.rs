//! Values to JSON as serde_json writes them in its compact form, with bytes as a base64 string, in few instructions.

use std::fmt::{self, Display, Write as _};
use std::io::Write as _;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::Error;

use super::scan::plain_end;
use key::Key;

mod key;

/// Appends JSON.
pub(super) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// Something was written as it stood; only that can hold a line break.
    pub(super) has_raw: bool,
}

impl<'o> Writer<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, has_raw: false }
    }

    /// What serde_json writes of a number, or of a type of its own.
    #[inline]
    fn by_serde_json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut serde_json::Serializer::new(&mut *self.out))
    }

    #[inline]
    fn string(&mut self, text: &str) {
        self.out.push(b'"');
        escape(text, self.out);
        self.out.push(b'"');
    }

    /// Opens the object around a variant that carries something.
    fn variant(&mut self, variant: &'static str) {
        self.out.push(b'{');
        self.string(variant);
        self.out.push(b':');
    }
}

/// Appends what stands between the quotes of a string.
#[inline]
pub(crate) fn escape(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let end = plain_end(bytes, 0);
    out.extend_from_slice(&bytes[..end]);
    if end < bytes.len() {
        escape_from(end, bytes, out);
    }
}

#[cold]
fn escape_from(mut at: usize, bytes: &[u8], out: &mut Vec<u8>) {
    while let Some(&byte) = bytes.get(at) {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0C => b'f',
            _ => 0,
        };
        if short != 0 {
            out.extend_from_slice(&[b'\\', short]);
        } else {
            let digit = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        let end = plain_end(bytes, at + 1);
        out.extend_from_slice(&bytes[at + 1..end]);
        at = end;
    }
}

/// Takes what a `Display` says into a string.
struct Escaping<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0);
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty),*) => {$(
        #[inline]
        fn $method(self, number: $type) -> Result<(), Error> {
            self.by_serde_json(&number)
        }
    )*};
}

impl<'w, 'o> Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Compound<'w, 'o>;
    type SerializeTuple = Compound<'w, 'o>;
    type SerializeTupleStruct = Compound<'w, 'o>;
    type SerializeTupleVariant = Compound<'w, 'o>;
    type SerializeMap = Compound<'w, 'o>;
    type SerializeStruct = Compound<'w, 'o>;
    type SerializeStructVariant = Compound<'w, 'o>;

    numbers! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_f32: f32, serialize_f64: f64
    }

    fn serialize_char(self, character: char) -> Result<(), Error> {
        self.string(character.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.string(text);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        write!(self.out, "\"{}\"", Base64Display::new(bytes, &STANDARD)).map_err(Error::io)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Error> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.out.push(b'}');
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'w, 'o>, Error> {
        Ok(Compound::open(self, Kind::Array))
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Compound<'w, 'o>, Error> {
        Ok(Compound::open(self, Kind::Array))
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'w, 'o>, Error> {
        Ok(Compound::open(self, Kind::Array))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'o>, Error> {
        self.variant(variant);
        Ok(Compound::open(self, Kind::VariantArray))
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'w, 'o>, Error> {
        Ok(Compound::open(self, Kind::Object))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'w, 'o>, Error> {
        if name.starts_with(PRIVATE) {
            self.has_raw = true;
            return Ok(Compound {
                writer: self,
                kind: Kind::Private(name),
                is_first: true,
            });
        }
        Ok(Compound::open(self, Kind::Object))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'o>, Error> {
        self.variant(variant);
        Ok(Compound::open(self, Kind::VariantObject))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.out.push(b'"');
        write!(Escaping(self.out), "{value}").map_err(Error::custom)?;
        self.out.push(b'"');
        Ok(())
    }
}

/// An array or an object, open.
pub(super) struct Compound<'w, 'o> {
    writer: &'w mut Writer<'o>,
    kind: Kind,
    is_first: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Array,
    Object,
    VariantArray,
    VariantObject,
    /// A type of serde_json's own, of this name: text that is written as it stands.
    Private(&'static str),
}

impl<'w, 'o> Compound<'w, 'o> {
    #[inline]
    fn open(writer: &'w mut Writer<'o>, kind: Kind) -> Self {
        writer.out.push(match kind {
            Kind::Array | Kind::VariantArray => b'[',
            _ => b'{',
        });
        Self {
            writer,
            kind,
            is_first: true,
        }
    }

    #[inline]
    fn comma(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.writer.out.push(b',');
        }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.comma();
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        if let Kind::Private(name) = self.kind {
            return self.writer.by_serde_json(&Private { name, key, value });
        }
        self.comma();
        self.writer.string(key);
        self.writer.out.push(b':');
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn close(self) {
        let closing: &[u8] = match self.kind {
            Kind::Array => b"]",
            Kind::Object => b"}",
            Kind::VariantArray => b"]}",
            Kind::VariantObject => b"}}",
            Kind::Private(_) => b"",
        };
        self.writer.out.extend_from_slice(closing);
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident)*) => {$(
        impl $trait for Compound<'_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        }
    )*};
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl $trait for Compound<'_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
                self.field(key, value)
            }

            #[inline]
            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element SerializeTuple::serialize_element SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

fields! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.comma();
        key.serialize(Key(&mut *self.writer))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.writer.out.push(b':');
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

/// A value of serde_json's own as that serialises itself.
struct Private<'a, T: ?Sized> {
    name: &'static str,
    key: &'static str,
    value: &'a T,
}

impl<T: Serialize + ?Sized> Serialize for Private<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serializer.serialize_struct(self.name, 1)?;
        value.serialize_field(self.key, self.value)?;
        value.end()
    }
}

/// How the names begin by which serde_json knows its own types.
const PRIVATE: &str = "$serde_json::private::";
