//! How a client is answered.

use switchboard_wire::{End, Error, Frame, Text, Ticket};

use super::Client;
use crate::dispatch::{Answers, Saying, Word};
use crate::limits::Slow;
use crate::switchboard::outbox::{Answer, Kept};
use crate::switchboard::parcel::Scratch;
use crate::switchboard::{Core, Draft, turn};

/// An answer always passes, and where it does not fit the client is closed.
impl Answers for Client {
    fn answer(&self, core: &Core, ticket: &Ticket, name: &Text, saying: Saying) {
        let mut scratch = Scratch::take();
        let frame = saying.frame(ticket, name);
        match core.encoding(self.0.encoding).encode(&frame, &mut scratch.0) {
            Ok([]) => self.leave_unsaid(core, ticket, name, &saying),
            Ok(bytes) => {
                let (own, payload) = saying.into_parts();
                let answer = Answer {
                    name: own.unwrap_or_else(|| name.clone()),
                    payload: payload.map(Kept::Apart),
                    bytes: bytes.len(),
                };
                self.push_answer(answer, bytes, core);
            }
            Err(error) => {
                core.counters.unwritable.one();
                if core.unwritable_told.may_tell() {
                    tracing::warn!(client = %self.id(), %name, %error, "an answer cannot be written in the client's format (told once a minute)");
                }
                self.answer_instead(core, &frame);
            }
        }
    }

    fn draft(&self, core: &Core, ticket: &Ticket, name: &Text) -> Option<Draft> {
        core.encoding(self.0.encoding).draft(ticket, name)
    }

    fn send(&self, core: &Core, name: &Text, draft: &mut Draft) {
        core.encoding(self.0.encoding)
            .finish(draft, name, |answer, frame| self.push_answer(answer, frame, core));
    }
}

impl Client {
    #[inline]
    fn push_answer(&self, answer: Answer, bytes: &[u8], core: &Core) {
        let (pushed, is_first) = self
            .0
            .outbox
            .push_answer(answer, bytes, self.push_as(Slow::Close, turn::current()));
        self.pushed(pushed, is_first, core);
    }

    /// The dialect has no word for it, or keeps it for later.
    fn leave_unsaid(&self, core: &Core, ticket: &Ticket, name: &Text, saying: &Saying) {
        if ticket.wants_answer() {
            return;
        }
        core.counters.unsaid.one();
        if core.unsaid_told.may_tell() {
            let what = match saying {
                Saying::Word(Word::Failed(error), _) => error.to_string(),
                Saying::Word(Word::Answer { .. }, _) => "an answer".to_owned(),
                Saying::Done(_) => return,
            };
            tracing::warn!(client = %self.id(), %name, "not told, since nobody asked (told once a minute): {what}");
        }
    }

    /// The request is still owed its final frame: an error that any format can write.
    fn answer_instead(&self, core: &Core, frame: &Frame<'_>) {
        let error = Error::new(
            switchboard_wire::code::INTERNAL,
            "the answer cannot be written in the format of this connection",
        );
        let (ticket, name, end) = match *frame {
            Frame::Answer { ticket, name, end, .. } => (ticket, Some(name), end),
            Frame::Failed { ticket, name, end, .. } => (ticket, name, end),
            // What a dialect kept for the end may be what cannot be written.
            Frame::Done { ticket, name, receipt } => (ticket, Some(name), End::Final(receipt)),
            Frame::Delivery { .. } => return,
        };
        let failed = Frame::Failed {
            ticket,
            name,
            error: &error,
            end,
        };
        let mut scratch = Scratch::take();
        // It has a form in every format.
        if let Ok(bytes) = core.encoding(self.0.encoding).encode(&failed, &mut scratch.0) {
            let answer = Answer {
                name: Text::from(name.unwrap_or_default()),
                payload: None,
                bytes: bytes.len(),
            };
            self.push_answer(answer, bytes, core);
        }
    }
}
