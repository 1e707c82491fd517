//! Every parcel is accounted for exactly once: written, dropped and said so, or handed back.

use proptest::prelude::*;
use switchboard_wire::connection::Writer;
use switchboard_wire::{Format, Text};

use super::*;

const ENCODING: u8 = 0;

/// A message whose bytes are its number, over and over, so that what was written can be told apart.
fn push_kind(outbox: &Outbox, number: u8, bytes: usize, kind: Kind, slow: Slow, limits: &Limits) -> Pushed {
    let name = Text::from(format!("n/{number}"));
    let content = vec![number; bytes];
    let how = Push {
        limits,
        slow,
        turn: 1,
        if_accepted: true,
    };
    let parcel = match kind {
        Kind::Answer => {
            let answer = Answer {
                name,
                payload: None,
                bytes,
            };
            return outbox.push_answer(answer, &content, how).0;
        }
        Kind::Control => Parcel::control(ENCODING, content.into()),
        Kind::Delivery => Parcel::encoded_delivery(name, ENCODING, content.into()),
    };
    outbox.push(&parcel, bytes, how).0
}

fn outbox(limits: &Limits) -> Outbox {
    Outbox::new(None, ENCODING, limits)
}

fn limits(messages: usize, bytes: usize) -> Limits {
    Limits {
        outbox_messages: messages,
        outbox_bytes: bytes,
        ..Limits::default()
    }
}

/// Lets the "connection" take so many bytes.
fn take(outbox: &Outbox, mut budget: usize, written: &mut Vec<u8>) -> Flushed {
    let status = outbox.write_with(|slices| {
        let available: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let n = available.len().min(budget);
        if n == 0 {
            return Ok(None);
        }
        budget -= n;
        written.extend(&available[..n]);
        Ok(Some(n))
    });
    status.flushed
}

fn push(outbox: &Outbox, number: u8, bytes: usize, limits: &Limits) -> Pushed {
    push_kind(outbox, number, bytes, Kind::Delivery, Slow::Close, limits)
}

fn unsent(outbox: &Outbox) -> Vec<(String, bool)> {
    let unsent = outbox.finish().into_iter();
    unsent
        .map(|message| (message.name.to_string(), message.is_cut))
        .collect()
}

#[test]
fn what_is_pushed_is_written_in_order() {
    let limits = limits(10, 100);
    let outbox = outbox(&limits);
    for number in 1..=3 {
        assert_eq!(push(&outbox, number, 2, &limits), Pushed::Taken);
    }
    let mut written = Vec::new();
    assert_eq!(take(&outbox, 3, &mut written), Flushed::Waiting);
    assert_eq!(written, [1, 1, 2]);
    assert_eq!(take(&outbox, 100, &mut written), Flushed::Empty);
    assert_eq!(written, [1, 1, 2, 2, 3, 3]);
    assert_eq!(unsent(&outbox), []);
}

#[test]
fn a_full_outbox_does_as_the_policy_says() {
    for (messages, bytes) in [(2, 100), (10, 4)] {
        let limits = limits(messages, bytes);
        let full = || {
            let outbox = outbox(&limits);
            push(&outbox, 1, 2, &limits);
            push(&outbox, 2, 2, &limits);
            outbox
        };
        let third = |outbox: &Outbox, slow| push_kind(outbox, 3, 2, Kind::Delivery, slow, &limits);
        assert_eq!(third(&full(), Slow::Close), Pushed::Overflow);
        assert_eq!(third(&full(), Slow::DropNewest), Pushed::Refused);
        let outbox = full();
        assert_eq!(third(&outbox, Slow::DropOldest), Pushed::Displaced(1));
        let mut written = Vec::new();
        take(&outbox, 100, &mut written);
        assert_eq!(written, [2, 2, 3, 3]);
    }
}

#[test]
fn an_answer_is_never_dropped_and_a_pong_closes_nobody() {
    let limits = limits(1, 100);
    let outbox = outbox(&limits);
    let push = |number, kind, slow| push_kind(&outbox, number, 2, kind, slow, &limits);
    push(1, Kind::Answer, Slow::Close);
    for slow in [Slow::Close, Slow::DropOldest, Slow::DropNewest] {
        assert_eq!(push(2, Kind::Answer, slow), Pushed::Overflow);
        assert_eq!(push(3, Kind::Control, slow), Pushed::Refused);
    }
    // An answer is no delivery that could make room.
    assert_eq!(push(4, Kind::Delivery, Slow::DropOldest), Pushed::Refused);
}

#[test]
fn a_half_sent_delivery_is_not_dropped() {
    let limits = limits(2, 100);
    let outbox = outbox(&limits);
    push(&outbox, 1, 4, &limits);
    push(&outbox, 2, 4, &limits);
    let mut written = Vec::new();
    take(&outbox, 1, &mut written);
    assert_eq!(
        push_kind(&outbox, 3, 4, Kind::Delivery, Slow::DropOldest, &limits),
        Pushed::Displaced(1)
    );
    take(&outbox, 100, &mut written);
    assert_eq!(written, [1, 1, 1, 1, 3, 3, 3, 3]);
}

#[test]
fn the_three_shutdowns_let_out_what_they_say() {
    let half_sent = || {
        let limits = limits(10, 100);
        let outbox = outbox(&limits);
        push_kind(&outbox, 1, 4, Kind::Answer, Slow::Close, &limits);
        push(&outbox, 2, 4, &limits);
        let mut written = Vec::new();
        take(&outbox, 1, &mut written);
        (outbox, written)
    };
    let close = Parcel::control(ENCODING, [9].into());

    let (outbox, mut written) = half_sent();
    outbox.close(
        Shutdown::FinishQueues,
        Some(Arc::clone(&close)),
        CloseCode::SHUTDOWN,
        "",
    );
    take(&outbox, 100, &mut written);
    assert_eq!(written, [1, 1, 1, 1, 2, 2, 2, 2, 9]);
    assert_eq!(unsent(&outbox), []);

    let (outbox, mut written) = half_sent();
    outbox.close(
        Shutdown::FinishMessages,
        Some(Arc::clone(&close)),
        CloseCode::SHUTDOWN,
        "",
    );
    take(&outbox, 100, &mut written);
    assert_eq!(written, [1, 1, 1, 1, 9]);
    assert_eq!(unsent(&outbox), [("n/2".to_owned(), false)]);

    let (outbox, mut written) = half_sent();
    outbox.close(Shutdown::Now, Some(close), CloseCode::SHUTDOWN, "");
    take(&outbox, 100, &mut written);
    assert_eq!(written, [1]);
    assert_eq!(unsent(&outbox), [("n/1".to_owned(), true), ("n/2".to_owned(), false)]);
}

#[test]
fn an_answer_that_was_not_sent_is_handed_back_with_its_payload() {
    let limits = limits(10, 100);
    let outbox = outbox(&limits);
    let how = Push {
        limits: &limits,
        slow: Slow::Close,
        turn: 1,
        if_accepted: true,
    };
    for (frame, place) in [(r#"{"payload":"first"}"#, 11..18), (r#"{"payload":2}"#, 11..12)] {
        let answer = Answer {
            name: Text::from("n"),
            payload: Some(Kept::Written {
                format: Format::Json,
                place,
            }),
            bytes: frame.len(),
        };
        assert_eq!(
            outbox.push_answer(answer, frame.as_bytes(), how),
            (Pushed::Taken, frame.len() == 19)
        );
    }
    take(&outbox, 3, &mut Vec::new());
    let payloads = outbox.finish().into_iter().map(|message| message.payload.unwrap());
    assert_eq!(
        payloads
            .map(|payload| payload.json().unwrap().to_owned())
            .collect::<Vec<_>>(),
        [r#""first""#, "2"]
    );
}

#[test]
fn the_first_reason_to_close_stands() {
    let outbox = outbox(&Limits::default());
    outbox.close(Shutdown::FinishQueues, None, CloseCode::SLOW_CONSUMER, "slow");
    outbox.close(Shutdown::FinishQueues, None, CloseCode::IDLE, "idle");
    outbox.lose(CloseCode::ABNORMAL, "gone");
    assert_eq!(
        outbox.close_reason(),
        Some((CloseCode::SLOW_CONSUMER, "slow".to_owned()))
    );
}

#[derive(Clone, Debug)]
enum Step {
    Push(Kind, usize, Slow),
    Take(usize),
    Close(Shutdown),
    Lose,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![Just(Kind::Answer), Just(Kind::Delivery)];
    let slow = prop_oneof![Just(Slow::Close), Just(Slow::DropOldest), Just(Slow::DropNewest)];
    let shutdown = prop_oneof![
        Just(Shutdown::Now),
        Just(Shutdown::FinishMessages),
        Just(Shutdown::FinishQueues)
    ];
    prop_oneof![
        20 => (kind, 1..6_usize, slow).prop_map(|(kind, bytes, slow)| Step::Push(kind, bytes, slow)),
        10 => (0..20_usize).prop_map(Step::Take),
        1 => shutdown.prop_map(Step::Close),
        1 => Just(Step::Lose),
    ]
}

proptest! {
    #[test]
    fn every_parcel_is_accounted_for_once(steps in prop::collection::vec(step(), 1..80)) {
        let limits = limits(5, 15);
        let outbox = outbox(&limits);
        let mut written = Vec::new();
        let mut taken = Vec::new();
        let mut displaced = 0;
        for (number, step) in (1..).zip(steps) {
            match step {
                Step::Push(kind, bytes, slow) => {
                    let before: usize = taken.len();
                    match push_kind(&outbox, number, bytes, kind, slow, &limits) {
                        Pushed::Taken => taken.push((number, bytes)),
                        Pushed::Displaced(lost) => {
                            displaced += lost;
                            taken.push((number, bytes));
                        }
                        Pushed::Refused | Pushed::Overflow | Pushed::Unwanted => prop_assert_eq!(taken.len(), before),
                    }
                }
                Step::Take(n) => {
                    take(&outbox, n, &mut written);
                }
                Step::Close(how) => outbox.close(how, None, CloseCode::NORMAL, ""),
                Step::Lose => outbox.lose(CloseCode::ABNORMAL, "lost"),
            }
        }
        let back = unsent(&outbox);
        let mut lost = 0;
        for (number, bytes) in &taken {
            let sent = written.iter().filter(|byte| *byte == number).count();
            let name = format!("n/{number}");
            let returned: Vec<_> = back.iter().filter(|(back, _)| *back == name).collect();
            match (sent, returned.as_slice()) {
                (sent, []) if sent == *bytes => {}
                (0, []) => lost += 1,
                (0, [(_, false)]) => {}
                (sent, [(_, true)]) if sent < *bytes => {}
                other => prop_assert!(false, "{name} of {bytes} bytes: {other:?}"),
            }
        }
        prop_assert_eq!(lost, displaced, "what is lost was said to be");
        let mut order = written.clone();
        order.dedup();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(order, sorted, "written in the order pushed");
    }
}

#[test]
fn each_ping_is_answered_until_many_wait() {
    let limits = limits(100, 100);
    let outbox = outbox(&limits);
    for number in 1..=20 {
        let pushed = push_kind(&outbox, number, 1, Kind::Control, Slow::Close, &limits);
        assert_eq!(pushed, Pushed::Taken);
    }
    let mut written = Vec::new();
    take(&outbox, 100, &mut written);
    let first: Vec<u8> = (1..=16).collect();
    assert_eq!(written[..16], first);
    assert_eq!(written[16..], [20]);
}

#[test]
fn it_is_busy_from_half_full_until_there_is_room() {
    let limits = limits(4, 100);
    let outbox = outbox(&limits);
    push(&outbox, 1, 1, &limits);
    assert!(!outbox.is_busy());
    push_kind(&outbox, 2, 1, Kind::Answer, Slow::Close, &limits);
    assert!(outbox.is_busy());
    take(&outbox, 1, &mut Vec::new());
    assert!(!outbox.is_busy());
    push(&outbox, 3, 60, &limits);
    assert!(outbox.is_busy(), "bytes count, too");
    outbox.lose(CloseCode::ABNORMAL, "gone");
    assert!(!outbox.is_busy() && outbox.is_closed());
}

#[test]
fn a_name_that_is_not_accepted_is_not_pushed() {
    let limits = limits(4, 100);
    let outbox = outbox(&limits);
    outbox.set_accepts(Accepts::new(&["n/2".to_owned()], 100).unwrap());
    assert_eq!(push(&outbox, 1, 1, &limits), Pushed::Unwanted);
    assert_eq!(push(&outbox, 2, 1, &limits), Pushed::Taken);
    assert_eq!(
        push_kind(&outbox, 1, 1, Kind::Answer, Slow::Close, &limits),
        Pushed::Taken,
        "answers always pass"
    );
}

#[tokio::test]
async fn a_socket_that_a_push_found_full_is_told_of_by_the_next_flush() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = tokio::net::TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (_reader, writer) = near.into_split();
    let limits = limits(2, 64 << 20);
    let outbox = Outbox::new(Some(Writer::Tcp(writer)), ENCODING, &limits);
    // More than the system takes: the third push finds no room, writes what it can, and the socket is full.
    for number in 1..=3 {
        push(&outbox, number, 16 << 20, &limits);
    }
    assert_eq!(outbox.flush(), Flushed::Waiting, "somebody has to wake the session");
    assert_eq!(outbox.flush(), Flushed::Known);
}

#[test]
fn what_a_client_has_read_is_not_kept_though_it_always_leaves_something() {
    let limits = limits(10, 10_000);
    let outbox = outbox(&limits);
    let mut written = Vec::new();
    push_kind(&outbox, 1, 1_000, Kind::Answer, Slow::Close, &limits);
    for round in 0..1_000_u32 {
        let number = (round % 100) as u8 + 2;
        let pushed = push_kind(&outbox, number, 1_000, Kind::Answer, Slow::Close, &limits);
        assert_eq!(pushed, Pushed::Taken);
        // One message and a part of the next, so that the line is never empty.
        let part = if round == 0 { 1_500 } else { 1_000 };
        assert_eq!(take(&outbox, part, &mut written), Flushed::Waiting);
        let kept = outbox.lock().line.kept_bytes();
        assert!(kept <= 10_000, "{kept} bytes are kept in round {round}");
    }
    take(&outbox, usize::MAX, &mut written);
    assert_eq!(written.len(), 1_001_000);
    assert!(
        written
            .chunks(1_000)
            .all(|message| message.iter().all(|byte| *byte == message[0]))
    );
}
