//! Lines over TLS.

use std::net::SocketAddr;
use std::time::Duration;

use switchboard::prelude::*;
use switchboard::wire::connection::tls::ClientTls;
use switchboard::wire::connection::{Endpoint, Stream};
use switchboard::{Running, Shutdown};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::{Certificates, routes};

async fn start(certificates: &Certificates) -> (Running, SocketAddr) {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let listener = Listener::lines("127.0.0.1:0").tls(certificates.tls()).limits(limits);
    let running = Server::empty().routes(routes()).listen(listener).start().await.unwrap();
    let address = running.address().unwrap();
    (running, address)
}

async fn connect(address: SocketAddr, tls: &ClientTls) -> BufReader<Stream> {
    let stream = Endpoint::from(address).connect().await.unwrap();
    BufReader::new(tls.connect("localhost", stream).await.unwrap())
}

#[tokio::test]
async fn they_are_answered_until_who_sends_them_has_nothing_more_to_say() {
    let certificates = Certificates::new();
    let (running, address) = start(&certificates).await;
    // No protocol of ALPN is asked for here, so that none is missed.
    let mut peer = connect(address, &certificates.client().alpn(&["h2"])).await;
    peer.write_all(b"{\"name\":\"echo\",\"uid\":1,\"payload\":\"hello\"}\n")
        .await
        .unwrap();
    let mut line = String::new();
    peer.read_line(&mut line).await.unwrap();
    assert_eq!(line, "{\"name\":\"echo\",\"uid\":1,\"payload\":\"hello\"}\r\n");

    // One more than there is a place for.
    let mut refused = String::new();
    let mut late = connect(address, &certificates.client()).await;
    late.read_to_string(&mut refused).await.unwrap();
    assert!(refused.contains(r#""code":"overloaded""#), "{refused}");

    let last = [
        &b"{\"name\":\"echo\",\"uid\":2}\n"[..],
        &b"{\"name\":\"echo\",\"uid\":3}\n"[..],
    ]
    .concat();
    peer.write_all(&last).await.unwrap();
    peer.shutdown().await.unwrap();
    let mut rest = String::new();
    peer.read_to_string(&mut rest).await.expect("the end is not cut off");
    assert!(rest.contains(r#""uid":2"#) && rest.contains(r#""uid":3"#), "{rest}");
    assert_eq!(running.switchboard().counters().tls_failures.get(), 0);
}

#[tokio::test]
async fn a_shutdown_ends_them_in_tls() {
    let certificates = Certificates::new();
    let (running, address) = start(&certificates).await;
    let mut peer = connect(address, &certificates.client()).await;
    peer.write_all(b"{\"name\":\"echo\",\"uid\":1}\n").await.unwrap();
    peer.read_line(&mut String::new()).await.unwrap();
    let shutdown = tokio::spawn(running.shut_down(Shutdown::FinishQueues, Duration::from_secs(20)));
    let mut rest = String::new();
    peer.read_to_string(&mut rest).await.expect("the end is not cut off");
    assert_eq!(rest, "");
    drop(peer);
    assert!(shutdown.await.unwrap());
}
