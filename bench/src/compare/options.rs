//! The command line.

use std::path::PathBuf;

use clap::Parser;

use super::files::Files;

/// Measures our server beside others and beside what the system can do at most, and writes a page about it.
///
/// Where not all works and programs are run, their tables are printed in place of the page being written.
#[derive(Debug, Parser)]
pub(super) struct Options {
    /// How often each cell is measured; the programs of a work take turns.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds that are counted in each cell.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Seconds before they are counted.
    #[arg(long, default_value_t = 0.5)]
    warmup: f64,
    /// The only works that are run, as `echo-64x1,idle`; `echo` stands for all `echo-…`.
    #[arg(long, value_name = "WORKS", value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// The only programs that are run, as `limit,ours`; `axum` stands for `axum-…` too.
    #[arg(long, value_delimiter = ',')]
    pub(super) programs: Vec<String>,
    /// Checks in a minute or two that every cell works: few clients, one short round. Writes nothing.
    #[arg(long)]
    pub(super) quick: bool,
    /// The page; its charts are put into a folder beside it [default: docs/performance.md].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where all samples are kept, as JSON [default: compare/samples.json in the target folder].
    #[arg(long, value_name = "FILE")]
    pub(super) raw: Option<PathBuf>,
    /// Makes the page from earlier samples; of a work that is in several files, the last one's count.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "raw", "only", "programs"])]
    pub(super) from: Vec<PathBuf>,
    /// Where `ours`, `limit` and `load` are [default: beside this program].
    #[arg(long, value_name = "DIR")]
    pub(super) bin: Option<PathBuf>,
    /// Where the peers in Rust are [default: peers/release in the target folder].
    #[arg(long, value_name = "DIR")]
    pub(super) peers: Option<PathBuf>,
    /// A Python that has Django Channels and uvicorn [default: peers/venv/bin/python in the target folder].
    #[arg(long, value_name = "FILE")]
    pub(super) python: Option<PathBuf>,
}

impl Options {
    /// Whether one of the keys that are asked for stands for this one.
    pub(super) fn asks_for(asked: &[String], key: &str) -> bool {
        let stands_for = |asked: &String| {
            key.strip_prefix(asked.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        asked.is_empty() || asked.iter().any(stands_for)
    }

    pub(super) fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    pub(super) fn seconds(&self) -> f64 {
        if self.quick { 0.3 } else { self.seconds }
    }

    pub(super) fn warmup(&self) -> f64 {
        if self.quick { 0.1 } else { self.warmup }
    }

    /// Where the page is to be written. A part of it does not replace the whole unless that is asked for.
    pub(super) fn page(&self, files: &Files) -> Option<PathBuf> {
        if self.quick {
            return None;
        }
        let is_whole = self.only.is_empty() && self.programs.is_empty();
        self.out.clone().or_else(|| is_whole.then(|| files.page()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_all_that_begin_with_it_and_a_dash() {
        let asked = ["axum".to_owned(), "socketio".to_owned()];
        assert!(Options::asks_for(&asked, "axum"));
        assert!(Options::asks_for(&asked, "axum-4k"));
        assert!(Options::asks_for(&asked, "socketio"));
        assert!(!Options::asks_for(&asked, "socketioxide"));
        assert!(Options::asks_for(&[], "anything"));
    }
}
