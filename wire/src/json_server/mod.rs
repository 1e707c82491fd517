//! The dialect of JsonServer, the editor server of [Anaconda](https://github.com/DamnWidget/anaconda): lines of JSON, one answer each.
//!
//! ```text
//! {"method":"lint","handler":"python","uid":"7f3a","vid":3,"code":"…"}   the message python/lint, the rest is the payload
//! {"success":true,"errors":[],"uid":"7f3a","vid":3}                     its result: an object's keys, or `result`
//! {"success":false,"error":"…","code":"not_found","uid":"7f3a","vid":3} what went wrong
//! ```
//!
//! Its clients cannot cope with a line that they did not ask for, nor with a second one for a uid. So the answer is the
//! *result* of the request, told when all controllers have ended: the first answer, or else the first error; deliveries, and
//! answers to a message without a uid, are not written at all.
//!
//! ```
//! use switchboard_wire::json_server::JsonServer;
//! use switchboard_wire::{Dialect, End, Frame, RawPayload, ReadLimits, Unit};
//!
//! let line = r#"{"method": "lint", "handler": "python", "uid": "7f3a", "vid": 3, "code": "x = 1"}"#;
//! let incoming = JsonServer.read(Unit::Text(line), &ReadLimits { depth: 32 }).unwrap();
//! assert_eq!(incoming.message.name(), "python/lint");
//! assert_eq!(incoming.message.payload().unwrap().json(), Some(r#"{"code": "x = 1"}"#));
//!
//! let payload: RawPayload = r#"{"errors":[]}"#.parse().unwrap();
//! let answer = Frame::Answer { ticket: &incoming.ticket, name: "python/lint", payload: Some(&payload), end: End::Final(None) };
//! let mut out = Vec::new();
//! JsonServer.write(&answer, &mut out).unwrap();
//! assert_eq!(out, br#"{"success":true,"errors":[],"uid":"7f3a","vid":3}"#);
//! ```

mod cut;
mod read;
mod write;

use std::sync::{Mutex, PoisonError};

use crate::{
    Dialect, EncodeError, End, Error, Format, Frame, Incoming, Malformed, RawPayload, ReadLimits, Text, Ticket, Unit,
    Written,
};

/// The dialect; see the [module](self).
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonServer;

/// What its tickets carry beside the uid.
#[derive(Debug, Default)]
struct Note {
    /// The view that the client asks for, as it wrote it: echoed.
    vid: Option<Text>,
    kept: Mutex<Option<Outcome>>,
}

/// What may become the result.
#[derive(Clone, Debug)]
enum Outcome {
    Answer(Option<RawPayload>),
    Failed(Error),
}

impl Dialect for JsonServer {
    fn read(&self, unit: Unit<'_>, limits: &ReadLimits) -> Result<Incoming, Box<Malformed>> {
        read::unit(unit, limits.depth)
    }

    fn read_prefix(&self, prefix: &[u8]) -> (Option<Text>, Ticket) {
        cut::read(prefix, &[])
    }

    fn read_cut(&self, prefix: &[u8], suffix: &[u8]) -> (Option<Text>, Ticket) {
        cut::read(prefix, suffix)
    }

    fn write(&self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<Written, EncodeError> {
        let (ticket, outcome, end) = match *frame {
            Frame::Delivery { .. } => return Ok(Written::Nothing),
            Frame::Answer {
                ticket, payload, end, ..
            } => (ticket, Some(Outcome::Answer(payload.cloned())), end),
            Frame::Failed { ticket, error, end, .. } => (ticket, Some(Outcome::Failed(error.clone())), end),
            Frame::Done { ticket, receipt, .. } => (ticket, None, End::Final(receipt)),
        };
        let Some(uid) = ticket.uid() else {
            return Ok(Written::Nothing);
        };
        let note = ticket.note::<Note>();
        if end == End::More {
            if let (Some(note), Some(outcome)) = (note, outcome) {
                note.keep(outcome);
            }
            return Ok(Written::Nothing);
        }
        let result = match note {
            Some(note) => note.result(outcome),
            None => outcome,
        };
        write::line(result.as_ref(), uid, note.and_then(|note| note.vid.as_deref()), out)?;
        Ok(Written::Text)
    }

    fn format(&self) -> Format {
        Format::Json
    }
}

impl Note {
    fn keep(&self, outcome: Outcome) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = better(kept.take(), Some(outcome));
    }

    fn result(&self, last: Option<Outcome>) -> Option<Outcome> {
        better(self.kept.lock().unwrap_or_else(PoisonError::into_inner).take(), last)
    }
}

/// The first answer, or else the first error.
fn better(first: Option<Outcome>, second: Option<Outcome>) -> Option<Outcome> {
    match (&first, &second) {
        (Some(Outcome::Failed(_)), Some(Outcome::Answer(_))) | (None, _) => second,
        _ => first,
    }
}
