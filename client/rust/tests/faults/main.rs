//! Whatever happens between a client and its server: every request is settled once, with its own answer or the truth about it,
//! and nothing is left.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;
mod proxy;
mod random;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{assert_empty, within};
use futures_util::stream;
use proxy::{Faults, Place};
use random::Random;
use serde::{Deserialize, Serialize};
use switchboard::prelude::{Controller, Error, Payload, Replies, Routes, Server};
use switchboard_client::{Builder, Client, Fate, Framing, Limits, RequestError};

#[test]
fn every_request_is_settled_once_and_nothing_is_left() {
    let mut tally = Tally::default();
    for seed in 0..ROUNDS {
        eprintln!("round {seed}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        tally.add(&runtime.block_on(round(seed)));
    }
    // What never happens is not tested.
    eprintln!("{tally:?}");
    let Tally {
        answers,
        failed,
        not_sent,
        lost,
        timed_out,
        dropped,
        late,
        sent_twice,
        connections,
    } = tally;
    for (what, count) in [
        ("answers", answers),
        ("errors", failed),
        ("not sent", not_sent),
        ("maybe delivered", lost),
        ("timed out", timed_out),
        ("dropped", dropped),
        ("late", late),
        ("duplicates", sent_twice),
        ("connections", connections),
    ] {
        assert!(count as u64 > ROUNDS / 2, "{what}: {count}");
    }
}

/// How often what happened.
#[derive(Debug, Default)]
struct Tally {
    answers: usize,
    failed: usize,
    not_sent: usize,
    lost: usize,
    timed_out: usize,
    dropped: usize,
    late: usize,
    sent_twice: usize,
    connections: usize,
}

/// What a server is asked to do.
#[derive(Debug, Serialize, Deserialize)]
struct Work {
    id: u64,
    /// How long that takes, in milliseconds.
    takes: u64,
}

/// What servers were asked to do, by all of them.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<HashSet<u64>>>);

impl Seen {
    fn routes(&self) -> Routes {
        let work = |seen: Self| {
            move |Payload(work): Payload<Work>| {
                seen.note(work.id);
                async move {
                    tokio::time::sleep(Duration::from_millis(work.takes)).await;
                    if work.id.is_multiple_of(7) {
                        return Err(Error::new("seven", work.id.to_string()));
                    }
                    Ok(work.id)
                }
            }
        };
        let (seen, letters) = (self.clone(), self.clone());
        let many = move |Payload(work): Payload<Work>| {
            seen.note(work.id);
            Replies(stream::unfold(0, move |n| async move {
                tokio::time::sleep(Duration::from_millis(work.takes)).await;
                (n < 5).then_some((work.id, n + 1))
            }))
        };
        Routes::new()
            .route("work", Controller::silent(work(self.clone())))
            .route("work/aside", Controller::silent(work(self.clone())).unordered())
            .route("many", Controller::silent(many))
            .route(
                "letter",
                Controller::silent(move |Payload(work): Payload<Work>| letters.note(work.id)),
            )
    }

    fn note(&self, id: u64) {
        self.0.lock().unwrap().insert(id);
    }

    fn has(&self, id: u64) -> bool {
        self.0.lock().unwrap().contains(&id)
    }
}

async fn round(seed: u64) -> Tally {
    let mut random = Random::new(seed);
    let seen = Seen::default();
    let server = {
        let seen = seen.clone();
        move || Server::empty().routes(seen.routes())
    };
    let framing = if random.one_in(2) {
        Framing::WebSocket
    } else {
        Framing::Lines
    };
    let place = Place::new(framing, Faults::new(random.next()), server);
    let limits = Limits {
        backoff: Duration::from_millis(20),
        backoff_most: Duration::from_millis(200),
        heartbeat: Duration::from_millis(700),
        patience: Duration::from_millis(300),
        queue_messages: 20,
        queue_age: Duration::from_secs(1),
        ..Limits::default()
    };
    let over = place.clone();
    let client = Builder::over(framing, move || over.clone().connect())
        .limits(limits)
        .accept(["nothing"])
        .random(|| 0.5)
        .connect()
        .unwrap();

    let restarts = tokio::spawn(place.clone().restart_at_random(random.next()));
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            tokio::spawn(work(
                client.clone(),
                seen.clone(),
                Random::new(random.next()),
                task * 1_000_000,
            ))
        })
        .collect();
    let mut tally = Tally::default();
    let mut unsent = HashSet::new();
    for task in tasks {
        let (outcomes, not_sent) = within(task).await.unwrap();
        tally.add(&outcomes);
        unsent.extend(not_sent);
    }
    restarts.abort();
    // From here on nothing is in the way: it finds back by itself, once it has noticed that what it was left with is dead.
    place.calm_down().await;
    let patient = client.within(Duration::from_secs(50));
    for id in LAST.. {
        match within(patient.request::<u64>("work", &Work { id, takes: 0 })).await {
            Ok(answer) => {
                assert_eq!(answer, id);
                break;
            }
            Err(RequestError::Lost { .. }) if id < LAST + 3 => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_empty(&client);
    for id in unsent {
        assert!(!seen.has(id), "{id} was said not to have been sent");
    }
    place.faults().assert_nothing_was_sent_twice();
    tally.late += client.counters().late.get() as usize;
    tally.connections += client.counters().connections.get() as usize;
    tally.sent_twice += place.faults().duplicates();
    assert_eq!(client.counters().malformed.get(), 0, "whole frames are at fault here");
    client.close();
    within(client.closed()).await;
    assert_empty(&client);
    tally
}

/// Asks for all kinds of things; gives back the outcomes, and what was not sent.
async fn work(client: Client, seen: Seen, mut random: Random, first: u64) -> (Tally, Vec<u64>) {
    let mut tally = Tally::default();
    let mut not_sent = Vec::new();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let mut ids = first..;
    let mut made = 0;
    for _ in 0..30 {
        let id = ids.next().unwrap();
        let work = Work {
            id,
            takes: random.below(40),
        };
        let name = if random.one_in(2) { "work" } else { "work/aside" };
        let within = client.within(Duration::from_millis(20 + random.below(1000)));
        match random.below(6) {
            0 => drop(client.send("letter", &work)),
            1 => {
                let mut answers = within.request_stream::<u64>("many", &work);
                let most = random.below(8);
                for _ in 0..most {
                    match answers.next().await {
                        Some(outcome) => tally.note(id, outcome, &mut not_sent),
                        None => break,
                    }
                }
                tally.dropped += 1;
            }
            2 => {
                // Given up at some time, whatever has become of it.
                let patience = Duration::from_millis(random.below(60));
                match tokio::time::timeout(patience, within.request::<u64>(name, &work)).await {
                    Ok(outcome) => tally.note(id, outcome, &mut not_sent),
                    Err(_) => tally.dropped += 1,
                }
            }
            3 => {
                made += 1;
                let (calls, times) = (Arc::clone(&calls), AtomicUsize::new(0));
                within.call(name, &work, move |outcome: Result<u64, RequestError>| {
                    assert_eq!(times.fetch_add(1, Ordering::Relaxed), 0, "{id} is called once");
                    calls.lock().unwrap().push((id, outcome));
                });
            }
            4 => {
                let several: Vec<_> = ids.by_ref().take(5).collect();
                let open: Vec<_> = several
                    .iter()
                    .map(|id| within.request::<u64>(name, &Work { id: *id, takes: 5 }))
                    .collect();
                for (id, request) in several.into_iter().zip(open) {
                    tally.note(id, request.await, &mut not_sent);
                }
            }
            _ => tally.note(id, within.request(name, &work).await, &mut not_sent),
        }
        tokio::time::sleep(Duration::from_millis(random.below(50))).await;
    }
    // A call is over when its time is, at the latest.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let calls = std::mem::take(&mut *calls.lock().unwrap());
    assert_eq!(calls.len(), made, "each function is called once");
    for (id, outcome) in calls {
        tally.note(id, outcome, &mut not_sent);
    }
    // What was not sent by now will not be, but for what the server has yet to read; that is looked at again at the end.
    not_sent
        .iter()
        .for_each(|id| assert!(!seen.has(*id), "{id} was said not to have been sent"));
    (tally, not_sent)
}

impl Tally {
    fn note(&mut self, id: u64, outcome: Result<u64, RequestError>, not_sent: &mut Vec<u64>) {
        match outcome {
            Ok(answer) => {
                assert_eq!(answer, id, "an answer to another request");
                self.answers += 1;
            }
            Err(RequestError::Failed(error)) => {
                let is_own = error.code() != "seven" || error.message() == id.to_string();
                assert!(is_own, "{id} got an error of another: {error}");
                self.failed += 1;
            }
            Err(error) if !error.maybe_delivered() => {
                self.not_sent += 1;
                not_sent.push(id);
            }
            Err(RequestError::Lost {
                fate: Fate::MaybeDelivered,
                ..
            }) => self.lost += 1,
            Err(RequestError::TimedOut { .. }) => self.timed_out += 1,
            Err(other) => panic!("{id}: {other:?}"),
        }
    }

    fn add(&mut self, other: &Self) {
        let Self {
            answers,
            failed,
            not_sent,
            lost,
            timed_out,
            dropped,
            late,
            sent_twice,
            connections,
        } = other;
        self.answers += answers;
        self.failed += failed;
        self.not_sent += not_sent;
        self.lost += lost;
        self.timed_out += timed_out;
        self.dropped += dropped;
        self.late += late;
        self.sent_twice += sent_twice;
        self.connections += connections;
    }
}

const ROUNDS: u64 = 200;
/// Neither this one nor the next three are multiples of seven.
const LAST: u64 = 9_000_000;
