//! What is said to an outbox, and what it says.

use std::ops::Range;

use switchboard_wire::{CloseCode, Format, RawPayload, Text};

use crate::limits::{Limits, Slow};
use crate::switchboard::parcel::Kind;

/// How an outbox stands, for the session's task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) flushed: Flushed,
    pub(crate) stage: Stage,
}

/// How far the life of an outbox has come, for the session's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// `is_cut`: it is to end at once, written or not.
    Closing {
        is_written: bool,
        is_cut: bool,
    },
    Closed,
}

/// How far the life of an outbox has come. It only moves forward.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Open,
    /// What is queued still goes out, the last of it a close frame; nothing more is taken.
    Closing { code: CloseCode, reason: String },
    /// Nothing can be written any more.
    Closed { code: CloseCode, reason: String },
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Taken,
    /// The client does not accept deliveries of this name.
    Unwanted,
    /// Taken, and so many older deliveries lost for it.
    Displaced(u32),
    Refused,
    /// Refused, and the client is to be closed for reading too slowly.
    Overflow,
}

/// How a push of a parcel is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push<'a> {
    pub(crate) limits: &'a Limits,
    /// What happens where there is no room.
    pub(crate) slow: Slow,
    /// The turn that it belongs to.
    pub(crate) turn: u64,
    /// Only where the client accepts the name.
    pub(crate) if_accepted: bool,
}

/// What became of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Nothing waits.
    Empty,
    /// The session's task has to go on.
    Waiting,
    /// The session's task goes on already.
    Known,
}

/// An answer that waits: what is handed back where it cannot be sent.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) name: Text,
    pub(crate) payload: Option<Kept>,
    /// How many bytes it takes on the wire.
    pub(crate) bytes: usize,
}

/// Where the payload of an answer is found again.
#[derive(Debug)]
pub(crate) enum Kept {
    Apart(RawPayload),
    /// At this place within the answer's own bytes.
    Written {
        format: Format,
        place: Range<usize>,
    },
}

impl Kept {
    /// The payload of the answer that has these bytes.
    pub(super) fn into_payload(self, bytes: &[u8]) -> RawPayload {
        match self {
            Self::Apart(payload) => payload,
            Self::Written { format, place } => RawPayload::from_encoded(format, &bytes[place]),
        }
    }
}

/// A message that was not sent, or not to its end.
#[derive(Debug)]
pub(crate) struct Returned {
    pub(crate) name: Text,
    pub(crate) mailbox: Option<Text>,
    pub(crate) kind: Kind,
    pub(crate) payload: Option<RawPayload>,
    /// A part of it was sent.
    pub(crate) is_cut: bool,
}
