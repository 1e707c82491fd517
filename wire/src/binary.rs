//! Bytes in a payload.

use std::fmt;
use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{self, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes in a payload: `bin` in MessagePack, a base64 string (standard alphabet, padded) in JSON. Cheap to clone.
///
/// A `Vec<u8>` would be an array of numbers in both.
///
/// ```
/// use switchboard_wire::{Binary, Formats, RawPayload};
///
/// let payload = RawPayload::encode(&Binary::from(vec![1, 2, 255]), Formats::JSON | Formats::MESSAGE_PACK).unwrap();
/// assert_eq!(payload.json(), Some(r#""AQL/""#));
/// assert_eq!(payload.message_pack(), Some(&b"\xc4\x03\x01\x02\xff"[..]));
/// assert_eq!(*payload.decode::<Binary>().unwrap(), [1, 2, 255]);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Binary(Bytes);

impl Binary {
    /// The bytes.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<Bytes> for Binary {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Deref for Binary {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Binary {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BinaryVisitor)
    }
}

struct BinaryVisitor;

impl<'de> Visitor<'de> for BinaryVisitor {
    type Value = Binary;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Binary, E> {
        Ok(Binary(Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Binary, E> {
        Ok(bytes.into())
    }

    // A flattened or untagged type was read before anybody asked for bytes, so the string arrives as it stands.
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Binary, E> {
        match STANDARD.decode(text) {
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => Err(E::invalid_value(
                Unexpected::Str(text),
                &"bytes in base64 (standard alphabet, padded)",
            )),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Binary, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }
}
