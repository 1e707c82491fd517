//! The native dialect in MessagePack.

use std::fmt::Debug;

use bytes::Bytes;
use rmp::encode::{write_bool, write_map_len, write_sint, write_str, write_uint};
use serde::Serialize;

use super::envelope::{Envelope, Fault, Key};
use super::fields::Fields;
use crate::payload::MAX_DEPTH;
use crate::payload::tokens::{self, Token, Tokens};
use crate::{EncodeError, Format, RawPayload, Text, Uid};

/// Reads a unit in one pass. Only the payload and the strings are copied out of it.
pub(super) fn read(unit: &[u8], depth: usize, envelope: &mut Envelope) -> Result<(), Fault> {
    let mut tokens = Tokens::new(unit);
    let Token::Map(entries) = tokens.token()? else {
        return Err(Fault::NoObject);
    };
    let mut reader = Reader {
        unit,
        tokens,
        depth,
        others: 0,
        flat: Vec::new(),
    };
    for _ in 0..entries {
        reader.entry(envelope)?;
    }
    reader.tokens.end()?;
    reader.finish(envelope);
    Ok(())
}

struct Reader<'a> {
    unit: &'a [u8],
    tokens: Tokens<'a>,
    depth: usize,
    /// How many entries there are that are no envelope keys, and their bytes.
    others: u32,
    flat: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn entry(&mut self, envelope: &mut Envelope) -> Result<(), Fault> {
        let start = self.tokens.clone();
        let key = match self.tokens.token()? {
            Token::Str(key) => Key::of(key),
            _ => {
                self.tokens = start.clone();
                self.value(envelope)?;
                None
            }
        };
        match key {
            Some(key) if envelope.meet(key) => self.field(key, envelope)?,
            Some(_) => drop(self.value(envelope)?),
            None => {
                // It will be one level within the payload, which nests no deeper than `MAX_DEPTH`.
                self.value_within((self.depth - 1).min(MAX_DEPTH - 1), envelope)?;
                if !envelope.has_met(Key::Payload) {
                    self.others += 1;
                    let entry = &self.unit[start.position()..self.tokens.position()];
                    self.flat.extend_from_slice(entry);
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, key: Key, envelope: &mut Envelope) -> Result<(), Fault> {
        let start = self.tokens.clone();
        if key == Key::Payload {
            let payload = self.value(envelope)?;
            envelope.payload = payload.map(|bytes| RawPayload::trusted_message_pack(Bytes::copy_from_slice(bytes)));
            return Ok(());
        }
        let token = self.tokens.token()?;
        let fault = match (key, token) {
            (Key::Name, Token::Str(name)) => {
                envelope.name = Some(Text::from(name));
                return Ok(());
            }
            (Key::Name, Token::Map(1)) => {
                let mut ahead = start.clone();
                if let Some(name) = nested_name(&mut ahead, self.depth - 1) {
                    self.tokens = ahead;
                    envelope.name = Some(name);
                    return Ok(());
                }
                Fault::Name
            }
            (Key::Name, _) => Fault::Name,
            (Key::Uid, token) => match uid(token) {
                Ok(uid) => {
                    envelope.uid = uid;
                    return Ok(());
                }
                Err(fault) => fault,
            },
            (_, Token::Bool(receipt)) => {
                envelope.receipt = receipt;
                return Ok(());
            }
            (_, Token::Nil) => return Ok(()),
            _ => Fault::Receipt,
        };
        self.tokens = start;
        self.value(envelope)?;
        envelope.fail(fault);
        Ok(())
    }

    fn value(&mut self, envelope: &mut Envelope) -> Result<Option<&'a [u8]>, Fault> {
        self.value_within(self.depth - 1, envelope)
    }

    /// Passes a value. Where it nests too deep, that is noted and it is passed all the same.
    fn value_within(&mut self, depth: usize, envelope: &mut Envelope) -> Result<Option<&'a [u8]>, Fault> {
        let start = self.tokens.clone();
        match self.tokens.skip(depth) {
            Ok(value) => Ok(Some(value)),
            Err(tokens::Fault::Depth(_)) => {
                envelope.fail(Fault::Depth(self.depth));
                self.tokens = start;
                self.tokens.skip_any_depth()?;
                Ok(None)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    fn finish(self, envelope: &mut Envelope) {
        if self.others > 0 && !envelope.has_met(Key::Payload) {
            let mut payload = Vec::with_capacity(self.flat.len() + 5);
            written(write_map_len(&mut payload, self.others));
            payload.extend_from_slice(&self.flat);
            envelope.payload = Some(RawPayload::trusted_message_pack(payload.into()));
        }
    }
}

fn uid(token: Token<'_>) -> Result<Option<Uid>, Fault> {
    let uid = match token {
        Token::Nil => return Ok(None),
        Token::Str(uid) if uid.len() <= Uid::MAX_BYTES => Some(Uid::Text(Text::from(uid))),
        Token::Unsigned(uid) => i64::try_from(uid).ok().and_then(Uid::integer),
        Token::Signed(uid) => Uid::integer(uid),
        _ => None,
    };
    uid.map(Some).ok_or(Fault::Uid)
}

/// Passes maps of one key each, around `{"name": string}`. `None` where something else stands there, or the bytes end.
fn nested_name(tokens: &mut Tokens<'_>, depth: usize) -> Option<Text> {
    let mut name = String::new();
    for _ in 0..depth {
        let (Token::Map(1), Token::Str(key)) = (tokens.token().ok()?, tokens.token().ok()?) else {
            return None;
        };
        let mut ahead = tokens.clone();
        if let Token::Str(last) = ahead.token().ok()? {
            *tokens = ahead;
            name.push_str(last);
            return (key == "name").then(|| name.into());
        }
        name.push_str(key);
        name.push('/');
    }
    None
}

/// Appends an envelope up to its payload, with which it ends.
pub(super) fn begin_answer(uid: Option<&Uid>, name: &str, out: &mut Vec<u8>) {
    written(write_map_len(out, 2 + u32::from(uid.is_some())));
    entry(out, "name", name);
    write_uid(uid, out);
    written(write_str(out, "payload"));
}

/// Appends an envelope.
pub(super) fn write(fields: &Fields<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let len = [
        fields.name.is_some(),
        fields.uid.is_some(),
        fields.wish,
        fields.mailbox.is_some(),
        fields.payload.is_some(),
        fields.error.is_some(),
        fields.more,
        fields.receipt.is_some(),
    ]
    .into_iter()
    .map(u32::from)
    .sum();
    written(write_map_len(out, len));
    if let Some(name) = fields.name {
        entry(out, "name", name);
    }
    write_uid(fields.uid, out);
    if fields.wish {
        flag(out, "receipt");
    }
    if let Some(mailbox) = fields.mailbox {
        entry(out, "mailbox", mailbox);
    }
    if let Some(payload) = fields.payload {
        written(write_str(out, "payload"));
        payload.write(Format::MessagePack, out)?;
    }
    if let Some(error) = fields.error {
        written(write_str(out, "error"));
        written(write_map_len(out, 2 + u32::from(error.details().is_some())));
        entry(out, "code", error.code());
        entry(out, "message", error.message());
        if let Some(details) = error.details() {
            written(write_str(out, "details"));
            written(details.serialize(&mut rmp_serde::Serializer::new(&mut *out)));
        }
    }
    if fields.more {
        flag(out, "more");
    }
    if let Some(receipt) = fields.receipt {
        written(write_str(out, "receipt"));
        let counts = receipt.counts();
        written(write_map_len(out, counts.len() as u32));
        for (key, count) in counts {
            written(write_str(out, key));
            written(write_uint(out, count.into()));
        }
    }
    Ok(())
}

fn write_uid(uid: Option<&Uid>, out: &mut Vec<u8>) {
    match uid {
        Some(Uid::Text(uid)) => entry(out, "uid", uid),
        Some(Uid::Integer(uid)) => {
            written(write_str(out, "uid"));
            written(write_sint(out, *uid));
        }
        None => {}
    }
}

fn entry(out: &mut Vec<u8>, key: &str, value: &str) {
    written(write_str(out, key));
    written(write_str(out, value));
}

fn flag(out: &mut Vec<u8>, key: &str) {
    written(write_str(out, key));
    written(write_bool(out, true));
}

fn written<T, E: Debug>(result: Result<T, E>) {
    result.expect("a `Vec` takes every write");
}
