//! What lies between a client and its server, and does to their frames what networks do, and more.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use switchboard::testing::TestServer;
use switchboard::wire::connection::Stream;
use switchboard::wire::websocket::{
    Decoder, DecoderLimits, Event, Input, Role, encode_close, encode_ping, encode_pong, encode_text,
};
use switchboard::{Server, Shutdown};
use switchboard_client::{CloseCode, Framing};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

use super::random::Random;

/// Where a server is, or was, or will be.
#[derive(Clone)]
pub(crate) struct Place {
    framing: Framing,
    faults: Faults,
    make: Arc<dyn Fn() -> Server + Send + Sync>,
    server: Arc<Mutex<Option<Arc<TestServer>>>>,
}

/// What is done to frames, and what was seen of them.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Shared>);

struct Shared {
    random: Mutex<Random>,
    is_calm: AtomicBool,
    /// How often the client wrote each piece of work.
    written: Mutex<HashMap<u64, usize>>,
    duplicates: Mutex<usize>,
}

/// What becomes of a frame.
enum Fault {
    None,
    Late(u64),
    Twice,
    /// It goes behind the next one.
    Behind,
    /// The connection ends in the middle of it.
    Cut,
    /// Nothing is passed on any more, and nobody is told.
    Swallow,
}

impl Place {
    pub(crate) fn new(framing: Framing, faults: Faults, make: impl Fn() -> Server + Send + Sync + 'static) -> Self {
        let place = Self {
            framing,
            faults,
            make: Arc::new(make),
            server: Arc::default(),
        };
        place.start();
        place
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// A connection to the server that is there now.
    pub(crate) async fn connect(self) -> io::Result<Stream> {
        let server = self.server.lock().unwrap().clone();
        let server = server.ok_or(io::ErrorKind::ConnectionRefused)?;
        let (near, far) = tokio::io::duplex(4096);
        let stream = server.connect_stream(0).await;
        tokio::spawn(between(self.framing, self.faults, far, stream));
        Ok(Stream::new(near))
    }

    /// Stops the server again and again, in one way or another, for some time.
    pub(crate) async fn restart_at_random(self, seed: u64) {
        let mut random = Random::new(seed);
        loop {
            tokio::time::sleep(Duration::from_millis(100 + random.below(900))).await;
            let server = self.server.lock().unwrap().take();
            if let Some(server) = server.and_then(Arc::into_inner) {
                let ways = [Shutdown::Now, Shutdown::FinishMessages, Shutdown::FinishQueues];
                let how = ways[random.below(3) as usize];
                server.shut_down(how, Duration::from_millis(100)).await;
            }
            tokio::time::sleep(Duration::from_millis(random.below(300))).await;
            self.start();
        }
    }

    /// There is a server, and nothing happens to frames any more.
    pub(crate) async fn calm_down(&self) {
        self.faults.0.is_calm.store(true, Ordering::Relaxed);
        let is_there = self.server.lock().unwrap().is_some();
        if !is_there {
            self.start();
        }
    }

    fn start(&self) {
        let server = (self.make)();
        let server = match self.framing {
            Framing::WebSocket => server.listen("127.0.0.1:0"),
            Framing::Lines => server.listen_lines("127.0.0.1:0"),
        };
        *self.server.lock().unwrap() = Some(Arc::new(TestServer::start(server).unwrap()));
    }
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Shared {
            random: Mutex::new(Random::new(seed)),
            is_calm: AtomicBool::new(false),
            written: Mutex::default(),
            duplicates: Mutex::default(),
        }))
    }

    pub(crate) fn assert_nothing_was_sent_twice(&self) {
        for (id, times) in &*self.0.written.lock().unwrap() {
            assert_eq!(*times, 1, "the client sent {id} again");
        }
    }

    pub(crate) fn duplicates(&self) -> usize {
        *self.0.duplicates.lock().unwrap()
    }

    fn next(&self) -> Fault {
        if self.0.is_calm.load(Ordering::Relaxed) {
            return Fault::None;
        }
        let mut random = self.0.random.lock().unwrap();
        match random.below(100) {
            0..20 => Fault::Late(random.below(30)),
            20 => Fault::Late(random.below(2000)),
            21..30 => {
                *self.0.duplicates.lock().unwrap() += 1;
                Fault::Twice
            }
            30..40 => Fault::Behind,
            40..43 => Fault::Cut,
            43 if random.one_in(3) => Fault::Swallow,
            _ => Fault::None,
        }
    }

    fn at(&self, len: usize) -> usize {
        self.0.random.lock().unwrap().below(len as u64) as usize
    }

    /// The client wrote this.
    fn note(&self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        if let Some(id) = message["payload"]["id"].as_u64() {
            *self.0.written.lock().unwrap().entry(id).or_default() += 1;
        }
    }
}

/// Passes frames on both ways, until one end is gone or the connection is cut.
async fn between(framing: Framing, faults: Faults, client: DuplexStream, server: DuplexStream) {
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    let client = Source::new(framing, Role::Server, from_client);
    let server = Source::new(framing, Role::Client, from_server);
    tokio::select! {
        () = pass(&faults, client, to_server) => {}
        () = pass(&faults, server, to_client) => {}
    }
}

async fn pass(faults: &Faults, mut source: Source, mut sink: WriteHalf<DuplexStream>) {
    let mut behind: Option<Vec<u8>> = None;
    loop {
        let next = tokio::time::timeout(Duration::from_millis(50), source.next(faults)).await;
        let Ok(next) = next else {
            // Nothing comes that it could go behind.
            if let Some(frame) = behind.take()
                && sink.write_all(&frame).await.is_err()
            {
                return;
            }
            continue;
        };
        let Some(frame) = next else {
            return;
        };
        let is_passed = match faults.next() {
            Fault::None => sink.write_all(&frame).await,
            Fault::Late(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                sink.write_all(&frame).await
            }
            Fault::Twice => sink.write_all(&[&frame[..], &frame].concat()).await,
            Fault::Behind if behind.is_none() => {
                behind = Some(frame);
                continue;
            }
            Fault::Behind => sink.write_all(&frame).await,
            Fault::Cut => {
                let _ = sink.write_all(&frame[..faults.at(frame.len())]).await;
                return;
            }
            Fault::Swallow => std::future::pending().await,
        };
        let is_passed = match behind.take() {
            Some(frame) => sink.write_all(&frame).await.and(is_passed),
            None => is_passed,
        };
        if is_passed.is_err() {
            return;
        }
    }
}

/// Frames of one end, as they are to reach the other.
struct Source {
    framing: Framing,
    role: Role,
    reader: ReadHalf<DuplexStream>,
    decoder: Decoder,
    line: Vec<u8>,
    frames: VecDeque<Vec<u8>>,
}

impl Source {
    fn new(framing: Framing, role: Role, reader: ReadHalf<DuplexStream>) -> Self {
        Self {
            framing,
            role,
            reader,
            decoder: Decoder::new(role),
            line: Vec::new(),
            frames: VecDeque::new(),
        }
    }

    /// Cancel-safe: what was read is kept.
    async fn next(&mut self, faults: &Faults) -> Option<Vec<u8>> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            let mut bytes = [0; 4096];
            let read = self.reader.read(&mut bytes).await.ok().filter(|read| *read > 0)?;
            match self.framing {
                Framing::Lines => self.lines(&bytes[..read], faults),
                Framing::WebSocket => self.events(&mut bytes[..read], faults),
            }
        }
    }

    fn lines(&mut self, bytes: &[u8], faults: &Faults) {
        for byte in bytes {
            self.line.push(*byte);
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                if self.role == Role::Server {
                    faults.note(str::from_utf8(&line).unwrap());
                }
                self.frames.push_back(line);
            }
        }
    }

    fn events(&mut self, bytes: &mut [u8], faults: &Faults) {
        let mask = (self.role == Role::Server).then_some([1, 2, 3, 4]);
        let mut input = Input::new(bytes);
        while let Some(event) = self.decoder.next(&mut input, &DecoderLimits::default()).unwrap() {
            let mut frame = Vec::new();
            match event {
                Event::Text(text) => {
                    if self.role == Role::Server {
                        faults.note(text);
                    }
                    encode_text(text, mask, &mut frame);
                }
                Event::Ping(payload) => encode_ping(payload, mask, &mut frame),
                Event::Pong(payload) => encode_pong(payload, mask, &mut frame),
                Event::Close(close) => {
                    let (code, reason) = close.map_or((CloseCode::NO_STATUS, ""), |close| (close.code, close.reason));
                    encode_close(code, reason, mask, &mut frame);
                }
                other => panic!("{other:?}"),
            }
            self.frames.push_back(frame);
        }
    }
}
