//! How many crates an application makes its users build, with us and with axum.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::files::Files;
use super::machine::output;

/// Numbers of crates.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Crates {
    /// What the chat example needs for its messages and pages.
    pub(super) chat: usize,
    /// With its command line and its log on top.
    pub(super) chat_with_log: usize,
    /// What a chat with axum, WebSockets and JSON needs.
    pub(super) axum: usize,
}

/// Counts what is built for each: dependencies and what their builds need, each version once.
pub(super) fn count(files: &Files) -> Result<Crates, Failure> {
    let root = files.root();
    let ours = format!("switchboard = {{ path = {:?} }}\n{OURS}", root.display().to_string());
    let own_lock = root.join("Cargo.lock");
    let count = |name: &str, dependencies: &str, lock: &Path| {
        count_of(&files.scratch().join("crates").join(name), dependencies, lock)
    };
    Ok(Crates {
        chat: count("chat", &ours, &own_lock)?,
        chat_with_log: count("chat-with-log", &format!("{ours}{LOG}"), &own_lock)?,
        axum: count("axum", AXUM, &files.peer_source("rust/Cargo.lock"))?,
    })
}

/// Makes a package that depends on this, with the versions of a lock file, and counts what it pulls in.
fn count_of(folder: &Path, dependencies: &str, lock: &Path) -> Result<usize, Failure> {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).map_err(Failure::file(folder.join(name)));
    fs::create_dir_all(folder.join("src")).map_err(Failure::file(folder))?;
    write("src/main.rs", "fn main() {}\n")?;
    write("Cargo.toml", &format!("{PACKAGE}[dependencies]\n{dependencies}"))?;
    fs::copy(lock, folder.join("Cargo.lock")).map_err(Failure::file(lock))?;
    let tree = output(
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .current_dir(folder)
            .args(["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]),
    )?;
    Ok(packages(&tree))
}

/// The packages of a tree, less the one at its root.
fn packages(tree: &str) -> usize {
    let name_and_version = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    let all: BTreeSet<_> = tree.lines().skip(1).filter_map(name_and_version).collect();
    all.len()
}

const PACKAGE: &str = "[workspace]\n\n[package]\nname = \"counted\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n";
/// What examples/chat uses beside us.
const OURS: &str = r#"serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
"#;
const LOG: &str = r#"clap = { version = "4", features = ["derive"] }
tracing-subscriber = { version = "0.3", default-features = false, features = ["ansi", "env-filter", "fmt"] }
"#;
const AXUM: &str = r#"axum = { version = "0.8", features = ["ws"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["full"] }
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_once() {
        let tree = "counted v0.0.0 (/tmp/counted)\nserde v1.0.229\nserde_derive v1.0.229 (proc-macro)\nserde v1.0.229 (*)\n\nsyn v2.0.1\nsyn v3.0.0\n";
        assert_eq!(packages(tree), 4);
    }
}
