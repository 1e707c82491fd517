//! An answer that is written as it goes to the socket before anybody knows its value: that is then written in its place.

use serde::Serialize;
use switchboard_wire::websocket::MessageKind;
use switchboard_wire::{EncodeError, Format, RawPayload, Text, Ticket, lines};

use super::outbox::{Answer, Kept};
use super::parcel::{Encoding, Framing, Scratch, WEBSOCKET_HEADER, put_header};

/// The one frame that a request is answered with, under way: nothing is allocated for its value, and nothing copied before it
/// goes to the outbox.
pub(crate) struct Draft {
    frame: Scratch,
    kind: MessageKind,
    format: Format,
    /// Where the value begins.
    value: usize,
}

impl Draft {
    /// Writes the value.
    pub(crate) fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        RawPayload::encode_into(value, self.format, &mut self.frame.0)
    }

    /// The value alone, for whom the frame is of no use.
    pub(crate) fn into_payload(self) -> RawPayload {
        RawPayload::from_encoded(self.format, &self.frame.0[self.value..])
    }
}

impl Encoding {
    /// Begins an answer that settles its request without a receipt, where the dialect has a way to.
    #[inline]
    pub(crate) fn draft(&self, ticket: &Ticket, name: &Text) -> Option<Draft> {
        let mut frame = Scratch::take();
        let out = &mut frame.0;
        out.clear();
        match self.framing {
            Framing::WebSocket => out.extend_from_slice(&[0; WEBSOCKET_HEADER]),
            Framing::Lines => {}
        }
        let kind = self.dialect.begin_answer(ticket, name, out)?;
        Some(Draft {
            value: out.len(),
            frame,
            kind,
            format: self.dialect.format(),
        })
    }

    /// Ends the frame, whose value is written, and hands it over.
    #[inline]
    pub(crate) fn finish<R>(&self, draft: &mut Draft, name: &Text, push: impl FnOnce(Answer, &[u8]) -> R) -> R {
        let out = &mut draft.frame.0;
        let end = out.len();
        self.dialect.end_answer(out);
        let start = match self.framing {
            Framing::WebSocket => put_header(draft.kind, out),
            Framing::Lines => {
                out.extend_from_slice(lines::END);
                0
            }
        };
        let frame = &out[start..];
        let answer = Answer {
            name: name.clone(),
            payload: Some(Kept::Written {
                format: draft.format,
                place: draft.value - start..end - start,
            }),
            bytes: frame.len(),
        };
        push(answer, frame)
    }
}
