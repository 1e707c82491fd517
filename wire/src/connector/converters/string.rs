//! Strings as Pike writes them.

use std::mem;
use std::task::{Context, Poll};

use bytes::{BufMut, BytesMut};

use super::primitive::{PrimitiveError, parse, take_word};
use crate::connector::{ConvertError, Converter, CutOff, Deserializer, Serializer, Written};

/// Strings: how many bytes of UTF-8 they have, a space, and the bytes: `5 hello`.
///
/// Strings that come may have as many bytes as said when it is made, 64 KiB by default. Memory is taken for what has come,
/// not for what is announced.
///
/// ```
/// use switchboard_wire::connector::{Connector, Limits, StringConverter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let connector = Connector::new(StringConverter::new(1 << 20), Limits::default());
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StringConverter {
    limit: usize,
}

impl StringConverter {
    /// For strings of at most so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit }
    }
}

impl Default for StringConverter {
    fn default() -> Self {
        Self::new(64 << 10)
    }
}

impl Converter for StringConverter {
    type Message = String;
    type Serializer = StringSerializer;
    type Deserializer = StringDeserializer;

    fn serializer(&self) -> StringSerializer {
        StringSerializer(())
    }

    fn deserializer(&self) -> StringDeserializer {
        StringDeserializer::new("string", self.limit)
    }

    fn weight(&self, message: &String) -> usize {
        message.len()
    }
}

/// Writes strings; made by [`StringConverter`].
#[derive(Debug)]
pub struct StringSerializer(());

impl Serializer<String> for StringSerializer {
    fn poll_bytes(
        &mut self,
        _: &mut Context<'_>,
        message: &String,
        out: &mut BytesMut,
    ) -> Poll<Result<Written, ConvertError>> {
        write_string(message, out);
        Poll::Ready(Ok(Written::Done))
    }
}

/// Reads strings; made by [`StringConverter`].
#[derive(Debug)]
pub struct StringDeserializer {
    /// What the string is, in errors.
    what: &'static str,
    limit: usize,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Length,
    Content {
        length: usize,
        content: Vec<u8>,
    },
}

impl StringDeserializer {
    pub(super) fn new(what: &'static str, limit: usize) -> Self {
        Self {
            what,
            limit,
            state: State::Length,
        }
    }

    /// The next string, once all of it is there.
    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<Option<String>, PrimitiveError> {
        if let State::Length = self.state {
            let Some(word) = take_word(input, "length of a string", LENGTH_BYTES)? else {
                return Ok(None);
            };
            let length: u64 = parse(&word, "length of a string")?;
            let Some(length) = usize::try_from(length).ok().filter(|length| *length <= self.limit) else {
                return Err(PrimitiveError::TooLong {
                    what: self.what,
                    length,
                    limit: self.limit,
                });
            };
            let content = Vec::new();
            self.state = State::Content { length, content };
        }
        let State::Content { length, content } = &mut self.state else {
            return Ok(None);
        };
        let piece = input.split_to(input.len().min(*length - content.len()));
        content.extend_from_slice(&piece);
        if content.len() < *length {
            return Ok(None);
        }
        let content = mem::take(content);
        self.state = State::Length;
        match String::from_utf8(content) {
            Ok(string) => Ok(Some(string)),
            Err(error) => Err(PrimitiveError::NotUtf8 {
                what: self.what,
                valid: error.utf8_error().valid_up_to(),
            }),
        }
    }

    /// Nothing of a string has come.
    pub(super) fn is_between(&self, input: &BytesMut) -> bool {
        input.is_empty() && matches!(self.state, State::Length)
    }
}

impl Deserializer<String> for StringDeserializer {
    fn poll_message(
        &mut self,
        _: &mut Context<'_>,
        input: &mut BytesMut,
    ) -> Poll<Result<Option<String>, ConvertError>> {
        Poll::Ready(self.take(input).map_err(Into::into))
    }

    fn poll_last(&mut self, _: &mut Context<'_>, input: &mut BytesMut) -> Poll<Result<Option<String>, ConvertError>> {
        Poll::Ready(if self.is_between(input) {
            Ok(None)
        } else {
            Err(CutOff.into())
        })
    }
}

pub(super) fn write_string(string: &str, out: &mut BytesMut) {
    out.extend_from_slice(string.len().to_string().as_bytes());
    out.put_u8(b' ');
    out.extend_from_slice(string.as_bytes());
}

/// Digits of the longest length that there is.
pub(super) const LENGTH_BYTES: usize = 20;
