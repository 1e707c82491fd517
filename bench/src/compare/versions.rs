//! Which versions of the peers are compared, out of the files that pin them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::failure::Failure;
use super::files::Files;
use super::machine::output;

/// Name and version of each.
pub(super) fn find(files: &Files) -> Result<Vec<(String, String)>, Failure> {
    let mut versions = Vec::new();
    let lock = read(&files.peer_source("rust/Cargo.lock"))?;
    for name in ["axum", "tokio-tungstenite", "tokio-websockets", "socketioxide", "tokio"] {
        add(&mut versions, name, of_crate(&lock, name));
    }
    let path = files.peer_source("node/package-lock.json");
    let lock: Value = serde_json::from_str(&read(&path)?).map_err(Failure::json(&path))?;
    for name in ["ws", "socket.io"] {
        let version = lock["packages"][format!("node_modules/{name}")]["version"].as_str();
        add(&mut versions, name, version);
    }
    add(&mut versions, "Node", said_by(Path::new("node")).as_deref());
    let requirements = read(&files.peer_source("python/requirements.txt"))?;
    for name in ["channels", "Django", "uvicorn"] {
        add(&mut versions, name, of_requirement(&requirements, name));
    }
    add(&mut versions, "Python", said_by(files.python()).as_deref());
    Ok(versions)
}

fn add(versions: &mut Vec<(String, String)>, name: &str, version: Option<&str>) {
    if let Some(version) = version {
        versions.push((name.to_owned(), version.to_owned()));
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::file(path))
}

/// The version that an interpreter says it has, where there is one.
fn said_by(program: &Path) -> Option<String> {
    let line = output(Command::new(program).arg("--version")).ok()?;
    let version = line.split_whitespace().next_back()?;
    Some(version.trim_start_matches('v').to_owned())
}

/// The version of a crate in a lock file; the newest where there are several, as others may depend on an older one.
fn of_crate<'l>(lock: &'l str, name: &str) -> Option<&'l str> {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let (_, rest) = lock.rsplit_once(&entry)?;
    Some(rest.split_once('"')?.0)
}

/// The version of a line as `uvicorn[standard]==0.1`.
fn of_requirement<'r>(requirements: &'r str, name: &str) -> Option<&'r str> {
    requirements.lines().find_map(|line| {
        let (package, version) = line.split_once("==")?;
        (package.split('[').next() == Some(name)).then_some(version.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_where_it_is_pinned() {
        let lock = "[[package]]\nname = \"axum-core\"\nversion = \"0.5.6\"\n\n[[package]]\nname = \"axum\"\nversion = \"0.8.8\"\n\n[[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n";
        assert_eq!(of_crate(lock, "axum"), Some("0.8.9"));
        assert_eq!(of_crate(lock, "ws"), None);
        let requirements = "# needed\nchannels==4.3.2\nuvicorn[standard]==0.54.0\n";
        assert_eq!(of_requirement(requirements, "uvicorn"), Some("0.54.0"));
        assert_eq!(of_requirement(requirements, "channels"), Some("4.3.2"));
        assert_eq!(of_requirement(requirements, "Django"), None);
    }
}
