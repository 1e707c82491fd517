//! How one request is settled: exactly one final frame, whatever its controllers do and in whatever order they end.
//!
//! ```text
//!            begin(n)                    word: an answer or an error
//!   new ───────────────► n open ───┬───► said at once with `more`, while others are open
//!                          ▲       │     or kept back during the inline phase, in case it is the last
//!                          │       ├───► ended: one fewer open
//!                          └───────┘
//!                       none open ─────► the word kept back is the final frame; without one, a bare one is
//!                       close() ───────► an error is the final frame (cancelled, shutdown); what comes later is late
//! ```
//!
//! Nothing here knows clients, dialects or time: calls go in, [`Saying`]s come out.

use switchboard_wire::{End, Error, RawPayload, Receipt, Text};

/// The state of one request.
#[derive(Debug, Default)]
pub(crate) struct Settlement {
    /// Controllers that have not ended.
    open: u32,
    /// While the controllers that answer at once are run, the last word is kept back: it may be the final one.
    is_inline: bool,
    held: Option<Word>,
    is_settled: bool,
    receipt: Receipt,
}

/// Something that a controller has to say to the one that asked.
#[derive(Clone, Debug)]
pub(crate) enum Word {
    /// `name`: the one that it travels under, where that is not the request's own.
    Answer {
        name: Option<Text>,
        payload: Option<RawPayload>,
    },
    Failed(Error),
}

/// Something that goes out.
#[derive(Debug)]
pub(crate) enum Saying {
    Word(Word, End),
    /// The bare final frame.
    Done(Receipt),
}

impl Settlement {
    /// So many controllers matched; the inline phase begins.
    #[inline]
    pub(crate) fn begin(matched: u32) -> Self {
        Self {
            open: matched,
            is_inline: true,
            receipt: Receipt {
                matched,
                ..Receipt::default()
            },
            ..Self::default()
        }
    }

    /// All controllers that answer at once have; the others are under way.
    pub(crate) fn end_inline(&mut self, say: &mut dyn FnMut(Saying)) {
        self.is_inline = false;
        self.release(say);
    }

    /// A controller has something to say. False where it is too late for that.
    pub(crate) fn word(&mut self, word: Word, say: &mut dyn FnMut(Saying)) -> bool {
        if self.is_settled {
            return false;
        }
        if matches!(word, Word::Failed(_)) {
            self.receipt.failed += 1;
        }
        if let Some(earlier) = self.held.replace(word) {
            say(Saying::Word(earlier, End::More));
        }
        true
    }

    /// The only controller has said all that it has to say, in one word that is said now. False where it is too late.
    #[inline]
    pub(crate) fn settle_at_once(&mut self) -> bool {
        let is_taken = !self.is_settled;
        self.is_settled = true;
        self.open = 0;
        is_taken
    }

    /// A controller that said something goes on (a stream), so its word cannot be the final one.
    pub(crate) fn goes_on(&mut self, say: &mut dyn FnMut(Saying)) {
        if let Some(word) = self.held.take() {
            say(Saying::Word(word, End::More));
        }
    }

    /// A controller has ended. False where the request was settled already.
    pub(crate) fn ended(&mut self, say: &mut dyn FnMut(Saying)) -> bool {
        if self.is_settled {
            return false;
        }
        self.open = self.open.saturating_sub(1);
        self.release(say);
        true
    }

    /// Settles the request with an error, whatever is open. False where it is settled.
    pub(crate) fn close(&mut self, error: Error, say: &mut dyn FnMut(Saying)) -> bool {
        if self.is_settled {
            return false;
        }
        self.goes_on(say);
        self.is_settled = true;
        say(Saying::Word(Word::Failed(error), End::Final(Some(self.receipt))));
        true
    }

    /// Counts a delivery for the receipt.
    pub(crate) fn delivered(&mut self, delivered: u32, dropped: u32) {
        self.receipt.delivered += delivered;
        self.receipt.dropped += dropped;
    }

    /// Says what was kept back, as the final frame where all have ended.
    fn release(&mut self, say: &mut dyn FnMut(Saying)) {
        if self.is_settled || self.is_inline {
            return;
        }
        if self.open > 0 {
            self.goes_on(say);
            return;
        }
        self.is_settled = true;
        say(match self.held.take() {
            Some(word) => Saying::Word(word, End::Final(Some(self.receipt))),
            None => Saying::Done(self.receipt),
        });
    }
}

#[cfg(test)]
mod tests;
