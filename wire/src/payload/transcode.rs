//! Payloads from one format to the other, without a tree of values in between.
//!
//! Both ways recurse, at most [`MAX_DEPTH`] deep.

use std::fmt::{Debug, Display};
use std::io::Write;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::scan::{self, Scanner};
use super::tokens::{self, Token, Tokens};
use super::{EncodeError, MAX_DEPTH};

/// Appends a MessagePack value as JSON.
pub(super) fn to_json(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    json_value(&mut Tokens::new(bytes), MAX_DEPTH, out)
}

/// Appends a JSON text as MessagePack.
pub(super) fn to_message_pack(text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut scanner = Scanner::new(text);
    scanner.whitespace();
    message_pack_value(&mut scanner, MAX_DEPTH, out)
}

fn json_value(tokens: &mut Tokens<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match tokens.token()? {
        Token::Nil => out.extend_from_slice(b"null"),
        Token::Bool(value) => push(out, value),
        Token::Unsigned(value) => push(out, value),
        Token::Signed(value) => push(out, value),
        Token::F32(value) => json_scalar(out, &value),
        Token::F64(value) => json_scalar(out, &value),
        Token::Str(value) => json_scalar(out, value),
        Token::Bin(value) => {
            out.push(b'"');
            push(out, Base64Display::new(value, &STANDARD));
            out.push(b'"');
        }
        Token::Array(len) => {
            let depth = deeper(depth)?;
            out.push(b'[');
            for index in 0..len {
                if index > 0 {
                    out.push(b',');
                }
                json_value(tokens, depth, out)?;
            }
            out.push(b']');
        }
        Token::Map(len) => {
            let depth = deeper(depth)?;
            out.push(b'{');
            for index in 0..len {
                if index > 0 {
                    out.push(b',');
                }
                json_key(tokens.token()?, out)?;
                out.push(b':');
                json_value(tokens, depth, out)?;
            }
            out.push(b'}');
        }
        Token::Ext(tag) => return Err(EncodeError::Extension(tag)),
    }
    Ok(())
}

fn json_key(key: Token<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match key {
        Token::Str(key) => json_scalar(out, key),
        Token::Bool(key) => push(out, format_args!("\"{key}\"")),
        Token::Unsigned(key) => push(out, format_args!("\"{key}\"")),
        Token::Signed(key) => push(out, format_args!("\"{key}\"")),
        Token::Nil => return Err(EncodeError::Key("nil")),
        Token::F32(_) | Token::F64(_) => return Err(EncodeError::Key("a float")),
        Token::Bin(_) => return Err(EncodeError::Key("`bin`")),
        Token::Array(_) => return Err(EncodeError::Key("an array")),
        Token::Map(_) => return Err(EncodeError::Key("a map")),
        Token::Ext(_) => return Err(EncodeError::Key("an extension type")),
    }
    Ok(())
}

fn message_pack_value(scanner: &mut Scanner<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match scanner.peek() {
        Some(b'{') => {
            let depth = deeper(depth)?;
            let start = Counted::begin(out);
            let mut entries = 0;
            let mut more = scanner.open(b'}');
            while more {
                written(rmp::encode::write_str(out, &scanner.key()?.unescape()));
                message_pack_value(scanner, depth, out)?;
                entries += 1;
                more = scanner.more(b'}')?;
            }
            start.end(entries, rmp::encode::write_map_len, out);
        }
        Some(b'[') => {
            let depth = deeper(depth)?;
            let start = Counted::begin(out);
            let mut elements = 0;
            let mut more = scanner.open(b']');
            while more {
                message_pack_value(scanner, depth, out)?;
                elements += 1;
                more = scanner.more(b']')?;
            }
            start.end(elements, rmp::encode::write_array_len, out);
        }
        Some(b'"') => written(rmp::encode::write_str(out, &scanner.string()?.unescape())),
        Some(b'-' | b'0'..=b'9') => message_pack_number(scanner.number()?, out),
        first => {
            scanner.literal()?;
            match first {
                Some(b't') => written(rmp::encode::write_bool(out, true)),
                Some(b'f') => written(rmp::encode::write_bool(out, false)),
                _ => written(rmp::encode::write_nil(out)),
            }
        }
    }
    Ok(())
}

/// As serde_json reads numbers: an integer where it fits one, a float otherwise.
fn message_pack_number(number: &str, out: &mut Vec<u8>) {
    if number == "-0" {
        return written(rmp::encode::write_f64(out, -0.0));
    }
    if let Ok(number) = number.parse::<u64>() {
        written(rmp::encode::write_uint(out, number));
    } else if let Ok(number) = number.parse::<i64>() {
        written(rmp::encode::write_sint(out, number));
    } else {
        let number = number.parse::<f64>();
        written(rmp::encode::write_f64(
            out,
            number.expect("the scanner has checked the number"),
        ));
    }
}

/// A container whose length is known only at its end: its header is put in front of what was written since.
struct Counted(usize);

impl Counted {
    fn begin(out: &mut Vec<u8>) -> Self {
        let start = out.len();
        out.push(0);
        Self(start)
    }

    fn end<T, E: Debug>(self, len: u32, header: impl FnOnce(&mut Vec<u8>, u32) -> Result<T, E>, out: &mut Vec<u8>) {
        let mut bytes = Vec::with_capacity(5);
        written(header(&mut bytes, len));
        out.splice(self.0..=self.0, bytes);
    }
}

fn deeper(depth: usize) -> Result<usize, EncodeError> {
    depth.checked_sub(1).ok_or_else(|| scan::Fault::Depth(MAX_DEPTH).into())
}

fn push(out: &mut Vec<u8>, value: impl Display) {
    written(write!(out, "{value}"));
}

/// What serde_json writes without fail: strings and numbers, the latter as `null` where they are not finite.
fn json_scalar<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    written(serde_json::to_writer(out, value));
}

fn written<T, E: Debug>(result: Result<T, E>) {
    result.expect("a `Vec` takes every write");
}

impl From<scan::Fault> for EncodeError {
    fn from(fault: scan::Fault) -> Self {
        Self::Broken(fault.to_string().into())
    }
}

impl From<tokens::Fault> for EncodeError {
    fn from(fault: tokens::Fault) -> Self {
        Self::Broken(fault.to_string().into())
    }
}
