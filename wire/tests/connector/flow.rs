//! Receiving: back-pressure, and what a peer may not do.

use std::sync::atomic::Ordering;

use switchboard_wire::Shutdown;
use switchboard_wire::connector::{Connector, Converter, Event, Limits, Reason};

use super::common::{
    HEADER, In, LONG, Out, PANICKING, PLANNED, Parcel, Parcels, Pipe, UNREADABLE, adopted, connector, hush, next,
    numbers, settle,
};

#[tokio::test(start_paused = true)]
async fn a_connection_is_not_read_while_its_messages_are_not_taken() {
    let connector = connector(Limits {
        received: 8,
        ..Limits::default()
    });
    let (busy, calm) = (Pipe::default(), Pipe::default());
    let connection = adopted(&connector, &busy).await;
    let other = adopted(&connector, &calm).await;
    // Three reads of 64 KiB.
    let all = 20_000;
    (0..all).for_each(|number| busy.feed(&Parcel::new(number, 4).bytes()));
    settle().await;
    let unread = busy.unread();
    assert!(unread >= 100_000, "one read at most: {unread} are left");
    settle().await;
    assert_eq!(busy.unread(), unread);

    // Another connection's message does not wait for those, nor they for it.
    calm.feed(&Parcel::new(7, 0).bytes());
    settle().await;
    let (first, second) = (next(&connector).await, next(&connector).await);
    assert_eq!((first.connection(), second.connection()), (connection, other));
    for number in 1..all {
        let event = next(&connector).await;
        let Event::MessageReceived { message, .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!(message.number, number);
    }
    assert_eq!(busy.unread(), 0);
}

#[tokio::test(start_paused = true)]
async fn bytes_of_messages_that_are_not_taken_count_too() {
    let connector = connector(Limits {
        received_bytes: 1000,
        ..Limits::default()
    });
    let pipe = Pipe::default();
    adopted(&connector, &pipe).await;
    (0..400).for_each(|number| pipe.feed(&Parcel::new(number, 900).bytes()));
    settle().await;
    assert!(pipe.unread() > 200 * 900, "{} are left", pipe.unread());
    for number in 0..400 {
        let Event::MessageReceived { message, .. } = next(&connector).await else {
            panic!()
        };
        assert_eq!(message.number, number);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_not_read_while_its_deserializer_waits() {
    let parcels = Parcels::default();
    let asked = parcels.0.clone();
    let connector = Connector::new(parcels, Limits::default());
    let pipe = Pipe::with_room(usize::MAX);
    let connection = adopted(&connector, &pipe).await;
    asked.hold.store(1, Ordering::SeqCst);
    pipe.feed(&Parcel::new(1, 0).bytes());
    settle().await;
    pipe.feed(&Parcel::new(2, 0).bytes());
    settle().await;
    assert_eq!(pipe.unread(), HEADER);
    // It writes all the same.
    connector.send(connection, Parcel::new(9, 0)).unwrap();
    settle().await;
    assert_eq!((pipe.taken(), pipe.unread()), (Parcel::new(9, 0).bytes(), HEADER));
    asked.release();
    for number in 1..=2 {
        let Event::MessageReceived { message, .. } = next(&connector).await else {
            panic!()
        };
        assert_eq!(message.number, number);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_peer_sends_and_the_converter_refuses_ends_that_connection_alone() {
    hush();
    let connector = connector(Limits {
        input: 50,
        ..Limits::default()
    });
    let good = Pipe::default();
    let other = adopted(&connector, &good).await;
    for (sent, reason) in [
        (
            Parcel::new(UNREADABLE, 0).bytes(),
            "cannot read what the peer sent: an unreadable parcel",
        ),
        (
            Parcel::new(PANICKING, 0).bytes(),
            "the converter panicked: a panic as planned",
        ),
        (
            Parcel::new(2, 1000).bytes()[..77].to_vec(),
            "the peer sent 77 bytes that make no message yet; it must send shorter ones, or raise `Limits::input`",
        ),
    ] {
        let pipe = Pipe::default();
        let connection = adopted(&connector, &pipe).await;
        connector.send(connection, Parcel::new(3, 0)).unwrap();
        pipe.feed(&Parcel::new(1, 0).bytes());
        pipe.feed(&sent);
        assert!(matches!(next(&connector).await, Event::MessageReceived { message, .. } if message.number == 1));
        let event = next(&connector).await;
        let Event::RemoteDisconnect {
            reason: why, queued, ..
        } = event
        else {
            panic!("{event:?}")
        };
        assert_eq!(why.to_string(), reason);
        assert_eq!(queued.len(), 1);
        assert!(pipe.is_dropped(), "it is closed by then");
    }
    good.feed(&Parcel::new(4, 0).bytes());
    assert_eq!(next(&connector).await.connection(), other);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_is_heard_to_the_end() {
    let connector = connector(Limits {
        received: 2,
        ..Limits::default()
    });
    let pipe = Pipe::default();
    let connection = adopted(&connector, &pipe).await;
    connector.send(connection, Parcel::new(6, 0)).unwrap();
    (1..=5).for_each(|number| pipe.feed(&Parcel::new(number, 0).bytes()));
    pipe.end();
    settle().await;
    for number in 1..=5 {
        let Event::MessageReceived { message, .. } = next(&connector).await else {
            panic!()
        };
        assert_eq!(message.number, number);
    }
    let event = next(&connector).await;
    let Event::RemoteDisconnect {
        queued,
        reason: Reason::Closed,
        ..
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!(numbers(&queued), [6]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_within_a_message_is_told_from_one_that_does_not() {
    let connector = connector(Limits::default());
    let pipe = Pipe::default();
    adopted(&connector, &pipe).await;
    pipe.feed(&Parcel::new(1, 10).bytes()[..12]);
    pipe.end();
    let Event::RemoteDisconnect { reason, .. } = next(&connector).await else {
        panic!()
    };
    let said = reason.to_string();
    assert!(
        said.contains("the peer closed the connection within a message"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_gives_what_had_come_and_what_had_not_left() {
    let connector = connector(Limits::default());
    let pipe = Pipe::with_room(HEADER + 2);
    let connection = adopted(&connector, &pipe).await;
    (1..=3).for_each(|number| connector.send(connection, Parcel::new(number, 0)).unwrap());
    settle().await;
    pipe.feed(&Parcel::new(8, 0).bytes());
    pipe.cut();
    assert!(matches!(next(&connector).await, Event::MessageReceived { message, .. } if message.number == 8));
    let event = next(&connector).await;
    let Event::RemoteDisconnect {
        incomplete,
        queued,
        reason: Reason::Lost(_),
        ..
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!((incomplete.unwrap().number, queued[0].number, queued.len()), (2, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn messages_are_received_while_a_connection_is_being_disconnected() {
    let connector = connector(Limits::default());
    let pipe = Pipe::default();
    let connection = adopted(&connector, &pipe).await;
    connector.send(connection, Parcel::new(1, 0)).unwrap();
    connector.disconnect(connection, Shutdown::FinishQueues, LONG);
    settle().await;
    pipe.feed(&Parcel::new(2, 0).bytes());
    assert!(matches!(next(&connector).await, Event::MessageReceived { message, .. } if message.number == 2));
    pipe.take(HEADER);
    settle().await;
    assert!(pipe.is_shut(), "the peer is told that this was all");
    pipe.feed(&Parcel::new(3, 0).bytes());
    pipe.end();
    assert!(matches!(next(&connector).await, Event::MessageReceived { message, .. } if message.number == 3));
    assert!(matches!(
        next(&connector).await,
        Event::FinishDisconnect { incomplete: None, .. }
    ));
}

/// Whatever it makes, it panics.
struct Broken;

impl Converter for Broken {
    type Message = Parcel;
    type Serializer = Out;
    type Deserializer = In;

    fn serializer(&self) -> Out {
        panic!("{PLANNED}")
    }

    fn deserializer(&self) -> In {
        panic!("{PLANNED}")
    }
}

#[tokio::test(start_paused = true)]
async fn a_converter_that_makes_nothing_ends_the_connection() {
    hush();
    let connector = Connector::new(Broken, Limits::default());
    let connection = connector.adopt(Pipe::default().stream()).unwrap();
    connector.send(connection, Parcel::new(1, 0)).unwrap();
    assert!(matches!(next(&connector).await, Event::FinishConnect { .. }));
    let event = next(&connector).await;
    let Event::RemoteDisconnect {
        queued,
        reason: Reason::Panicked(said),
        ..
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!((numbers(&queued), said.as_str()), (vec![1], PLANNED));
}
