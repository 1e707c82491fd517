//! Counting under valgrind.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::run::{Failure, Step, target};

/// Counts every path, as many at a time as there are cores.
pub(super) fn count_all(program: &Path, paths: &[String]) -> Result<Vec<(String, u64)>, Failure> {
    std::fs::create_dir_all(folder()?).map_err(|error| Failure(format!("the folder for callgrind: {error}")))?;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(paths.len());
    eprintln!("\n{} paths under callgrind, {threads} at a time", paths.len());
    let waiting = Mutex::new(paths.iter().enumerate().collect::<VecDeque<_>>());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || {
        let mut counted = Vec::new();
        while let Some((at, path)) = next() {
            counted.push((at, path.clone(), count(program, path)?));
        }
        Ok(counted)
    };
    let mut counted = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| match worker.join() {
            Ok(counted) => counted,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        let counted: Result<Vec<_>, Failure> = results.collect();
        Ok(counted?.concat())
    })?;
    counted.sort_unstable();
    Ok(counted.into_iter().map(|(_, path, count)| (path, count)).collect())
}

/// Where callgrind leaves what it saw, one file a run.
pub(super) fn folder() -> Result<PathBuf, Failure> {
    Ok(target()?.join("instructions"))
}

/// Instructions for one message: the difference that as many more make, so that the start does not count.
fn count(program: &Path, path: &str) -> Result<u64, Failure> {
    let few = collect(program, path, MESSAGES)?;
    let many = collect(program, path, 2 * MESSAGES)?;
    match many.checked_sub(few) {
        Some(more) if more > 0 => Ok((more + MESSAGES / 2) / MESSAGES),
        _ => Err(Failure(format!(
            "{path}: {MESSAGES} messages took {few} instructions, and twice as many {many}: the count means nothing"
        ))),
    }
}

/// Instructions of the server for so many messages, and for what comes before them.
fn collect(program: &Path, path: &str, messages: u64) -> Result<u64, Failure> {
    let file = folder()?.join(format!("{path}.{messages}"));
    let run = Step::new(
        "valgrind",
        &[
            "--tool=callgrind",
            "--collect-atstart=no",
            &format!("--toggle-collect={FUNCTION}"),
            &format!("--callgrind-out-file={}", file.display()),
            &program.to_string_lossy(),
            "--path",
            path,
            "--messages",
            &messages.to_string(),
        ],
    )
    .env("GLIBC_TUNABLES", ALLOCATOR)
    .output()?;
    match collected(&run.stderr) {
        Some(0) => Err(Failure(format!(
            "callgrind saw nobody call `{FUNCTION}`, within which instructions are counted: it has another name now, was \
             inlined, or the names are stripped from the program. Mark it `#[inline(never)]`, or name what polls a session \
             in xtask/src/instructions/callgrind.rs"
        ))),
        Some(count) => Ok(count),
        None => Err(Failure(format!(
            "callgrind did not say what it counted:\n{}",
            run.stderr
        ))),
    }
}

/// What callgrind says at its end, as in `==7== Collected : 2203093`.
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

/// What is counted: all that a session does, from a read to the writes that come of it. The clients, which are in the same
/// process, do not count, nor does the runtime.
const FUNCTION: &str = "switchboard_server::session::Session::poll";
/// Enough that what the server does once a second makes no difference, whatever the machine is busy with.
const MESSAGES: u64 = 2048;
/// What a free chunk of memory costs depends on what lies beside it, and so on the seeds of the hash maps, which are random:
/// up to 3 % of a fan-out. A cache that takes all that is freed keeps that out.
const ALLOCATOR: &str = "glibc.malloc.tcache_count=2000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_what_callgrind_says() {
        let said = "==7== \n==7== Events    : Ir\n==7== Collected : 2203093\n==7== \n";
        assert_eq!(collected(said), Some(2_203_093));
        assert_eq!(collected("==7== Collected : 0"), Some(0));
        assert_eq!(collected("==7== Collected :"), None);
        assert_eq!(collected("a listener is gone"), None);
    }
}
