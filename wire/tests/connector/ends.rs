//! Three ways to end, deadlines, and the shutdown.

use std::io::ErrorKind;
use std::time::Duration;

use switchboard_wire::Shutdown;
use switchboard_wire::connection::Endpoint;
use switchboard_wire::connector::{ConnectError, Connector, Event, Limits, Reason, Refusal};
use tokio::time::Instant;

use super::common::{HEADER, LONG, Manner, Parcel, Parcels, Pipe, adopted, connector, next, numbers, settle};

/// Three messages, of which the second is half-sent.
async fn half_sent(connector: &Connector<Parcels>) -> (Pipe, switchboard_wire::connector::Connection) {
    let pipe = Pipe::with_room(HEADER + 2);
    let connection = adopted(connector, &pipe).await;
    (1..=3).for_each(|number| connector.send(connection, Parcel::new(number, 0)).unwrap());
    settle().await;
    assert_eq!(pipe.taken().len(), HEADER + 2);
    (pipe, connection)
}

#[tokio::test(start_paused = true)]
async fn each_way_to_end_sends_what_it_says_and_hands_back_the_rest() {
    for (how, sent, incomplete_ones, queued_ones) in [
        (Shutdown::Now, 1, &[2][..], &[3][..]),
        (Shutdown::FinishMessages, 2, &[], &[3]),
        (Shutdown::FinishQueues, 3, &[], &[]),
    ] {
        for of_all in [false, true] {
            let connector = connector(Limits::default());
            let (pipe, connection) = half_sent(&connector).await;
            if of_all {
                connector.shutdown(how, LONG);
            } else {
                assert!(connector.disconnect(connection, how, LONG));
            }
            settle().await;
            pipe.take(usize::MAX);
            settle().await;
            pipe.end();
            let event = next(&connector).await;
            let Event::FinishDisconnect { incomplete, queued, .. } = event else {
                panic!("{event:?}")
            };
            assert_eq!(numbers(&incomplete), incomplete_ones, "{how:?}");
            assert_eq!(numbers(&queued), queued_ones, "{how:?}");
            let whole: Vec<u8> = (1..=3).flat_map(|number| Parcel::new(number, 0).bytes()).collect();
            let taken = pipe.taken();
            assert!(whole.starts_with(&taken));
            assert_eq!(taken.len() / HEADER, sent, "{how:?}");
            assert!(pipe.is_dropped());
            if of_all {
                assert!(connector.recv().await.is_none());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_it_ends_as_with_now() {
    for how in [Shutdown::FinishMessages, Shutdown::FinishQueues] {
        let connector = connector(Limits::default());
        let (_pipe, connection) = half_sent(&connector).await;
        let start = Instant::now();
        connector.disconnect(connection, how, Duration::from_secs(5));
        let event = next(&connector).await;
        let Event::FinishDisconnect { incomplete, queued, .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!((numbers(&incomplete), numbers(&queued)), (vec![2], vec![3]));
        assert_eq!(start.elapsed().as_secs(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_serializer_waits_is_half_sent_if_a_byte_of_it_has_left() {
    for (at, incomplete_ones, queued_ones) in [(3, &[1][..], &[2][..]), (0, &[], &[1, 2])] {
        let connector = connector(Limits::default());
        let pipe = Pipe::with_room(usize::MAX);
        let connection = adopted(&connector, &pipe).await;
        connector
            .send(connection, Parcel::new(1, 0).manner(Manner::Stuck(at)))
            .unwrap();
        connector.send(connection, Parcel::new(2, 0)).unwrap();
        settle().await;
        assert_eq!(
            pipe.taken().len(),
            usize::from(at),
            "what it gave before it waited has left"
        );
        let start = Instant::now();
        connector.disconnect(connection, Shutdown::FinishMessages, Duration::from_secs(5));
        settle().await;
        pipe.end();
        let event = next(&connector).await;
        let (Event::FinishDisconnect { incomplete, queued, .. } | Event::RemoteDisconnect { incomplete, queued, .. }) =
            event
        else {
            panic!("{event:?}")
        };
        assert_eq!(
            (numbers(&incomplete), numbers(&queued)),
            (incomplete_ones.to_vec(), queued_ones.to_vec())
        );
        assert!(start.elapsed() < Duration::from_secs(6));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stricter_way_and_an_earlier_deadline_count() {
    let connector = connector(Limits::default());
    let (_pipe, connection) = half_sent(&connector).await;
    let start = Instant::now();
    connector.disconnect(connection, Shutdown::FinishMessages, Duration::from_secs(5));
    connector.disconnect(connection, Shutdown::FinishQueues, Duration::MAX);
    let Event::FinishDisconnect { queued, .. } = next(&connector).await else {
        panic!()
    };
    assert_eq!((numbers(&queued), start.elapsed().as_secs()), (vec![3], 5));

    for (first, second) in [(5, 60), (60, 5)] {
        let (_pipe, connection) = half_sent(&connector).await;
        let start = Instant::now();
        for seconds in [first, second] {
            connector.disconnect(connection, Shutdown::FinishQueues, Duration::from_secs(seconds));
        }
        assert!(matches!(next(&connector).await, Event::FinishDisconnect { .. }));
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    let (_pipe, connection) = half_sent(&connector).await;
    connector.disconnect(connection, Shutdown::FinishQueues, LONG);
    connector.disconnect(connection, Shutdown::Now, LONG);
    let start = Instant::now();
    assert!(matches!(
        next(&connector).await,
        Event::FinishDisconnect {
            incomplete: Some(_),
            ..
        }
    ));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(!connector.disconnect(connection, Shutdown::Now, LONG), "it has ended");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_close_is_not_waited_for_long() {
    let connector = connector(Limits {
        linger: Duration::from_secs(3),
        ..Limits::default()
    });
    let pipe = Pipe::with_room(usize::MAX);
    let connection = adopted(&connector, &pipe).await;
    let start = Instant::now();
    connector.disconnect(connection, Shutdown::FinishQueues, LONG);
    assert!(matches!(next(&connector).await, Event::FinishDisconnect { .. }));
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn the_shutdown_ends_what_is_not_connected_and_frees_the_port() {
    let connector = connector(Limits::default());
    let endpoint = connector.listen("127.0.0.1:0").await.unwrap();
    let there = connector.connect(endpoint.clone()).unwrap();
    connector.send(there, Parcel::new(1, 0)).unwrap();
    connector.shutdown(Shutdown::FinishQueues, LONG);
    let event = next(&connector).await;
    let Event::FinishConnect {
        result: Err(ConnectError::CalledOff),
        queued,
        ..
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!(numbers(&queued), [1]);
    assert!(connector.recv().await.is_none());
    assert!(connector.recv().await.is_none(), "and for ever");

    assert_eq!(connector.connect(endpoint.clone()).unwrap_err(), Refusal::ShutDown);
    assert_eq!(
        connector.adopt(Pipe::default().stream()).unwrap_err(),
        Refusal::ShutDown
    );
    let error = connector.listen("127.0.0.1:0").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::NotConnected, "the connector was shut down")
    );
    endpoint.bind().await.expect("nobody listens there any more");
}

#[tokio::test]
async fn disconnecting_calls_connecting_off_unless_the_queue_is_to_be_finished() {
    let listener = Endpoint::from("127.0.0.1:0").bind().await.unwrap();
    let connector = connector(Limits::default());
    for (how, deadline) in [
        (Shutdown::Now, LONG),
        (Shutdown::FinishMessages, LONG),
        (Shutdown::FinishQueues, Duration::ZERO),
    ] {
        let connection = connector.connect(listener.endpoint().clone()).unwrap();
        connector.send(connection, Parcel::new(1, 0)).unwrap();
        assert!(connector.disconnect(connection, how, deadline));
        let event = next(&connector).await;
        let Event::FinishConnect {
            result: Err(ConnectError::CalledOff),
            queued,
            ..
        } = event
        else {
            panic!("{event:?}")
        };
        assert_eq!(numbers(&queued), [1]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_takes_its_connections_along() {
    let connector = connector(Limits::default());
    let pipe = Pipe::default();
    let connection = adopted(&connector, &pipe).await;
    let mut separate = connector.separate(connection).unwrap();
    connector.send(connection, Parcel::new(1, 0)).unwrap();
    drop(connector.clone());
    settle().await;
    assert!(!pipe.is_dropped());
    drop(connector);
    // Who holds its events still hears of it.
    let Some(Event::FinishDisconnect { queued, .. }) = separate.recv().await else {
        panic!()
    };
    assert_eq!(numbers(&queued), [1]);
    assert!(separate.recv().await.is_none());
    assert!(pipe.is_dropped());
}

#[test]
fn when_the_runtime_ends_messages_come_back_too() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let pipe = Pipe::with_room(HEADER + 1);
    let (connector, connection) = runtime.block_on(async {
        let connector = connector(Limits::default());
        let connection = adopted(&connector, &pipe).await;
        (1..=3).for_each(|number| connector.send(connection, Parcel::new(number, 0)).unwrap());
        while pipe.taken().len() < HEADER + 1 {
            tokio::task::yield_now().await;
        }
        (connector, connection)
    });
    drop(runtime);
    let other = connector.connect("127.0.0.1:1").unwrap();
    let other_runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    other_runtime.block_on(async {
        let event = next(&connector).await;
        assert_eq!(event.connection(), connection);
        let Event::RemoteDisconnect {
            incomplete,
            queued,
            reason: Reason::Lost(error),
            ..
        } = event
        else {
            panic!("{event:?}")
        };
        assert_eq!((numbers(&incomplete), numbers(&queued)), (vec![2], vec![3]));
        assert!(error.to_string().contains("runtime"), "{error}");
        let event = next(&connector).await;
        assert_eq!(event.connection(), other);
        assert!(
            matches!(
                event,
                Event::FinishConnect {
                    result: Err(ConnectError::CalledOff),
                    ..
                }
            ),
            "{event:?}"
        );
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_threads_send_while_it_ends_is_sent_or_comes_back() {
    for round in 0..60 {
        let connector = connector(Limits {
            rejected: 10_000,
            ..Limits::default()
        });
        let pipe = Pipe::with_room(usize::MAX);
        let connection = adopted(&connector, &pipe).await;
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let connector = connector.clone();
                std::thread::spawn(move || {
                    (0..100).for_each(|number| {
                        connector
                            .send(connection, Parcel::new(thread * 100 + number, 9))
                            .unwrap()
                    });
                })
            })
            .collect();
        while pipe.taken().len() < round * 40 {
            tokio::task::yield_now().await;
        }
        let how = [Shutdown::Now, Shutdown::FinishMessages, Shutdown::FinishQueues][round % 3];
        match round % 4 {
            0 => pipe.cut(),
            _ => drop(connector.disconnect(connection, how, LONG)),
        }
        pipe.end();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        connector.shutdown(how, LONG);
        let mut back = Vec::new();
        while let Some(event) = connector.recv().await {
            match event {
                Event::FinishDisconnect { incomplete, queued, .. }
                | Event::RemoteDisconnect { incomplete, queued, .. } => {
                    back.extend(numbers(&incomplete));
                    back.extend(numbers(&queued));
                }
                Event::RejectedMessage { message, .. } => back.push(message.number),
                event => panic!("{event:?}"),
            }
        }
        let taken = pipe.taken();
        let sent = taken
            .chunks_exact(HEADER + 9)
            .map(|parcel| u32::from_be_bytes(parcel[..4].try_into().unwrap()));
        let mut all: Vec<_> = sent.chain(back).collect();
        all.sort_unstable();
        assert_eq!(all, (0..300).collect::<Vec<_>>(), "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_is_told_to_all_who_wait_also_behind_a_last_rejected_message() {
    let connector = connector(Limits::default());
    let pipe = Pipe::with_room(usize::MAX);
    let connection = adopted(&connector, &pipe).await;
    connector.disconnect(connection, Shutdown::Now, LONG);
    assert!(matches!(next(&connector).await, Event::FinishDisconnect { .. }));

    let takers = [connector.clone(), connector.clone()].map(|taker| tokio::spawn(async move { taker.recv().await }));
    settle().await;
    let _ = connector.send(connection, Parcel::new(1, 0));
    connector.shutdown(Shutdown::Now, LONG);
    let mut events = Vec::new();
    for taker in takers {
        events.extend(
            tokio::time::timeout(LONG, taker)
                .await
                .expect("nobody waits for ever")
                .unwrap(),
        );
    }
    assert!(matches!(events[..], [Event::RejectedMessage { .. }]), "{events:?}");
}
