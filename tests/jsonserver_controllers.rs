//! What the controllers of the example `jsonserver` say, each by itself.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(
    dead_code,
    reason = "a test says what lints, and does not look for what is installed"
)]
#[path = "../examples/jsonserver/controllers/mod.rs"]
mod controllers;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::time::Duration;

use controllers::Linter;
use serde_json::{Value, json};
use switchboard::testing::{TestClient, TestServer};
use tokio::sync::oneshot;

#[tokio::test]
async fn completion_gives_the_words_that_begin_as_the_one_left_of_the_place() {
    let (_server, mut client) = start("").await;
    let table = [
        ("print\npr", 2, 2, vec!["print"]),
        ("print\r\npr\r\nprice", 2, 2, vec!["price", "print"]),
        ("print = pr(pri)", 1, 10, vec!["pri", "print"]),
        ("print", 1, 5, vec![]),
        ("Print print\np", 2, 1, vec!["print"]),
        ("os.path\nos.", 2, 3, vec!["os", "path"]),
        ("größe = 1\n'😀' + grö", 2, 9, vec!["größe"]),
        ("日本語 = 日本\n日", 2, 1, vec!["日本", "日本語"]),
        ("_a a1 1a\na", 2, 1, vec!["a1"]),
        ("", 1, 0, vec![]),
        ("x\n", 2, 0, vec!["x"]),
    ];
    for (source, line, offset, expected) in table {
        let cursor = json!({"source": source, "line": line, "offset": offset});
        let answer = client.request("jedi/autocomplete", cursor).await.unwrap();
        let expected: Vec<_> = expected
            .iter()
            .map(|word| json!([format!("{word}\tword"), word]))
            .collect();
        assert_eq!(answer, json!({ "completions": expected }), "{source:?}");
    }
    let many: String = (0..10_000).map(|n| format!("word{n}\n")).collect();
    let cursor = json!({"source": many, "line": 1, "offset": 0});
    let answer = client.request("jedi/autocomplete", cursor).await.unwrap();
    assert_eq!(answer["completions"].as_array().map(Vec::len), Some(500));
}

#[tokio::test]
async fn a_place_that_is_not_there_is_an_error() {
    let (_server, mut client) = start("").await;
    let table = [
        (0, 0, "there is no line 0: `source` has the lines 1 to 2"),
        (3, 0, "there is no line 3: `source` has the lines 1 to 2"),
        (1, 4, "there is no offset 4: line 1 has the offsets 0 to 3"),
        (2, 1, "there is no offset 1: line 2 has the offsets 0 to 0"),
    ];
    for (line, offset, message) in table {
        let cursor = json!({"source": "äöü\r\n", "line": line, "offset": offset});
        let error = client.request("jedi/autocomplete", cursor).await.unwrap_err();
        assert_eq!((error.code(), error.message()), ("bad_position", message));
    }
    let error = client
        .request("jedi/autocomplete", json!({"source": "", "line": -1, "offset": 0}))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "bad_payload");
}

#[tokio::test]
async fn the_built_in_check_finds_what_can_be_said_without_understanding() {
    let (_server, mut client) = start("").await;
    let table = [
        ("", vec![]),
        ("def f(a: [int]) -> {str}:\n    return '(' + \"[\\\"{\"  # )\n", vec![]),
        ("x = (1]\n", vec!["E 1:6 `]` does not close `(` of line 1"]),
        ("x = 1)\n", vec!["E 1:5 `)` closes nothing"]),
        (
            "f(\n[\n",
            vec!["E 1:1 `(` is never closed", "E 2:0 `[` is never closed"],
        ),
        ("ä = 'abc\ny = 1\n", vec!["E 1:4 this string does not end"]),
        ("x = '''(\n\t  \n", vec!["E 1:4 this string does not end"]),
        ("x = 'a\\\nb'\ny = r'\\''\nz = '\\\\'\n", vec![]),
        (
            "x = \"\"\"a  \n \tb\"\"\"  \n",
            vec!["V 2:6 blanks at the end of the line"],
        ),
        ("if x:\r\n\ty\r\n", vec![]),
        (
            "if x:\n\ty\n    z\n",
            vec!["W 3:0 the indentation mixes tabs and spaces"],
        ),
        ("if x:\n  \ty\n", vec!["W 2:2 the indentation mixes tabs and spaces"]),
        (
            "a \n  \n",
            vec![
                "V 1:1 blanks at the end of the line",
                "V 2:0 blanks at the end of the line",
            ],
        ),
        ("a = 1", vec!["V 1:5 the last line has no end"]),
    ];
    for (source, expected) in table {
        let answer = lint(&mut client, source).await.unwrap();
        assert_eq!(shown(&answer), expected, "{source:?}");
    }
    let answer = lint(&mut client, "x = 1)\n").await.unwrap();
    let message = "`)` closes nothing";
    assert_eq!(
        answer,
        json!({"errors": [{
            "level": "E", "lineno": 1, "offset": 5, "message": message, "raw_error": message, "underline_range": true,
        }]})
    );
    let answer = lint(&mut client, &"(".repeat(5_000)).await.unwrap();
    assert_eq!(shown(&answer).len(), 1_000);
}

#[tokio::test]
async fn formatting_changes_blanks_alone_and_none_in_strings() {
    let (_server, mut client) = start("").await;
    let table = [
        ("", ""),
        ("\n\n", ""),
        ("x = 1", "x = 1\n"),
        ("x=1  \n\n\n", "x=1\n"),
        ("if x:\n\ty\t\n\t\tz\n", "if x:\n    y\n        z\n"),
        ("if x:\n  \ty = '\ta'\n", "if x:\n    y = '\ta'\n"),
        ("if x:\r\n\ty \r\nz", "if x:\r\n    y\r\nz\r\n"),
        ("x = '''a  \n\tb\t\n'''  \n\t# c\n", "x = '''a  \n\tb\t\n'''\n    # c\n"),
        ("x = '''a \n\n", "x = '''a \n\n"),
    ];
    for (source, expected) in table {
        let job = json!({"code": source, "settings": {"pep8_max_line_length": 79}});
        let answer = client.request("autoformat/pep8", job).await.unwrap();
        assert_eq!(answer, json!({ "buffer": expected }), "{source:?}");
    }
    let job = json!({"code": "\tx\n", "settings": {"tab_size": 2}});
    let answer = client.request("autoformat/pep8", job).await.unwrap();
    assert_eq!(answer, json!({"buffer": "  x\n"}));
    for size in [0, 17] {
        let job = json!({"code": "\tx\n", "settings": {"tab_size": size}});
        let error = client.request("autoformat/pep8", job).await.unwrap_err();
        assert_eq!(error.code(), "bad_payload");
        assert_eq!(
            error.message(),
            format!("`settings.tab_size` is {size}: it must be 1 to 16")
        );
    }
}

#[tokio::test]
async fn a_program_lints_where_there_is_one() {
    let script = Script::new(
        "finds",
        "read line; echo \"<stdin>:2:5: $line\"; echo 'a.py:1: no column: here'; echo All checked; \
         echo '<stdin>:1:1: invalid syntax' >&2; exit 1",
    );
    let (_server, mut client) = start(&script.command()).await;
    let answer = lint(&mut client, "first line\nsecond\n").await.unwrap();
    let expected = ["E 1:0 invalid syntax", "W 1:0 no column: here", "W 2:4 first line"];
    assert_eq!(shown(&answer), expected);
}

#[tokio::test]
async fn a_program_that_fails_says_why() {
    let (_server, mut client) = start("/nowhere/lint -").await;
    let error = lint(&mut client, "").await.unwrap_err();
    assert_eq!(error.code(), "lint_failed");
    let expected = "/nowhere/lint cannot be started: No such file or directory (os error 2); give another --lint-command, \
                    or an empty one";
    assert_eq!(error.message(), expected);

    let script = Script::new("fails", "echo 'No module named lint' >&2; exit 3");
    let (_server, mut client) = start(&script.command()).await;
    // More than a pipe holds, and nobody reads it.
    let error = lint(&mut client, &"x\n".repeat(100_000)).await.unwrap_err();
    assert_eq!(error.code(), "lint_failed");
    assert_eq!(error.message(), "sh failed (exit status: 3): No module named lint");
}

#[tokio::test]
async fn a_program_that_says_too_much_is_heard_out_to_a_bound() {
    let script = Script::new("endless", "exec yes '<stdin>:1:1: again'");
    let (_server, mut client) = start(&script.command()).await;
    let answer = lint(&mut client, "").await.unwrap();
    assert_eq!(shown(&answer).len(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_program_that_takes_too_long_is_ended() {
    let script = Script::new("slow", "sleep 1000 & wait");
    let (_server, mut client) = start(&script.command()).await;
    let error = lint(&mut client, "").await.unwrap_err();
    assert_eq!(error.code(), "lint_failed");
    assert_eq!(error.message(), "sh was not done within 10s and was ended");
}

#[tokio::test]
async fn a_program_ends_with_all_that_it_has_started_when_nobody_waits_for_it() {
    let fifo = Fifo::new("nobody-waits");
    let lines = format!("exec 3>{}; sleep 1000 & echo started >&3; wait", fifo.0.display());
    let script = Script::new("nobody-waits", &lines);
    let (server, mut client) = start(&script.command()).await;

    let (started, mut ended) = watch(&fifo);
    let uid = client.start_request("python_linter/lint", json!({"code": ""})).await;
    within(started).await.unwrap();
    assert!(ended.try_recv().is_err());
    // It is this client's first.
    client.send("switchboard/cancel", json!({"uid": 1})).await;
    within(ended).await.unwrap();
    let frames = client.frames_of(&uid).await;
    assert_eq!(frames[0].error.as_ref().unwrap().code(), "cancelled");

    let (started, ended) = watch(&fifo);
    client.start_request("python_linter/lint", json!({"code": ""})).await;
    within(started).await.unwrap();
    client.close().await;
    within(ended).await.unwrap();
    drop(server);
}

#[tokio::test]
async fn a_slow_program_holds_nobody_up() {
    let fifo = Fifo::new("waits");
    let script = Script::new("waits", &format!("echo \"<stdin>:1:1: $(cat {})\"", fifo.0.display()));
    let (_server, mut client) = start(&script.command()).await;
    let uid = client.start_request("python_linter/lint", json!({"code": ""})).await;
    let cursor = json!({"source": "", "line": 1, "offset": 0});
    client.request("jedi/autocomplete", cursor).await.unwrap();
    assert!(client.kept().all(|frame| frame.uid.as_ref() != Some(&uid)));
    let path = fifo.0.clone();
    std::thread::spawn(move || std::fs::write(path, "go on").unwrap());
    let frames = client.frames_of(&uid).await;
    let answer = frames[0].payload.as_ref().unwrap().decode().unwrap();
    assert_eq!(shown(&answer), ["W 1:0 go on"]);
}

async fn start(lint_command: &str) -> (TestServer, TestClient) {
    let limits = switchboard::Limits {
        message_bytes: 8 << 20,
        ..switchboard::Limits::default()
    };
    let server = controllers::server(Linter::new(lint_command)).limits(limits);
    let server = TestServer::start(server).unwrap();
    let client = server.connect().await;
    (server, client)
}

async fn lint(client: &mut TestClient, source: &str) -> Result<Value, switchboard::Error> {
    client.request("python_linter/lint", json!({"code": source})).await
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future)
        .await
        .expect("it comes within a minute")
}

/// `level line:offset message` of each.
fn shown(answer: &Value) -> Vec<String> {
    let errors = answer["errors"].as_array().unwrap().iter();
    let show = |error: &Value| {
        let text = |key: &str| error[key].as_str().unwrap().to_owned();
        format!(
            "{} {}:{} {}",
            text("level"),
            error["lineno"],
            error["offset"],
            text("message")
        )
    };
    errors.map(show).collect()
}

/// Tells when somebody has opened the other end and written a line, and when nobody holds it any more: neither a program
/// nor what it has started.
fn watch(fifo: &Fifo) -> (oneshot::Receiver<()>, oneshot::Receiver<()>) {
    let (start, started) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let path = fifo.0.clone();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(File::open(path).unwrap()).lines();
        lines.next().unwrap().unwrap();
        let _ = start.send(());
        assert!(lines.next().is_none());
        let _ = end.send(());
    });
    (started, ended)
}

/// A shell script for one test, which goes with it.
struct Script(PathBuf);

impl Script {
    fn new(name: &str, lines: &str) -> Self {
        let path = std::env::temp_dir().join(format!("switchboard-lint-{name}-{}.sh", std::process::id()));
        std::fs::write(&path, lines).unwrap();
        Self(path)
    }

    fn command(&self) -> String {
        format!("sh {}", self.0.display())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // What is left of it does no harm.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A pipe with a name for one test, which goes with it.
struct Fifo(PathBuf);

impl Fifo {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("switchboard-lint-{name}-{}.fifo", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        Self(path)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        // What is left of it does no harm.
        let _ = std::fs::remove_file(&self.0);
    }
}
