//! What a client sends: a name, a uid where it wants an answer, a payload.

use std::fmt;

use crate::{RawPayload, Text};

/// A message: the address it carries, the client's uid where it asks for an answer, and the payload as it travels.
///
/// Cheap to clone: its parts share memory.
///
/// ```
/// use switchboard_wire::{Formats, Message, RawPayload};
///
/// let payload = RawPayload::encode(&["a", "b"], Formats::JSON).unwrap();
/// let message = Message::new("letters/list").with_payload(payload);
/// assert_eq!(message.name(), "letters/list");
/// assert_eq!(message.payload().unwrap().decode::<Vec<String>>().unwrap(), ["a", "b"]);
/// ```
#[derive(Clone, Debug)]
pub struct Message {
    name: Text,
    uid: Option<Uid>,
    payload: Option<RawPayload>,
}

impl Message {
    /// A message without a uid and without a payload.
    pub fn new(name: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            uid: None,
            payload: None,
        }
    }

    #[inline]
    pub(crate) fn of(name: Text, uid: Option<Uid>, payload: Option<RawPayload>) -> Self {
        Self { name, uid, payload }
    }

    /// The same message asking for an answer under this uid.
    #[must_use]
    pub fn with_uid(mut self, uid: Option<Uid>) -> Self {
        self.uid = uid;
        self
    }

    /// The same message with this payload.
    #[must_use]
    pub fn with_payload(mut self, payload: impl Into<Option<RawPayload>>) -> Self {
        self.payload = payload.into();
        self
    }

    /// The same message under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Text>) -> Self {
        self.name = name.into();
        self
    }

    /// The address.
    #[inline]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address, sharing its memory.
    #[inline]
    pub fn name_text(&self) -> &Text {
        &self.name
    }

    /// What the client calls this request; none where it wants no answer.
    #[inline]
    pub fn uid(&self) -> Option<&Uid> {
        self.uid.as_ref()
    }

    /// The payload as it came; none where there was none (`null` is a payload).
    #[inline]
    pub fn payload(&self) -> Option<&RawPayload> {
        self.payload.as_ref()
    }
}

/// A client's own name for a request, echoed as it came: `1` is not `"1"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Uid {
    /// A string of at most [`Uid::MAX_BYTES`] bytes.
    Text(Text),
    /// An integer within ±(2^53−1), which every client can hold.
    Integer(i64),
}

impl Uid {
    /// The longest uid, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 128;
    /// The largest integer uid, and its negation the smallest: 2^53−1.
    pub const MAX_INTEGER: i64 = (1 << 53) - 1;

    /// The uid that is this integer; none beyond [`MAX_INTEGER`](Self::MAX_INTEGER).
    pub fn integer(number: i64) -> Option<Self> {
        (-Self::MAX_INTEGER..=Self::MAX_INTEGER)
            .contains(&number)
            .then_some(Self::Integer(number))
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(number) => number.fmt(f),
        }
    }
}
