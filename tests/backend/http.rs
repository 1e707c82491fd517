//! One who writes HTTP by hand.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) struct Peer(pub(crate) BufReader<TcpStream>);

/// A response, its header names in lower case.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl Peer {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    /// Sends bytes; the server may have hung up.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.get_mut().write_all(bytes.as_ref()).await;
    }

    /// Posts a message with the key and these headers, and reads the response.
    pub(crate) async fn post_with(&mut self, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        self.send(post(headers, body.as_ref())).await;
        self.answer().await
    }

    pub(crate) async fn post(&mut self, body: impl AsRef<[u8]>) -> Answer {
        self.post_with(&[], body).await
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        within(self.read_answer()).await
    }

    async fn read_answer(&mut self) -> Answer {
        let mut answer = self.read_head().await;
        if answer.header("transfer-encoding") == "chunked" {
            while let Some(chunk) = self.read_chunk().await {
                answer.body.extend(chunk);
            }
        } else {
            answer.body = vec![0; answer.header("content-length").parse().unwrap_or(0)];
            self.0.read_exact(&mut answer.body).await.unwrap();
        }
        answer
    }

    /// The head of a response, without its body.
    pub(crate) async fn head(&mut self) -> Answer {
        within(self.read_head()).await
    }

    async fn read_head(&mut self) -> Answer {
        let mut status = String::new();
        self.0.read_line(&mut status).await.unwrap();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            match line.trim_end().split_once(": ") {
                Some((name, value)) => drop(headers.insert(name.to_lowercase(), value.to_owned())),
                None => break,
            }
        }
        Answer {
            status: status.split(' ').nth(1).expect("there is an answer").parse().unwrap(),
            headers,
            body: Vec::new(),
        }
    }

    /// The next piece of a body whose length was not said; none at its end.
    pub(crate) async fn chunk(&mut self) -> Option<String> {
        within(self.read_chunk())
            .await
            .map(|chunk| String::from_utf8(chunk).unwrap())
    }

    async fn read_chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.0.read_line(&mut size).await.unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).expect("the body goes on");
        let mut chunk = vec![0; size + 2];
        self.0.read_exact(&mut chunk).await.unwrap();
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }

    /// Reads until the server closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = within(self.0.read_to_end(&mut rest)).await;
        String::from_utf8(rest).unwrap()
    }
}

/// A request with the key. A header given here stands in place of the usual one of that name; one without a value takes it
/// away.
pub(crate) fn post(headers: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let key = format!("Authorization: Bearer {KEY}");
    let usual = ["Host: localhost", "Content-Type: application/json", &key, &length];
    let name = |header: &str| header.split(':').next().map(str::to_lowercase);
    let usual = usual
        .iter()
        .filter(|usual| headers.iter().all(|header| name(header) != name(usual)));
    let given = headers.iter().filter(|header| !header.ends_with(':'));
    let mut request = b"POST /switchboard HTTP/1.1\r\n".to_vec();
    for header in usual.chain(given) {
        request.extend_from_slice(header.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
    request
}

/// What this comes to, unless it never happens.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it happens at all")
}

const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const KEY: &str = "the-key-of-these-tests";
