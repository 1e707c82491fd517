//! The Autobahn test suite, which knows every corner of WebSocket, against our framing in a whole server.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::run::{Failure, Step, cargo, target};

/// Runs sections 1 to 7, 9 and 10; every case has to pass strictly.
pub(crate) fn run(python: &Path) -> Result<(), Failure> {
    cargo(&["build", "--release", "--example", "autobahn"]).run()?;
    let server = Server::start()?;
    let folder = target()?.join("autobahn");
    // A report of an earlier run must not be taken for this one's.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| failure("the report's folder", &error))?;
    let spec = json!({
        "outdir": folder.join("reports"),
        "servers": [{ "agent": AGENT, "url": format!("ws://{}", server.address) }],
        "cases": SECTIONS.map(|section| format!("{section}.*")),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    let spec_file = folder.join("spec.json");
    fs::write(&spec_file, spec.to_string()).map_err(|error| failure("the suite's configuration", &error))?;
    let spec_file = spec_file.to_string_lossy().into_owned();
    Step::new(
        python,
        &[
            "-m",
            "autobahntestsuite.wstest",
            "-m",
            "fuzzingclient",
            "-s",
            &spec_file,
        ],
    )
    .run()?;
    drop(server);
    judge(&folder.join("reports/index.json"))
}

/// The suite exits with 0 whatever it found; its report has the verdicts.
fn judge(report: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(report).map_err(|error| failure("the suite's report", &error))?;
    let report: Value = serde_json::from_str(&text).map_err(|error| failure("the suite's report", &error))?;
    let cases = report[AGENT].as_object().filter(|cases| !cases.is_empty());
    let cases = cases.ok_or_else(|| Failure("the suite ran no case against us".to_owned()))?;
    for section in SECTIONS {
        if !cases.keys().any(|case| case.split('.').next() == Some(section)) {
            return Err(Failure(format!("the suite ran no case of section {section}")));
        }
    }
    let mut verdicts = BTreeMap::<&str, usize>::new();
    let mut wrong = Vec::new();
    for (case, verdict) in cases {
        let behavior = verdict["behavior"].as_str().unwrap_or("missing");
        let close = verdict["behaviorClose"].as_str().unwrap_or("missing");
        *verdicts.entry(behavior).or_default() += 1;
        if ![behavior, close]
            .iter()
            .all(|verdict| ["OK", "INFORMATIONAL"].contains(verdict))
        {
            wrong.push(format!("{case}: {behavior}, close {close}"));
        }
    }
    eprintln!("{} cases: {verdicts:?}", cases.len());
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure(format!(
        "these cases do not pass strictly:\n  {}",
        wrong.join("\n  ")
    )))
}

/// The echo server, ended with this.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> Result<Self, Failure> {
        let program = target()?.join("release/examples/autobahn");
        let mut child = Command::new(program)
            .args(["--bind", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failure("the echo server", &error))?;
        let lines = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
        let address = lines
            .into_iter()
            .flatten()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("http://")?.1.split_whitespace().next()?.to_owned()));
        match address {
            Some(address) => Ok(Self { child, address }),
            None => Err(Failure("the echo server did not say where it listens".to_owned())),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failure(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure(format!("{what}: {error}"))
}

const AGENT: &str = "switchboard";
/// All but 8, which is empty, and 12 and 13, which are about compression.
const SECTIONS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "9", "10"];
