//! Who is let in, and what becomes of who is not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use switchboard::prelude::*;
use switchboard::testing::TestClient;
use switchboard::wire::connection::tls::{ClientTls, rustls};
use switchboard::{Running, Shutdown, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, HandshakeKind};

use super::hello::Hello;
use super::{Certificates, PATIENCE, connect, routes, start, until};

#[tokio::test]
async fn both_versions_that_are_safe_are_spoken() {
    let certificates = Certificates::new();
    let (_running, address) = start(&certificates, Limits::default()).await;
    for version in [&TLS12, &TLS13] {
        let hello = Hello::new(&certificates.path("ca.pem"), &[version], &[]);
        let seen = hello.say(address).await.unwrap();
        assert_eq!(seen.version, version.version);
        assert_eq!(
            seen.certificate,
            CertificateDer::from_pem_file(certificates.path("cert.pem")).unwrap()
        );
        let mut client = connect(address, &ClientTls::from_config(hello.config())).await;
        assert_eq!(client.request("echo", 1).await.unwrap(), 1);
        // Who comes back does not begin anew.
        assert_eq!(hello.say(address).await.unwrap().kind, HandshakeKind::Resumed);
    }
}

#[tokio::test]
async fn any_number_of_clients_can_come_back() {
    let certificates = Certificates::new();
    let (_running, address) = start(&certificates, Limits::default()).await;
    // More than rustls remembers by itself, where it is left to: 256.
    let mut hellos = Vec::new();
    for _ in 0..300 {
        let hello = Hello::new(&certificates.path("ca.pem"), &[&TLS12], &[]);
        hello.say(address).await.unwrap();
        hellos.push(hello);
    }
    assert_eq!(hellos[0].say(address).await.unwrap().kind, HandshakeKind::Resumed);
}

#[tokio::test]
async fn http_1_1_is_agreed_on_and_nothing_else() {
    let certificates = Certificates::new();
    let (running, address) = start(&certificates, Limits::default()).await;
    for (asked, agreed) in [
        (&[][..], Ok(None)),
        (&["http/1.1"], Ok(Some("http/1.1"))),
        (&["h2", "http/1.1"], Ok(Some("http/1.1"))),
        (&["h2"], Err("received fatal alert: NoApplicationProtocol")),
        (&["http/1.0", "h3"], Err("received fatal alert: NoApplicationProtocol")),
    ] {
        for version in [&TLS12, &TLS13] {
            let seen = Hello::new(&certificates.path("ca.pem"), &[version], asked)
                .say(address)
                .await;
            match (seen, agreed) {
                (Ok(seen), Ok(agreed)) => assert_eq!(seen.protocol.as_deref(), agreed, "{asked:?}"),
                (Err(error), Err(expected)) => assert_eq!(error, expected, "{asked:?}"),
                (seen, _) => panic!("{asked:?} over {version:?}: {seen:?}"),
            }
        }
    }
    let switchboard = running.switchboard();
    until(|| switchboard.counters().tls_failures.get() == 4).await;
}

#[tokio::test]
async fn a_configuration_of_rustls_serves_with_the_protocol_of_the_listener() {
    let certificates = Certificates::new();
    let chain = vec![CertificateDer::from_pem_file(certificates.path("cert.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificates.path("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let listener = Listener::from("127.0.0.1:0").tls(Tls::from_config(Arc::new(config)));
    let server = Server::empty().routes(routes()).page("<p>").listen(listener);
    let running = server.start().await.unwrap();
    let hello = Hello::new(&certificates.path("ca.pem"), &[&TLS13], &["h2", "http/1.1"]);
    let seen = hello.say(running.address().unwrap()).await.unwrap();
    assert_eq!(seen.protocol.as_deref(), Some("http/1.1"));
    running.reload_tls().unwrap();
}

/// A server with a place for one, where hands are shaken quickly.
async fn hasty(certificates: &Certificates) -> (Running, SocketAddr) {
    let limits = Limits {
        connections: 1,
        handshake: Duration::from_millis(300),
        ..Limits::default()
    };
    start(certificates, limits).await
}

/// Connects, sends this, and waits for the end.
async fn ended(address: SocketAddr, sent: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    // Whether it is closed or reset does not matter to who is sent away.
    let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer))
        .await
        .unwrap();
    answer
}

/// Waits until there is a place again.
async fn served(address: SocketAddr, certificates: &Certificates) {
    let tls = certificates.client();
    let connecting = async {
        loop {
            if let Ok(client) = TestClient::connect_tls(address, "localhost", &tls).await {
                return client;
            }
        }
    };
    let mut client = tokio::time::timeout(PATIENCE, connecting)
        .await
        .expect("the place is given back");
    assert_eq!(client.request("echo", 1).await.unwrap(), 1);
}

#[tokio::test]
async fn who_says_nothing_or_only_half_is_closed_in_time() {
    let certificates = Certificates::new();
    let hello = Hello::new(&certificates.path("ca.pem"), &[&TLS12, &TLS13], &[]);
    let mut connection = ClientConnection::new(hello.config(), "localhost".try_into().unwrap()).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    for sent in [&[], &hello[..1], &hello[..hello.len() / 2], &hello[..]] {
        let (running, address) = hasty(&certificates).await;
        let answer = ended(address, sent).await;
        // To a whole greeting there is an answer, after which we say no more.
        assert_eq!(answer.is_empty(), sent.len() < hello.len());
        let switchboard = running.switchboard();
        until(|| switchboard.counters().handshake_timeouts.get() == 1).await;
        served(address, &certificates).await;
        assert_eq!(switchboard.counters().tls_failures.get(), 0);
    }
}

#[tokio::test]
async fn who_sends_rubbish_is_closed_at_once() {
    let certificates = Certificates::new();
    let limits = Limits {
        connections: 1,
        handshake: Duration::from_secs(3600),
        ..Limits::default()
    };
    let (running, address) = start(&certificates, limits).await;
    let no_hello = [&[0x16, 3, 1, 0, 5, 2], &[0xFF; 64][..]].concat();
    for (n, rubbish) in [&[0; 64][..], &[0xFF; 9000], &no_hello, b"{\"name\":\"echo\"}\r\n"]
        .into_iter()
        .enumerate()
    {
        ended(address, rubbish).await;
        let switchboard = running.switchboard();
        until(|| switchboard.counters().tls_failures.get() == n as u64 + 1).await;
        assert_eq!(switchboard.counters().handshake_timeouts.get(), 0);
    }
    served(address, &certificates).await;
}

#[tokio::test]
async fn who_only_looks_whether_somebody_listens_fails_at_nothing() {
    let certificates = Certificates::new();
    let (running, address) = start(&certificates, Limits::default()).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.shutdown().await.unwrap();
    assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
    let switchboard = running.switchboard();
    assert_eq!(switchboard.counters().tls_failures.get(), 0);
    assert_eq!(switchboard.counters().handshake_timeouts.get(), 0);
}

#[tokio::test]
async fn plain_http_is_told_what_is_spoken() {
    let certificates = Certificates::new();
    let (running, address) = start(&certificates, Limits::default()).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut answer = String::new();
    // A connection that is reset may lose its answer on the way.
    socket.read_to_string(&mut answer).await.unwrap();
    drop(socket);
    assert_eq!(
        answer,
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 43\r\n\
         Connection: close\r\n\r\nTLS is spoken here: use https:// or wss://\n"
    );
    let switchboard = running.switchboard();
    until(|| switchboard.counters().tls_failures.get() == 1).await;
}

#[tokio::test]
async fn who_finds_no_place_is_told_over_tls() {
    let certificates = Certificates::new();
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let (running, address) = start(&certificates, limits).await;
    // Hands are not shaken yet, but the place is taken.
    let _first = TcpStream::connect(address).await.unwrap();
    let tls = certificates.client();
    let refused = TestClient::connect_tls(address, "localhost", &tls)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert_eq!(running.switchboard().counters().refused_connections.get(), 1);
}

#[tokio::test]
async fn a_client_that_does_not_believe_the_server_says_so() {
    let (certificates, others) = (Certificates::new(), Certificates::new());
    let (running, address) = start(&certificates, Limits::default()).await;
    let error = TestClient::connect_tls(address, "localhost", &others.client())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    let error = TestClient::connect_tls(address, "example.org", &certificates.client())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
    let error = TestClient::connect_tls(address, "localhost:443", &certificates.client())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"localhost:443\" is no name of a server: give a domain or an IP address, without a port"
    );
    let switchboard = running.switchboard();
    until(|| switchboard.counters().tls_failures.get() == 2).await;
}

#[tokio::test]
async fn a_shutdown_waits_for_no_handshake() {
    let certificates = Certificates::new();
    let limits = Limits {
        handshake: Duration::from_secs(3600),
        close: Duration::from_secs(3600),
        ..Limits::default()
    };
    let (running, address) = start(&certificates, limits).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    // Connections are accepted in order.
    connect(address, &certificates.client()).await.close().await;
    assert!(running.shut_down(Shutdown::FinishQueues, PATIENCE).await);
    assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
}
