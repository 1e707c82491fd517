//! The programs that the checks need beside Rust.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::instructions;
use crate::run::{Failure, Step};

/// Sees to it that Node, Chromium and valgrind are there: installs what Debian has, names the rest in one error.
pub(crate) fn ensure() -> Result<(), Failure> {
    let mut missing = Vec::new();
    if !has_node() {
        missing.push("Node 20 or newer, with npm (https://nodejs.org)".to_owned());
    }
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| CHROMIUM.to_owned());
    if !Path::new(&chromium).exists() && install("chromium").is_err() {
        missing.push(format!(
            "Chromium at {chromium} (Debian: `apt-get install chromium`; elsewhere set CHROMIUM to its path)"
        ));
    }
    if !has_valgrind() {
        missing.push(VALGRIND.to_owned());
    }
    told(&missing)
}

/// Sees to it that valgrind is there, where it can be.
pub(crate) fn ensure_valgrind() -> Result<(), Failure> {
    if has_valgrind() {
        return Ok(());
    }
    told(&[VALGRIND.to_owned()])
}

fn told(missing: &[String]) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure(format!(
        "the tests need what is not here:\n  - {}",
        missing.join("\n  - ")
    )))
}

fn has_node() -> bool {
    let Ok(output) = Command::new("node").arg("--version").output() else {
        return false;
    };
    let version = String::from_utf8_lossy(&output.stdout);
    let major = version.trim().trim_start_matches('v').split('.').next();
    major
        .and_then(|major| major.parse().ok())
        .is_some_and(|major: u32| major >= 20)
        && runs("npm")
}

/// Whether it is there, or is not needed.
fn has_valgrind() -> bool {
    !instructions::ARE_COUNTED || runs("valgrind") || install("valgrind").is_ok()
}

fn install(package: &str) -> Result<(), Failure> {
    if !runs("apt-get") {
        return Err(Failure("no apt-get".to_owned()));
    }
    Step::new("apt-get", &["update", "--quiet"]).run()?;
    Step::new(
        "apt-get",
        &["install", "--yes", "--quiet", "--no-install-recommends", package],
    )
    .env("DEBIAN_FRONTEND", "noninteractive")
    .run()
}

/// Whether there is such a program.
pub(crate) fn runs(program: &str) -> bool {
    let status = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

const CHROMIUM: &str = "/usr/bin/chromium";
const VALGRIND: &str = "valgrind (Debian: `apt-get install valgrind`)";
