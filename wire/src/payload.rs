//! What a message carries, as the bytes that travel.

use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Text;

mod absent;
mod base64_bytes;
mod json;
mod message_pack;
mod reader;
pub(crate) mod scan;
pub(crate) mod tokens;
mod transcode;
pub(crate) mod writer;

/// How deep the arrays and objects of a payload may nest: 127, so that an envelope around it stays within 128.
pub(crate) const MAX_DEPTH: usize = 127;

/// How payloads are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// [JSON](https://www.rfc-editor.org/rfc/rfc8259), without line breaks.
    Json,
    /// [MessagePack](https://github.com/msgpack/msgpack/blob/master/spec.md), structs as maps with named fields.
    MessagePack,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::MessagePack => "MessagePack",
        })
    }
}

/// A set of formats: those that the listeners of a message speak.
///
/// ```
/// use switchboard_wire::{Format, Formats};
///
/// let mut formats = Formats::NONE;
/// formats.insert(Format::MessagePack);
/// assert!(!formats.contains(Format::Json));
/// assert_eq!(formats | Formats::JSON, Formats::JSON | Formats::MESSAGE_PACK);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Formats(u8);

impl Formats {
    /// No format.
    pub const NONE: Self = Self(0);
    /// JSON alone.
    pub const JSON: Self = Self(1);
    /// MessagePack alone.
    pub const MESSAGE_PACK: Self = Self(2);

    /// Whether this format is in the set.
    pub const fn contains(self, format: Format) -> bool {
        self.0 & Self::only(format).0 != 0
    }

    /// Whether no format is.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds a format.
    pub const fn insert(&mut self, format: Format) {
        self.0 |= Self::only(format).0;
    }

    /// The formats of both sets; as `|`, for constants.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The formats of the set, JSON first.
    pub fn iter(self) -> impl Iterator<Item = Format> {
        [Format::Json, Format::MessagePack]
            .into_iter()
            .filter(move |format| self.contains(*format))
    }

    const fn only(format: Format) -> Self {
        match format {
            Format::Json => Self::JSON,
            Format::MessagePack => Self::MESSAGE_PACK,
        }
    }
}

impl From<Format> for Formats {
    fn from(format: Format) -> Self {
        Self::only(format)
    }
}

impl BitOr for Formats {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

/// A payload as it travels: encoded in one format or in several. Cheap to clone.
///
/// ```
/// use std::collections::BTreeMap;
/// use switchboard_wire::{Format, Formats, RawPayload};
///
/// let levels = BTreeMap::from([("left", 10), ("right", 25)]);
/// let payload = RawPayload::encode(&levels, Formats::JSON).unwrap();
/// assert_eq!(payload.json(), Some(r#"{"left":10,"right":25}"#));
///
/// let mut out = Vec::new();
/// payload.write(Format::MessagePack, &mut out).unwrap();
/// assert_eq!(out, b"\x82\xa4left\x0a\xa5right\x19");
/// ```
#[derive(Clone, Debug)]
pub struct RawPayload(Forms);

/// In both formats only where one delivery goes to clients of either.
#[derive(Clone, Debug)]
enum Forms {
    Json(Text),
    MessagePack(Bytes),
    Both(Box<(Text, Bytes)>),
}

impl RawPayload {
    /// The payload that this value is, in each of these formats; no format at all means JSON.
    ///
    /// Each format is written from the value itself. MessagePack is written as a human-readable format in serde's sense, so that a
    /// value looks alike in both: an IP address is a string, a struct a map. Bytes (`serialize_bytes`, as [`Binary`](crate::Binary) calls it)
    /// are `bin` in MessagePack and a base64 string in JSON.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Value`] where the value's `Serialize` fails, or has no form in a format: in JSON a map whose keys are no
    /// strings, numbers or booleans.
    pub fn encode<T: Serialize + ?Sized>(value: &T, formats: Formats) -> Result<Self, EncodeError> {
        Ok(Self(if !formats.contains(Format::MessagePack) {
            Forms::Json(json::encode(value)?)
        } else if formats.contains(Format::Json) {
            Forms::Both(Box::new((json::encode(value)?, message_pack::encode(value)?)))
        } else {
            Forms::MessagePack(message_pack::encode(value)?)
        }))
    }

    /// Appends this value in this format: what [`encode`](Self::encode) makes a payload of.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode). `out` may then hold a part.
    pub fn encode_into<T: Serialize + ?Sized>(value: &T, format: Format, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match format {
            Format::Json => json::encode_into(value, out),
            Format::MessagePack => message_pack::encode_into(value, out),
        }
    }

    /// The payload of these bytes, which [`encode_into`](Self::encode_into) appended for this format.
    ///
    /// # Panics
    ///
    /// Where they come from elsewhere and are not even UTF-8 in JSON. What else may be wrong with them is not looked for.
    pub fn from_encoded(format: Format, bytes: &[u8]) -> Self {
        match format {
            Format::Json => Self::trusted_json_line(Text::from(json::utf8(bytes))),
            Format::MessagePack => Self::trusted_message_pack(Bytes::copy_from_slice(bytes)),
        }
    }

    /// The payload that is this JSON text. Line breaks between its tokens are left out.
    ///
    /// # Errors
    ///
    /// Where the text is not one JSON value, nests deeper than 127, or holds a number that no `f64` can, or half of a surrogate pair.
    pub fn from_json(text: Text) -> Result<Self, PayloadError> {
        scan::whole(&text).map_err(|fault| PayloadError::new(fault.to_string()))?;
        Ok(Self::trusted_json(text))
    }

    /// The payload that is this MessagePack value.
    ///
    /// # Errors
    ///
    /// Where the bytes are not one MessagePack value, nest deeper than 127, or hold a string that is not UTF-8.
    pub fn from_message_pack(bytes: Bytes) -> Result<Self, PayloadError> {
        tokens::whole(&bytes, MAX_DEPTH).map_err(|fault| PayloadError::new(fault.to_string()))?;
        Ok(Self::trusted_message_pack(bytes))
    }

    /// `text` has passed [`scan`].
    pub(crate) fn trusted_json(text: Text) -> Self {
        // A listener of lines cuts at them.
        let one_line = scan::without_line_breaks(&text).map(Text::from);
        Self::trusted_json_line(one_line.unwrap_or(text))
    }

    /// `text` has passed [`scan`], and no line break is in it.
    pub(crate) fn trusted_json_line(text: Text) -> Self {
        Self(Forms::Json(text))
    }

    /// `bytes` have passed [`tokens`].
    pub(crate) fn trusted_message_pack(bytes: Bytes) -> Self {
        Self(Forms::MessagePack(bytes))
    }

    /// The same payload with these formats as well, transcoded where they are missing: once before a delivery to many.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn with_formats(self, formats: Formats) -> Result<Self, EncodeError> {
        let mut out = Vec::new();
        Ok(Self(match self.0 {
            Forms::Json(text) if formats.contains(Format::MessagePack) => {
                transcode::to_message_pack(&text, &mut out)?;
                Forms::Both(Box::new((text, out.into())))
            }
            Forms::MessagePack(bytes) if formats.contains(Format::Json) => {
                transcode::to_json(&bytes, &mut out)?;
                Forms::Both(Box::new((json::text(&out), bytes)))
            }
            forms => forms,
        }))
    }

    /// The formats that it is encoded in.
    pub fn formats(&self) -> Formats {
        match self.0 {
            Forms::Json(_) => Formats::JSON,
            Forms::MessagePack(_) => Formats::MESSAGE_PACK,
            Forms::Both(_) => Formats::JSON | Formats::MESSAGE_PACK,
        }
    }

    /// The payload as JSON, where it is encoded so.
    pub fn json(&self) -> Option<&str> {
        match &self.0 {
            Forms::Json(text) => Some(text),
            Forms::MessagePack(_) => None,
            Forms::Both(both) => Some(&both.0),
        }
    }

    /// The payload as MessagePack, where it is encoded so.
    pub fn message_pack(&self) -> Option<&[u8]> {
        match &self.0 {
            Forms::Json(_) => None,
            Forms::MessagePack(bytes) => Some(bytes),
            Forms::Both(both) => Some(&both.1),
        }
    }

    /// The bytes that it holds, in all its formats together.
    pub fn held_bytes(&self) -> usize {
        self.json().map_or(0, str::len) + self.message_pack().map_or(0, <[u8]>::len)
    }

    /// The value that this payload is.
    ///
    /// Bytes (`deserialize_bytes`) are read from `bin`, from a base64 string in JSON, or from an array of numbers.
    ///
    /// # Errors
    ///
    /// Where the payload is no such value, with the path to the first field that is not.
    ///
    /// ```
    /// use switchboard_wire::{RawPayload, Text};
    ///
    /// #[derive(Debug, serde::Deserialize)]
    /// struct Levels { items: Vec<u8> }
    ///
    /// let payload = RawPayload::from_json(Text::from(r#"{"items":[1,2,"loud"]}"#)).unwrap();
    /// let error = payload.decode::<Levels>().unwrap_err();
    /// assert_eq!(error.path(), "items[2]");
    /// assert_eq!(error.to_string(), r#"`items[2]`: invalid type: string "loud", expected u8"#);
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        match &self.0 {
            Forms::Json(text) => json::decode(text),
            Forms::MessagePack(bytes) => message_pack::decode(bytes),
            Forms::Both(both) => json::decode(&both.0),
        }
    }

    /// The value of a message without a payload: what has fields reads as an empty object, an `Option` is `None`, `()` is `()`.
    ///
    /// # Errors
    ///
    /// Where a value is needed, or a field without a default.
    ///
    /// ```
    /// use switchboard_wire::RawPayload;
    ///
    /// assert_eq!(RawPayload::decode_absent::<Option<u8>>().unwrap(), None);
    /// let error = RawPayload::decode_absent::<u8>().unwrap_err();
    /// assert_eq!(error.to_string(), "the payload is missing, expected u8");
    /// ```
    pub fn decode_absent<T: DeserializeOwned>() -> Result<T, PayloadError> {
        T::deserialize(absent::Absent).map_err(|error| {
            let reason = error.to_string();
            if reason.starts_with(absent::MISSING) {
                PayloadError::new(reason)
            } else {
                PayloadError::new(format!("{}: {reason}", absent::MISSING))
            }
        })
    }

    /// Appends the payload in this format, transcoding it where that is missing.
    ///
    /// `bin` is a base64 string in JSON; keys that are integers or booleans are strings there; a number that is not finite is `null`.
    ///
    /// # Errors
    ///
    /// Where a MessagePack value has no form in JSON: an extension type, a map key that is no string, integer or boolean.
    /// `out` may then hold a part.
    #[inline]
    pub fn write(&self, format: Format, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match (format, &self.0) {
            (Format::Json, Forms::Json(text)) => out.extend_from_slice(text.as_bytes()),
            (Format::MessagePack, Forms::MessagePack(bytes)) => out.extend_from_slice(bytes),
            (Format::Json, Forms::MessagePack(bytes)) => transcode::to_json(bytes, out)?,
            (Format::MessagePack, Forms::Json(text)) => transcode::to_message_pack(text, out)?,
            (Format::Json, Forms::Both(both)) => out.extend_from_slice(both.0.as_bytes()),
            (Format::MessagePack, Forms::Both(both)) => out.extend_from_slice(&both.1),
        }
        Ok(())
    }
}

impl FromStr for RawPayload {
    type Err = PayloadError;

    /// [`from_json`](Self::from_json) of a copy.
    fn from_str(text: &str) -> Result<Self, PayloadError> {
        Self::from_json(Text::from(text))
    }
}

/// A value that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value's `Serialize` failed, or the value has no form in this format.
    #[error("the value cannot be written as {format}: {reason}")]
    Value {
        /// The format that was being written.
        format: Format,
        /// What its `Serialize`, or the format, says.
        reason: Box<str>,
    },
    /// An extension type of MessagePack is to be written as JSON.
    #[error("extension type {0} of MessagePack has no form in JSON; send a map, a string or `bin`")]
    Extension(i8),
    /// A MessagePack map has a key that JSON cannot have.
    #[error("a map key that is {0} has no form in JSON; use strings, integers or booleans as keys")]
    Key(&'static str),
    /// The payload to be transcoded is broken or nests too deep.
    #[error("the payload cannot be transcoded: {0}")]
    Broken(Box<str>),
}

/// A payload that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadError {
    path: Box<str>,
    reason: Box<str>,
}

impl PayloadError {
    fn new(reason: impl AsRef<str>) -> Self {
        Self {
            path: Box::default(),
            reason: clipped(reason.as_ref()),
        }
    }

    fn at(path: &serde_path_to_error::Path, reason: &str) -> Self {
        let path = path.to_string();
        Self {
            path: if path == "." { Box::default() } else { clipped(&path) },
            reason: clipped(reason),
        }
    }

    /// Where in the payload, such as `items[2].level`; empty for the payload as a whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for PayloadError {}

/// Keys and values of the client stand in paths and reasons; it does not need all of them back.
fn clipped(text: &str) -> Box<str> {
    const MOST: usize = 300;
    if text.len() <= MOST {
        return text.into();
    }
    let mut clipped = text[..text.floor_char_boundary(MOST)].to_owned();
    clipped.push('…');
    clipped.into()
}
