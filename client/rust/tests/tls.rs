//! Clients over TLS, to servers behind something that speaks it.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Number, Way, assert_empty, state, within};
use rcgen::{CertificateParams, KeyPair};
use switchboard::wire::connection::Endpoint;
use switchboard::wire::connection::tls::{ClientTls, ServerTls};
use switchboard_client::{AddressError, Client, Ended, State};

/// A certificate for localhost that vouches for itself, in a file of its own, with its key.
struct Certificate(PathBuf);

impl Certificate {
    fn new() -> Self {
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let name = format!("switchboard-client-{}-{number}.pem", std::process::id());
        let params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, certificate.pem() + &key.serialize_pem()).unwrap();
        Self(file)
    }

    fn believed(&self) -> ClientTls {
        ClientTls::from_pem_file(&self.0).unwrap()
    }

    /// Speaks TLS in front of this address; gives back where.
    async fn in_front_of(&self, address: &str) -> String {
        let tls = ServerTls::from_pem_files(&self.0, &self.0).unwrap().alpn(&["http/1.1"]);
        let listener = Endpoint::from("127.0.0.1:0").bind().await.unwrap();
        let Endpoint::Tcp(at) = listener.endpoint().clone() else {
            unreachable!("it is bound to TCP");
        };
        let behind = Endpoint::from(address);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, behind) = (tls.clone(), behind.clone());
                tokio::spawn(async move {
                    let mut stream = tls.accept(stream).await?;
                    let mut server = behind.connect().await?;
                    tokio::io::copy_bidirectional(&mut stream, &mut server).await
                });
            }
        });
        at.rsplit_once(':').unwrap().1.to_owned()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn websockets_and_lines_are_spoken_over_tls_with_servers_that_are_believed() {
    let certificate = Certificate::new();
    for (way, scheme) in [(Way::WebSocket, "wss"), (Way::Lines, "tls")] {
        let (server, _) = way.start().await;
        let common::Reached::Sockets(running) = &server else {
            unreachable!("it has sockets");
        };
        let port = certificate.in_front_of(&running.endpoints()[0].to_string()).await;
        for host in ["localhost", "127.0.0.1"] {
            let client = Client::builder(&format!("{scheme}://{host}:{port}")).tls(certificate.believed());
            let client = client.connect().unwrap();
            let mut heard = client.on("said/*").unwrap();
            for n in 0..100 {
                assert_eq!(
                    within(client.request::<u64>("double", &Number { n })).await.unwrap(),
                    n * 2
                );
            }
            let long = "x".repeat(50_000);
            within(client.request::<()>("say", &long)).await.unwrap();
            assert_eq!(
                within(heard.next()).await.unwrap().unwrap().decode::<String>().unwrap(),
                long
            );
            assert_empty(&client);
            client.close();
            assert!(matches!(within(client.closed()).await, Ended::Ours));
        }
        // Somebody else vouches for it, or it is somebody else.
        let stranger = Certificate::new();
        let client = Client::builder(&format!("{scheme}://localhost:{port}")).tls(stranger.believed());
        let client = client.connect().unwrap();
        let State::Waiting {
            why: Ended::Unreachable(error),
            ..
        } = state(&client, |state| matches!(state, State::Waiting { .. })).await
        else {
            panic!("it is not believed");
        };
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

#[tokio::test]
async fn who_is_to_be_believed_has_to_be_said_and_is_of_no_use_without_tls() {
    for address in ["wss://localhost", "tls://localhost:1"] {
        assert_eq!(Client::connect(address).unwrap_err(), AddressError::NobodyBelieved);
    }
    let certificate = Certificate::new();
    for address in ["ws://localhost", "tcp://localhost:1", "unix:/tmp/a"] {
        let builder = Client::builder(address).tls(certificate.believed());
        assert_eq!(builder.connect().unwrap_err(), AddressError::PlainAddress);
    }
}
