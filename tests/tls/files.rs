//! Files that cannot be used, and what is said of each.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use switchboard::Tls;
use switchboard::prelude::*;
use switchboard::wire::connection::tls::{ClientTls, ServerTls, TlsError, Validity};

use super::certificates::{Chain, Pair};
use super::{Certificates, connect, routes, start};

/// What a server says of these two.
fn refusal(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> String {
    let listener = Listener::from("127.0.0.1:0").tls(Tls::from_pem_files(certificates, key));
    let server = Server::empty().routes(routes()).listen(listener);
    server.check().unwrap_err().to_string()
}

/// A sentence about files, with a folder in place of `{}`.
fn about(folder: &Path, sentence: &str) -> String {
    sentence.replace("{}", &folder.display().to_string())
}

#[test]
fn each_pair_that_cannot_be_used_is_told_with_the_file_and_the_remedy() {
    let files = Certificates::new();
    let pem = |label: &str, text: &str| format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n");
    files.write("empty.pem", "");
    files.write("garbled.pem", pem("CERTIFICATE", "?!"));
    files.write("cut.pem", &files.read("cert.pem")[..200]);
    files.write("none.pem", pem("CERTIFICATE", "AAAA"));
    files.write("odd_key.pem", pem("PRIVATE KEY", "AAAA"));
    files.write("encrypted.pem", pem("ENCRYPTED PRIVATE KEY", "AAAA"));
    files.write(
        "old_encrypted.pem",
        pem(
            "RSA PRIVATE KEY",
            "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA",
        ),
    );
    files.write("wrong_order.pem", files.read("ca.pem") + &files.read("cert.pem"));
    files.write("other_key.pem", Pair::new(|_| {}).key);
    std::fs::create_dir(files.path("folder")).unwrap();
    for (certificates, key, expected) in [
        (
            "missing.pem",
            "key.pem",
            "cannot read {}/missing.pem: No such file or directory (os error 2); check the path, which is taken from where \
             the program is started",
        ),
        (
            "missing.pem",
            "gone.pem",
            "cannot read {}/missing.pem: No such file or directory (os error 2); check the path, which is taken from where \
             the program is started\n\
             cannot read {}/gone.pem: No such file or directory (os error 2); check the path, which is taken from where \
             the program is started",
        ),
        (
            "cert.pem",
            "folder",
            "cannot read {}/folder: Is a directory (os error 21); give a PEM file",
        ),
        (
            "empty.pem",
            "key.pem",
            "there is no certificate in {}/empty.pem: give the file that has -----BEGIN CERTIFICATE-----",
        ),
        (
            "cert.pem",
            "cert.pem",
            "there is no private key in {}/cert.pem: give the file that has -----BEGIN PRIVATE KEY-----",
        ),
        (
            "key.pem",
            "key.pem",
            "there is no certificate in {}/key.pem: give the file that has -----BEGIN CERTIFICATE-----",
        ),
        (
            "key.pem",
            "cert.pem",
            "{}/key.pem holds a private key and {}/cert.pem a certificate: the two are swapped, the certificates come first",
        ),
        (
            "garbled.pem",
            "key.pem",
            "{}/garbled.pem is no proper PEM file: what is between the lines is no base64; get it anew, from -----BEGIN to \
             -----END",
        ),
        (
            "cut.pem",
            "key.pem",
            "{}/cut.pem is no proper PEM file: a section has no end; get it anew, from -----BEGIN to -----END",
        ),
        (
            "none.pem",
            "key.pem",
            "certificate 1 in {}/none.pem cannot be read: BadEncoding; get it anew from who issued it",
        ),
        (
            "cert.pem",
            "odd_key.pem",
            "the private key in {}/odd_key.pem cannot be used: failed to parse private key as RSA, ECDSA, or EdDSA; RSA \
             with 2048 to 4096 bits, ECDSA on P-256 or P-384, and Ed25519 can",
        ),
        (
            "cert.pem",
            "encrypted.pem",
            "the private key in {}/encrypted.pem is encrypted, and a server cannot be asked for its password; decrypt it \
             with `openssl pkey -in {}/encrypted.pem -out plain.pem` and let only the server's user read the result",
        ),
        (
            "cert.pem",
            "old_encrypted.pem",
            "the private key in {}/old_encrypted.pem is encrypted, and a server cannot be asked for its password; decrypt \
             it with `openssl pkey -in {}/old_encrypted.pem -out plain.pem` and let only the server's user read the result",
        ),
        (
            "cert.pem",
            "other_key.pem",
            "the private key in {}/other_key.pem does not belong to the certificate in {}/cert.pem: give two files that \
             were made together",
        ),
        (
            "wrong_order.pem",
            "key.pem",
            "the private key in {}/key.pem belongs to certificate 2 in {}/wrong_order.pem: put that one first, and behind \
             it the ones that vouch for it",
        ),
    ] {
        let said = refusal(files.path(certificates), files.path(key));
        assert_eq!(said, about(files.folder(), expected));
    }
}

#[test]
fn a_file_that_may_not_be_read_is_told_with_who_has_to_be_let() {
    // Tests are run as root, too, whom nothing is forbidden.
    let error = TlsError::Read {
        file: "key.pem".into(),
        source: std::io::ErrorKind::PermissionDenied.into(),
    };
    assert_eq!(
        error.to_string(),
        "cannot read key.pem: permission denied; let the user that the program runs as read it"
    );
}

#[test]
fn it_is_told_with_everything_else_that_is_wrong() {
    let missing = || Listener::from("127.0.0.1:0").tls(Tls::from_pem_files("/nowhere/cert.pem", "/nowhere/cert.pem"));
    let server = Server::empty()
        .routes(routes())
        .files("/static", "/nowhere")
        .listen(missing());
    let said = server.check().unwrap_err().to_string();
    assert!(said.contains("there is no folder /nowhere"), "{said}");
    assert!(said.contains("cannot read /nowhere/cert.pem: "), "{said}");
}

#[tokio::test]
async fn a_chain_is_sent_as_a_whole_and_may_lie_with_its_key() {
    let files = Certificates::new();
    let Chain { root, between, pair } = Chain::new();
    files.write("ca.pem", root);
    let both = files.write("both.pem", pair.key + &pair.certificate + &between);
    let listener = Listener::from("127.0.0.1:0").tls(Tls::from_pem_files(&both, &both));
    let server = Server::empty().routes(routes()).listen(listener);
    let running = server.start().await.unwrap();
    // It knows the root alone.
    let mut client = connect(running.address().unwrap(), &files.client()).await;
    assert_eq!(client.request("echo", 1).await.unwrap(), 1);
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_served_with_a_warning() {
    let files = Certificates::new();
    let log = Arc::new(File::create(files.path("log")).unwrap());
    let subscriber = tracing_subscriber::fmt().with_writer(log).with_ansi(false);
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let validity = |years: (i32, i32)| {
        let pair = Pair::new(|params| {
            params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
            params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        });
        files.write("cert.pem", pair.certificate);
        files.write("key.pem", pair.key);
        ServerTls::from_pem_files(files.path("cert.pem"), files.path("key.pem"))
            .unwrap()
            .validity()
    };
    assert_eq!(validity((2020, 2300)), Validity::Current);
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    assert!(matches!(validity((2299, 2300)), Validity::NotYet(until) if until > year));
    let (running, _) = start(&files, Limits::default()).await;
    assert!(matches!(validity((2020, 2021)), Validity::Expired(since) if since > year));
    running.reload_tls().unwrap();

    let log = files.read("log");
    let warnings: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    let [early, late] = warnings[..] else { panic!("{log}") };
    assert!(early.contains("the TLS certificate is valid only in "), "{early}");
    assert!(
        late.contains("the TLS certificate expired ") && late.contains("cert.pem"),
        "{late}"
    );
}

#[test]
fn roots_that_cannot_be_used_are_told_too() {
    let files = Certificates::new();
    let error = ClientTls::from_pem_file(files.path("key.pem")).unwrap_err().to_string();
    assert_eq!(
        error,
        about(
            files.folder(),
            "there is no certificate in {}/key.pem: give the file that has -----BEGIN CERTIFICATE-----"
        )
    );
}
