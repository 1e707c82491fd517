//! Certificates that change while the server runs.

use std::net::SocketAddr;

use switchboard::prelude::*;
use switchboard::testing::TestClient;
use switchboard::wire::connection::tls::rustls;

use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::{TLS12, TLS13};

use super::hello::Hello;
use super::{Certificates, connect, start};

fn certificate(certificates: &Certificates) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(certificates.path("cert.pem")).unwrap()
}

/// The certificate that a client sees who believes the authority of now.
async fn seen(address: SocketAddr, certificates: &Certificates) -> Result<CertificateDer<'static>, String> {
    let hello = Hello::new(&certificates.path("ca.pem"), &[&TLS13], &["http/1.1"]);
    let seen = hello.say(address).await?;
    assert_eq!(seen.protocol.as_deref(), Some("http/1.1"));
    Ok(seen.certificate)
}

#[tokio::test]
async fn who_connects_after_a_reload_sees_the_new_certificate_and_who_is_connected_stays() {
    let certificates = Certificates::new();
    let (running, address) = start(&certificates, Limits::default()).await;
    let before = certificates.client();
    let mut connected = connect(address, &before).await;
    let old = certificate(&certificates);
    assert_eq!(seen(address, &certificates).await.unwrap(), old);
    let returning = [&TLS12, &TLS13].map(|version| Hello::new(&certificates.path("ca.pem"), &[version], &[]));
    for hello in &returning {
        hello.say(address).await.unwrap();
        assert_eq!(hello.say(address).await.unwrap().kind, HandshakeKind::Resumed);
    }

    certificates.renew();
    let new = certificate(&certificates);
    assert_ne!(new, old);
    running.reload_tls().unwrap();
    assert_eq!(seen(address, &certificates).await.unwrap(), new);
    let mut late = connect(address, &certificates.client()).await;
    assert!(TestClient::connect_tls(address, "localhost", &before).await.is_err());
    for hello in &returning {
        assert!(
            hello.say(address).await.is_err(),
            "who comes back has to believe the new certificate, too"
        );
    }

    connected.request("join", ()).await.unwrap();
    late.send("say", "to who was there before").await;
    assert_eq!(connected.expect("say").await, "to who was there before");
    assert_eq!(connected.close().await.0, CloseCode::NORMAL);
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_leaves_the_old_one_where_it_is() {
    let certificates = Certificates::new();
    let (running, address) = start(&certificates, Limits::default()).await;
    let (tls, old, key) = (
        certificates.client(),
        certificate(&certificates),
        certificates.read("key.pem"),
    );
    let other = Certificates::new();
    for broken in ["", "rubbish", &other.read("key.pem")] {
        certificates.write("key.pem", broken);
        let error = running.reload_tls().unwrap_err().to_string();
        assert!(
            error.contains(&certificates.path("key.pem").display().to_string()),
            "{error}"
        );
        let mut client = connect(address, &tls).await;
        assert_eq!(client.request("echo", 1).await.unwrap(), 1);
        assert_eq!(seen(address, &certificates).await.unwrap(), old);
    }
    certificates.write("key.pem", key);
    running.reload_tls().unwrap();
}

#[tokio::test]
async fn of_several_listeners_the_good_ones_are_reloaded() {
    let (good, bad) = (Certificates::new(), Certificates::new());
    let running = Server::empty()
        .routes(super::routes())
        .page("<p>")
        .listen(Listener::from("127.0.0.1:0").tls(bad.tls()))
        .listen(Listener::from("127.0.0.1:0").tls(good.tls()))
        .listen("127.0.0.1:0")
        .start()
        .await
        .unwrap();
    good.renew();
    bad.write("cert.pem", "");
    let error = running.reload_tls().unwrap_err().to_string();
    assert!(error.contains("there is no certificate in"), "{error}");
    assert_eq!(seen(running.addresses()[1], &good).await.unwrap(), certificate(&good));
}

#[cfg(unix)]
mod by_signal {
    use std::process::Command;

    use super::super::process::{Pipe, Process};
    use super::super::routes;
    use super::*;

    #[tokio::test]
    async fn a_hangup_reloads_and_drops_nobody() {
        let certificates = Certificates::new();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "reload::by_signal::serve_for_another_test", "--nocapture"])
            .env(FOLDER, certificates.folder());
        let mut server = Process::start(&mut command, Pipe::Err);
        assert!(server.said.last().unwrap().contains("listening on https://127.0.0.1:"));
        let mut connected = connect(server.address(), &certificates.client()).await;

        certificates.renew();
        server.signal("HUP");
        server.line_with("TLS certificates are read anew");
        let mut late = connect(server.address(), &certificates.client()).await;
        assert_eq!(
            seen(server.address(), &certificates).await.unwrap(),
            certificate(&certificates)
        );

        let tls = certificates.client();
        let key = certificates.write("key.pem", "");
        server.signal("HUP");
        let line = server.line_with("TLS certificates cannot be read anew");
        assert!(line.contains(&key.display().to_string()), "{line}");
        let mut later = connect(server.address(), &tls).await;

        for client in [&mut connected, &mut late, &mut later] {
            assert_eq!(client.request("echo", "still here").await.unwrap(), "still here");
        }
        server.signal("TERM");
        for mut client in [connected, late, later] {
            assert_eq!(client.closed().await.0, CloseCode::SHUTDOWN);
        }
        assert_eq!(server.end().await.code(), Some(0));
    }

    /// The server of the test above: nothing to test here, so that the harness passes it by.
    #[tokio::test]
    async fn serve_for_another_test() {
        let Some(folder) = std::env::var_os(FOLDER) else { return };
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .init();
        let folder = std::path::PathBuf::from(folder);
        let tls = switchboard::Tls::from_pem_files(folder.join("cert.pem"), folder.join("key.pem"));
        let server = Server::empty().routes(routes()).page("<p>");
        server.serve(Listener::from("127.0.0.1:0").tls(tls)).await.unwrap();
    }

    const FOLDER: &str = "SWITCHBOARD_TEST_CERTIFICATES";
}
