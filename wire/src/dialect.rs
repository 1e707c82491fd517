//! The edge between bytes and messages: a listener speaks one dialect, and nothing behind it notices which.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::websocket::MessageKind;
use crate::{EncodeError, Error, Format, Message, RawPayload, Text, Uid};

/// One whole unit of input, as the framing below delivers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit<'a> {
    /// Text: a WebSocket text message or a line.
    Text(&'a str),
    /// Bytes: a WebSocket binary message.
    Binary(&'a [u8]),
}

/// How a listener's units become messages, and what the server says becomes units.
///
/// A dialect has no state and does no I/O. What it needs to settle a request later it puts into the [`Ticket`].
pub trait Dialect: fmt::Debug + Any + Send + Sync {
    /// Reads one unit.
    ///
    /// # Errors
    ///
    /// [`Malformed`], with the ticket as far as it could be read, so that a client that asked is answered.
    fn read(&self, unit: Unit<'_>, limits: &ReadLimits) -> Result<Incoming, Box<Malformed>>;

    /// What can be told of a message whose first bytes are these and whose rest was skipped because it is too large.
    fn read_prefix(&self, prefix: &[u8]) -> (Option<Text>, Ticket);

    /// What can be told of a line whose first and last bytes are these and whose middle was skipped.
    fn read_cut(&self, prefix: &[u8], suffix: &[u8]) -> (Option<Text>, Ticket) {
        let _ = suffix;
        self.read_prefix(prefix)
    }

    /// Appends one unit to `out`, and says what it is. In a line there can be no line break.
    ///
    /// # Errors
    ///
    /// Where the payload cannot be written in this dialect. `out` may then hold a part; the caller cuts it off.
    fn write(&self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<Written, EncodeError>;

    /// Begins an answer whose value is still to be written: appends what stands before the value, and says whether the unit
    /// is text. `ticket` and `name` are those of the request, as they were read. The value is written behind that in the
    /// dialect's [`format`](Self::format), and then comes what [`end_answer`](Self::end_answer) appends.
    ///
    /// All of it together is what [`write`](Self::write) makes of an [`Answer`](Frame::Answer) that settles its request
    /// without a receipt. A dialect need not offer this: it says `None` and appends nothing, and is given the value when
    /// that is encoded, which takes longer.
    fn begin_answer(&self, ticket: &Ticket, name: &Text, out: &mut Vec<u8>) -> Option<MessageKind> {
        let _ = (ticket, name, out);
        None
    }

    /// Appends what stands behind the value of an answer that was [begun](Self::begin_answer).
    fn end_answer(&self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// The format that payloads have in this dialect.
    fn format(&self) -> Format;
}

/// What a dialect wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// A unit of text.
    Text,
    /// A unit of bytes.
    Binary,
    /// Nothing: there is no word for the frame in this dialect, or it is a part of what comes later.
    Nothing,
}

/// The bounds that reading keeps to.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// How deep arrays and objects may nest, the envelope included; at most 128.
    pub depth: usize,
}

/// A message with the ticket to settle it by.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// What controllers see.
    pub message: Message,
    /// What the answer is tied to.
    pub ticket: Ticket,
}

/// A unit that is no message.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// What to answer.
    pub error: Error,
    /// The name, where it could be read.
    pub name: Option<Text>,
    /// What the answer is tied to, as far as it could be read.
    pub ticket: Ticket,
}

/// What ties an answer to its request: made by the dialect, settled by dispatch, understood only by the dialect.
#[derive(Clone, Default)]
pub struct Ticket {
    pub(crate) uid: Option<Uid>,
    pub(crate) receipt: bool,
    pub(crate) asks: bool,
    /// So many bytes of the unit, up to its payload, are what the answer begins with; 0 where it is spelled in another way.
    pub(crate) head: u32,
    note: Option<Arc<dyn Any + Send + Sync>>,
}

impl Ticket {
    /// A ticket that asks for an answer under this uid; for none where there is none.
    pub fn new(uid: Option<Uid>, receipt: bool) -> Self {
        Self {
            asks: uid.is_some(),
            uid,
            receipt,
            head: 0,
            note: None,
        }
    }

    /// The same ticket, of a request that is answered whether or not it has a uid: where there is only one at a time, as over
    /// HTTP, the answer needs none to be told apart.
    #[must_use]
    pub fn asking(self) -> Self {
        Self { asks: true, ..self }
    }

    /// The same for a unit of which so many bytes can be given back as they came.
    #[inline]
    pub(crate) fn with_head(mut self, head: usize) -> Self {
        self.head = u32::try_from(head).unwrap_or(0);
        self
    }

    /// The same with a note of the dialect's own: what else is to be echoed, what is kept until the request is settled.
    #[must_use]
    pub fn with_note(mut self, note: Arc<dyn Any + Send + Sync>) -> Self {
        self.note = Some(note);
        self
    }

    /// The note, where it is of this type.
    pub fn note<T: 'static>(&self) -> Option<&T> {
        self.note.as_ref()?.downcast_ref()
    }

    /// Whether exactly one final frame is owed.
    #[inline]
    pub fn wants_answer(&self) -> bool {
        self.asks
    }

    /// Whether the final frame carries a [`Receipt`].
    #[inline]
    pub fn wants_receipt(&self) -> bool {
        self.receipt && self.asks
    }

    /// The uid to cancel by, where the dialect has one.
    #[inline]
    pub fn uid(&self) -> Option<&Uid> {
        self.uid.as_ref()
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("uid", &self.uid)
            .field("receipt", &self.receipt)
            .finish_non_exhaustive()
    }
}

/// What the server says, before a dialect writes it.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// Somebody's `send_all`, or a mailbox's.
    Delivery {
        /// The name it travels under.
        name: &'a str,
        /// The mailbox it came through.
        mailbox: Option<&'a str>,
        /// The value; absent where the message had none.
        payload: Option<&'a RawPayload>,
    },
    /// A value for the client that asked.
    Answer {
        /// What it is tied to.
        ticket: &'a Ticket,
        /// The name it travels under.
        name: &'a str,
        /// The value; absent where the message had none.
        payload: Option<&'a RawPayload>,
        /// Whether it settles the request.
        end: End,
    },
    /// All controllers have run and there is nothing (more) to say.
    Done {
        /// What it is tied to.
        ticket: &'a Ticket,
        /// The name of the request.
        name: &'a str,
        /// For a client that asked for it.
        receipt: Option<Receipt>,
    },
    /// The request, or one controller of it, failed.
    Failed {
        /// What it is tied to.
        ticket: &'a Ticket,
        /// The name of the request, where it could be read.
        name: Option<&'a str>,
        /// Why.
        error: &'a Error,
        /// Whether it settles the request.
        end: End,
    },
}

/// Whether a frame settles its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// More follows.
    More,
    /// This is the one final frame.
    Final(Option<Receipt>),
}

/// Where a message went, counted by the time its request was settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Routes that matched.
    pub matched: u32,
    /// Controllers that failed.
    pub failed: u32,
    /// Outboxes on this node that took a delivery.
    pub delivered: u32,
    /// Outboxes on this node that refused one.
    pub dropped: u32,
}

impl Receipt {
    /// The counts under the names that they travel by.
    pub(crate) fn counts(self) -> [(&'static str, u32); 4] {
        [
            ("matched", self.matched),
            ("failed", self.failed),
            ("delivered", self.delivered),
            ("dropped", self.dropped),
        ]
    }
}
