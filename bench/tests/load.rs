//! The load generator against servers, for a moment each: that it works, not how fast anything is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::Value;
use switchboard_bench::frame::{TEXT, push_unmasked_header};

/// A server in a process of its own, which ends with this.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, address }
    }

    fn ours() -> Self {
        Self::start(env!("CARGO_BIN_EXE_ours"), &["--routes", "10"])
    }

    fn limit(mode: &str) -> Self {
        Self::start(env!("CARGO_BIN_EXE_limit"), &["--mode", mode])
    }

    /// What the generator says of it, and that the server ends with its input.
    fn put_under(mut self, work: &str) -> Value {
        let out = load(work, &self.address, self.child.id());
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        let error = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{work}: {error}");
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert!(report["messages"].as_u64() > Some(0), "{report}");
        assert!(report["server_cpu_seconds"].as_f64() > Some(0.0), "{report}");
        report
    }
}

fn load(work: &str, address: &str, pid: u32) -> Output {
    Command::new(env!("CARGO_BIN_EXE_load"))
        .args(work.split(' '))
        .args(["--server", address, "--pid", &pid.to_string()])
        .args(["--warmup", "0.1", "--seconds", "0.2"])
        .output()
        .unwrap()
}

#[test]
fn requests_are_answered() {
    for work in ["echo --clients 4", "echo --clients 4 --in-flight 16 --size 1024"] {
        assert_eq!(Server::ours().put_under(work)["work"], "echo");
    }
    for work in ["echo --clients 4 --in-flight 16", "echo --clients 2 --size 70000"] {
        let report = Server::limit("echo").put_under(work);
        let latency = &report["latency_microseconds"];
        assert!(latency["p50"].as_f64() <= latency["p99"].as_f64(), "{report}");
    }
}

#[test]
fn publications_reach_everybody() {
    for work in ["fanout --subscribers 20", "fanout --subscribers 20 --in-flight 16"] {
        assert_eq!(Server::ours().put_under(work)["readers"], 20);
        assert_eq!(Server::limit("fanout").put_under(work)["readers"], 20);
    }
}

#[test]
fn publications_reach_those_who_read() {
    let work = "fanout --subscribers 20 --in-flight 16 --size 60000 --stalled 0.2";
    let report = Server::ours().put_under(work);
    assert_eq!(report["readers"], 16);
    assert!(report["stalled_replaced"].as_u64() > Some(0), "{report}");
}

#[test]
fn lines_reach_rooms() {
    let report = Server::ours().put_under("mailboxes --clients 50 --rooms 7 --in-flight 7");
    assert_eq!(report["counts"], "deliveries");
}

#[test]
fn clients_idle() {
    let report = Server::ours().put_under("idle --clients 200 --processes 2");
    assert_eq!(report["messages"], 200);
    assert!(report["bytes_per_connection"].as_f64() > Some(0.0), "{report}");
}

#[test]
fn clients_come_and_go() {
    assert_eq!(Server::ours().put_under("churn --clients 4")["counts"], "connections");
    let report = Server::limit("echo").put_under("churn --clients 4 --count 10");
    assert!(report["messages"].as_u64() >= Some(10), "{report}");
}

/// A server that says this to whoever asks for an upgrade, and no more.
fn saying(response: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        stream.write_all(&response).unwrap();
        let _ = stream.read(&mut [0; 1024]);
    });
    address
}

#[test]
fn what_is_refused_or_lost_is_a_failure() {
    const UPGRADED: &str =
        "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let error = |text: &str| {
        let mut bytes = UPGRADED.as_bytes().to_vec();
        push_unmasked_header(&mut bytes, TEXT, text.len());
        bytes.extend(text.as_bytes());
        bytes
    };
    for (response, says) in [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n".to_vec(), "503"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(), "is not upgraded"),
        (UPGRADED.as_bytes().to_vec(), "was closed by the server"),
        (
            error(r#"{"name":"bench/echo","error":{}}"#),
            "something else than it should",
        ),
    ] {
        let address = saying(response).to_string();
        let out = load("echo --clients 1", &address, std::process::id());
        let error = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{error}");
        assert!(error.contains(says), "{says}: {error}");
    }
}
