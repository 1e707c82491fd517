//! Switchboard's own dialect: one object a message, in JSON or in MessagePack.
//!
//! ```text
//! {"name":"accounts/login","uid":"7f3a","payload":{"username":"kevin"}}   what is emitted
//! {"name":"accounts/login","uid":"7f3a","username":"kevin"}               read too: the other keys are the payload
//! {"name":{"accounts":{"name":"login"}},"payload":{"username":"kevin"}}   read too: a nested name, one key a level
//! ```
//!
//! ```
//! use switchboard_wire::native::Json;
//! use switchboard_wire::{Dialect, ReadLimits, Unit};
//!
//! let unit = Unit::Text(r#"{"name":"mixer/volume_up","uid":1,"channel":3}"#);
//! let incoming = Json.read(unit, &ReadLimits { depth: 32 }).unwrap();
//! assert_eq!(incoming.message.name(), "mixer/volume_up");
//! assert_eq!(incoming.message.payload().unwrap().json(), Some(r#"{"channel":3}"#));
//! assert!(incoming.ticket.wants_answer());
//! ```

use crate::websocket::MessageKind;
use crate::{
    Dialect, EncodeError, Format, Frame, Incoming, Malformed, Message, ReadLimits, Text, Ticket, Unit, Written, cut,
};

mod envelope;
mod fields;
#[doc(hidden)]
pub mod fuzzing;
mod json;
mod message_pack;
mod plain;
mod server_frame;

pub use server_frame::{FrameError, ServerFrame};

use envelope::{Envelope, Fault};
use fields::Fields;

/// The WebSocket sub-protocol of [`Json`], which is spoken where a client names none.
pub const SUBPROTOCOL_JSON: &str = "switchboard.v1+json";
/// The WebSocket sub-protocol of [`MessagePack`].
pub const SUBPROTOCOL_MESSAGE_PACK: &str = "switchboard.v1+msgpack";

/// The native dialect in JSON: text units.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

/// The native dialect in MessagePack: binary units, with the same keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl Dialect for Json {
    fn read(&self, unit: Unit<'_>, limits: &ReadLimits) -> Result<Incoming, Box<Malformed>> {
        let Unit::Text(text) = unit else {
            return Envelope::default().finish(Err(Fault::BinaryUnit));
        };
        // One copy, of which the message's parts are pieces.
        let whole = Text::from(text);
        if let Some(incoming) = plain::read(&whole, depth(limits)) {
            return Ok(incoming);
        }
        let mut envelope = Envelope::default();
        let read = json::read(&whole, depth(limits), &mut envelope);
        envelope.finish(read)
    }

    fn read_prefix(&self, prefix: &[u8]) -> (Option<Text>, Ticket) {
        let mut envelope = Envelope::default();
        // It ends in a fault wherever it was cut; what was read by then counts.
        let _ = json::read(&Text::from(cut::valid_start(prefix)), MAX_DEPTH, &mut envelope);
        envelope.into_known()
    }

    fn read_cut(&self, prefix: &[u8], suffix: &[u8]) -> (Option<Text>, Ticket) {
        let (name, ticket) = self.read_prefix(prefix);
        if ticket.wants_answer() {
            return (name, ticket);
        }
        // A serialiser that sorts keys writes it behind the payload.
        let uid = cut::uid_at_end(cut::valid_end(suffix));
        (name, Ticket::new(uid, ticket.receipt))
    }

    fn write(&self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<Written, EncodeError> {
        json::write(&Fields::of_frame(frame), out)?;
        Ok(Written::Text)
    }

    fn begin_answer(&self, ticket: &Ticket, name: &Text, out: &mut Vec<u8>) -> Option<MessageKind> {
        match plain::head(ticket, name) {
            Some(head) => out.extend_from_slice(head),
            None => json::begin_answer(ticket.uid(), name, out),
        }
        Some(MessageKind::Text)
    }

    fn end_answer(&self, out: &mut Vec<u8>) {
        out.push(b'}');
    }

    fn format(&self) -> Format {
        Format::Json
    }
}

impl Dialect for MessagePack {
    fn read(&self, unit: Unit<'_>, limits: &ReadLimits) -> Result<Incoming, Box<Malformed>> {
        let mut envelope = Envelope::default();
        let read = match unit {
            Unit::Binary(bytes) => message_pack::read(bytes, depth(limits), &mut envelope),
            Unit::Text(_) => Err(Fault::TextUnit),
        };
        envelope.finish(read)
    }

    fn read_prefix(&self, prefix: &[u8]) -> (Option<Text>, Ticket) {
        let mut envelope = Envelope::default();
        let _ = message_pack::read(prefix, MAX_DEPTH, &mut envelope);
        envelope.into_known()
    }

    fn write(&self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<Written, EncodeError> {
        message_pack::write(&Fields::of_frame(frame), out)?;
        Ok(Written::Binary)
    }

    fn begin_answer(&self, ticket: &Ticket, name: &Text, out: &mut Vec<u8>) -> Option<MessageKind> {
        message_pack::begin_answer(ticket.uid(), name, out);
        Some(MessageKind::Binary)
    }

    fn format(&self) -> Format {
        Format::MessagePack
    }
}

/// Appends a message as a client sends it; `receipt` asks for a [`Receipt`](crate::Receipt).
///
/// # Errors
///
/// Where the payload cannot be written in this format. `out` may then hold a part.
///
/// ```
/// use switchboard_wire::{Format, Message, Uid, native};
///
/// let mut out = Vec::new();
/// let message = Message::new("mixer/levels").with_uid(Some(Uid::Integer(7)));
/// native::write_message(&message, false, Format::Json, &mut out).unwrap();
/// assert_eq!(out, br#"{"name":"mixer/levels","uid":7}"#);
/// ```
pub fn write_message(message: &Message, receipt: bool, format: Format, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let fields = Fields::of_message(message, receipt);
    match format {
        Format::Json => json::write(&fields, out),
        Format::MessagePack => message_pack::write(&fields, out),
    }
}

/// The deepest nesting of an envelope with its payload.
const MAX_DEPTH: usize = 128;

fn depth(limits: &ReadLimits) -> usize {
    limits.depth.clamp(1, MAX_DEPTH)
}
