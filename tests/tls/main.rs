//! TLS on listeners, over real sockets: what is served, who is let in, and certificates that change.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod certificates;
mod files;
mod handshake;
mod hello;
mod lines;
#[cfg(unix)]
#[allow(dead_code, reason = "others need more of it")]
#[path = "../common/process.rs"]
mod process;
mod reload;
mod serving;

use std::net::SocketAddr;
use std::time::Duration;

use certificates::Certificates;
use serde_json::Value;
use switchboard::Running;
use switchboard::prelude::*;
use switchboard::testing::TestClient;
use switchboard::wire::connection::tls::ClientTls;

fn routes() -> Routes {
    Routes::new()
        .route("echo", Controller::silent(|Payload(value): Payload<Value>| value))
        .route("join", Controller::silent(|client: Client| client.join("room")))
        .route(
            "say",
            Controller::send_to_mailbox(|Payload(value): Payload<Value>| value)
                .to("room")
                .except_sender(),
        )
}

/// A server with one listener, over TLS.
async fn start(certificates: &Certificates, limits: Limits) -> (Running, SocketAddr) {
    let listener = Listener::from("127.0.0.1:0").tls(certificates.tls());
    let server = Server::empty().routes(routes()).limits(limits).listen(listener);
    let running = server.page("<p>a page</p>").start().await.unwrap();
    let address = running.address().unwrap();
    (running, address)
}

async fn connect(address: SocketAddr, tls: &ClientTls) -> TestClient {
    TestClient::connect_tls(address, "localhost", tls).await.unwrap()
}

/// Waits for what a server does by itself.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it never is so");
}

const PATIENCE: Duration = Duration::from_secs(30);
