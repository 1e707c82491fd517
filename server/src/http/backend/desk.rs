//! Where the answers of one request go, until its response takes them.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use switchboard_wire::{End, Error, Format, Receipt, Text, Ticket, code};
use tokio::sync::Notify;

use crate::dispatch::{Answers, Saying, Word};
use crate::limits::Limits;
use crate::switchboard::{Client, Core};

/// What the response is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// The result: when the request is settled, the first answer; without one the first error, without that the bare end.
    Result,
    /// Every frame as it comes, each on a line.
    Lines,
}

/// The answers of one request that its response has not taken yet. How many those can be is bounded: a stream waits while half of
/// what an outbox holds lies here, and other controllers have one thing to say.
pub(super) struct Desk {
    client: Client,
    style: Style,
    waiting: Mutex<Waiting>,
    /// Something was said.
    said: Notify,
}

#[derive(Default)]
struct Waiting {
    first_answer: Option<Word>,
    first_error: Option<Word>,
    bytes: Vec<u8>,
    frames: usize,
    /// What the first frame means for the response as a whole.
    status: Option<StatusCode>,
    is_settled: bool,
}

/// A piece of the response.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) bytes: Vec<u8>,
    pub(super) status: StatusCode,
}

impl Desk {
    pub(super) fn new(client: Client, style: Style) -> Arc<Self> {
        Arc::new(Self {
            client,
            style,
            waiting: Mutex::default(),
            said: Notify::new(),
        })
    }

    pub(super) fn style(&self) -> Style {
        self.style
    }

    /// All that was said since the last time, once there is something; none when there is nothing more to come.
    pub(super) async fn take(&self) -> Option<Said> {
        loop {
            if let Some(taken) = self.try_take() {
                return taken;
            }
            self.said.notified().await;
        }
    }

    fn try_take(&self) -> Option<Option<Said>> {
        let mut waiting = self.lock();
        if waiting.bytes.is_empty() {
            return waiting.is_settled.then_some(None);
        }
        waiting.frames = 0;
        let said = Said {
            bytes: mem::take(&mut waiting.bytes),
            status: waiting.status.unwrap_or(StatusCode::OK),
        };
        self.client.outbox().set_busy(false);
        drop(waiting);
        self.client.tell_drained();
        Some(Some(said))
    }

    /// Keeps a frame to be taken.
    fn keep(&self, waiting: &mut Waiting, core: &Core, ticket: &Ticket, name: &Text, saying: &Saying) {
        let dialect = &core.encoding(self.client.encoding()).dialect;
        let written = waiting.bytes.len();
        let mut status = saying.status();
        if let Err(error) = dialect.write(&saying.frame(ticket, name), &mut waiting.bytes) {
            core.counters.unwritable.one();
            if core.unwritable_told.may_tell() {
                tracing::warn!(%name, %error, "an answer cannot be written in the format of its request (told once a minute)");
            }
            waiting.bytes.truncate(written);
            let instead = saying.instead();
            status = instead.status();
            // It has a form in every format.
            let _ = dialect.write(&instead.frame(ticket, name), &mut waiting.bytes);
        }
        if dialect.format() == Format::Json {
            waiting.bytes.push(b'\n');
        }
        let status = if saying.is_final() { status } else { StatusCode::OK };
        waiting.status.get_or_insert(status);
        waiting.frames += 1;
        // Under the lock, so that it cannot be undone by a response that has just taken all there is.
        if is_half_full(waiting, self.client.limits()) {
            self.client.outbox().set_busy(true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers for Arc<Desk> {
    fn answer(&self, core: &Core, ticket: &Ticket, name: &Text, saying: Saying) {
        let mut waiting = self.lock();
        let is_final = saying.is_final();
        match self.style {
            Style::Lines => self.keep(&mut waiting, core, ticket, name, &saying),
            Style::Result => {
                let receipt = waiting.note(saying);
                if is_final {
                    let result = waiting.result(receipt);
                    self.keep(&mut waiting, core, ticket, name, &result);
                }
            }
        }
        waiting.is_settled |= is_final;
        drop(waiting);
        self.said.notify_one();
    }
}

impl Drop for Desk {
    /// The last controller has ended, too: nobody asks any more for what the application kept for the client, and that may
    /// hold the client itself.
    fn drop(&mut self) {
        self.client.forget_session();
    }
}

impl Waiting {
    /// Notes what may become the result; gives back the receipt that came with the end.
    fn note(&mut self, saying: Saying) -> Receipt {
        match saying {
            Saying::Done(receipt) => receipt,
            Saying::Word(word, end) => {
                let place = match word {
                    Word::Answer { .. } => &mut self.first_answer,
                    Word::Failed(_) => &mut self.first_error,
                };
                place.get_or_insert(word);
                match end {
                    End::Final(receipt) => receipt.unwrap_or_default(),
                    End::More => Receipt::default(),
                }
            }
        }
    }

    fn result(&mut self, receipt: Receipt) -> Saying {
        match self.first_answer.take().or(self.first_error.take()) {
            Some(word) => Saying::Word(word, End::Final(Some(receipt))),
            None => Saying::Done(receipt),
        }
    }
}

impl Saying {
    fn is_final(&self) -> bool {
        !matches!(self, Self::Word(_, End::More))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Word(Word::Failed(error), _) => status(error.code()),
            Self::Word(Word::Answer { .. }, _) | Self::Done(_) => StatusCode::OK,
        }
    }

    /// What is said in place of this where it cannot be written.
    fn instead(&self) -> Self {
        let end = match self {
            Self::Word(_, end) => *end,
            Self::Done(receipt) => End::Final(Some(*receipt)),
        };
        let error = Error::new(
            code::INTERNAL,
            "the answer cannot be written in the format of this request",
        );
        Self::Word(Word::Failed(error), end)
    }
}

/// Whether streams have to wait until some of it is taken.
fn is_half_full(waiting: &Waiting, limits: &Limits) -> bool {
    waiting.bytes.len() >= limits.outbox_bytes / 2 || waiting.frames >= limits.outbox_messages.div_ceil(2)
}

/// The status of a response whose result is an error of this code.
fn status(error: &str) -> StatusCode {
    match error {
        code::BAD_MESSAGE => StatusCode::BAD_REQUEST,
        code::UNAUTHENTICATED => StatusCode::UNAUTHORIZED,
        code::FORBIDDEN => StatusCode::FORBIDDEN,
        code::NOT_FOUND => StatusCode::NOT_FOUND,
        code::TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        code::RATE_LIMITED => StatusCode::TOO_MANY_REQUESTS,
        code::INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
        code::OVERLOADED | code::UNAVAILABLE | code::CANCELLED => StatusCode::SERVICE_UNAVAILABLE,
        code::TIMEOUT => StatusCode::GATEWAY_TIMEOUT,
        // `bad_payload`, and the codes of the application.
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
