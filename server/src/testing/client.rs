//! A client in a test.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
#[cfg(feature = "tls")]
use switchboard_wire::connection::tls::ClientTls;
use switchboard_wire::connection::{AsyncStream, Endpoint, Stream};
use switchboard_wire::native::{ServerFrame, write_message};
use switchboard_wire::websocket::{
    Decoder, DecoderLimits, Event, Input, Role, encode_binary, encode_close, encode_pong, encode_text,
};
use switchboard_wire::{CloseCode, Error, Format, Formats, Message, RawPayload, Uid, Unit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// A connected client. It reads only while one of its methods waits; what it reads and was not asked for is kept, in order.
///
/// Its methods panic where a test should fail: when what they wait for does not come within a minute, or the connection ends.
pub struct TestClient {
    stream: Box<dyn AsyncStream>,
    format: Format,
    decoder: Decoder,
    /// Units that were read and not looked at.
    read: VecDeque<Vec<u8>>,
    /// Frames that were looked at and not asked for.
    kept: VecDeque<ServerFrame>,
    closed: Option<(CloseCode, String)>,
    uids: i64,
}

impl TestClient {
    /// Connects to a server that listens at this address, or at this Unix socket; at the path `/switchboard`, in JSON.
    ///
    /// # Errors
    ///
    /// Where the connection fails, or is not made a WebSocket; the error then has the server's answer.
    pub async fn connect(endpoint: impl Into<Endpoint>) -> io::Result<Self> {
        let endpoint = endpoint.into();
        let stream = endpoint.connect().await?;
        match &endpoint {
            Endpoint::Tcp(address) => Self::over(stream, address).await,
            Endpoint::Unix(_) => Self::over(stream, "localhost").await,
        }
    }

    /// Connects over TLS to the server of this name, a domain or an IP address, that listens at this address. Needs the
    /// feature `tls`.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and where the server cannot be believed.
    #[cfg(feature = "tls")]
    pub async fn connect_tls(endpoint: impl Into<Endpoint>, name: &str, tls: &ClientTls) -> io::Result<Self> {
        let stream = endpoint.into().connect().await?;
        Self::over(tls.connect(name, stream).await?, name).await
    }

    /// Makes a WebSocket of a stream.
    async fn over(mut stream: Stream, host: &str) -> io::Result<Self> {
        let request = format!(
            "GET /switchboard HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // One byte at a time, so that nothing behind the answer is read with it.
        while !answer.ends_with(b"\r\n\r\n") && answer.len() < ANSWER {
            answer.push(stream.read_u8().await?);
        }
        if !answer.starts_with(b"HTTP/1.1 101") {
            return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
        }
        Ok(Self::new(Box::new(stream), Format::Json))
    }

    pub(super) fn new(stream: Box<dyn AsyncStream>, format: Format) -> Self {
        Self {
            stream,
            format,
            decoder: Decoder::new(Role::Client),
            read: VecDeque::new(),
            kept: VecDeque::new(),
            closed: None,
            uids: 0,
        }
    }

    /// Sends a message that asks for no answer.
    pub async fn send(&mut self, name: &str, payload: impl Serialize) {
        self.write(name, None, &payload, false).await;
    }

    /// Sends a request and gives back its result: the first answer, or else the first error; `null` where there is neither.
    ///
    /// # Errors
    ///
    /// What the server answered.
    pub async fn request(&mut self, name: &str, payload: impl Serialize) -> Result<Value, Error> {
        let frames = self.request_frames(name, payload).await;
        if let Some(payload) = frames.iter().find_map(|frame| frame.payload.as_ref()) {
            return Ok(value(payload));
        }
        match frames.into_iter().find_map(|frame| frame.error) {
            Some(error) => Err(error),
            None => Ok(Value::Null),
        }
    }

    /// Sends a request and gives back every frame of its answer, the final one last, with a receipt.
    pub async fn request_frames(&mut self, name: &str, payload: impl Serialize) -> Vec<ServerFrame> {
        let uid = self.start_request(name, payload).await;
        self.frames_of(&uid).await
    }

    /// Sends a request without waiting for its answer.
    pub async fn start_request(&mut self, name: &str, payload: impl Serialize) -> Uid {
        self.uids += 1;
        let uid = Uid::Integer(self.uids);
        self.write(name, Some(uid.clone()), &payload, true).await;
        uid
    }

    /// The frames that answer a request, the final one last.
    pub async fn frames_of(&mut self, uid: &Uid) -> Vec<ServerFrame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next_where(|frame| frame.uid.as_ref() == Some(uid)).await;
            let is_final = frame.settles();
            frames.push(frame);
            if is_final {
                return frames;
            }
        }
    }

    /// The payload of the next delivery, which must be under this name.
    ///
    /// # Panics
    ///
    /// Where another delivery, or an error without a uid, comes first.
    pub async fn expect(&mut self, name: &str) -> Value {
        let frame = self.expect_frame().await;
        if frame.name.as_deref() != Some(name) || frame.error.is_some() {
            panic!("expected the delivery {name:?}, got {frame:?}");
        }
        frame.payload.as_ref().map_or(Value::Null, value)
    }

    /// The next frame without a uid: a delivery, or the error of a message that had none.
    pub async fn expect_frame(&mut self) -> ServerFrame {
        self.next_where(|frame| frame.uid.is_none()).await
    }

    /// The next frame, whatever it is.
    pub async fn expect_next(&mut self) -> ServerFrame {
        self.next_where(|_| true).await
    }

    /// The next unit as it came. Frames that were kept do not count.
    pub async fn receive_raw(&mut self) -> Vec<u8> {
        match within(self.read_unit()).await {
            Some(unit) => unit,
            None => panic!(
                "the connection ended with {:?} while a unit was waited for",
                self.closed
            ),
        }
    }

    /// The next unit as text, on a JSON connection.
    pub async fn receive_text(&mut self) -> String {
        String::from_utf8(self.receive_raw().await).expect("JSON is UTF-8")
    }

    /// Waits for a second in which nothing comes. Under a paused clock that takes no time.
    ///
    /// # Panics
    ///
    /// Where something comes, or came and was not asked for yet.
    pub async fn expect_silence(&mut self) {
        if let Some(frame) = self.kept.front() {
            panic!("expected silence, had got {frame:?}");
        }
        if let Ok(Some(frame)) = timeout(SILENCE, self.read_frame()).await {
            panic!("expected silence, got {frame:?}");
        }
    }

    /// Sends a unit as it is: text on a JSON connection, bytes as they are on a MessagePack one.
    pub async fn send_raw(&mut self, unit: impl AsRef<[u8]>) {
        let mut frame = Vec::new();
        match (self.format, std::str::from_utf8(unit.as_ref())) {
            (Format::Json, Ok(text)) => encode_text(text, Some(MASK), &mut frame),
            _ => encode_binary(unit.as_ref(), Some(MASK), &mut frame),
        }
        self.send_bytes(&frame).await;
    }

    /// Sends bytes past the framing. Bytes that the server does not take any more are lost.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Says goodbye and waits for the end.
    pub async fn close(mut self) -> (CloseCode, String) {
        let mut frame = Vec::new();
        encode_close(CloseCode::NORMAL, "", Some(MASK), &mut frame);
        self.send_bytes(&frame).await;
        self.closed().await
    }

    /// Waits until the server closes, and gives back the code and the reason; 1006 where it said none. What comes before is
    /// kept.
    pub async fn closed(&mut self) -> (CloseCode, String) {
        while let Some(frame) = within(self.read_frame()).await {
            self.kept.push_back(frame);
        }
        self.closed.clone().unwrap_or((CloseCode::ABNORMAL, String::new()))
    }

    /// The frames that came and were not asked for.
    pub fn kept(&self) -> impl Iterator<Item = &ServerFrame> {
        self.kept.iter()
    }

    async fn write(&mut self, name: &str, uid: Option<Uid>, payload: &impl Serialize, receipt: bool) {
        let payload = RawPayload::encode(payload, Formats::from(self.format)).expect("the payload can be encoded");
        let message = Message::new(name).with_uid(uid).with_payload(payload);
        let mut unit = Vec::new();
        write_message(&message, receipt, self.format, &mut unit).expect("the message can be encoded");
        let mut frame = Vec::new();
        match self.format {
            Format::Json => {
                let text = std::str::from_utf8(&unit).expect("JSON is UTF-8");
                encode_text(text, Some(MASK), &mut frame);
            }
            Format::MessagePack => encode_binary(&unit, Some(MASK), &mut frame),
        }
        self.send_bytes(&frame).await;
    }

    async fn next_where(&mut self, mut wanted: impl FnMut(&ServerFrame) -> bool) -> ServerFrame {
        if let Some(at) = self.kept.iter().position(&mut wanted) {
            return self.kept.remove(at).expect("the position was just found");
        }
        loop {
            let Some(frame) = within(self.read_frame()).await else {
                panic!(
                    "the connection ended with {:?} while a frame was waited for",
                    self.closed
                );
            };
            if wanted(&frame) {
                return frame;
            }
            self.kept.push_back(frame);
        }
    }

    /// The next frame; none at the end of the connection.
    async fn read_frame(&mut self) -> Option<ServerFrame> {
        let bytes = self.read_unit().await?;
        let unit = match self.format {
            Format::Json => Unit::Text(std::str::from_utf8(&bytes).expect("JSON is UTF-8")),
            Format::MessagePack => Unit::Binary(&bytes),
        };
        Some(ServerFrame::parse(unit).expect("the server writes frames"))
    }

    async fn read_unit(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(unit) = self.read.pop_front() {
                return Some(unit);
            }
            if self.closed.is_some() {
                return None;
            }
            let mut bytes = [0; READ];
            match self.stream.read(&mut bytes).await {
                Ok(0) | Err(_) => self.closed = Some((CloseCode::ABNORMAL, String::new())),
                Ok(n) => {
                    let answer = self.decode(&mut bytes[..n]);
                    self.send_bytes(&answer).await;
                }
            }
        }
    }

    /// Decodes what was read; gives back what the protocol wants answered.
    fn decode(&mut self, bytes: &mut [u8]) -> Vec<u8> {
        let limits = DecoderLimits::with_message(usize::MAX >> 8);
        let mut answer = Vec::new();
        let mut input = Input::new(bytes);
        while let Some(event) = self
            .decoder
            .next(&mut input, &limits)
            .expect("the server keeps to the protocol")
        {
            match event {
                Event::Text(text) => self.read.push_back(text.into()),
                Event::Binary(bytes) => self.read.push_back(bytes.into()),
                Event::Ping(payload) => {
                    encode_pong(payload, Some(MASK), &mut answer);
                }
                Event::Close(close) => {
                    let (code, reason) = close.map_or((CloseCode::NO_STATUS, ""), |close| (close.code, close.reason));
                    encode_close(code, reason, Some(MASK), &mut answer);
                    self.closed = Some((code, reason.to_owned()));
                }
                Event::Pong(_) | Event::TooLarge { .. } => {}
            }
        }
        answer
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient")
            .field("kept", &self.kept.len())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

fn value(payload: &RawPayload) -> Value {
    payload.decode().expect("a payload of the server can be read")
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("nothing came within {PATIENCE:?}"),
    }
}

/// Any key will do: the masks are for proxies between browsers and servers.
const MASK: [u8; 4] = [7, 11, 13, 17];
const PATIENCE: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_secs(1);
const READ: usize = 16 << 10;
/// The longest answer to a handshake.
const ANSWER: usize = 16 << 10;
const KEY: &str = "c3dpdGNoYm9hcmQgdGVzdA==";
