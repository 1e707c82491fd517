use std::time::Duration;

use super::*;

fn bounded() -> Limits {
    Limits {
        handshake: Duration::from_secs(10),
        idle: Duration::from_secs(60),
        close: Duration::from_secs(5),
        ..Limits::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_come_is_not_waited_for() {
    let (house, pipes) = House::over_pipes(bounded(), &HttpConfig::default());
    let began = tokio::time::Instant::now();
    let mut silent = pipes.connect(1024);
    silent.rest().await;
    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(house.counters().handshake_timeouts.get(), 1);
    assert_eq!(house.door.taken(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_dribbles_in_is_not_waited_for() {
    let (house, pipes) = House::over_pipes(bounded(), &HttpConfig::default());
    let mut slow = pipes.connect(1024);
    let began = tokio::time::Instant::now();
    for byte in opening(&[]).into_bytes() {
        if slow.0.get_mut().write_all(&[byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(13));
    assert_eq!(house.counters().handshake_timeouts.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_asks_nothing_more_is_closed() {
    let (house, pipes) = House::over_pipes(bounded(), &HttpConfig::default());
    let mut peer = pipes.connect(1024);
    peer.send(get("/nothing")).await;
    assert_eq!(peer.answer().await.status, 404);
    assert_eq!(peer.rest().await, "");
    assert_eq!(house.counters().handshake_timeouts.get(), 0);
    assert_eq!(house.door.taken(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_nobody_reads_is_given_up() {
    let mut config = HttpConfig::default();
    config.asset("/big.bin", "application/octet-stream", vec![b'x'; 1 << 20]);
    let (house, pipes) = House::over_pipes(bounded(), &config);
    let mut peer = pipes.connect(64);
    peer.send(get("/big.bin")).await;
    assert!(peer.head().await.contains("200 OK"));
    assert_eq!(house.door.taken(), (1, 1));
    let began = tokio::time::Instant::now();
    while house.door.taken() != (0, 0) && began.elapsed() < bounded().idle * 2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!((60..63).contains(&began.elapsed().as_secs()));
}

#[tokio::test]
async fn what_is_no_http_or_too_much_of_it_is_refused() {
    let house = House::open(bounded(), &HttpConfig::default()).await;
    let mut peer = house.connect().await;
    peer.send(b"\x16\x03\x01 this is TLS\r\n\r\n").await;
    assert_eq!(peer.answer().await.status, 400);
    let mut peer = house.connect().await;
    peer.send(opening(&[&format!("Cookie: {}", "c".repeat(20_000))])).await;
    assert_eq!(peer.answer().await.status, 431);
    while house.counters().refused_handshake.get() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stop_closes_what_is_idle_and_leaves_sessions_alone() {
    let patient = Limits {
        handshake: Duration::from_secs(3_600),
        close: Duration::from_secs(3_600),
        ..bounded()
    };
    let mut house = House::open(patient, &HttpConfig::default()).await;
    let mut silent = house.connect().await;
    let mut idle = house.connect().await;
    idle.send(get("/nothing")).await;
    assert_eq!(idle.answer().await.status, 404);
    let mut open = house.connect().await;
    open.send(opening(&[])).await;
    assert_eq!(open.answer().await.status, 101);
    let mut session = house.session().await.stream;

    house.stop.cancel();
    assert_eq!(within(silent.rest()).await, "");
    assert_eq!(within(idle.rest()).await, "");
    within(house.accepting).await.expect("it does not panic");
    assert!(TcpStream::connect(house.address).await.is_err(), "nobody listens");
    session
        .write_all(b"still here")
        .await
        .expect("the session has its socket");
    drop(session);
    assert_eq!(open.rest().await, "still here");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_request_but_not_for_ever() {
    let mut config = HttpConfig::default();
    let slow = async |seconds| {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        "done"
    };
    config.extra(
        Router::new()
            .route("/slow", axum::routing::get(move || slow(3)))
            .route("/stuck", axum::routing::get(move || slow(3_600))),
    );
    let (house, pipes) = House::over_pipes(bounded(), &config);
    let mut slow = pipes.connect(1024);
    slow.send(get("/slow")).await;
    let mut stuck = pipes.connect(1024);
    stuck.send(get("/stuck")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = tokio::time::Instant::now();
    house.stop.cancel();
    assert_eq!(slow.answer().await.body, "done");
    house.accepting.await.expect("it does not panic");
    assert_eq!(began.elapsed().as_secs(), 5);
    assert_eq!(stuck.rest().await, "");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_fails_is_tried_again() {
    let (house, pipes) = House::over_pipes(bounded(), &HttpConfig::default());
    const EMFILE: i32 = 24;
    for _ in 0..20 {
        pipes.fail(io::Error::from_raw_os_error(EMFILE));
        pipes.fail(io::ErrorKind::ConnectionAborted.into());
    }
    let mut peer = pipes.connect(1024);
    peer.send(get("/nothing")).await;
    assert_eq!(peer.answer().await.status, 404);

    pipes.fail(io::Error::from_raw_os_error(EMFILE));
    house.stop.cancel();
    house.accepting.await.expect("it stops in the middle of a pause, too");
}
