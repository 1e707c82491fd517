//! A client that is as fragile as Anaconda's.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::Endpoint;
use switchboard::wire::connection::Stream;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// A client that fails where Anaconda's would never fire a callback again.
pub(crate) struct Editor {
    stream: BufReader<Stream>,
    open: HashSet<String>,
    next: u32,
}

impl Editor {
    pub(crate) async fn connect(endpoint: &Endpoint) -> Self {
        Self {
            stream: BufReader::new(endpoint.connect().await.unwrap()),
            open: HashSet::new(),
            next: 0,
        }
    }

    /// Sends a request under a uid of its own, and gives that back.
    pub(crate) async fn send(&mut self, mut request: Value) -> String {
        self.next += 1;
        let uid = format!("{:032x}", self.next);
        request["uid"] = json!(uid);
        self.open.insert(uid.clone());
        self.raw(format!("{request}\r\n")).await;
        uid
    }

    pub(crate) async fn raw(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next answer, and whose it is.
    pub(crate) async fn answer(&mut self) -> (String, Value) {
        let mut line = String::new();
        within(self.stream.read_line(&mut line)).await.unwrap();
        let text = line.strip_suffix("\r\n").unwrap_or_else(|| panic!("{line:?}"));
        let mut answer: Value = serde_json::from_str(text).unwrap();
        let uid = answer.as_object_mut().unwrap().remove("uid").unwrap();
        let uid = uid.as_str().unwrap();
        assert!(self.open.remove(uid), "nobody waits for {line}");
        (uid.to_owned(), answer)
    }

    /// Sends a request when no other is open, and gives back its answer.
    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        assert!(self.open.is_empty());
        self.send(request).await;
        self.answer().await.1
    }

    /// Waits for the end, before which nothing more may come.
    pub(crate) async fn closed(mut self) {
        let mut rest = String::new();
        within(self.stream.read_to_string(&mut rest)).await.unwrap();
        assert_eq!(rest, "");
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future)
        .await
        .expect("it comes within a minute")
}
