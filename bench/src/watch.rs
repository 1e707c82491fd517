//! Looking at a process from outside: its processor time and its memory.

use std::collections::HashMap;
use std::fs;
use std::io;

/// Counts the processor time of a server from a moment on.
///
/// Threads that end take their count with them: [`sample`](Self::sample) from time to time loses no more than what they did
/// since the last time.
#[derive(Debug)]
pub struct Watch {
    pids: Vec<u32>,
    /// Nanoseconds by thread: before, and last seen.
    threads: HashMap<(u32, u32), (u64, u64)>,
}

impl Watch {
    /// Begins.
    ///
    /// # Errors
    ///
    /// One of the processes is not there.
    pub fn start(pids: &[u32]) -> io::Result<Self> {
        let mut watch = Self {
            pids: pids.to_vec(),
            threads: HashMap::new(),
        };
        watch.sample()?;
        for (before, last) in watch.threads.values_mut() {
            *before = *last;
        }
        Ok(watch)
    }

    /// Looks again. Threads that came since the start are counted from their beginning.
    ///
    /// # Errors
    ///
    /// One of the processes is not there any more.
    pub fn sample(&mut self) -> io::Result<()> {
        for &pid in &self.pids {
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).map_err(|error| about(pid, &error))?;
            for task in tasks {
                let task = task?;
                let Some(id) = task.file_name().to_str().and_then(|name| name.parse().ok()) else {
                    continue;
                };
                // One that has just ended.
                let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else {
                    continue;
                };
                if let Some(spent) = text.split_whitespace().next().and_then(|word| word.parse().ok()) {
                    self.threads.entry((pid, id)).or_default().1 = spent;
                }
            }
        }
        Ok(())
    }

    /// Processor seconds since the start, as of the last sample.
    pub fn seconds(&self) -> f64 {
        let spent: u64 = self.threads.values().map(|(before, last)| last - before).sum();
        spent as f64 / 1e9
    }
}

/// The memory that is a process's own, in bytes.
///
/// # Errors
///
/// The process is not there.
pub fn own_memory(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|error| about(pid, &error))?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    kibibytes
        .map(|kibibytes| kibibytes << 10)
        .ok_or_else(|| io::Error::other(format!("/proc/{pid}/status does not say RssAnon")))
}

fn about(pid: u32, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("process {pid}: {error}"))
}

#[cfg(test)]
mod tests {
    use rustix::time::{ClockId, clock_gettime};

    use super::*;

    #[test]
    fn work_takes_time_also_of_threads_that_are_over() {
        let mut watch = Watch::start(&[std::process::id()]).unwrap();
        let work = || {
            while clock_gettime(ClockId::ThreadCPUTime).tv_nsec < 20_000_000 {
                std::hint::spin_loop();
            }
        };
        let (enough, done) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                work();
                enough.wait();
                done.wait();
            });
            enough.wait();
            watch.sample().unwrap();
            done.wait();
        });
        watch.sample().unwrap();
        assert!(watch.seconds() >= 0.02, "{}", watch.seconds());
    }

    #[test]
    fn a_process_has_memory_of_its_own() {
        assert!(own_memory(std::process::id()).unwrap() > 10_000);
        assert!(own_memory(u32::MAX).is_err());
    }
}
