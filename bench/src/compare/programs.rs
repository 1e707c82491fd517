//! The servers that are compared.

use std::path::PathBuf;

use super::cores::Placement;
use super::files::Files;
use super::load::Load;
use crate::message::Dialect;

/// A server with its arguments, and where it runs: a row of the tables.
#[derive(Debug)]
pub(super) struct Program {
    /// Its name on the command line and in the samples.
    pub(super) key: &'static str,
    /// Its name on the page.
    pub(super) title: &'static str,
    pub(super) kind: Kind,
    arguments: &'static [&'static str],
    pub(super) placement: Placement,
}

/// What has to be there for it, and where that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    Limit,
    Rust(&'static str),
    Node(&'static str),
    Python(&'static str),
}

pub(super) const PROGRAMS: &[Program] = &[
    program(LIMIT, "limit", Kind::Limit, &[]),
    program(OURS, "Switchboard", Kind::Ours, &["--routes", "100"]),
    program("ours-10", "Switchboard, 10 routes", Kind::Ours, &["--routes", "10"]),
    program(
        "ours-1000",
        "Switchboard, 1,000 routes",
        Kind::Ours,
        &["--routes", "1000"],
    ),
    program(
        "ours-100000",
        "Switchboard, 100,000 routes",
        Kind::Ours,
        &["--routes", "100000"],
    ),
    program(AXUM, "axum", Kind::Rust("axum"), &[]),
    program(
        "axum-4k",
        "axum, 4 KiB buffer",
        Kind::Rust("axum"),
        &["--read-buffer", "4096"],
    ),
    program("tungstenite", "tokio-tungstenite", Kind::Rust("tungstenite"), &[]),
    program(
        "tokio-websockets",
        "tokio-websockets",
        Kind::Rust("tokio-websockets"),
        &[],
    ),
    program("socketioxide", "socketioxide", Kind::Rust("socketioxide"), &[]),
    program("ws", "ws (Node)", Kind::Node("ws.mjs"), &[]),
    program("socketio", "Socket.IO (Node)", Kind::Node("socketio.mjs"), &[]),
    program("channels", "Django Channels", Kind::Python("channels_server.py"), &[]),
    Program {
        placement: Placement::OneShared,
        ..program(ONE_CORE, "one core", Kind::Ours, &["--routes", "100"])
    },
    Program {
        placement: Placement::TwoShared,
        ..program(TWO_CORES, "two cores", Kind::Ours, &["--routes", "100"])
    },
];

impl Program {
    /// The one with this key.
    pub(super) fn find(key: &str) -> Option<&'static Self> {
        PROGRAMS.iter().find(|program| program.key == key)
    }

    /// How messages to it are written.
    pub(super) fn dialect(&self) -> Dialect {
        match self.kind {
            Kind::Rust("socketioxide") | Kind::Node("socketio.mjs") => Dialect::SocketIo,
            _ => Dialect::Native,
        }
    }

    /// More clients than this cannot be connected in a reasonable time.
    pub(super) fn most_clients(&self) -> u64 {
        match self.kind {
            Kind::Python(_) => 1000,
            _ => u64::MAX,
        }
    }

    /// The file that is run, and what it is told.
    pub(super) fn command(&self, files: &Files, load: Load) -> (PathBuf, Vec<String>) {
        let mut arguments = Vec::new();
        let program = match self.kind {
            Kind::Ours => files.own("ours"),
            Kind::Limit => {
                arguments.extend(["--mode", load.mode_of_limit()].map(str::to_owned));
                files.own("limit")
            }
            Kind::Rust(name) => files.rust_peer(name),
            Kind::Node(script) => {
                let script = files.peer_source("node").join(script);
                arguments.push(script.to_string_lossy().into_owned());
                PathBuf::from("node")
            }
            Kind::Python(script) => {
                let script = files.peer_source("python").join(script);
                arguments.push(script.to_string_lossy().into_owned());
                files.python().to_path_buf()
            }
        };
        arguments.extend(["--bind", "127.0.0.1:0"].map(str::to_owned));
        arguments.extend(self.arguments.iter().map(|&argument| argument.to_owned()));
        (program, arguments)
    }

    /// Why it cannot be run here, and what would help.
    pub(super) fn missing(&self, files: &Files) -> Option<String> {
        let is_there =
            |path: PathBuf, help: &str| (!path.exists()).then(|| format!("{} is not there; {help}", path.display()));
        match self.kind {
            Kind::Ours | Kind::Limit => None,
            Kind::Rust(name) => is_there(
                files.rust_peer(name),
                "`cargo xtask bench` builds it, --peers says where it is",
            ),
            Kind::Node(_) if !can_run("node") => Some("`node` is not there (https://nodejs.org)".to_owned()),
            Kind::Node(_) => is_there(
                files.peer_source("node/node_modules"),
                "`npm ci` in bench/peers/node installs it",
            ),
            Kind::Python(_) => is_there(
                files.python().to_path_buf(),
                "`cargo xtask bench` makes it, --python says where it is",
            ),
        }
    }
}

fn can_run(program: &str) -> bool {
    let status = std::process::Command::new(program)
        .arg("--version")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

const fn program(key: &'static str, title: &'static str, kind: Kind, arguments: &'static [&'static str]) -> Program {
    Program {
        key,
        title,
        kind,
        arguments,
        placement: Placement::Apart,
    }
}

/// What the others are measured against.
pub(super) const LIMIT: &str = "limit";
/// Ours as it is meant to be used, with 100 routes.
pub(super) const OURS: &str = "ours";
pub(super) const AXUM: &str = "axum";
pub(super) const ONE_CORE: &str = "ours-on-one";
pub(super) const TWO_CORES: &str = "ours-on-two";
