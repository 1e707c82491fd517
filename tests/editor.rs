//! The example `editor` in front of its user.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "others need more of it")]
#[path = "common/process.rs"]
mod process;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use process::example;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

struct Editor {
    child: Child,
    keys: ChildStdin,
    screen: Lines<BufReader<ChildStdout>>,
}

impl Editor {
    fn open(name: &str, text: &str) -> Self {
        // The editor looks for it beside itself.
        let _ = example("jsonserver");
        let file: PathBuf = std::env::temp_dir().join(format!("switchboard-editor-{name}-{}.py", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let mut child = Command::from(example("editor"))
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            keys: child.stdin.take().unwrap(),
            screen: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    async fn type_in(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// The next line that begins so, and what it says behind that.
    async fn shows(&mut self, beginning: &str) -> String {
        loop {
            let line = within(self.screen.next_line()).await.unwrap().unwrap();
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.to_owned();
            }
        }
    }

    async fn healthy(&mut self) -> u32 {
        let process = self.shows("server: healthy (process ").await;
        process.strip_suffix(')').unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn the_server_is_killed_in_front_of_the_user_who_goes_on() {
    let mut editor = Editor::open("killed", "print = 1\nprivate = 2\nother = 3\n");
    let mut process = editor.healthy().await;
    editor.type_in("pri").await;
    assert_eq!(editor.shows("= ").await, "print private");
    for _ in 0..3 {
        let status = Command::new("kill").args(["-9", &process.to_string()]).status();
        assert!(within(status).await.unwrap().success());
        editor.shows("server: faulty: ").await;
        editor.type_in("oth").await;
        let next = editor.healthy().await;
        assert_ne!(next, process);
        process = next;
        assert_eq!(editor.shows("= ").await, "other");
    }
    editor.type_in(":quit").await;
    assert!(within(editor.child.wait()).await.unwrap().success());
    assert!(!PathBuf::from(format!("/proc/{process}")).exists());
}

#[tokio::test]
async fn a_switch_to_what_cannot_be_started_is_told_and_taken_back() {
    let mut editor = Editor::open("switched", "print = 1\n");
    editor.healthy().await;
    editor.type_in(":switch /no/such/server").await;
    let why = editor.shows("server: gave up after 5 failures: ").await;
    assert!(why.starts_with("/no/such/server cannot be started: "), "{why}");
    editor.type_in("pri").await;
    assert!(editor.shows("no words: ").await.contains("given up"));
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future)
        .await
        .expect("it comes within a minute")
}
