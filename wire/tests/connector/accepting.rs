//! Remote connections, and queues of their own.

use std::sync::atomic::Ordering;
use std::time::Duration;

use switchboard_wire::Shutdown;
use switchboard_wire::connector::{Connector, Event, Gone, Incoming, Limits, Rejection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::common::{LONG, PATIENCE, Parcel, Parcels, Pipe, adopted, connector, next, settle};

async fn incoming(connector: &Connector<Parcels>) -> Incoming<Parcel> {
    match next(connector).await {
        Event::RemoteConnect { connection, incoming } => {
            assert_eq!(incoming.connection(), connection);
            incoming
        }
        event => panic!("{event:?}"),
    }
}

#[tokio::test]
async fn nothing_of_a_connection_is_read_until_it_is_accepted() {
    let parcels = Parcels::default();
    let asked = parcels.0.clone();
    let server = Connector::new(parcels, Limits::default());
    let endpoint = server.listen("127.0.0.1:0").await.unwrap();
    let mut client = endpoint.connect().await.unwrap();
    client.write_all(&Parcel::new(1, 5).bytes()).await.unwrap();

    let incoming = incoming(&server).await;
    assert_eq!(incoming.endpoint(), &endpoint);
    assert_eq!(incoming.address(), client.local_addr());
    let connection = incoming.connection();
    server.send(connection, Parcel::new(2, 0)).unwrap();
    let event = next(&server).await;
    assert!(
        matches!(
            event,
            Event::RejectedMessage {
                why: Rejection::NotAccepted,
                ..
            }
        ),
        "{event:?}"
    );
    assert_eq!(asked.seen.load(Ordering::SeqCst), 0);

    incoming.accept().unwrap();
    let event = next(&server).await;
    let Event::MessageReceived { message, .. } = event else {
        panic!("{event:?}")
    };
    assert_eq!(message.number, 1);
    server.send(connection, Parcel::new(3, 0)).unwrap();
    let mut bytes = [0; 6];
    client.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes.to_vec(), Parcel::new(3, 0).bytes());
}

#[tokio::test]
async fn a_refused_connection_is_closed_and_never_heard_of_again() {
    let server = connector(Limits::default());
    let endpoint = server.listen("127.0.0.1:0").await.unwrap();
    for how in 0..3 {
        let mut client = endpoint.connect().await.unwrap();
        let incoming = incoming(&server).await;
        let connection = incoming.connection();
        match how {
            0 => incoming.refuse(),
            1 => drop(incoming),
            _ => {
                assert!(server.disconnect(connection, Shutdown::FinishQueues, LONG));
                assert_eq!(incoming.accept(), Err(Gone));
            }
        }
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        server.send(connection, Parcel::new(1, 0)).unwrap();
        let event = next(&server).await;
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
    server.shutdown(Shutdown::Now, Duration::ZERO);
    assert!(server.recv().await.is_none());
}

#[tokio::test]
async fn one_that_nobody_accepts_is_closed_in_time() {
    let server = connector(Limits {
        accept: Duration::from_millis(1),
        ..Limits::default()
    });
    let endpoint = server.listen("127.0.0.1:0").await.unwrap();
    let mut client = endpoint.connect().await.unwrap();
    let incoming = incoming(&server).await;
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    assert!(incoming.accept_separately().is_err());
}

#[tokio::test]
async fn while_too_many_wait_to_be_accepted_no_other_is_announced() {
    let server = connector(Limits {
        unaccepted: 2,
        ..Limits::default()
    });
    let endpoint = server.listen("127.0.0.1:0").await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(endpoint.connect().await.unwrap());
    }
    let first = incoming(&server).await;
    let _second = incoming(&server).await;
    // It is not there however often others have their turn, and then it is.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(timeout(Duration::ZERO, server.recv()).await.is_err());
    first.accept().unwrap();
    let _third = incoming(&server).await;
}

#[tokio::test]
async fn at_the_bound_of_connections_remote_ones_wait_for_a_place() {
    let server = connector(Limits {
        connections: 1,
        ..Limits::default()
    });
    let endpoint = server.listen("127.0.0.1:0").await.unwrap();
    let first_client = endpoint.connect().await.unwrap();
    let mut second_client = endpoint.connect().await.unwrap();
    incoming(&server).await.accept().unwrap();
    drop(first_client);
    assert!(matches!(next(&server).await, Event::RemoteDisconnect { .. }));
    incoming(&server).await.accept().unwrap();
    second_client.write_all(&Parcel::new(1, 0).bytes()).await.unwrap();
    assert!(matches!(next(&server).await, Event::MessageReceived { .. }));
}

#[tokio::test]
async fn an_accepted_connection_can_have_a_queue_of_its_own() {
    let server = connector(Limits::default());
    let endpoint = server.listen("127.0.0.1:0").await.unwrap();
    let client = connector(Limits::default());
    let (one, two) = (
        client.connect(endpoint.clone()).unwrap(),
        client.connect(endpoint).unwrap(),
    );
    let mut separate = incoming(&server).await.accept_separately().unwrap();
    let shared = incoming(&server).await;
    let shared_connection = shared.connection();
    shared.accept().unwrap();
    for connection in [one, two] {
        client.send(connection, Parcel::new(1, 0)).unwrap();
        client.disconnect(connection, Shutdown::FinishQueues, LONG);
    }
    for end in [false, true] {
        let theirs = timeout(PATIENCE, separate.recv()).await.unwrap().unwrap();
        let others = next(&server).await;
        assert_eq!(
            (theirs.connection(), others.connection()),
            (separate.connection(), shared_connection)
        );
        for event in [theirs, others] {
            assert_eq!(matches!(event, Event::RemoteDisconnect { .. }), end, "{event:?}");
        }
    }
    assert!(separate.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn events_keep_their_order_when_they_are_taken_apart_and_merged() {
    let connector = connector(Limits::default());
    let pipe = Pipe::default();
    let connection = adopted(&connector, &pipe).await;
    let feed = |number| pipe.feed(&Parcel::new(number, 0).bytes());
    let number = |event: Event<Parcel>| match event {
        Event::MessageReceived { message, .. } => message.number,
        event => panic!("{event:?}"),
    };
    (1..=3).for_each(feed);
    settle().await;
    assert_eq!(number(next(&connector).await), 1);
    let mut separate = connector.separate(connection).unwrap();
    assert!(connector.separate(connection).is_none(), "they are apart already");
    (4..=6).for_each(feed);
    settle().await;
    assert!(timeout(Duration::ZERO, connector.recv()).await.is_err());
    assert_eq!(number(separate.recv().await.unwrap()), 2);
    separate.merge();
    (7..=8).for_each(feed);
    for expected in 3..=8 {
        assert_eq!(number(next(&connector).await), expected);
    }
    // And again, by letting go of it.
    let separate = connector.separate(connection).unwrap();
    pipe.end();
    settle().await;
    drop(separate);
    assert!(matches!(next(&connector).await, Event::RemoteDisconnect { .. }));
    assert!(connector.separate(connection).is_none(), "there is nothing to come");
}

#[tokio::test]
async fn several_tasks_take_events_and_each_goes_to_one() {
    let connector = connector(Limits::default());
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let connector = connector.clone();
            tokio::spawn(async move {
                let mut received = Vec::new();
                while let Some(event) = connector.recv().await {
                    if let Event::MessageReceived { message, .. } = event {
                        received.push(message.number);
                    }
                    tokio::task::yield_now().await;
                }
                received
            })
        })
        .collect();
    for pipe in 0..10 {
        let stream = Pipe::default();
        (0..100).for_each(|number| stream.feed(&Parcel::new(pipe * 100 + number, 0).bytes()));
        stream.end();
        connector.adopt(stream.stream()).unwrap();
    }
    // What has come is received before they end.
    connector.shutdown(Shutdown::FinishQueues, Duration::from_secs(5));
    let mut all = Vec::new();
    for taker in takers {
        all.extend(
            timeout(PATIENCE, taker)
                .await
                .expect("the end is heard by all")
                .unwrap(),
        );
    }
    all.sort_unstable();
    assert_eq!(all, (0..1000).collect::<Vec<_>>());
}
