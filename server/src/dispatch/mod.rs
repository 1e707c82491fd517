//! Runs every controller that a message matches, at once, and settles the request.
//!
//! Dispatch knows the ticket of a request and where answers go, but not how they are written or who they reach: an outcome
//! goes to [`Answers`] and to the switchboard.

mod hold;
mod panics;
mod run;
mod settlement;

use std::sync::{Arc, PoisonError};

use switchboard_router::Router;
use switchboard_wire::{End, Error, Frame, RawPayload, Text, code};

pub(crate) use settlement::Settlement;
use settlement::{Saying, Word};

use crate::controller::Call;
use crate::lifecycle::RESERVED;
use crate::request::{Request, Shared};
use crate::table::Route;

/// Where the frames that settle a request go: a client's outbox, or whatever another door waits with.
pub(crate) trait Answers: Send + Sync {
    /// Takes one frame. `name` and `payload` are what the frame carries, to be kept where it cannot be sent.
    fn answer(&self, name: &Text, payload: Option<&RawPayload>, frame: &Frame<'_>);
}

/// Runs all controllers of the message. Those that answer at once have when this returns; the others go on as tasks.
pub(crate) fn dispatch(shared: &Arc<Shared>, routes: &Router<Arc<Route>>) {
    let requests = matches(shared, routes);
    if requests.is_empty() {
        shared.switchboard.counters().not_found.one();
        let name = shared.message.name();
        shared.close(Error::new(code::NOT_FOUND, format!("no route matches {name:?}")));
        return;
    }
    run_all(shared, requests);
}

/// Runs the controllers of a life-cycle message, of which there need be none.
pub(crate) fn dispatch_event(shared: &Arc<Shared>, routes: &Router<Arc<Route>>) {
    let requests = matches(shared, routes);
    if !requests.is_empty() {
        run_all(shared, requests);
    }
}

fn matches(shared: &Arc<Shared>, routes: &Router<Arc<Route>>) -> Vec<Request> {
    let mut requests = Vec::new();
    let name = shared.message.name();
    let mut found = |route: &Arc<Route>, params| {
        requests.push(Request {
            shared: Arc::clone(shared),
            params,
            route: Arc::clone(route),
            token: None,
        });
    };
    if name.starts_with(RESERVED) {
        routes.matches_literal(name, &mut found);
    } else {
        routes.matches(name, &mut found);
    }
    requests
}

fn run_all(shared: &Arc<Shared>, requests: Vec<Request>) {
    shared.settle(|settlement, _| settlement.begin(u32::try_from(requests.len()).unwrap_or(u32::MAX)));
    shared.switchboard.counters().runs.add(requests.len() as u64);
    // The others are set off first, so that they run beside the ones that hold this task.
    let (inline, others): (Vec<_>, Vec<_>) = requests
        .into_iter()
        .partition(|request| matches!(request.route.call, Call::Inline(_)));
    for request in others {
        run::start(request);
    }
    for request in inline {
        run::inline(request);
    }
    shared.settle(|settlement, say| settlement.end_inline(say));
}

impl Shared {
    /// Settles the request with an error, whatever still runs.
    pub(crate) fn close(&self, error: Error) -> bool {
        self.settle(|settlement, say| settlement.close(error, say))
    }

    /// Settles the request with an error and drops what still runs for it.
    pub(crate) fn abort(&self, error: Error) -> bool {
        let is_settled = self.close(error);
        self.abort.get_or_init(Default::default).cancel();
        if let Some(cancellation) = self.cancellation.get() {
            cancellation.cancel();
        }
        is_settled
    }

    /// Changes the settlement and says what comes of it. The frames go out under its lock, so that two controllers that
    /// end at once cannot change places between deciding and saying.
    fn settle<R>(&self, change: impl FnOnce(&mut Settlement, &mut dyn FnMut(Saying)) -> R) -> R {
        let mut settlement = self.settlement.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut settlement, &mut |saying| self.say(saying))
    }

    fn say(&self, saying: Saying) {
        let ticket = &self.ticket;
        let receipt = |end| match end {
            End::Final(receipt) => End::Final(receipt.filter(|_| ticket.wants_receipt())),
            End::More => End::More,
        };
        match saying {
            Saying::Word(Word::Answer { name, payload }, end) => {
                let frame = Frame::Answer {
                    ticket,
                    name: &name,
                    payload: payload.as_ref(),
                    end: receipt(end),
                };
                self.answers.answer(&name, payload.as_ref(), &frame);
            }
            Saying::Word(Word::Failed(error), end) => {
                let frame = Frame::Failed {
                    ticket,
                    name: Some(self.message.name()),
                    error: &error,
                    end: receipt(end),
                };
                self.answers.answer(self.message.name_text(), None, &frame);
            }
            Saying::Done(receipt) if ticket.wants_answer() => {
                let frame = Frame::Done {
                    ticket,
                    name: self.message.name(),
                    receipt: Some(receipt).filter(|_| ticket.wants_receipt()),
                };
                self.answers.answer(self.message.name_text(), None, &frame);
            }
            Saying::Done(_) => {}
        }
    }
}
