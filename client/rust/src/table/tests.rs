//! The table against a naive one, and what each frame does to it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use switchboard_wire::{Message, Text, Unit};

use super::*;
use crate::queue::{Lane, Queue};

fn key() -> Key {
    Queue::default().push(Lane::Plain, Message::new("name"), Instant::now())
}

fn frame(json: &str) -> ServerFrame {
    ServerFrame::parse(Unit::Text(json)).unwrap()
}

/// A table with a request under uid 1 that was sent.
fn table(kind: Kind) -> Table<&'static str> {
    let mut table = Table::default();
    let uid = table.next_uid();
    assert_eq!(uid, 1);
    table.open(uid, kind, key(), Duration::from_secs(10), Instant::now(), "waiter");
    table.get_mut(uid).unwrap().stage = Stage::Sent;
    table
}

/// What is heard of frames, one after the other.
fn heard(kind: Kind, frames: &[&str]) -> Vec<String> {
    let mut table = table(kind);
    let spell = |said: Said| match said {
        Ok(payload) => payload.json().unwrap().to_owned(),
        Err(error) => format!("error {}", error.code()),
    };
    let heard = frames.iter().map(|text| match table.hear(frame(text), Instant::now()) {
        Heard::Late => "late".to_owned(),
        Heard::Noted => "noted".to_owned(),
        Heard::Part(_, said) => format!("part {}", spell(said)),
        Heard::Settled(_, said, _) => format!("settled {}", said.map_or("nothing".to_owned(), spell)),
    });
    let heard = heard.collect();
    assert_eq!(table.deadlines.len(), table.len());
    heard
}

#[test]
fn one_result_is_the_first_answer_or_else_the_first_error() {
    let answer = r#"{"name":"a","uid":1,"payload":1}"#;
    let more = r#"{"name":"a","uid":1,"payload":2,"more":true}"#;
    let error = r#"{"name":"a","uid":1,"error":{"code":"e","message":""}}"#;
    let more_error = r#"{"name":"a","uid":1,"error":{"code":"m","message":""},"more":true}"#;
    let done = r#"{"name":"a","uid":1}"#;
    let working = r#"{"name":"a","uid":1,"more":true}"#;
    let cases: [(&[&str], &[&str]); 9] = [
        (&[answer], &["settled 1"]),
        (&[error], &["settled error e"]),
        (&[done], &["settled nothing"]),
        (&[more, answer], &["noted", "settled 2"]),
        (&[more_error, answer], &["noted", "settled 1"]),
        (&[more_error, error], &["noted", "settled error m"]),
        (&[more_error, more, done], &["noted", "noted", "settled 2"]),
        (&[working, done], &["noted", "settled nothing"]),
        (&[answer, answer, done], &["settled 1", "late", "late"]),
    ];
    for (frames, expected) in cases {
        assert_eq!(heard(Kind::One, frames), expected, "{frames:?}");
        assert_eq!(heard(Kind::Accept, frames), expected, "{frames:?}");
    }
}

#[test]
fn many_answers_are_each_a_part_and_the_last_settles() {
    let frames = [
        r#"{"name":"a","uid":1,"payload":1,"more":true}"#,
        r#"{"name":"a","uid":1,"error":{"code":"e","message":""},"more":true}"#,
        r#"{"name":"a","uid":1,"more":true}"#,
        r#"{"name":"a","uid":1,"payload":null}"#,
        r#"{"name":"a","uid":1}"#,
    ];
    let expected = ["part 1", "part error e", "noted", "settled null", "late"];
    assert_eq!(heard(Kind::Many, &frames), expected);
}

#[test]
fn another_uid_is_nobodys() {
    for uid in ["2", "0", "-1", r#""1""#] {
        let text = format!(r#"{{"name":"a","uid":{uid},"payload":1}}"#);
        assert_eq!(heard(Kind::One, &[&text]), ["late"], "{uid}");
    }
}

#[test]
fn a_request_that_was_not_sent_cannot_be_answered() {
    let mut table = table(Kind::One);
    table.get_mut(1).unwrap().stage = Stage::Queued(key());
    let answer = frame(r#"{"name":"a","uid":1}"#);
    assert!(matches!(table.hear(answer, Instant::now()), Heard::Late));
    assert_eq!(table.len(), 1);
}

#[test]
fn time_is_counted_from_the_last_frame_and_can_be_changed() {
    let (mut table, second) = (table(Kind::One), Duration::from_secs(1));
    let start = table.calls[&1].since;
    assert_eq!(table.next_deadline(), Some(start + 10 * second));
    let more = frame(r#"{"name":"a","uid":1,"more":true}"#);
    assert!(matches!(table.hear(more, start + 5 * second), Heard::Noted));
    assert!(table.expire(start + 14 * second).is_empty());
    table.set_timeout(1, Duration::MAX);
    assert_eq!(table.next_deadline(), None);
    table.set_timeout(1, second);
    assert_eq!(table.next_deadline(), Some(start + 6 * second));
    table.set_timeout(2, second);
    assert_eq!(table.expire(start + 6 * second).len(), 1);
    assert_eq!((table.len(), table.next_deadline()), (0, None));
}

#[derive(Clone, Debug)]
enum Step {
    Open(u64),
    Send(usize),
    Answer(usize, bool),
    Remove(usize),
    Timeout(usize, u64),
    Pass(u64),
    Lose,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..50_u64).prop_map(Step::Open),
        4 => any::<usize>().prop_map(Step::Send),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, more)| Step::Answer(which, more)),
        1 => any::<usize>().prop_map(Step::Remove),
        1 => (any::<usize>(), 1..50_u64).prop_map(|(which, seconds)| Step::Timeout(which, seconds)),
        2 => (1..20_u64).prop_map(Step::Pass),
        1 => Just(Step::Lose),
    ]
}

proptest! {
    /// Whatever happens in whatever order, each request leaves the table once, and at its time.
    #[test]
    fn every_request_leaves_the_table_once(steps in prop::collection::vec(step(), 0..200)) {
        let (mut table, mut now, mut left) = (Table::default(), Instant::now(), Vec::new());
        // By uid: how long, since when, whether it was sent.
        let mut naive = BTreeMap::<i64, (u64, Instant, bool)>::new();
        let at = |since: Instant, seconds| since + Duration::from_secs(seconds);
        for step in steps {
            let pick = |which: usize| {
                let uids: Vec<i64> = naive.keys().copied().collect();
                uids.get(which % uids.len().max(1)).copied()
            };
            match step {
                Step::Open(seconds) => {
                    let uid = table.next_uid();
                    table.open(uid, Kind::One, key(), Duration::from_secs(seconds), now, uid);
                    naive.insert(uid, (seconds, now, false));
                }
                Step::Send(which) => if let Some(uid) = pick(which) {
                    table.get_mut(uid).unwrap().stage = Stage::Sent;
                    naive.get_mut(&uid).unwrap().2 = true;
                },
                Step::Answer(which, more) => if let Some(uid) = pick(which) {
                    let mut frame = ServerFrame::default();
                    (frame.name, frame.uid, frame.more) = (Some(Text::from("a")), Uid::integer(uid), more);
                    let is_sent = naive[&uid].2;
                    match table.hear(frame, now) {
                        Heard::Late => prop_assert!(!is_sent),
                        Heard::Noted => {
                            prop_assert!(is_sent && more);
                            naive.get_mut(&uid).unwrap().1 = now;
                        }
                        Heard::Settled(waiter, None, None) => {
                            prop_assert!(is_sent && !more && waiter == uid);
                            naive.remove(&uid);
                            left.push(uid);
                        }
                        other => prop_assert!(false, "{:?}", other),
                    }
                },
                Step::Remove(which) => if let Some(uid) = pick(which) {
                    prop_assert_eq!(table.remove(uid).map(|call| call.waiter), Some(uid));
                    prop_assert!(table.remove(uid).is_none());
                    naive.remove(&uid);
                    left.push(uid);
                },
                Step::Timeout(which, seconds) => if let Some(uid) = pick(which) {
                    table.set_timeout(uid, Duration::from_secs(seconds));
                    naive.get_mut(&uid).unwrap().0 = seconds;
                },
                Step::Pass(seconds) => {
                    now += Duration::from_secs(seconds);
                    let mut expired: Vec<i64> = table.expire(now).into_iter().map(|(uid, _)| uid).collect();
                    expired.sort_unstable();
                    let due = naive.iter().filter(|(_, (seconds, since, _))| at(*since, *seconds) <= now);
                    let due: Vec<i64> = due.map(|(uid, _)| *uid).collect();
                    prop_assert_eq!(&expired, &due);
                    naive.retain(|uid, _| !due.contains(uid));
                    left.extend(expired);
                }
                Step::Lose => {
                    let lost: Vec<i64> = table.lose().into_iter().map(|call| call.waiter).collect();
                    let sent: Vec<i64> = naive.iter().filter(|(_, call)| call.2).map(|(uid, _)| *uid).collect();
                    prop_assert_eq!(&lost, &sent);
                    naive.retain(|uid, _| !sent.contains(uid));
                    left.extend(lost);
                }
            }
            prop_assert_eq!(table.len(), naive.len());
            prop_assert_eq!(table.deadlines.len(), naive.len());
            let next = naive.values().map(|(seconds, since, _)| at(*since, *seconds)).min();
            prop_assert_eq!(table.next_deadline(), next);
        }
        left.extend(table.take_all().into_iter().map(|call| call.waiter));
        left.sort_unstable();
        prop_assert_eq!(left, (1..=table.last).collect::<Vec<_>>());
        prop_assert_eq!((table.len(), table.next_deadline()), (0, None));
    }
}
