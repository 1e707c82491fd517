//! One controller's run: from extraction to serialisation, within its time, with its panics caught.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use switchboard_wire::{Error, code};
use tokio_util::sync::CancellationToken;

use super::hold::{Hold, Place, StreamPlace};
use super::panics::{Guarded, GuardedItems, Items, caught, panicked};
use super::stopwatch::Stopwatch;
use super::{Saying, Settlement, Word};
use crate::controller::{Call, InlineCall, RunFuture};
use crate::delivery::{self, Delivered};
use crate::reply::{Outcome, Part, Parts, Reply, Written};
use crate::request::{Request, Shared};
use crate::switchboard::turn;

/// Runs a plain function on this task. The last one of its message ends the inline phase.
#[inline]
pub(super) fn inline(request: &Request, call: &InlineCall, is_last: bool) {
    let watch = Stopwatch::start(request.limits().inline);
    let outcome = caught(request, || call(request));
    if let Some(took) = watch.overrun() {
        overran(request, took);
    }
    match outcome {
        Ok(Reply(Parts::Many(items))) => {
            conclude_stream(request.clone(), items, None);
            if is_last {
                request.shared.settle(|settlement, say| settlement.end_inline(say));
            }
        }
        Ok(Reply(Parts::Written(mut written))) if written.is_for(request) => conclude_written(request, &mut written),
        outcome => conclude_now(request, outcome, is_last),
    }
}

#[cold]
fn overran(request: &Request, took: Duration) {
    request.switchboard().counters().slow_inline.one();
    if request.route().slow_told.may_tell() {
        tracing::warn!(
            route = %request.route().label(),
            milliseconds = took.as_millis() as u64,
            "a plain function held its connection's task: make it async, or add `blocking` (told once a minute)"
        );
    }
}

/// Sets off an asynchronous or blocking controller.
pub(super) fn start(mut request: Request) {
    request.token = Some(Arc::default());
    let Some(mut place) = Place::take(request.client(), request.switchboard(), request.shared.is_event()) else {
        request.switchboard().counters().overloaded.one();
        let error = Error::new(code::OVERLOADED, "the server has too much to do; try again later");
        return conclude(request, Err(error), None);
    };
    match request.route().call.clone() {
        Call::Async(call) => {
            let call = || call(request.clone());
            match catch_unwind(AssertUnwindSafe(call)) {
                Ok(running) => start_async(request, running, place),
                Err(panic) => {
                    let outcome = Err(panicked(&request, panic));
                    conclude(request, outcome, None);
                }
            }
        }
        Call::Blocking(call) | Call::Inline(call) => {
            let thread = place.thread(request.client());
            let grip = Grip::new(&request, place);
            let (send, outcome) = tokio::sync::oneshot::channel();
            let task = {
                let request = request.clone();
                move || {
                    // A thread cannot be stopped: it keeps its place until it is done, waited for or not.
                    let _thread = thread;
                    if send.is_closed() {
                        return;
                    }
                    let outcome = caught(&request, || call(&request));
                    if send.send(outcome).is_err() {
                        request.switchboard().counters().late.one();
                    }
                }
            };
            tokio::task::spawn_blocking(task);
            let outcome = async move {
                outcome
                    .await
                    .unwrap_or_else(|_| Err(Error::internal("the blocking pool has ended")))
            };
            spawn(request, Box::pin(outcome), grip);
        }
    }
}

/// Polls the controller once where we are: one that has its answer ready needs no task, no timer and no place in line.
fn start_async(request: Request, running: RunFuture, place: Place) {
    let mut running = Guarded(Some(running));
    match running.poll(&request, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => conclude(request, outcome, Some(place)),
        Poll::Pending => {
            let grip = Grip::new(&request, place);
            if let Some(running) = running.0.take() {
                spawn(request, running, grip);
            }
        }
    }
}

fn spawn(request: Request, running: RunFuture, mut grip: Grip) {
    let tasks = request.switchboard().core().tasks.clone();
    tasks.spawn(async move {
        let abort = request.shared.abort_token();
        let mut running = Guarded(Some(running));
        let outcome = std::future::poll_fn(|cx| running.poll(&request, cx));
        let outcome = tokio::select! {
            biased;
            // Settled already by whoever aborted it.
            () = abort.cancelled() => None,
            outcome = tokio::time::timeout(request.time(), outcome) => Some(outcome),
        };
        // Before it is told that its time is up: whatever a thread still comes to is late.
        drop(running);
        let outcome = outcome.map(|outcome| outcome.unwrap_or_else(|_| Err(timed_out(&request))));
        match outcome {
            None => {}
            Some(Ok(Reply(Parts::Many(items)))) => stream(request, items, &mut grip).await,
            Some(outcome) => conclude_turn(&request, outcome),
        }
    });
}

/// Says what came of a run that is not a stream; sets a stream off.
fn conclude(request: Request, outcome: Outcome, place: Option<Place>) {
    match outcome {
        Ok(Reply(Parts::Many(items))) => conclude_stream(request, items, place),
        Ok(Reply(Parts::Written(mut written))) if written.is_for(&request) => {
            turn::run(|| conclude_written(&request, &mut written));
        }
        outcome => conclude_turn(&request, outcome),
    }
}

/// Settles a request whose only controller has its answer written.
#[inline]
fn conclude_written(request: &Request, written: &mut Written) {
    if !request.shared.settle_with(written.draft()) {
        request.switchboard().counters().late.one();
    }
}

fn conclude_stream(request: Request, items: Items, place: Option<Place>) {
    let place = place.or_else(|| Place::take(request.client(), request.switchboard(), request.shared.is_event()));
    let Some(place) = place else {
        request.switchboard().counters().overloaded.one();
        let error = Error::new(code::OVERLOADED, "the server has too much to do; try again later");
        return conclude_turn(&request, Err(error));
    };
    let mut grip = Grip::new(&request, place);
    let tasks = request.switchboard().core().tasks.clone();
    tasks.spawn(async move { stream(request, items, &mut grip).await });
}

fn conclude_turn(request: &Request, outcome: Outcome) {
    turn::run(|| conclude_now(request, outcome, false));
}

/// Says what came of a run, and that it has ended, in one go.
fn conclude_now(request: &Request, outcome: Outcome, ends_inline: bool) {
    let said = match outcome {
        // What nearly every message comes to: a value for who asked, under the message's own name.
        Ok(Reply(Parts::One(Part {
            name: None, payload, ..
        }))) if request.route().only_answers => Ok(Some(Delivered::answer(payload))),
        Ok(Reply(Parts::One(part))) => delivered(request, part).map(Some),
        Ok(Reply(Parts::Written(written))) => delivered(request, written.into_part()).map(Some),
        Ok(_) => Ok(None),
        Err(error) => Err(told(request, error)),
    };
    let is_late = request.shared.settle(|settlement, say| {
        let is_taken = match said {
            Ok(Some(delivered)) => answer(settlement, delivered, say),
            Ok(None) => true,
            Err(error) => settlement.word(Word::Failed(error), say),
        };
        settlement.ended(say);
        if ends_inline {
            settlement.end_inline(say);
        }
        !is_taken
    });
    if is_late {
        request.switchboard().counters().late.one();
    }
}

/// Sends each item as it comes, each within the route's time.
async fn stream(request: Request, items: Items, grip: &mut Grip) {
    let limit = request.limits().streams_per_client;
    let Some(_stream) = StreamPlace::take(request.client(), limit) else {
        request.switchboard().counters().streams_refused.one();
        let error = Error::new(
            code::OVERLOADED,
            format!("{limit} streams are open on this connection, which is the limit"),
        );
        return conclude_turn(&request, Err(error));
    };
    // It counts among the streams now, so that streams never keep the next message waiting.
    grip.place.leave_client();
    let abort = request.shared.abort_token();
    let lifetime = request.client().lifetime().clone();
    let mut items = GuardedItems(Some(items));
    let stopping = request.switchboard().core().stopping.clone();
    // Once nothing is taken any more, nothing makes a quick stream wait.
    while !request.client().is_closing() {
        tokio::task::coop::consume_budget().await;
        let next = async {
            has_room(&request).await;
            let next = std::future::poll_fn(|cx| items.poll_next(&request, cx));
            tokio::time::timeout(request.time(), next).await
        };
        let item = tokio::select! {
            biased;
            () = abort.cancelled() => break,
            () = lifetime.cancelled() => break,
            () = stopping.cancelled() => {
                let error = Error::new(code::UNAVAILABLE, "the server shuts down; connect again");
                turn::run(|| failed(&request, error));
                break;
            }
            item = next => item,
        };
        let item = item.unwrap_or_else(|_| Some(Err(timed_out(&request))));
        match item {
            Some(Ok(part)) => turn::run(|| {
                if let Some(part) = part {
                    said(&request, part);
                }
                request.shared.settle(|settlement, say| settlement.goes_on(say));
                grip.let_go();
            }),
            Some(Err(error)) => {
                turn::run(|| failed(&request, error));
                break;
            }
            None => break,
        }
    }
    drop(items);
    turn::run(|| ended(&request));
}

/// Waits until the client has read some of what waits for it, so that a quick stream does not close a healthy client.
async fn has_room(request: &Request) {
    loop {
        let drained = request.client().drained().notified();
        if !request.client().outbox().is_busy() {
            return;
        }
        drained.await;
    }
}

/// Delivers one value to whom it may concern; what the one who asked hears of it is said after that.
fn delivered(request: &Request, part: Part) -> Result<Delivered, Error> {
    delivery::deliver(request, part).map_err(|error| told(request, error))
}

/// Answers with a value that was delivered. False where it is too late for that.
fn answer(settlement: &mut Settlement, delivered: Delivered, say: &mut dyn FnMut(Saying)) -> bool {
    let Delivered { sent, answers, payload } = delivered;
    settlement.delivered(sent.delivered, sent.dropped);
    let mut is_taken = true;
    let mut payload = Some(payload);
    let last = answers.len().saturating_sub(1);
    for (at, name) in answers.into_iter().enumerate() {
        let payload = if at == last { payload.take() } else { payload.clone() };
        let payload = payload.flatten();
        is_taken &= settlement.word(Word::Answer { name, payload }, say);
    }
    is_taken
}

/// Counts an error, and logs one that the client is only told in general.
fn told(request: &Request, error: Error) -> Error {
    if error.code() == code::INTERNAL {
        tracing::error!(
            route = %request.route().label(),
            place = format_args!("{}:{}", request.route().file(), request.route().line()),
            client = %request.client().id(),
            uid = request.shared.ticket.uid().map(tracing::field::display),
            cause = error.cause().unwrap_or(error.message()),
            "a controller failed"
        );
    }
    request.switchboard().counters().failed.one();
    error
}

fn said(request: &Request, part: Part) {
    let is_taken = match delivered(request, part) {
        Ok(delivered) => request
            .shared
            .settle(|settlement, say| answer(settlement, delivered, say)),
        Err(error) => request
            .shared
            .settle(|settlement, say| settlement.word(Word::Failed(error), say)),
    };
    if !is_taken {
        request.switchboard().counters().late.one();
    }
}

fn failed(request: &Request, error: Error) {
    let error = told(request, error);
    if !request
        .shared
        .settle(|settlement, say| settlement.word(Word::Failed(error), say))
    {
        request.switchboard().counters().late.one();
    }
}

fn ended(request: &Request) {
    request.shared.settle(|settlement, say| settlement.ended(say));
}

fn timed_out(request: &Request) -> Error {
    request.switchboard().counters().timeouts.one();
    request.cancellation().cancel();
    let seconds = request.time().as_secs_f32();
    Error::new(
        code::TIMEOUT,
        format!("this took longer than the {seconds} s that it may take"),
    )
}

/// All that a run under way holds on to, its entry among the client's open requests included.
struct Grip {
    hold: Hold,
    shared: Arc<Shared>,
    place: Place,
}

impl Grip {
    fn new(request: &Request, place: Place) -> Self {
        let shared = Arc::clone(&request.shared);
        // Made before the run can be found and aborted.
        shared.abort_token();
        shared.sender.client.open_requests().push(Arc::clone(&shared));
        Self {
            hold: Hold::new(&shared.sender.client, request.route().unordered && !shared.is_event()),
            shared,
            place,
        }
    }

    fn let_go(&mut self) {
        self.hold.let_go();
    }
}

impl Drop for Grip {
    fn drop(&mut self) {
        let mut open = self.shared.sender.client.open_requests();
        if let Some(at) = open.iter().position(|shared| Arc::ptr_eq(shared, &self.shared)) {
            open.swap_remove(at);
        }
        if open.is_empty() && open.capacity() > 8 {
            open.shrink_to_fit();
        }
    }
}

impl Request {
    fn limits(&self) -> &crate::limits::Limits {
        self.client().limits()
    }

    fn time(&self) -> Duration {
        self.route().timeout.unwrap_or(self.limits().controller)
    }
}

impl Shared {
    fn abort_token(&self) -> CancellationToken {
        self.abort.get_or_init(CancellationToken::new).clone()
    }

    fn is_event(&self) -> bool {
        self.message.name().starts_with(crate::lifecycle::RESERVED)
    }
}
