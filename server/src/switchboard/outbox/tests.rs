//! Every parcel is accounted for exactly once: written, dropped and said so, or handed back.

use proptest::prelude::*;
use switchboard_wire::Text;

use super::*;

const ENCODING: u8 = 0;

/// A parcel whose bytes are its number, over and over, so that what was written can be told apart.
fn parcel(number: u8, bytes: usize, kind: Kind) -> Arc<Parcel> {
    let name = Text::from(format!("n/{number}"));
    let bytes = vec![number; bytes].into_boxed_slice();
    match kind {
        Kind::Answer => Parcel::answer(name, None, ENCODING, bytes),
        Kind::Control => Parcel::control(ENCODING, bytes),
        Kind::Delivery => Parcel::encoded_delivery(name, ENCODING, bytes),
    }
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
    outbox.write_with(|slices| {
        let available: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let n = available.len().min(budget);
        if n == 0 {
            return Ok(None);
        }
        budget -= n;
        written.extend(&available[..n]);
        Ok(Some(n))
    })
}

fn push(outbox: &Outbox, parcel: &Arc<Parcel>, slow: Slow, limits: &Limits) -> Pushed {
    outbox.push(parcel, slow, limits, 1).0
}

fn unsent(outbox: &Outbox) -> Vec<(String, bool)> {
    let unsent = outbox.finish().into_iter();
    unsent
        .map(|(parcel, is_cut)| (parcel.name.to_string(), is_cut))
        .collect()
}

#[test]
fn what_is_pushed_is_written_in_order() {
    let (outbox, limits) = (Outbox::new(None, ENCODING), limits(10, 100));
    for number in 1..=3 {
        let pushed = push(&outbox, &parcel(number, 2, Kind::Delivery), Slow::Close, &limits);
        assert_eq!(pushed, Pushed::Taken);
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
            let outbox = Outbox::new(None, ENCODING);
            push(&outbox, &parcel(1, 2, Kind::Delivery), Slow::Close, &limits);
            push(&outbox, &parcel(2, 2, Kind::Delivery), Slow::Close, &limits);
            outbox
        };
        let third = parcel(3, 2, Kind::Delivery);
        assert_eq!(push(&full(), &third, Slow::Close, &limits), Pushed::Overflow);
        assert_eq!(push(&full(), &third, Slow::DropNewest, &limits), Pushed::Refused);
        let outbox = full();
        assert_eq!(push(&outbox, &third, Slow::DropOldest, &limits), Pushed::Displaced(1));
        let mut written = Vec::new();
        take(&outbox, 100, &mut written);
        assert_eq!(written, [2, 2, 3, 3]);
    }
}

#[test]
fn an_answer_is_never_dropped_and_a_pong_closes_nobody() {
    let limits = limits(1, 100);
    let outbox = Outbox::new(None, ENCODING);
    push(&outbox, &parcel(1, 2, Kind::Answer), Slow::Close, &limits);
    for slow in [Slow::Close, Slow::DropOldest, Slow::DropNewest] {
        assert_eq!(
            push(&outbox, &parcel(2, 2, Kind::Answer), slow, &limits),
            Pushed::Overflow
        );
        assert_eq!(
            push(&outbox, &parcel(3, 2, Kind::Control), slow, &limits),
            Pushed::Refused
        );
    }
    // An answer is no delivery that could make room.
    assert_eq!(
        push(&outbox, &parcel(4, 2, Kind::Delivery), Slow::DropOldest, &limits),
        Pushed::Refused
    );
}

#[test]
fn a_half_sent_delivery_is_not_dropped() {
    let limits = limits(2, 100);
    let outbox = Outbox::new(None, ENCODING);
    push(&outbox, &parcel(1, 4, Kind::Delivery), Slow::Close, &limits);
    push(&outbox, &parcel(2, 4, Kind::Delivery), Slow::Close, &limits);
    let mut written = Vec::new();
    take(&outbox, 1, &mut written);
    assert_eq!(
        push(&outbox, &parcel(3, 4, Kind::Delivery), Slow::DropOldest, &limits),
        Pushed::Displaced(1)
    );
    take(&outbox, 100, &mut written);
    assert_eq!(written, [1, 1, 1, 1, 3, 3, 3, 3]);
}

#[test]
fn the_three_shutdowns_let_out_what_they_say() {
    let half_sent = || {
        let outbox = Outbox::new(None, ENCODING);
        let limits = limits(10, 100);
        push(&outbox, &parcel(1, 4, Kind::Answer), Slow::Close, &limits);
        push(&outbox, &parcel(2, 4, Kind::Delivery), Slow::Close, &limits);
        let mut written = Vec::new();
        take(&outbox, 1, &mut written);
        (outbox, written)
    };
    let close = parcel(9, 1, Kind::Control);

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
fn the_first_reason_to_close_stands() {
    let outbox = Outbox::new(None, ENCODING);
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
        let outbox = Outbox::new(None, ENCODING);
        let limits = limits(5, 15);
        let mut written = Vec::new();
        let mut taken = Vec::new();
        let mut displaced = 0;
        for (number, step) in (1..).zip(steps) {
            match step {
                Step::Push(kind, bytes, slow) => {
                    let before: usize = taken.len();
                    match push(&outbox, &parcel(number, bytes, kind), slow, &limits) {
                        Pushed::Taken => taken.push((number, bytes)),
                        Pushed::Displaced(lost) => {
                            displaced += lost;
                            taken.push((number, bytes));
                        }
                        Pushed::Refused | Pushed::Overflow => prop_assert_eq!(taken.len(), before),
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
    let (outbox, limits) = (Outbox::new(None, ENCODING), limits(100, 100));
    for number in 1..=20 {
        let pushed = push(&outbox, &parcel(number, 1, Kind::Control), Slow::Close, &limits);
        assert_eq!(pushed, Pushed::Taken);
    }
    let mut written = Vec::new();
    take(&outbox, 100, &mut written);
    let first: Vec<u8> = (1..=16).collect();
    assert_eq!(written[..16], first);
    assert_eq!(written[16..], [20]);
}
