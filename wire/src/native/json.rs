//! The native dialect in JSON.

use serde::Serialize;

use super::envelope::{Envelope, Fault, Key};
use super::fields::Fields;
use crate::payload::MAX_DEPTH;
use crate::payload::scan::{self, Quoted, Scanner};
use crate::{EncodeError, Format, RawPayload, Text, Uid};

/// Reads a unit in one pass over one copy of it, which the message's parts share.
pub(super) fn read(text: &str, depth: usize, envelope: &mut Envelope) -> Result<(), Fault> {
    let whole = Text::from(text);
    let mut scanner = Scanner::new(&whole);
    scanner.whitespace();
    if scanner.peek() != Some(b'{') {
        // Rubbish is told apart from a value of another kind.
        scanner.skip(MAX_DEPTH)?;
        return Err(Fault::NoObject);
    }
    Reader {
        whole: &whole,
        scanner,
        depth,
        flat: String::new(),
    }
    .read(envelope)
}

struct Reader<'a> {
    whole: &'a Text,
    scanner: Scanner<'a>,
    depth: usize,
    /// The entries that are no envelope keys, each after a comma.
    flat: String,
}

impl<'a> Reader<'a> {
    fn read(&mut self, envelope: &mut Envelope) -> Result<(), Fault> {
        let mut more = self.scanner.open(b'}');
        while more {
            let start = self.scanner.position();
            let key = self.scanner.key()?;
            match Key::of(&key.unescape()) {
                Some(key) if envelope.meet(key) => self.field(key, envelope)?,
                Some(_) => drop(self.value(envelope)?),
                None => self.other(start, envelope)?,
            }
            more = self.scanner.more(b'}')?;
        }
        self.scanner.end()?;
        if !self.flat.is_empty() && !envelope.has_met(Key::Payload) {
            self.flat.replace_range(..1, "{");
            self.flat.push('}');
            let object = std::mem::take(&mut self.flat);
            envelope.payload = Some(RawPayload::trusted_json(object.into()));
        }
        Ok(())
    }

    fn field(&mut self, key: Key, envelope: &mut Envelope) -> Result<(), Fault> {
        match key {
            Key::Name => self.name(envelope)?,
            Key::Uid => self.uid(envelope)?,
            Key::Receipt => match self.value(envelope)? {
                Some("true") => envelope.receipt = true,
                Some("false" | "null") => {}
                _ => envelope.fail(Fault::Receipt),
            },
            Key::Payload => {
                let payload = self.value(envelope)?;
                envelope.payload = payload.map(|text| RawPayload::trusted_json(self.whole.piece(text)));
            }
        }
        Ok(())
    }

    fn name(&mut self, envelope: &mut Envelope) -> Result<(), Fault> {
        if self.scanner.peek() == Some(b'"') {
            envelope.name = Some(self.scanner.string().map(|name| self.text(name))?);
            return Ok(());
        }
        let mut ahead = self.scanner.clone();
        match nested_name(&mut ahead, self.depth - 1)? {
            Some(name) => {
                self.scanner = ahead;
                envelope.name = Some(name);
            }
            None => {
                self.value(envelope)?;
                envelope.fail(Fault::Name);
            }
        }
        Ok(())
    }

    fn uid(&mut self, envelope: &mut Envelope) -> Result<(), Fault> {
        match self.scanner.peek() {
            Some(b'"') => {
                let uid = self.scanner.string().map(|uid| self.text(uid))?;
                if uid.len() > Uid::MAX_BYTES {
                    envelope.fail(Fault::Uid);
                } else {
                    envelope.uid = Some(Uid::Text(uid));
                }
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = self.scanner.number()?;
                if self.scanner.peek().is_none() {
                    // It may go on beyond the cut of a prefix.
                    return Err(self.scanner.expected("`,` or `}`").into());
                }
                envelope.uid = number.parse().ok().filter(|_| number != "-0").and_then(Uid::integer);
                if envelope.uid.is_none() {
                    envelope.fail(Fault::Uid);
                }
            }
            _ => {
                if self.value(envelope)? != Some("null") {
                    envelope.fail(Fault::Uid);
                }
            }
        }
        Ok(())
    }

    fn other(&mut self, start: usize, envelope: &mut Envelope) -> Result<(), Fault> {
        // It will be one level within the payload, which nests no deeper than `MAX_DEPTH`.
        self.value_within((self.depth - 1).min(MAX_DEPTH - 1), envelope)?;
        if !envelope.has_met(Key::Payload) {
            if self.flat.is_empty() {
                // All that follows and the two brackets.
                self.flat.reserve(self.whole.len() - start + 2);
            }
            self.flat.push(',');
            self.flat.push_str(&self.whole[start..self.scanner.position()]);
        }
        Ok(())
    }

    fn value(&mut self, envelope: &mut Envelope) -> Result<Option<&'a str>, Fault> {
        self.value_within(self.depth - 1, envelope)
    }

    /// Passes a value. Where it nests too deep, that is noted and it is passed all the same.
    fn value_within(&mut self, depth: usize, envelope: &mut Envelope) -> Result<Option<&'a str>, Fault> {
        let start = self.scanner.clone();
        match self.scanner.skip(depth) {
            Ok(value) => Ok(Some(value)),
            Err(scan::Fault::Depth(_)) => {
                envelope.fail(Fault::Depth(self.depth));
                self.scanner = start;
                self.scanner.skip_any_depth()?;
                Ok(None)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    #[inline]
    fn text(&self, quoted: Quoted<'_>) -> Text {
        if quoted.escaped {
            Text::from(&*quoted.unescape())
        } else {
            self.whole.piece(quoted.raw)
        }
    }
}

/// Passes objects of one key each, around `{"name": string}`. `None` where something else stands there.
fn nested_name(scanner: &mut Scanner<'_>, depth: usize) -> Result<Option<Text>, Fault> {
    let mut name = String::new();
    for level in 1..=depth {
        if scanner.peek() != Some(b'{') || !scanner.open(b'}') {
            return Ok(None);
        }
        let key = scanner.key()?;
        if scanner.peek() != Some(b'"') {
            name.push_str(&key.unescape());
            name.push('/');
            continue;
        }
        if key.unescape() != "name" {
            return Ok(None);
        }
        name.push_str(&scanner.string()?.unescape());
        for _ in 0..level {
            if scanner.more(b'}')? {
                return Ok(None);
            }
        }
        return Ok(Some(name.into()));
    }
    Ok(None)
}

/// Appends an envelope.
pub(super) fn write(fields: &Fields<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut object = Object { out, separator: b'{' };
    if let Some(name) = fields.name {
        object.key("name").scalar(name);
    }
    match fields.uid {
        Some(Uid::Text(uid)) => object.key("uid").scalar(uid.as_str()),
        Some(Uid::Integer(uid)) => object.key("uid").scalar(uid),
        None => {}
    }
    if fields.wish {
        object.key("receipt").scalar(&true);
    }
    if let Some(mailbox) = fields.mailbox {
        object.key("mailbox").scalar(mailbox);
    }
    if let Some(payload) = fields.payload {
        payload.write(Format::Json, object.key("payload").out)?;
    }
    if let Some(error) = fields.error {
        let mut inner = object.key("error");
        inner.key("code").scalar(error.code());
        inner.key("message").scalar(error.message());
        if let Some(details) = error.details() {
            inner.key("details").scalar(details);
        }
        inner.end();
    }
    if fields.more {
        object.key("more").scalar(&true);
    }
    if let Some(receipt) = fields.receipt {
        let mut inner = object.key("receipt");
        for (key, count) in receipt.counts() {
            inner.key(key).scalar(&count);
        }
        inner.end();
    }
    object.end();
    Ok(())
}

/// An object on its way out; at least one key follows.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    separator: u8,
}

impl Object<'_> {
    /// Writes a key, none of which needs an escape. What is made of the result becomes its value.
    fn key(&mut self, key: &str) -> Object<'_> {
        self.out.push(self.separator);
        self.separator = b',';
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        Object {
            out: self.out,
            separator: b'{',
        }
    }

    /// Strings, numbers, booleans and `Value`s have a form without fail.
    fn scalar<T: Serialize + ?Sized>(self, value: &T) {
        serde_json::to_writer(self.out, value).expect("a `Vec` takes every write");
    }

    fn end(self) {
        self.out.push(b'}');
    }
}
