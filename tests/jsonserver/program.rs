//! The example as a process of its own, and a client that is as fragile as Anaconda's.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::Endpoint;
use switchboard::wire::connection::Stream;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// The server, which is killed with this if it still runs.
pub(crate) struct Program {
    pub(crate) endpoint: Endpoint,
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it, and waits until it says where it is.
    pub(crate) async fn start(bind: &str, arguments: &[&str]) -> Self {
        let mut child = command()
            .args(["--bind", bind])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // Its log goes to nobody, as it does when an editor is gone.
        drop(child.stderr.take());
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        within(stdout.read_line(&mut line)).await.unwrap();
        let endpoint = line.trim_end().strip_prefix("listening on ").unwrap().into();
        Self {
            endpoint,
            child,
            stdout,
        }
    }

    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(status.await.unwrap().success());
    }

    /// Waits until it ends by itself. It has said nothing but where it was.
    pub(crate) async fn end(mut self) -> ExitStatus {
        let mut rest = String::new();
        within(self.stdout.read_to_string(&mut rest)).await.unwrap();
        assert_eq!(rest, "");
        within(self.child.wait()).await.unwrap()
    }
}

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

pub(crate) fn command() -> Command {
    let tests = std::env::current_exe().unwrap();
    let target = tests.ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
    let program = target.join("examples/jsonserver");
    assert!(
        program.exists(),
        "there is no {}: `cargo build --examples` makes it",
        program.display()
    );
    let mut command = Command::new(program);
    command.env_remove("RUST_LOG");
    command
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future)
        .await
        .expect("it comes within a minute")
}
