//! Connecting, sending, and what is rejected.

use std::error::Error as _;
use std::io;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use switchboard_wire::Shutdown;
use switchboard_wire::connection::{Endpoint, Stream};
use switchboard_wire::connector::{ConnectError, Connector, Event, Limits, Reason, Refusal, Rejection};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use super::common::{HEADER, LONG, Manner, Parcel, Parcels, Pipe, adopted, connector, hush, next, numbers, settle};

#[tokio::test]
async fn what_is_sent_while_connecting_arrives_in_order() {
    let listener = Endpoint::from("127.0.0.1:0").bind().await.unwrap();
    let connector = connector(Limits::default());
    let connection = connector.connect(listener.endpoint().clone()).unwrap();
    let parcels: Vec<_> = (1..=100).map(|number| Parcel::new(number, 3)).collect();
    for parcel in &parcels {
        connector.send(connection, parcel.clone()).unwrap();
    }
    connector.disconnect(connection, Shutdown::FinishQueues, LONG);

    let (mut stream, _) = listener.accept().await.unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, parcels.iter().flat_map(Parcel::bytes).collect::<Vec<_>>());
    drop(stream);
    assert!(matches!(next(&connector).await, Event::FinishConnect { result: Ok(()), queued, .. } if queued.is_empty()));
    assert!(
        matches!(next(&connector).await, Event::FinishDisconnect { incomplete: None, queued, .. } if queued.is_empty())
    );
}

#[tokio::test]
async fn when_connecting_fails_its_messages_come_back_with_the_endpoint_that_failed() {
    let connector = connector(Limits::default());
    let connection = connector.connect("unix:/nowhere/at/all").unwrap();
    connector.send(connection, Parcel::new(1, 0)).unwrap();
    connector.send(connection, Parcel::new(2, 0)).unwrap();
    let event = next(&connector).await;
    let Event::FinishConnect {
        result: Err(error),
        queued,
        ..
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!(numbers(&queued), [1, 2]);
    assert!(
        error
            .to_string()
            .starts_with("cannot connect to unix:/nowhere/at/all: "),
        "{error}"
    );
    assert!(matches!(error, ConnectError::Failed { .. }) && error.source().is_some());
    // That was its last event.
    connector.send(connection, Parcel::new(3, 0)).unwrap();
    let event = next(&connector).await;
    assert!(
        matches!(
            event,
            Event::RejectedMessage {
                why: Rejection::Disconnected,
                ..
            }
        ),
        "{event:?}"
    );
}

#[tokio::test]
async fn endpoints_are_tried_in_turn_and_one_time_is_for_all() {
    let listener = Endpoint::from("127.0.0.1:0").bind().await.unwrap();
    let alive = listener.endpoint().clone();
    let dead = Endpoint::from("unix:/nowhere/at/all");
    let all = connector(Limits::default());
    all.connect_any([dead.clone(), alive.clone()]).unwrap();
    assert!(matches!(next(&all).await, Event::FinishConnect { result: Ok(()), .. }));
    all.connect_any(Vec::<Endpoint>::new()).unwrap();
    let event = next(&all).await;
    assert!(matches!(
        event,
        Event::FinishConnect {
            result: Err(ConnectError::NoEndpoint),
            ..
        }
    ));

    let silent = Silent::new().await;
    let limit = Duration::from_millis(20);
    let hasty = connector(Limits {
        connect: limit,
        ..Limits::default()
    });
    let connection = hasty.connect_any([dead, silent.endpoint.clone(), alive]).unwrap();
    hasty.send(connection, Parcel::new(1, 0)).unwrap();
    let event = next(&hasty).await;
    let Event::FinishConnect {
        result: Err(ConnectError::TimedOut { endpoint, limit: told }),
        queued,
        ..
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!((endpoint, told, numbers(&queued)), (silent.endpoint, limit, vec![1]));
}

/// A listener that answers nobody: more than it has room for are connected.
struct Silent {
    endpoint: Endpoint,
    _all: (TcpListener, Vec<JoinHandle<io::Result<Stream>>>),
}

impl Silent {
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let endpoint = Endpoint::from(listener.local_addr().unwrap());
        let mut waiting = Vec::new();
        loop {
            let there = endpoint.clone();
            let mut one = tokio::spawn(async move { there.connect().await });
            let connected = tokio::time::timeout(Duration::from_millis(50), &mut one).await;
            waiting.push(one);
            if connected.is_err() {
                let _all = (listener, waiting);
                return Self { endpoint, _all };
            }
        }
    }
}

#[tokio::test]
async fn any_thread_sends_and_many_of_them_lose_nothing() {
    let server = connector(Limits::default());
    let endpoint = server.listen("127.0.0.1:0").await.unwrap();
    let client = connector(Limits::default());
    let connection = client.connect(endpoint).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let client = client.clone();
            thread::spawn(move || {
                for number in 0..200 {
                    client.send(connection, Parcel::new(thread * 1000 + number, 5)).unwrap();
                }
            })
        })
        .collect();
    let Event::RemoteConnect { incoming, .. } = next(&server).await else {
        panic!()
    };
    incoming.accept().unwrap();
    let mut received = Vec::new();
    while received.len() < 800 {
        let Event::MessageReceived { message, .. } = next(&server).await else {
            panic!()
        };
        received.push(message.number);
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    for thread in 0..4 {
        let of_one: Vec<_> = received
            .iter()
            .filter(|number| **number / 1000 == thread)
            .copied()
            .collect();
        assert_eq!(
            of_one,
            (thread * 1000..thread * 1000 + 200).collect::<Vec<_>>(),
            "in order"
        );
    }
}

#[tokio::test]
async fn a_full_queue_hands_the_message_back_and_then_send_itself_does() {
    let limits = Limits {
        queued: 2,
        rejected: 2,
        ..Limits::default()
    };
    let connector = connector(limits);
    let pipe = Pipe::default();
    let connection = adopted(&connector, &pipe).await;
    for number in 1..=4 {
        connector.send(connection, Parcel::new(number, 0)).unwrap();
    }
    let rejected = connector.send(connection, Parcel::new(5, 0)).unwrap_err();
    assert_eq!((rejected.connection, rejected.message.number), (connection, 5));
    assert!(matches!(rejected.why, Rejection::QueueFull));
    let said = rejected.to_string();
    assert!(said.contains("2 rejected ones wait, take them with `recv`"), "{said}");
    for number in 3..=4 {
        let event = next(&connector).await;
        let Event::RejectedMessage { message, why, .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!(message.number, number);
        assert!(matches!(why, Rejection::QueueFull), "{why}");
    }
    // Where the events of ended connections are, the same bound holds.
    connector.disconnect(connection, Shutdown::Now, Duration::ZERO);
    assert!(matches!(next(&connector).await, Event::FinishDisconnect { queued, .. } if numbers(&queued) == [1, 2]));
    connector.send(connection, Parcel::new(6, 0)).unwrap();
    connector.send(connection, Parcel::new(7, 0)).unwrap();
    let rejected = connector.send(connection, Parcel::new(8, 0)).unwrap_err();
    assert!(matches!(rejected.why, Rejection::Disconnected));
}

#[tokio::test]
async fn a_queue_is_full_of_heavy_messages_too() {
    let limits = Limits {
        queued_bytes: 100,
        ..Limits::default()
    };
    let connector = connector(limits);
    let pipe = Pipe::default();
    let connection = adopted(&connector, &pipe).await;
    connector.send(connection, Parcel::new(1, 1000)).unwrap();
    connector.send(connection, Parcel::new(2, 10)).unwrap();
    let Event::RejectedMessage { message, .. } = next(&connector).await else {
        panic!()
    };
    assert_eq!(message.number, 2, "one that is too heavy goes alone");
    pipe.take(usize::MAX);
    while pipe.taken().len() < HEADER + 1000 {
        tokio::task::yield_now().await;
    }
    connector.send(connection, Parcel::new(3, 100)).unwrap();
    connector.disconnect(connection, Shutdown::FinishQueues, LONG);
    pipe.end();
    next(&connector).await;
    assert_eq!(pipe.taken().len(), 2 * HEADER + 1100);
}

#[tokio::test]
async fn a_connection_that_is_unknown_or_ending_takes_no_message() {
    let connector = connector(Limits::default());
    let pipe = Pipe::default();
    let connection = adopted(&connector, &pipe).await;
    connector.send(connection, Parcel::new(1, 0)).unwrap();
    assert!(connector.disconnect(connection, Shutdown::FinishQueues, LONG));
    connector.send(connection, Parcel::new(2, 0)).unwrap();
    let event = next(&connector).await;
    assert!(
        matches!(
            event,
            Event::RejectedMessage {
                why: Rejection::Disconnecting,
                ..
            }
        ),
        "{event:?}"
    );

    let stranger = self::connector(Limits::default());
    assert!(!stranger.disconnect(connection, Shutdown::Now, LONG));
    stranger.send(connection, Parcel::new(3, 0)).unwrap();
    let event = next(&stranger).await;
    assert!(
        matches!(
            event,
            Event::RejectedMessage {
                why: Rejection::Disconnected,
                ..
            }
        ),
        "{event:?}"
    );
}

#[tokio::test]
async fn one_connection_too_many_is_refused_until_an_end_was_heard_of() {
    let connector = connector(Limits {
        connections: 1,
        ..Limits::default()
    });
    let pipe = Pipe::default();
    let connection = adopted(&connector, &pipe).await;
    assert_eq!(connector.connect("127.0.0.1:1").unwrap_err(), Refusal::TooMany(1));
    connector.disconnect(connection, Shutdown::Now, Duration::ZERO);
    assert!(matches!(next(&connector).await, Event::FinishDisconnect { .. }));
    adopted(&connector, &Pipe::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_serializer_is_asked_only_as_the_socket_takes() {
    let parcels = Parcels::default();
    let asked = parcels.0.clone();
    let connector = Connector::new(parcels, Limits::default());
    let pipe = Pipe::default();
    let connection = adopted(&connector, &pipe).await;
    for number in 1..=20 {
        let parcel = Parcel::new(number, u16::MAX).manner(Manner::Pieces(1000));
        connector.send(connection, parcel).unwrap();
    }
    settle().await;
    let first = asked.given.load(Ordering::SeqCst);
    assert!((1000..=(64 << 10) + 1000).contains(&first), "a chunk of 20: {first}");
    pipe.take(first - 1);
    settle().await;
    assert_eq!(asked.given.load(Ordering::SeqCst), first, "a byte of it still waits");
    pipe.take(usize::MAX);
    settle().await;
    assert_eq!(pipe.taken().len(), 20 * (HEADER + usize::from(u16::MAX)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_written_comes_back_alone() {
    let connector = connector(Limits::default());
    let pipe = Pipe::default();
    let connection = adopted(&connector, &pipe).await;
    connector.send(connection, Parcel::new(1, 0)).unwrap();
    connector
        .send(connection, Parcel::new(2, 20).manner(Manner::Bad(0)))
        .unwrap();
    connector
        .send(connection, Parcel::new(3, 20).manner(Manner::Bad(9)))
        .unwrap();
    connector.send(connection, Parcel::new(4, 0)).unwrap();
    for number in [2, 3] {
        let event = next(&connector).await;
        let Event::RejectedMessage { message, why, .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!(message.number, number);
        assert_eq!(why.to_string(), "the message cannot be written: a bad parcel");
    }
    pipe.take(usize::MAX);
    settle().await;
    assert_eq!(
        pipe.taken(),
        [Parcel::new(1, 0).bytes(), Parcel::new(4, 0).bytes()].concat()
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_after_a_part_of_it_has_left_ends_the_connection() {
    hush();
    for (manner, reason) in [
        (Manner::Bad(40), "cannot send the rest of a message: a bad parcel"),
        (Manner::Panic(40), "the converter panicked: a panic as planned"),
    ] {
        let connector = connector(Limits::default());
        let pipe = Pipe::with_room(usize::MAX);
        let connection = adopted(&connector, &pipe).await;
        let other = adopted(&connector, &Pipe::default()).await;
        // The first bytes of the second fill up what is written at once.
        connector.send(connection, Parcel::new(1, 65_520)).unwrap();
        connector.send(connection, Parcel::new(2, 100).manner(manner)).unwrap();
        connector.send(connection, Parcel::new(3, 0)).unwrap();
        let event = next(&connector).await;
        let Event::RemoteDisconnect {
            connection: ended,
            incomplete,
            queued,
            reason: why,
        } = event
        else {
            panic!("{event:?}")
        };
        assert_eq!(ended, connection);
        assert_eq!(why.to_string(), reason);
        assert!(matches!(why, Reason::Unwritable(_) | Reason::Panicked(_)));
        assert_eq!(numbers(&incomplete), [2]);
        assert_eq!(numbers(&queued), [3]);
        connector.send(other, Parcel::new(4, 0)).unwrap();
        assert!(connector.disconnect(other, Shutdown::Now, LONG), "the others live on");
    }
}
