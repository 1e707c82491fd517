//! How long a message takes through the framework, and a delivery to many. `cargo bench -p switchboard-bench --bench path`
//!
//! Everything goes over real sockets: the server has one thread, which is the one that is timed. Messages are sent 32 at a
//! time, so that few system calls come on each. Those who hear deliveries are in a process of their own and read when they
//! are told to, between the times that count.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use switchboard::{Limits, Mailbox, Running, Sent, Server};
use switchboard_bench::path::{Path, routes};
use switchboard_bench::talk::{self, Talk};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::{spawn_blocking, yield_now};

fn main() {
    if let Ok(told) = env::var(HEARERS) {
        return hear(&told).expect("the server is there to be heard");
    }
    talk::log_warnings();
    let mut criterion = Criterion::default().configure_from_args();
    dispatch(&mut criterion);
    delivery(&mut criterion);
    criterion.final_summary();
}

/// From a read to the answer: one controller, two and ten on one route, and an asynchronous one that has its answer ready.
fn dispatch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dispatch");
    group.throughput(Throughput::Elements(1));
    for (label, name) in [("1", "echo"), ("2", "two"), ("10", "ten"), ("async", "async")] {
        let path = Path::of_name(name).expect("there is such a path").with_batch(BATCH);
        let mut begun = None;
        group.bench_function(label, |bencher| {
            let (runtime, talk) = begun.get_or_insert_with(|| {
                let runtime = runtime();
                let talk = runtime.block_on(Talk::begin(path)).expect("the path can be gone");
                (runtime, talk)
            });
            bencher.iter_custom(|messages| {
                let batches = messages.div_ceil(BATCH as u64);
                let began = Instant::now();
                runtime.block_on(async {
                    for _ in 0..batches {
                        talk.exchange().await.expect("the answers are as before");
                    }
                });
                began
                    .elapsed()
                    .mul_f64(messages as f64 / (batches * BATCH as u64) as f64)
            });
        });
    }
}

/// From a call of the switchboard to the last of the writes that it makes.
fn delivery(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("delivery");
    for outboxes in [1, 1_000, 10_000] {
        if !can_hold(outboxes) {
            println!("delivery to {outboxes}: left out, as the system does not let a process have so many connections");
            continue;
        }
        group.throughput(Throughput::Elements(outboxes as u64));
        group.sample_size(if outboxes > 1 { 20 } else { 100 });
        let mut rig = None;
        for to in [To::Everybody, To::Mailbox] {
            let label = match to {
                To::Everybody => "send_all",
                To::Mailbox => "send_to_mailbox",
            };
            group.bench_function(BenchmarkId::new(label, outboxes), |bencher| {
                let rig = rig.get_or_insert_with(|| Rig::start(outboxes));
                bencher.iter_custom(|deliveries| rig.deliver(to, deliveries));
            });
        }
    }
}

/// A server, and those who hear it.
struct Rig {
    runtime: Runtime,
    server: Running,
    hearers: Hearers,
    outboxes: usize,
}

#[derive(Clone, Copy)]
enum To {
    Everybody,
    Mailbox,
}

#[derive(Clone, Serialize)]
struct Line {
    text: &'static str,
}

impl Rig {
    /// Starts all, and lets everybody hold the mailbox.
    fn start(outboxes: usize) -> Self {
        let limits = Limits {
            connections: usize::MAX >> 8,
            connections_per_address: usize::MAX >> 8,
            heartbeat: LONG,
            idle: LONG,
            ..Limits::default()
        };
        let runtime = runtime();
        let (server, hearers) = runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            let server = Server::empty().routes(routes()).limits(limits).listen(listener);
            let server = server.start().await.expect("the server can start");
            let hearers = spawn_blocking(move || Hearers::start(address, outboxes));
            let hearers = hearers.await.expect("it does not panic");
            for client in server.switchboard().clients().await {
                client.join(ROOM).expect("this is a name");
            }
            let holders = server.switchboard().count_holders(&Mailbox::new(ROOM)).await;
            assert_eq!(holders, outboxes, "everybody is there");
            (server, hearers)
        });
        Self {
            runtime,
            server,
            hearers,
            outboxes,
        }
    }

    /// The time that so many deliveries take, without that to hear them.
    fn deliver(&mut self, to: To, deliveries: u64) -> Duration {
        let board = self.server.switchboard();
        let line = Line { text: "xxxx" };
        let (said, frame) = match to {
            To::Everybody => ("bench/news", r#"{"name":"bench/news","payload":{"text":"xxxx"}}"#),
            To::Mailbox => (
                "bench/say",
                r#"{"name":"bench/say","mailbox":"rooms/lobby","payload":{"text":"xxxx"}}"#,
            ),
        };
        let mut took = Duration::ZERO;
        let mut left = deliveries;
        while left > 0 {
            let now = left.min(UNHEARD);
            let began = Instant::now();
            self.runtime.block_on(async {
                for _ in 0..now {
                    let sent = match to {
                        To::Everybody => board.send_all(said, &line),
                        To::Mailbox => board.send_to_mailbox(ROOM, said, &line),
                    };
                    let all = Sent {
                        delivered: self.outboxes as u32,
                        dropped: 0,
                    };
                    assert_eq!(sent.expect("it can be sent"), all);
                    // A large fan-out is written in batches, between which others run.
                    for _ in 0..self.outboxes / LEAST_BATCH {
                        yield_now().await;
                    }
                }
            });
            took += began.elapsed();
            // The runtime stands still, so that what was not written by now is missed.
            self.hearers.hear(now as usize * (HEADER + frame.len()));
            left -= now;
        }
        took
    }
}

/// The process of those who hear.
struct Hearers {
    child: Child,
    tell: Option<ChildStdin>,
    told: BufReader<ChildStdout>,
}

impl Hearers {
    fn start(server: SocketAddr, count: usize) -> Self {
        let mut child = Command::new(env::current_exe().expect("this is a program"))
            .env(HEARERS, format!("{server} {count}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let tell = child.stdin.take();
        let told = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut hearers = Self { child, tell, told };
        hearers.wait();
        hearers
    }

    /// Lets everybody read so many bytes.
    fn hear(&mut self, bytes: usize) {
        let tell = self.tell.as_mut().expect("it is taken at the end only");
        writeln!(tell, "{bytes}").expect("the hearers are there");
        self.wait();
    }

    fn wait(&mut self) {
        let mut line = String::new();
        self.told.read_line(&mut line).expect("the hearers are there");
        assert_eq!(line, "done\n", "everybody hears everything");
    }
}

impl Drop for Hearers {
    fn drop(&mut self) {
        // It ends with its standard input.
        self.tell = None;
        let _ = self.child.wait();
    }
}

/// Connects to the server, and reads so many bytes on every connection as often as a line says how many.
fn hear(told: &str) -> io::Result<()> {
    let (server, count) = told.split_once(' ').expect("an address and a count");
    let count: usize = count.parse().expect("a count");
    let mut streams = (0..count).map(|_| connect(server)).collect::<io::Result<Vec<_>>>()?;
    println!("done");
    let mut buffer = Vec::new();
    for line in io::stdin().lines() {
        buffer.resize(line?.parse().expect("a count"), 0);
        for stream in &mut streams {
            stream.read_exact(&mut buffer)?;
        }
        println!("done");
    }
    Ok(())
}

fn connect(server: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!(
        "GET /switchboard HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        response.extend(byte);
    }
    assert!(response.starts_with(b"HTTP/1.1 101 "), "it is upgraded");
    Ok(stream)
}

/// Whether this process may have as many connections and some files more, once it has asked for all that it can get.
fn can_hold(connections: usize) -> bool {
    let most = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: most,
        maximum: most,
    };
    let is_raised = setrlimit(Resource::Nofile, limit).is_ok();
    is_raised && most.is_none_or(|most| most >= connections as u64 + 100)
}

fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("the system gives a runtime")
}

/// Tells the process of those who hear what it is: the server's address and how many they are.
const HEARERS: &str = "SWITCHBOARD_BENCH_HEARERS";
const ROOM: &str = "rooms/lobby";
/// Messages that are sent at once.
const BATCH: usize = 32;
/// Deliveries that can lie in every connection before somebody reads.
const UNHEARD: u64 = 32;
/// Recipients that are written to, at least, before others run.
const LEAST_BATCH: usize = 64;
/// Bytes of a short frame's header.
const HEADER: usize = 2;
/// Longer than any benchmark takes.
const LONG: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(30);
