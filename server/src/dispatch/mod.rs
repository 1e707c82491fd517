//! Runs every controller that a message matches, at once, and settles the request.
//!
//! Dispatch knows the ticket of a request and where answers go, but not how they are written or who they reach: an outcome
//! goes to [`Answers`] and to the switchboard.

mod hold;
mod panics;
mod run;
mod settlement;
mod stopwatch;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use smallvec::SmallVec;
use switchboard_router::{Params, Router};
use switchboard_wire::{End, Error, Frame, Incoming, RawPayload, Text, Ticket, code};

pub(crate) use settlement::{Saying, Settlement, Word};

use crate::controller::Call;
use crate::lifecycle::Disconnected;
use crate::request::{Request, Sender, Shared};
use crate::switchboard::{Core, Draft};
use crate::table::RouteId;

/// Where the frames that settle a request go: a client's outbox, or whatever another door waits with.
pub(crate) trait Answers: Send + Sync {
    /// Takes one frame of the request with this ticket and name.
    fn answer(&self, core: &Core, ticket: &Ticket, name: &Text, saying: Saying);

    /// Begins the one frame that settles the request of this ticket and name, without a receipt. None where that cannot be
    /// written before its value is known.
    fn draft(&self, core: &Core, ticket: &Ticket, name: &Text) -> Option<Draft> {
        let _ = (core, ticket, name);
        None
    }

    /// Takes such a frame, of the request of this name, with the value in it. Called by nobody who was given no draft.
    fn send(&self, core: &Core, name: &Text, draft: &mut Draft) {
        let _ = (core, name, draft);
    }
}

/// The room that the last request was kept in, for the next one: most are over before that comes.
pub(crate) type Spare = Option<Arc<Shared>>;

/// What matches a name; nearly always one route, which is then not looked for among others.
#[derive(Default)]
struct Found {
    first: Option<Match>,
    others: SmallVec<[Match; 2]>,
}

type Match = (RouteId, Params);

/// Runs all controllers of the message, whose name is not reserved, and says how many there are. Those that answer at once
/// have when this returns; the others go on as tasks.
#[inline]
pub(crate) fn dispatch(sender: &Arc<Sender>, incoming: Incoming, routes: &Router<RouteId>, spare: &mut Spare) -> usize {
    let mut found = Found::default();
    routes.matches(incoming.message.name(), |route, params| found.add(*route, params));
    let Some(first) = found.first.take() else {
        not_found(sender, &incoming);
        return 0;
    };
    let runs = 1 + found.others.len();
    let shared = share(sender, incoming, runs, spare.take());
    *spare = Some(if found.others.is_empty() {
        run_alone(shared, first)
    } else {
        let others = found.others.drain(..);
        run_all(&shared, std::iter::once(first).chain(others).collect());
        shared
    });
    runs
}

#[cold]
fn not_found(sender: &Sender, incoming: &Incoming) {
    sender.switchboard.counters().not_found.one();
    let name = incoming.message.name_text();
    let error = Error::new(code::NOT_FOUND, format!("no route matches {:?}", &**name));
    sender.refuse(&incoming.ticket, name, error);
}

/// Runs the controllers of a life-cycle message, of which there need be none.
pub(crate) fn dispatch_event(
    sender: &Arc<Sender>,
    incoming: Incoming,
    disconnected: Option<Arc<Disconnected>>,
    routes: &Router<RouteId>,
) {
    let mut found: SmallVec<[Match; 2]> = SmallVec::new();
    routes.matches_literal(incoming.message.name(), |route, params| found.push((*route, params)));
    if found.is_empty() {
        return;
    }
    sender.switchboard.counters().runs.add(found.len() as u64);
    let mut shared = Shared::new(sender, incoming, found.len());
    shared.disconnected = disconnected;
    run_all(&Arc::new(shared), found);
}

/// Puts the message where its controllers find it: where the last one lay, unless somebody still holds on to that.
#[inline]
fn share(sender: &Arc<Sender>, incoming: Incoming, matched: usize, spare: Spare) -> Arc<Shared> {
    if let Some(mut shared) = spare
        && let Some(room) = Arc::get_mut(&mut shared)
    {
        room.message = incoming.message;
        room.ticket = incoming.ticket;
        *room.settlement.get_mut().unwrap_or_else(PoisonError::into_inner) = begin(matched);
        room.cancellation.take();
        room.abort.take();
        return shared;
    }
    Arc::new(Shared::new(sender, incoming, matched))
}

#[inline]
fn begin(matched: usize) -> Settlement {
    Settlement::begin(u32::try_from(matched).unwrap_or(u32::MAX))
}

/// Runs the only controller that matches. Gives the room back.
#[inline]
fn run_alone(shared: Arc<Shared>, (id, params): Match) -> Arc<Shared> {
    let route = shared.sender.switchboard.routes().route(id);
    let is_answer = route.only_answers && !shared.ticket.wants_receipt();
    let request = Request {
        params,
        route: id,
        token: None,
        is_answer,
        shared,
    };
    if let Call::Inline(call) = &request.route().call {
        run::inline(&request, &**call, true);
    } else {
        run::start(request.clone());
        request.shared.settle(|settlement, say| settlement.end_inline(say));
    }
    request.shared
}

fn run_all(shared: &Arc<Shared>, found: SmallVec<[Match; 2]>) {
    let table = shared.sender.switchboard.routes();
    let inline = |route: RouteId| match &table.route(route).call {
        Call::Inline(call) => Some(&**call),
        _ => None,
    };
    let last_inline = found.iter().rposition(|(route, _)| inline(*route).is_some());
    let request = |(route, params)| Request {
        shared: Arc::clone(shared),
        params,
        route,
        token: None,
        is_answer: false,
    };
    // The others are set off first, so that they run beside the ones that hold this task.
    let others = found.iter().filter(|(route, _)| inline(*route).is_none());
    others.cloned().map(request).for_each(run::start);
    if last_inline.is_none() {
        return shared.settle(|settlement, say| settlement.end_inline(say));
    }
    for (at, found) in found.into_iter().enumerate() {
        if let Some(call) = inline(found.0) {
            run::inline(&request(found), call, Some(at) == last_inline);
        }
    }
}

impl Found {
    #[inline]
    fn add(&mut self, route: RouteId, params: Params) {
        if self.first.is_none() {
            self.first = Some((route, params));
        } else {
            self.others.push((route, params));
        }
    }
}

impl Shared {
    fn new(sender: &Arc<Sender>, incoming: Incoming, matched: usize) -> Self {
        Self {
            message: incoming.message,
            ticket: incoming.ticket,
            sender: Arc::clone(sender),
            settlement: Mutex::new(begin(matched)),
            cancellation: OnceLock::new(),
            abort: OnceLock::new(),
            disconnected: None,
        }
    }

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

    /// Settles a request that has one controller with its answer. False where it is too late for that.
    #[inline]
    fn settle_with(&self, draft: &mut Draft) -> bool {
        let mut settlement = self.settlement.lock().unwrap_or_else(PoisonError::into_inner);
        let is_taken = settlement.settle_at_once();
        if is_taken {
            let Sender {
                switchboard, answers, ..
            } = &*self.sender;
            answers.send(switchboard.core(), self.message.name_text(), draft);
        }
        is_taken
    }

    /// Changes the settlement and says what comes of it. The frames go out under its lock, so that two controllers that
    /// end at once cannot change places between deciding and saying.
    fn settle<R>(&self, change: impl FnOnce(&mut Settlement, &mut dyn FnMut(Saying)) -> R) -> R {
        let mut settlement = self.settlement.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut settlement, &mut |saying| {
            self.sender.say(&self.ticket, self.message.name_text(), saying);
        })
    }
}

impl Sender {
    /// Settles a message that is not dispatched.
    pub(crate) fn refuse(&self, ticket: &Ticket, name: &Text, error: Error) {
        let saying = Saying::Word(Word::Failed(error), End::Final(Some(Default::default())));
        self.say(ticket, name, saying);
    }

    /// Says something about a request, but for a bare end that nobody waits for.
    pub(crate) fn say(&self, ticket: &Ticket, name: &Text, saying: Saying) {
        if !ticket.wants_answer() && matches!(saying, Saying::Done(_)) {
            return;
        }
        self.answers.answer(self.switchboard.core(), ticket, name, saying);
    }
}

impl Saying {
    /// The name that it travels under where that is not the request's own, and the value that it carries.
    pub(crate) fn into_parts(self) -> (Option<Text>, Option<RawPayload>) {
        match self {
            Self::Word(Word::Answer { name, payload }, _) => (name, payload),
            Self::Word(Word::Failed(_), _) | Self::Done(_) => (None, None),
        }
    }

    /// The frame that says it, of the request with this ticket and name.
    pub(crate) fn frame<'a>(&'a self, ticket: &'a Ticket, name: &'a Text) -> Frame<'a> {
        let asked = |receipt: Option<_>| receipt.filter(|_| ticket.wants_receipt());
        let end = |end: &End| match *end {
            End::Final(receipt) => End::Final(asked(receipt)),
            End::More => End::More,
        };
        match self {
            Self::Word(Word::Answer { name: own, payload }, ended) => Frame::Answer {
                ticket,
                name: own.as_ref().unwrap_or(name),
                payload: payload.as_ref(),
                end: end(ended),
            },
            Self::Word(Word::Failed(error), ended) => Frame::Failed {
                ticket,
                name: Some(name).filter(|name| !name.is_empty()).map(|name| &**name),
                error,
                end: end(ended),
            },
            Self::Done(receipt) => Frame::Done {
                ticket,
                name,
                receipt: asked(Some(*receipt)),
            },
        }
    }
}
