//! The example `jsonserver` as editors meet it: a process that they start, talk to, and leave alone.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "jsonserver/editor.rs"]
mod editor;
#[allow(dead_code, reason = "others need more of it")]
#[path = "common/process.rs"]
mod process;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use editor::Editor;
use process::{Pipe, Process, example};
use serde_json::{Value, json};
use switchboard_client::Client;

#[tokio::test]
async fn what_anaconda_asks_is_answered_in_the_shape_that_it_was_recorded_in() {
    let server = start("127.0.0.1:0", BUILT_IN);
    let mut editor = Editor::connect(&server.endpoint).await;
    let mut served = Vec::new();
    for (request, recorded) in recorded() {
        let name = format!("{}/{}", request["handler"], request["method"]).replace('"', "");
        let answer = editor.ask(request.clone()).await;
        assert_eq!(answer["vid"], request["vid"]);
        let mut keys = keys(&answer);
        if answer["success"] == true {
            assert_eq!(recorded["success"], true, "{name}");
            // What the client pops, and the view, which Anaconda's server gives back for some methods only.
            keys.remove("vid");
            let mut expected = self::keys(&recorded);
            expected.retain(|key| key != "uid" && key != "vid");
            assert_eq!(keys, expected, "{name}");
            served.push(name);
        } else {
            // As recorded of a method that Anaconda's server does not have, with our code.
            assert_eq!(answer["code"], "not_found", "{name}: {answer}");
            assert_eq!(
                keys,
                ["code", "error", "success", "vid"].map(str::to_owned).into(),
                "{name}"
            );
        }
    }
    assert_eq!(served, ["autoformat/pep8", "jedi/autocomplete", "python_linter/lint"]);
    assert_eq!(
        editor.ask(json!({"method": "check"})).await,
        json!({"success": true, "message": "Ok"})
    );
}

#[tokio::test]
async fn in_the_native_dialect_our_own_client_is_answered() {
    let arguments = [BUILT_IN, &["--dialect", "native"]].concat();
    let server = start("127.0.0.1:0", &arguments);
    let client = Client::connect(&format!("tcp://{}", server.endpoint)).unwrap();
    let cursor = json!({"source": "print(pri", "line": 1, "offset": 9});
    let answer: Value = client.request("jedi/autocomplete", &cursor).await.unwrap();
    assert_eq!(answer, json!({"completions": [["print\tword", "print"]]}));
    let error = client.request::<Value>("jedi/nothing", &()).await.unwrap_err();
    assert_eq!(error.server().unwrap().code(), "not_found");
}

#[tokio::test]
async fn an_editor_that_asks_for_everything_at_once_gets_each_answer_once() {
    let server = start("127.0.0.1:0", BUILT_IN);
    let mut editors = Vec::new();
    for _ in 0..3 {
        let mut editor = Editor::connect(&server.endpoint).await;
        let mut open = BTreeSet::new();
        for (request, _) in recorded().cycle().take(120) {
            open.insert(editor.send(request).await);
        }
        editors.push((editor, open));
    }
    for (mut editor, mut open) in editors {
        while !open.is_empty() {
            let (uid, _) = editor.answer().await;
            assert!(open.remove(&uid), "{uid}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_to_who_asked_and_nothing_to_who_did_not() {
    let server = start("127.0.0.1:0", BUILT_IN);
    let mut editor = Editor::connect(&server.endpoint).await;
    let failed = |error: &str, code: &str| json!({"success": false, "error": error, "code": code});
    let table = [
        (
            json!({"handler": "python_linter", "method": "lint"}),
            failed("missing field `code`", "bad_payload"),
        ),
        (
            json!({"handler": "python_linter", "method": "lint", "code": 1}),
            failed("`code`: invalid type: integer `1`, expected a string", "bad_payload"),
        ),
        (
            json!({"handler": "jedi", "method": "autocomplete", "source": "x\n", "line": 4, "offset": 0}),
            failed("there is no line 4: `source` has the lines 1 to 2", "bad_position"),
        ),
        (
            json!({"handler": "golang", "method": "lint", "code": ""}),
            failed("no route matches \"golang/lint\"", "not_found"),
        ),
        (json!({"handler": "jedi"}), failed("`method` is missing", "bad_message")),
    ];
    for (request, answer) in table {
        assert_eq!(editor.ask(request).await, answer);
    }
    let silent = ["", "hello", "[1]", "0", "{}", "{\"method\":\"check\"}", "{\"uid\":"];
    for line in silent {
        editor.raw(format!("{line}\r\n")).await;
    }
    editor.raw(b"\xff\r\n").await;
    assert_eq!(editor.ask(json!({"method": "check"})).await["success"], true);
}

#[tokio::test]
async fn a_worker_may_look_whether_the_server_is_there_as_often_as_it_likes() {
    let server = start("127.0.0.1:0", BUILT_IN);
    let mut editor = Editor::connect(&server.endpoint).await;
    for _ in 0..100 {
        drop(server.endpoint.connect().await.unwrap());
    }
    assert_eq!(editor.ask(json!({"method": "check"})).await["success"], true);
}

#[tokio::test]
async fn it_exits_when_nobody_asks_for_anything() {
    let folder = Folder::new("idle");
    let socket = folder.0.join("server.sock");
    let idle = [BUILT_IN, &["--idle-seconds", "1"]].concat();
    let server = start(&unix(&socket), &idle);
    let mut editor = Editor::connect(&server.endpoint).await;
    editor.ask(json!({"method": "check"})).await;
    editor.closed().await;
    assert_eq!(ended(server).await, Some(0));
    assert!(!socket.exists());
}

#[tokio::test]
async fn it_exits_when_its_parent_is_gone() {
    let folder = Folder::new("parent");
    let socket = folder.0.join("server.sock");
    let mut parent = tokio::process::Command::new("cat")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let id = parent.id().unwrap().to_string();
    let arguments = [BUILT_IN, &["--parent", &id]].concat();
    let server = start(&unix(&socket), &arguments);
    let mut editor = Editor::connect(&server.endpoint).await;
    editor.ask(json!({"method": "check"})).await;
    drop(parent.stdin.take());
    editor.closed().await;
    assert_eq!(ended(server).await, Some(0));
    assert!(!socket.exists());
    parent.wait().await.unwrap();

    // The process is gone already.
    let server = start(&unix(&socket), &arguments);
    assert_eq!(ended(server).await, Some(0));
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_signal_ends_it_well() {
    let folder = Folder::new("signal");
    let socket = folder.0.join("server.sock");
    let server = start(&unix(&socket), BUILT_IN);
    let mut editor = Editor::connect(&server.endpoint).await;
    editor.ask(json!({"method": "check"})).await;
    server.signal("TERM");
    editor.closed().await;
    assert_eq!(ended(server).await, Some(0));
    assert!(!socket.exists());
}

#[tokio::test]
async fn it_listens_on_port_9999_of_loopback_for_30_minutes_unless_told_otherwise() {
    let output = example("jsonserver").arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("[default: 127.0.0.1:9999]"), "{help}");
    assert!(help.contains("[default: 30]"), "{help}");
}

/// The server, whose log goes to nobody, as it does when an editor is gone.
fn start(bind: &str, arguments: &[&str]) -> Process {
    let mut command = example("jsonserver");
    command.args(["--bind", bind]).args(arguments).stderr(Stdio::piped());
    let mut server = Process::start(&mut command, Pipe::Out);
    drop(server.child.stderr.take());
    server
}

/// Waits until a server ends by itself, having said nothing but where it was.
async fn ended(mut server: Process) -> Option<i32> {
    let status = server.end().await;
    assert_eq!((server.said.len(), server.rest()), (1, Vec::new()));
    status.code()
}

/// What Anaconda's client asked, and what its server answered.
fn recorded() -> impl Iterator<Item = (Value, Value)> + Clone {
    let lines = include_str!("data/jsonserver.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let values = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    values.clone().step_by(2).zip(values.skip(1).step_by(2))
}

fn keys(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

/// A folder for one test, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("switchboard-jsonserver-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whatever is installed here.
const BUILT_IN: &[&str] = &["--lint-command", ""];
