use super::*;

fn mounted(limits: Limits) -> (Router, Arc<TestHost>, Arc<Door>, mpsc::UnboundedReceiver<Opened>) {
    let (host, opened) = TestHost::new();
    let http = HttpConfig::default();
    let door = Door::of(Arc::<TestHost>::clone(&host), Arc::new(limits), &http);
    let ours = router(&door, &http, &"public".into(), Encodings::Native).expect("the configuration is good");
    let theirs = Router::new().route("/", axum::routing::get(async || "their page"));
    (theirs.merge(ours), host, door, opened)
}

#[tokio::test]
async fn beside_an_applications_own_routes() {
    let (app, _host, door, mut opened) = mounted(Limits::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let mut peer = Peer::new(TcpStream::connect(address).await.expect("somebody listens"));
    let local = peer.0.get_ref().local_addr().expect("is connected");
    peer.send(get("/")).await;
    assert_eq!(peer.answer().await.body, "their page");
    peer.send(get("/switchboard.js")).await;
    assert_eq!(peer.answer().await.status, 200);
    peer.send(opening(&[]) + "early").await;
    assert_eq!(peer.answer().await.status, 101);

    let session = opened.recv().await.expect("a session");
    assert!(
        matches!(session.stream, Stream::Tcp(_)),
        "the socket is taken back from axum's server"
    );
    assert_eq!(session.early, "early");
    assert_eq!(session.hello.address, Some(local));
    assert_eq!(door.taken(), (1, 1));
    drop(session);
    assert_eq!(door.taken(), (0, 0));
}

#[tokio::test]
async fn over_a_stream_that_cannot_be_taken_back() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let (app, host, door, mut opened) = mounted(limits);
    let connect = || {
        let (ours, theirs) = duplex(1024);
        let service = hyper_util::service::TowerToHyperService::new(app.clone());
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(hyper_util::rt::TokioIo::new(ours), service)
            .with_upgrades();
        tokio::spawn(connection);
        Peer::new(theirs)
    };
    let mut peer = connect();
    peer.send(opening(&[]) + "early").await;
    assert_eq!(peer.answer().await.status, 101);
    let session = opened.recv().await.expect("a session");
    assert!(matches!(session.stream, Stream::Boxed(_)));
    assert_eq!(session.hello.address, None);
    assert_eq!(door.taken(), (1, 0));

    let mut second = connect();
    second.send(opening(&[])).await;
    assert_eq!(second.answer().await.status, 503);
    assert_eq!(host.counters.refused_connections.get(), 1);

    let (mut stream, hello) = (session.stream, session.hello);
    let mut early = [0; 5];
    stream.read_exact(&mut early).await.expect("the peer is there");
    assert_eq!(&early, b"early");
    stream.write_all(b"answer").await.expect("the peer is there");
    drop(stream);
    assert_eq!(peer.rest().await, "answer");
    drop(hello);
    assert_eq!(door.taken(), (0, 0));
}

#[tokio::test]
async fn behind_a_server_that_cannot_upgrade() {
    let (app, host, _door, _opened) = mounted(Limits::default());
    let request = http::Request::builder()
        .uri("/switchboard")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(axum::body::Body::empty())
        .expect("is a request");
    let response = app.oneshot(request).await.expect("is infallible");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(host.counters.refused_handshake.get(), 1);
}
