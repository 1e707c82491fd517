//! Reading a line.

use std::fmt;
use std::sync::Arc;

use super::Note;
use crate::payload::MAX_DEPTH;
use crate::payload::scan::{self, Scanner};
use crate::{Error, Incoming, Malformed, Message, RawPayload, Text, Ticket, Uid, Unit, code};

pub(super) fn unit(unit: Unit<'_>, depth: usize) -> Result<Incoming, Box<Malformed>> {
    let mut call = Call::default();
    let read = match unit {
        Unit::Text(text) => call.read(&Text::from(text), depth.clamp(1, MAX_DEPTH + 1)),
        Unit::Binary(_) => Err(Fault::Binary),
    };
    call.finish(read)
}

/// A line as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Call {
    method: Option<Text>,
    handler: Option<Text>,
    pub(super) uid: Option<Uid>,
    pub(super) vid: Option<Text>,
    /// The entries that are no keys of the envelope, each after a comma.
    rest: String,
    met: u8,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    Method,
    Handler,
    Uid,
    Vid,
}

/// Why a line is no message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Binary,
    NoObject,
    NoMethod,
    Text(Key),
    Uid,
    Duplicate(Key),
    Depth(usize),
    Json(scan::Fault),
}

impl Call {
    /// Reads a line in one pass. What was read before a fault is there.
    pub(super) fn read(&mut self, whole: &Text, depth: usize) -> Result<(), Fault> {
        let mut scanner = Scanner::new(whole);
        scanner.whitespace();
        if scanner.peek() != Some(b'{') {
            scanner.skip(MAX_DEPTH)?;
            return Err(Fault::NoObject);
        }
        let mut more = scanner.open(b'}');
        while more {
            let start = scanner.position();
            let key = scanner.key()?;
            match Key::of(&key.unescape()) {
                Some(key) => self.field(key, whole, &mut scanner, depth)?,
                None => {
                    self.value(&mut scanner, depth)?;
                    self.rest.push(',');
                    self.rest.push_str(&whole[start..scanner.position()]);
                }
            }
            more = scanner.more(b'}')?;
        }
        Ok(scanner.end()?)
    }

    fn field(&mut self, key: Key, whole: &Text, scanner: &mut Scanner<'_>, depth: usize) -> Result<(), Fault> {
        let bit = 1 << key as u8;
        if self.met & bit != 0 {
            self.fail(Fault::Duplicate(key));
            return self.value(scanner, depth).map(drop);
        }
        self.met |= bit;
        match key {
            Key::Method => self.method = self.text(key, whole, scanner, depth)?,
            Key::Handler => self.handler = self.text(key, whole, scanner, depth)?,
            Key::Uid => self.uid(whole, scanner, depth)?,
            Key::Vid => {
                let start = scanner.position();
                if self.value(scanner, depth)? {
                    let vid = &whole[start..scanner.position()];
                    self.vid = Some(scan::without_line_breaks(vid).map_or_else(|| whole.piece(vid), Text::from));
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, key: Key, whole: &Text, scanner: &mut Scanner<'_>, depth: usize) -> Result<Option<Text>, Fault> {
        if scanner.peek() != Some(b'"') {
            self.value(scanner, depth)?;
            self.fail(Fault::Text(key));
            return Ok(None);
        }
        let text = scanner.string()?;
        if text.raw.is_empty() {
            self.fail(Fault::Text(key));
        }
        Ok(Some(if text.escaped {
            Text::from(&*text.unescape())
        } else {
            whole.piece(text.raw)
        }))
    }

    fn uid(&mut self, whole: &Text, scanner: &mut Scanner<'_>, depth: usize) -> Result<(), Fault> {
        match scanner.peek() {
            Some(b'"') => {
                let uid = self.text(Key::Uid, whole, scanner, depth)?;
                self.uid = uid.filter(|uid| uid.len() <= Uid::MAX_BYTES).map(Uid::Text);
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = scanner.number()?;
                if scanner.peek().is_none() {
                    // It may go on beyond the cut of a prefix.
                    return Err(scanner.expected("`,` or `}`").into());
                }
                self.uid = number.parse().ok().filter(|_| number != "-0").and_then(Uid::integer);
            }
            Some(b'n') => return self.value(scanner, depth).map(drop),
            _ => drop(self.value(scanner, depth)?),
        }
        if self.uid.is_none() {
            self.fail(Fault::Uid);
        }
        Ok(())
    }

    /// Passes a value; false, and a fault, where it nests too deep.
    fn value(&mut self, scanner: &mut Scanner<'_>, depth: usize) -> Result<bool, Fault> {
        let start = *scanner;
        match scanner.skip((depth - 1).min(MAX_DEPTH - 1)) {
            Ok(_) => Ok(true),
            Err(scan::Fault::Depth(_)) => {
                self.fail(Fault::Depth(depth));
                *scanner = start;
                scanner.skip_any_depth()?;
                Ok(false)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// Notes what is wrong and lets reading go on, since the uid may come yet. The first fault counts.
    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    fn finish(mut self, read: Result<(), Fault>) -> Result<Incoming, Box<Malformed>> {
        if let Err(fault) = read {
            self.fail(fault);
        }
        let rest = std::mem::take(&mut self.rest);
        let fault = self.fault;
        let (name, ticket) = self.into_known();
        let fault = match (name, fault) {
            (Some(name), None) => {
                let message = Message::new(name).with_uid(ticket.uid().cloned());
                let payload = RawPayload::trusted_json(object(rest).into());
                return Ok(Incoming {
                    message: message.with_payload(payload),
                    ticket,
                });
            }
            (name, fault) => (name, fault.unwrap_or(Fault::NoMethod)),
        };
        Err(Box::new(Malformed {
            error: Error::new(code::BAD_MESSAGE, fault.1.to_string()),
            name: fault.0,
            ticket,
        }))
    }

    /// What is known of a message that is not read to its end.
    pub(super) fn into_known(self) -> (Option<Text>, Ticket) {
        let name = match (self.handler, self.method) {
            (Some(handler), Some(method)) => Some(format!("{handler}/{method}").into()),
            (None, method) => method,
            (Some(_), None) => None,
        };
        let note = Note {
            vid: self.vid,
            ..Note::default()
        };
        (name, Ticket::new(self.uid, false).with_note(Arc::new(note)))
    }
}

/// The object with these entries, each after a comma.
fn object(mut entries: String) -> String {
    if entries.is_empty() {
        return "{}".to_owned();
    }
    entries.replace_range(..1, "{");
    entries.push('}');
    entries
}

impl Key {
    fn of(key: &str) -> Option<Self> {
        match key {
            "method" => Some(Self::Method),
            "handler" => Some(Self::Handler),
            "uid" => Some(Self::Uid),
            "vid" => Some(Self::Vid),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Handler => "handler",
            Self::Uid => "uid",
            Self::Vid => "vid",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary => f.write_str("a message is a line of JSON text"),
            Self::NoObject => f.write_str("a message is an object with a `method`"),
            Self::NoMethod => f.write_str("`method` is missing"),
            Self::Text(key) => write!(f, "`{}` must be a string that is not empty", key.as_str()),
            Self::Uid => f.write_str("`uid` must be a string of at most 128 bytes or an integer within ±(2^53−1)"),
            Self::Duplicate(key) => write!(f, "`{}` stands there twice", key.as_str()),
            Self::Depth(limit) => write!(f, "the message nests deeper than {limit}"),
            Self::Json(fault) => fault.fmt(f),
        }
    }
}

impl From<scan::Fault> for Fault {
    fn from(fault: scan::Fault) -> Self {
        Self::Json(fault)
    }
}
