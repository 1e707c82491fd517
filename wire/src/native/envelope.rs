//! What has been read of an envelope, and what can be wrong with one.

use std::fmt;

use super::{SUBPROTOCOL_JSON, SUBPROTOCOL_MESSAGE_PACK};
use crate::payload::{scan, tokens};
use crate::{Error, Incoming, Malformed, Message, RawPayload, Text, Ticket, Uid, code};

/// The keys that mean something, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Name,
    Uid,
    Receipt,
    Payload,
}

impl Key {
    pub(super) fn of(key: &str) -> Option<Self> {
        match key {
            "name" => Some(Self::Name),
            "uid" => Some(Self::Uid),
            "receipt" => Some(Self::Receipt),
            "payload" => Some(Self::Payload),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Uid => "uid",
            Self::Receipt => "receipt",
            Self::Payload => "payload",
        }
    }
}

/// An envelope as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    seen: u8,
    pub(super) name: Option<Text>,
    pub(super) uid: Option<Uid>,
    pub(super) receipt: bool,
    pub(super) payload: Option<RawPayload>,
    fault: Option<Fault>,
}

impl Envelope {
    /// Notes that a key was met; false, and a fault, for its second time.
    pub(super) fn meet(&mut self, key: Key) -> bool {
        let first = !self.has_met(key);
        self.seen |= 1 << key as u8;
        if !first {
            self.fail(Fault::Duplicate(key));
        }
        first
    }

    pub(super) fn has_met(&self, key: Key) -> bool {
        self.seen & 1 << key as u8 != 0
    }

    /// Notes what is wrong and lets reading go on, since the uid may come yet. The first fault counts.
    pub(super) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    pub(super) fn finish(mut self, read: Result<(), Fault>) -> Result<Incoming, Box<Malformed>> {
        if let Err(fault) = read {
            self.fail(fault);
        }
        let ticket = Ticket::new(self.uid, self.receipt);
        let fault = match (self.name, self.fault) {
            (Some(name), None) => {
                let message = Message::new(name)
                    .with_uid(ticket.uid().cloned())
                    .with_payload(self.payload);
                return Ok(Incoming { message, ticket });
            }
            (name, Some(fault)) => (name, fault),
            (None, None) => (None, Fault::NoName),
        };
        Err(Box::new(Malformed {
            error: Error::new(code::BAD_MESSAGE, fault.1.to_string()),
            name: fault.0,
            ticket,
        }))
    }

    /// What is known of a message that is not read to its end.
    pub(super) fn into_known(self) -> (Option<Text>, Ticket) {
        (self.name, Ticket::new(self.uid, self.receipt))
    }
}

/// Why a unit is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    BinaryUnit,
    TextUnit,
    NoObject,
    NoName,
    Name,
    Uid,
    Receipt,
    Duplicate(Key),
    Depth(usize),
    Json(scan::Fault),
    MessagePack(tokens::Fault),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BinaryUnit => write!(
                f,
                "the sub-protocol is {SUBPROTOCOL_JSON}: send text, or agree on {SUBPROTOCOL_MESSAGE_PACK}"
            ),
            Self::TextUnit => write!(
                f,
                "the sub-protocol is {SUBPROTOCOL_MESSAGE_PACK}: send binary, or agree on {SUBPROTOCOL_JSON}"
            ),
            Self::NoObject => f.write_str("a message is an object with a `name`"),
            Self::NoName => f.write_str("`name` is missing"),
            Self::Name => f.write_str("`name` must be a string, or objects of one key each around {\"name\": string}"),
            Self::Uid => f.write_str("`uid` must be a string of at most 128 bytes or an integer within ±(2^53−1)"),
            Self::Receipt => f.write_str("`receipt` must be true or false"),
            Self::Duplicate(key) => write!(f, "`{}` stands there twice", key.as_str()),
            Self::Depth(limit) => write!(f, "the message nests deeper than {limit}"),
            Self::Json(fault) => fault.fmt(f),
            Self::MessagePack(fault) => fault.fmt(f),
        }
    }
}

impl From<scan::Fault> for Fault {
    fn from(fault: scan::Fault) -> Self {
        Self::Json(fault)
    }
}

impl From<tokens::Fault> for Fault {
    fn from(fault: tokens::Fault) -> Self {
        Self::MessagePack(fault)
    }
}
