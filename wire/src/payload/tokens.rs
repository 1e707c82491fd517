//! A strict reader of MessagePack that allocates nothing, after
//! [the format's specification](https://github.com/msgpack/msgpack/blob/master/spec.md).

use std::fmt;

use rmp::Marker;

/// Why bytes are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes end inside a value.
    End,
    /// The one byte that begins no value, 0xc1, stands here.
    Reserved(usize),
    /// The string that begins here is not UTF-8.
    Utf8(usize),
    /// Bytes follow the value.
    Trailing(usize),
    /// Arrays and maps nest deeper than allowed.
    Depth(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("not MessagePack: the bytes end inside a value"),
            Self::Reserved(at) => write!(f, "not MessagePack: 0xc1 at byte {at} begins no value"),
            Self::Utf8(at) => write!(f, "not MessagePack: the string at byte {at} is not UTF-8"),
            Self::Trailing(at) => write!(f, "not MessagePack: expected the end at byte {at}"),
            Self::Depth(limit) => write!(f, "arrays and maps nest deeper than {limit}"),
        }
    }
}

/// Checks that bytes are one value in which at most `depth` arrays and maps nest.
pub(crate) fn whole(bytes: &[u8], depth: usize) -> Result<(), Fault> {
    let mut tokens = Tokens::new(bytes);
    tokens.skip(depth)?;
    tokens.end()
}

/// A value, or the head of an array or map whose elements follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// Below zero, or written in a signed form.
    Signed(i64),
    F32(f32),
    F64(f64),
    Str(&'a str),
    Bin(&'a [u8]),
    /// The number of elements.
    Array(u32),
    /// The number of entries.
    Map(u32),
    Ext(i8),
}

/// A position in bytes, moved on token by token.
#[derive(Clone, Debug)]
pub(crate) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes lie behind.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&self) -> Result<(), Fault> {
        if self.at < self.bytes.len() {
            return Err(Fault::Trailing(self.at));
        }
        Ok(())
    }

    /// Passes a value in which at most `depth` arrays and maps nest.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<&'a [u8], Fault> {
        let start = self.at;
        self.pass(depth, depth)?;
        Ok(&self.bytes[start..self.at])
    }

    fn pass(&mut self, left: usize, depth: usize) -> Result<(), Fault> {
        let elements = match self.token()? {
            Token::Array(elements) => u64::from(elements),
            Token::Map(entries) => u64::from(entries) * 2,
            _ => return Ok(()),
        };
        let left = left.checked_sub(1).ok_or(Fault::Depth(depth))?;
        for _ in 0..elements {
            self.pass(left, depth)?;
        }
        Ok(())
    }

    /// Passes a value however deep it nests.
    pub(crate) fn skip_any_depth(&mut self) -> Result<(), Fault> {
        let mut left = 1_u64;
        while left > 0 {
            let inside = match self.token()? {
                Token::Array(elements) => u64::from(elements),
                Token::Map(entries) => u64::from(entries) * 2,
                _ => 0,
            };
            left = (left - 1).saturating_add(inside);
        }
        Ok(())
    }

    /// Passes a token.
    pub(crate) fn token(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.at;
        let [marker] = self.take()?;
        Ok(match Marker::from_u8(marker) {
            Marker::Null => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::FixPos(number) => Token::Unsigned(number.into()),
            Marker::U8 => Token::Unsigned(u8::from_be_bytes(self.take()?).into()),
            Marker::U16 => Token::Unsigned(u16::from_be_bytes(self.take()?).into()),
            Marker::U32 => Token::Unsigned(u32::from_be_bytes(self.take()?).into()),
            Marker::U64 => Token::Unsigned(u64::from_be_bytes(self.take()?)),
            Marker::FixNeg(number) => Token::Signed(number.into()),
            Marker::I8 => Token::Signed(i8::from_be_bytes(self.take()?).into()),
            Marker::I16 => Token::Signed(i16::from_be_bytes(self.take()?).into()),
            Marker::I32 => Token::Signed(i32::from_be_bytes(self.take()?).into()),
            Marker::I64 => Token::Signed(i64::from_be_bytes(self.take()?)),
            Marker::F32 => Token::F32(f32::from_be_bytes(self.take()?)),
            Marker::F64 => Token::F64(f64::from_be_bytes(self.take()?)),
            Marker::FixStr(len) => self.str(len.into(), start)?,
            Marker::Str8 => self.len8().and_then(|len| self.str(len, start))?,
            Marker::Str16 => self.len16().and_then(|len| self.str(len, start))?,
            Marker::Str32 => self.len32().and_then(|len| self.str(len, start))?,
            Marker::Bin8 => self.len8().and_then(|len| self.slice(len)).map(Token::Bin)?,
            Marker::Bin16 => self.len16().and_then(|len| self.slice(len)).map(Token::Bin)?,
            Marker::Bin32 => self.len32().and_then(|len| self.slice(len)).map(Token::Bin)?,
            Marker::FixArray(len) => Token::Array(len.into()),
            Marker::Array16 => Token::Array(self.len16()?),
            Marker::Array32 => Token::Array(self.len32()?),
            Marker::FixMap(len) => Token::Map(len.into()),
            Marker::Map16 => Token::Map(self.len16()?),
            Marker::Map32 => Token::Map(self.len32()?),
            Marker::FixExt1 => self.ext(1)?,
            Marker::FixExt2 => self.ext(2)?,
            Marker::FixExt4 => self.ext(4)?,
            Marker::FixExt8 => self.ext(8)?,
            Marker::FixExt16 => self.ext(16)?,
            Marker::Ext8 => self.len8().and_then(|len| self.ext(len))?,
            Marker::Ext16 => self.len16().and_then(|len| self.ext(len))?,
            Marker::Ext32 => self.len32().and_then(|len| self.ext(len))?,
            Marker::Reserved => return Err(Fault::Reserved(start)),
        })
    }

    fn str(&mut self, len: u32, start: usize) -> Result<Token<'a>, Fault> {
        let text = simdutf8::basic::from_utf8(self.slice(len)?).map_err(|_| Fault::Utf8(start))?;
        Ok(Token::Str(text))
    }

    fn ext(&mut self, len: u32) -> Result<Token<'a>, Fault> {
        let [tag] = self.take()?;
        self.slice(len)?;
        Ok(Token::Ext(tag as i8))
    }

    fn len8(&mut self) -> Result<u32, Fault> {
        self.take().map(u8::from_be_bytes).map(u32::from)
    }

    fn len16(&mut self) -> Result<u32, Fault> {
        self.take().map(u16::from_be_bytes).map(u32::from)
    }

    fn len32(&mut self) -> Result<u32, Fault> {
        self.take().map(u32::from_be_bytes)
    }

    fn slice(&mut self, len: u32) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(len as usize).ok_or(Fault::End)?;
        let slice = self.bytes.get(self.at..end).ok_or(Fault::End)?;
        self.at = end;
        Ok(slice)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = *rest.first_chunk().ok_or(Fault::End)?;
        self.at += N;
        Ok(taken)
    }
}
