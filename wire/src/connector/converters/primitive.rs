//! Booleans, integers and floating point numbers as Pike writes them: as Python does.

use std::task::{Context, Poll};

use bytes::{Buf, BufMut, BytesMut};

use super::float;
use crate::connector::{ConvertError, Converter, Deserializer, Serializer, Written};

/// What is wrong with a primitive value that came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrimitiveError {
    /// Something else than `True` or `False`.
    #[error("a boolean begins with {found:?}; send `True` or `False`")]
    NoBool {
        /// Its first bytes, as far as they differ.
        found: String,
    },
    /// Something that is no number of this kind, or one that is out of its range.
    #[error("{found:?} is no {kind}; send one and a space after it")]
    NoNumber {
        /// What it should be.
        kind: &'static str,
        /// What it is.
        found: String,
    },
    /// So many bytes without the space that ends a number.
    #[error("{kind} has no end within {limit} bytes; send a space after it")]
    Endless {
        /// What it should be.
        kind: &'static str,
        /// How long it may be.
        limit: usize,
    },
    /// A string longer than its converter takes.
    #[error("{what} has {length} bytes, and may have {limit}; send a shorter one, or raise the converter's bound")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// How long it is.
        length: u64,
        /// How long it may be.
        limit: usize,
    },
    /// A string that is not UTF-8.
    #[error("{what} is not UTF-8 from byte {valid} on; send it as UTF-8")]
    NotUtf8 {
        /// What it is.
        what: &'static str,
        /// How many bytes of it are.
        valid: usize,
    },
}

macro_rules! primitive {
    ($(#[$docs:meta])* $name:ident($value:ty)) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        impl Converter for $name {
            type Message = $value;
            type Serializer = Self;
            type Deserializer = Self;

            fn serializer(&self) -> Self {
                Self
            }

            fn deserializer(&self) -> Self {
                Self
            }
        }
    };
}

primitive! {
    /// Booleans: `True` and `False`.
    ///
    /// ```
    /// use switchboard_wire::connector::{BoolConverter, Connector, Limits};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let connector: Connector<BoolConverter> = Connector::new(BoolConverter, Limits::default());
    /// # }
    /// ```
    BoolConverter(bool)
}

primitive! {
    /// Integers of 64 bits: their decimal digits and a space, `-7 `.
    ///
    /// What comes may have up to 20 bytes before the space: the longest one has as many.
    ///
    /// ```
    /// use switchboard_wire::connector::{Connector, IntConverter, Limits};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let connector: Connector<IntConverter> = Connector::new(IntConverter, Limits::default());
    /// # }
    /// ```
    IntConverter(i64)
}

primitive! {
    /// Floating point numbers of 64 bits: Python's `repr` of them and a space, `1e+16 `, `0.1 `, `inf `. Each is read as the
    /// very number that was written.
    ///
    /// What comes may have up to 64 bytes before the space; `repr` writes 24 at most.
    ///
    /// ```
    /// use switchboard_wire::connector::{Connector, FloatConverter, Limits};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let connector: Connector<FloatConverter> = Connector::new(FloatConverter, Limits::default());
    /// # }
    /// ```
    FloatConverter(f64)
}

impl Serializer<bool> for BoolConverter {
    fn poll_bytes(
        &mut self,
        _: &mut Context<'_>,
        message: &bool,
        out: &mut BytesMut,
    ) -> Poll<Result<Written, ConvertError>> {
        out.extend_from_slice(if *message { TRUE } else { FALSE });
        Poll::Ready(Ok(Written::Done))
    }
}

impl Deserializer<bool> for BoolConverter {
    fn poll_message(&mut self, _: &mut Context<'_>, input: &mut BytesMut) -> Poll<Result<Option<bool>, ConvertError>> {
        for (word, value) in [(TRUE, true), (FALSE, false)] {
            if input.starts_with(word) {
                input.advance(word.len());
                return Poll::Ready(Ok(Some(value)));
            }
            if word.starts_with(input) {
                return Poll::Ready(Ok(None));
            }
        }
        let found = String::from_utf8_lossy(&input[..input.len().min(FALSE.len())]).into_owned();
        Poll::Ready(Err(PrimitiveError::NoBool { found }.into()))
    }
}

impl Serializer<i64> for IntConverter {
    fn poll_bytes(
        &mut self,
        _: &mut Context<'_>,
        message: &i64,
        out: &mut BytesMut,
    ) -> Poll<Result<Written, ConvertError>> {
        out.extend_from_slice(message.to_string().as_bytes());
        out.put_u8(b' ');
        Poll::Ready(Ok(Written::Done))
    }
}

impl Deserializer<i64> for IntConverter {
    fn poll_message(&mut self, _: &mut Context<'_>, input: &mut BytesMut) -> Poll<Result<Option<i64>, ConvertError>> {
        let value = take_word(input, "integer", INT_BYTES).and_then(|word| word.map(|word| int(&word)).transpose());
        Poll::Ready(value.map_err(Into::into))
    }
}

impl Serializer<f64> for FloatConverter {
    fn poll_bytes(
        &mut self,
        _: &mut Context<'_>,
        message: &f64,
        out: &mut BytesMut,
    ) -> Poll<Result<Written, ConvertError>> {
        out.extend_from_slice(float::repr(*message).as_bytes());
        out.put_u8(b' ');
        Poll::Ready(Ok(Written::Done))
    }
}

impl Deserializer<f64> for FloatConverter {
    fn poll_message(&mut self, _: &mut Context<'_>, input: &mut BytesMut) -> Poll<Result<Option<f64>, ConvertError>> {
        let value = take_word(input, "floating point number", FLOAT_BYTES)
            .and_then(|word| word.map(|word| float(&word)).transpose());
        Poll::Ready(value.map_err(Into::into))
    }
}

/// What is before the next space, which goes with it; none where there is no space yet.
pub(super) fn take_word(
    input: &mut BytesMut,
    kind: &'static str,
    limit: usize,
) -> Result<Option<BytesMut>, PrimitiveError> {
    let within = &input[..input.len().min(limit + 1)];
    match memchr::memchr(b' ', within) {
        Some(end) => {
            let word = input.split_to(end);
            input.advance(1);
            Ok(Some(word))
        }
        None if within.len() > limit => Err(PrimitiveError::Endless { kind, limit }),
        None => Ok(None),
    }
}

fn int(word: &[u8]) -> Result<i64, PrimitiveError> {
    parse(word, "integer of 64 bits")
}

fn float(word: &[u8]) -> Result<f64, PrimitiveError> {
    parse(word, "floating point number")
}

pub(super) fn parse<T: std::str::FromStr>(word: &[u8], kind: &'static str) -> Result<T, PrimitiveError> {
    let value = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
    value.ok_or_else(|| PrimitiveError::NoNumber {
        kind,
        found: String::from_utf8_lossy(word).into_owned(),
    })
}

const TRUE: &[u8] = b"True";
const FALSE: &[u8] = b"False";
const INT_BYTES: usize = 20;
const FLOAT_BYTES: usize = 64;
