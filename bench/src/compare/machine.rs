//! What it was measured on, and with.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::files::Files;
use super::versions;

/// What it was measured on, and with.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Machine {
    /// Day of the measurement, as 2026-01-31.
    pub(super) date: String,
    /// The commit that was measured; with `-dirty` where files were changed since.
    pub(super) commit: String,
    pub(super) processor: String,
    pub(super) is_virtual: bool,
    pub(super) processors: usize,
    pub(super) memory_gib: f64,
    pub(super) kernel: String,
    pub(super) congestion_control: String,
    pub(super) rustc: String,
    /// Name and version of what it is compared with.
    pub(super) peers: Vec<(String, String)>,
}

impl Machine {
    pub(super) fn find(files: &Files) -> Result<Self, Failure> {
        let processors = read("/proc/cpuinfo")?;
        let field = |name: &str| {
            let mut lines = processors.lines().filter_map(|line| line.split_once(':'));
            let found = lines.find(|(key, _)| key.trim() == name);
            found.map(|(_, value)| value.trim())
        };
        let memory = read("/proc/meminfo")?;
        let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kibibytes: f64 = memory
            .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok())
            .unwrap_or_default();
        let said_by = |program: &str, arguments: &[&str]| output(Command::new(program).args(arguments));
        Ok(Self {
            date: said_by("date", &["--utc", "+%Y-%m-%d"])?,
            commit: output(Command::new("git").current_dir(files.root()).args([
                "describe",
                "--always",
                "--dirty",
                "--exclude=*",
            ]))
            .unwrap_or_else(|_| "unknown".to_owned()),
            processor: field("model name").unwrap_or("unknown").to_owned(),
            is_virtual: field("flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kibibytes / f64::from(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            congestion_control: read("/proc/sys/net/ipv4/tcp_congestion_control")?.trim().to_owned(),
            rustc: output(Command::new("rustc").current_dir(files.root()).arg("--version"))?,
            peers: versions::find(files)?,
        })
    }
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::file(path))
}

/// What a program says, on one line.
pub(super) fn output(command: &mut Command) -> Result<String, Failure> {
    let why = match command.output() {
        Ok(output) if output.status.success() => return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let command = format!("{command:?}");
    Err(Failure::Command { command, why })
}
