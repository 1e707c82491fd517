//! Who runs on which core.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use super::failure::Failure;

/// The two cores that are used.
#[derive(Debug)]
pub(super) struct Cores {
    first: usize,
    second: usize,
}

/// Which of the two cores the server and the generator are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// One each.
    Apart,
    /// The server has the first, the generator both.
    OneShared,
    /// Both have both.
    TwoShared,
}

impl Cores {
    /// The first two that this process may use.
    pub(super) fn find() -> Result<Self, Failure> {
        let status = Command::new("taskset")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.map_err(Failure::NoTaskset)?;
        let path = "/proc/self/status";
        let text = fs::read_to_string(path).map_err(Failure::file(path))?;
        let list = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let list = list.map(str::trim).unwrap_or_default();
        match listed(list).as_slice() {
            &[first, second, ..] => Ok(Self { first, second }),
            _ => Err(Failure::OneCore(list.to_owned())),
        }
    }

    /// A server, kept where it belongs.
    pub(super) fn server(&self, placement: Placement, program: &Path) -> Command {
        let cores = match placement {
            Placement::Apart | Placement::OneShared => self.first.to_string(),
            Placement::TwoShared => self.both(),
        };
        on(&cores, program)
    }

    /// The generator, kept where it belongs.
    pub(super) fn generator(&self, placement: Placement, program: &Path) -> Command {
        let cores = match placement {
            Placement::Apart => self.second.to_string(),
            Placement::OneShared | Placement::TwoShared => self.both(),
        };
        on(&cores, program)
    }

    fn both(&self) -> String {
        format!("{},{}", self.first, self.second)
    }
}

/// It becomes the program itself: there is no process between it and us.
fn on(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program);
    command
}

/// The cores of a list as `0-2,5`.
fn listed(list: &str) -> Vec<usize> {
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let ranges = list.split(',').filter_map(|range| match range.split_once('-') {
        Some((first, last)) => Some(number(first)?..=number(last)?),
        None => number(range).map(|only| only..=only),
    });
    ranges.flatten().collect()
}

/// Lets this process, and so those that it starts, have as many descriptors as it can; says how many.
pub(super) fn raise_descriptors() -> Result<u64, Failure> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        let refused = |errno| io::Error::from(errno);
        setrlimit(Resource::Nofile, raised)
            .map_err(refused)
            .map_err(Failure::system("more descriptors"))?;
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cores_is_read() {
        assert_eq!(listed("0-1"), [0, 1]);
        assert_eq!(listed("3,5-7,9"), [3, 5, 6, 7, 9]);
        assert_eq!(listed("2"), [2]);
        assert!(listed("").is_empty());
    }
}
