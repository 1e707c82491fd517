//! The native dialect in JSON.

use serde::Serialize;

use super::envelope::{Envelope, Fault, Key};
use super::fields::Fields;
use crate::payload::MAX_DEPTH;
use crate::payload::scan::{self, Quoted, Scanner};
use crate::payload::writer;
use crate::{EncodeError, Format, RawPayload, Text, Uid};

/// Reads a unit in one pass. The message's parts are pieces of it.
pub(super) fn read(whole: &Text, depth: usize, envelope: &mut Envelope) -> Result<(), Fault> {
    let mut scanner = Scanner::new(whole);
    scanner.whitespace();
    if scanner.peek() != Some(b'{') {
        // Rubbish is told apart from a value of another kind.
        scanner.skip(MAX_DEPTH)?;
        return Err(Fault::NoObject);
    }
    Reader {
        whole,
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
                let is_one_line = !self.scanner.has_line_break();
                envelope.payload = payload.map(|text| {
                    let text = self.whole.piece(text);
                    if is_one_line {
                        RawPayload::trusted_json_line(text)
                    } else {
                        RawPayload::trusted_json(text)
                    }
                });
            }
        }
        Ok(())
    }

    fn name(&mut self, envelope: &mut Envelope) -> Result<(), Fault> {
        if self.scanner.peek() == Some(b'"') {
            envelope.name = Some(self.scanner.string().map(|name| self.text(name))?);
            return Ok(());
        }
        let mut ahead = self.scanner;
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
        let start = self.scanner;
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

/// Appends an envelope up to its payload, behind which only the closing bracket is missing.
pub(super) fn begin_answer(uid: Option<&Uid>, name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"name\":");
    string(name, out);
    write_uid(uid, out);
    out.extend_from_slice(b",\"payload\":");
}

/// Appends an envelope.
pub(super) fn write(fields: &Fields<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    if let Some(name) = fields.name {
        out.extend_from_slice(b",\"name\":");
        string(name, out);
    }
    write_uid(fields.uid, out);
    if fields.wish {
        out.extend_from_slice(b",\"receipt\":true");
    }
    if let Some(mailbox) = fields.mailbox {
        out.extend_from_slice(b",\"mailbox\":");
        string(mailbox, out);
    }
    if let Some(payload) = fields.payload {
        out.extend_from_slice(b",\"payload\":");
        payload.write(Format::Json, out)?;
    }
    if let Some(error) = fields.error {
        out.extend_from_slice(b",\"error\":{\"code\":");
        string(error.code(), out);
        out.extend_from_slice(b",\"message\":");
        string(error.message(), out);
        if let Some(details) = error.details() {
            out.extend_from_slice(b",\"details\":");
            scalar(details, out);
        }
        out.push(b'}');
    }
    if fields.more {
        out.extend_from_slice(b",\"more\":true");
    }
    if let Some(receipt) = fields.receipt {
        out.extend_from_slice(b",\"receipt\":{");
        for (at, (key, count)) in receipt.counts().into_iter().enumerate() {
            out.extend_from_slice(if at == 0 { b"\"" } else { b",\"" });
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            scalar(&count, out);
        }
        out.push(b'}');
    }
    // Every key came with a comma; the first of them opens the object.
    match out.get_mut(start) {
        Some(first) => *first = b'{',
        None => out.push(b'{'),
    }
    out.push(b'}');
    Ok(())
}

fn write_uid(uid: Option<&Uid>, out: &mut Vec<u8>) {
    let Some(uid) = uid else { return };
    out.extend_from_slice(b",\"uid\":");
    match uid {
        Uid::Text(uid) => string(uid, out),
        Uid::Integer(uid) => scalar(uid, out),
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    writer::escape(text, out);
    out.push(b'"');
}

/// Strings, numbers, booleans and `Value`s have a form without fail.
fn scalar<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a `Vec` takes every write");
}
