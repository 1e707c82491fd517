//! A server that says what it is told to, over streams in memory.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::wire::connection::Stream;
use switchboard_client::{Builder, Framing};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::within;

/// Where the connections of a client arrive.
pub struct Script(mpsc::UnboundedReceiver<DuplexStream>);

/// The server's end of one connection, in lines.
pub struct Peer {
    pub reader: BufReader<ReadHalf<DuplexStream>>,
    pub writer: WriteHalf<DuplexStream>,
}

impl Script {
    /// A client, each of whose connections holds so many bytes on their way.
    pub fn new(framing: Framing, bytes: usize) -> (Self, Builder) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let builder = Builder::over(framing, move || {
            let sender = sender.clone();
            async move {
                let (near, far) = tokio::io::duplex(bytes);
                // A server that is gone refuses.
                sender
                    .send(far)
                    .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
                Ok(Stream::new(near))
            }
        });
        (Self(receiver), builder)
    }

    pub fn lines() -> (Self, Builder) {
        Self::new(Framing::Lines, 64 << 10)
    }

    pub async fn stream(&mut self) -> DuplexStream {
        within(self.0.recv()).await.unwrap()
    }

    pub async fn peer(&mut self) -> Peer {
        let (reader, writer) = tokio::io::split(self.stream().await);
        let reader = BufReader::new(reader);
        Peer { reader, writer }
    }

    /// Whether somebody connected.
    pub fn has_next(&mut self) -> bool {
        !self.0.is_empty()
    }
}

impl Peer {
    /// What the client says next; none at the end.
    pub async fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        within(self.reader.read_line(&mut line)).await.unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    /// The name of what the client says next.
    pub async fn name(&mut self) -> String {
        self.next().await.unwrap()["name"].as_str().unwrap().to_owned()
    }

    pub async fn say(&mut self, frame: &Value) {
        self.writer.write_all(format!("{frame}\r\n").as_bytes()).await.unwrap();
    }

    /// Answers a message with this payload.
    pub async fn answer(&mut self, message: &Value, payload: Value) {
        self.say(&json!({"name": message["name"], "uid": message["uid"], "payload": payload}))
            .await;
    }

    /// Nothing comes for a minute.
    pub async fn expect_silence(&mut self) {
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_secs(5), self.reader.read(&mut byte));
        assert!(
            read.await.is_err(),
            "something came: {:?}",
            String::from_utf8_lossy(self.reader.buffer())
        );
    }
}
