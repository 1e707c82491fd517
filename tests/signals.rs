//! Servers as processes of their own: what they say when they start, and what signals do to them.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "others need more of it")]
#[path = "common/process.rs"]
mod process;

use std::process::Command;
use std::time::Duration;

use process::{Pipe, Process, example};
use switchboard::prelude::*;
use switchboard::testing::TestClient;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_signal_tells_clients_to_come_back_and_ends_the_process_well() {
    for signal in ["TERM", "INT"] {
        let mut server = Process::start(example("chat").args(["--bind", "127.0.0.1:0"]), Pipe::Out);
        let mut client = TestClient::connect(server.address()).await.unwrap();
        let refused = client.request("rooms/lobby/join", ()).await.unwrap_err();
        assert_eq!(refused.code(), "unauthenticated");
        server.signal(signal);
        let (code, reason) = client.closed().await;
        assert_eq!((code.get(), code), (4000, CloseCode::SHUTDOWN), "{signal}: {reason}");
        assert!(code.should_reconnect());
        assert_eq!(server.end().await.code(), Some(0), "{signal}");
    }
}

#[tokio::test]
async fn a_first_signal_waits_for_what_runs_and_a_second_one_does_not() {
    let mut server = Process::start(&mut hanging_server(), Pipe::Err);
    let mut client = TestClient::connect(server.address()).await.unwrap();
    let uid = client.start_request("hang", ()).await;
    assert_eq!(client.expect("started").await, "and never ends");

    server.signal("TERM");
    while TcpStream::connect(server.address()).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    client.expect_silence().await;
    assert!(server.child.try_wait().unwrap().is_none(), "a request still runs");

    server.signal("TERM");
    let (code, reason) = client.closed().await;
    let frames: Vec<_> = client.kept().filter(|frame| frame.uid.as_ref() == Some(&uid)).collect();
    let codes: Vec<_> = frames
        .iter()
        .map(|frame| frame.error.as_ref().map(|error| error.code()))
        .collect();
    assert!(
        codes == [Some("unavailable")] || code == CloseCode::SHUTDOWN,
        "the client can know what became of its request: {frames:?}, {code} {reason}"
    );
    assert_eq!(server.end().await.code(), Some(0));
}

#[tokio::test]
async fn a_hangup_ends_a_server_without_certificates_as_it_does_any_process() {
    // Under `nohup` it ends no process at all.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    if ignored.is_some_and(|ignored| u64::from_str_radix(ignored.trim(), 16).is_ok_and(|bits| bits & 1 == 1)) {
        return;
    }
    let mut server = Process::start(&mut hanging_server(), Pipe::Err);
    server.signal("HUP");
    let status = server.end().await;
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(1),
        "{status}"
    );
}

#[tokio::test]
async fn without_a_log_the_table_and_the_address_go_to_standard_error() {
    let mut server = Process::start(example("autobahn").args(["--bind", "127.0.0.1:0"]), Pipe::Err);
    let table: Vec<Vec<&str>> = server
        .said
        .iter()
        .filter(|line| line.starts_with("public "))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let [[_, "echo", "silent", "autobahn::echo", place]] = table.iter().map(Vec::as_slice).collect::<Vec<_>>()[..]
    else {
        panic!("{:#?}", server.said);
    };
    assert!(place.starts_with("examples/autobahn.rs:"), "{place}");
    assert!(
        server
            .said
            .last()
            .unwrap()
            .starts_with("listening on http://127.0.0.1:")
    );
    assert!(TcpStream::connect(server.address()).await.is_ok());
    server.signal("TERM");
    server.end().await;
}

#[test]
fn the_examples_listen_on_port_8000_of_loopback_unless_told_otherwise() {
    for name in ["chat", "mixer"] {
        let output = example(name).arg("--help").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let bind = help.split_once("--bind").map(|(_, rest)| rest).unwrap_or_default();
        assert!(bind.contains("[default: 127.0.0.1:8000]"), "{name}: {help}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_and_the_process_fails() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = example("chat").args(["--bind", &address]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&format!("cannot listen on {address}: ")), "{error}");
    assert_eq!(output.status.code(), Some(1));
}

/// The server of the tests above: nothing to test here, so that the harness passes it by.
#[tokio::test]
async fn serve_for_another_test() {
    if std::env::var_os(SERVE).is_none() {
        return;
    }
    let hang = |client: Client| async move {
        client.send("started", "and never ends")?;
        std::future::pending::<Result<(), Error>>().await
    };
    let server = Server::empty().routes(Routes::new().route("hang", Controller::silent(hang).timeout(FOREVER)));
    server.shutdown_deadline(FOREVER).serve("127.0.0.1:0").await.unwrap();
}

fn hanging_server() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "serve_for_another_test", "--nocapture"])
        .env(SERVE, "1");
    command
}

const SERVE: &str = "SWITCHBOARD_TEST_SERVER";
/// Longer than a test has patience for.
const FOREVER: Duration = Duration::from_secs(3600);
