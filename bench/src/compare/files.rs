//! Where things are.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::options::Options;

/// Where things are.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    target: PathBuf,
    bin: PathBuf,
    peers: PathBuf,
    python: PathBuf,
    raw: PathBuf,
}

impl Files {
    pub(super) fn find(options: &Options) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::system("where this program is"))?;
        let beside = program.parent().unwrap_or(Path::new("."));
        let target = beside.parent().unwrap_or(beside).to_path_buf();
        let or = |given: &Option<PathBuf>, default: &str| given.clone().unwrap_or_else(|| target.join(default));
        Ok(Self {
            root: root(),
            bin: options.bin.clone().unwrap_or_else(|| beside.to_path_buf()),
            peers: or(&options.peers, "peers/release"),
            python: or(&options.python, "peers/venv/bin/python"),
            raw: or(&options.raw, "compare/samples.json"),
            target,
        })
    }

    /// The root of the workspace.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// A program of this package.
    pub(super) fn own(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// A peer in Rust.
    pub(super) fn rust_peer(&self, name: &str) -> PathBuf {
        self.peers.join(name)
    }

    /// The source of a peer.
    pub(super) fn peer_source(&self, path: &str) -> PathBuf {
        self.root.join("bench/peers").join(path)
    }

    pub(super) fn python(&self) -> &Path {
        &self.python
    }

    pub(super) fn raw(&self) -> &Path {
        &self.raw
    }

    /// What is of no use afterwards.
    pub(super) fn scratch(&self) -> PathBuf {
        self.target.join("compare")
    }

    /// What the micro-benchmarks found.
    pub(super) fn criterion(&self) -> PathBuf {
        self.target.join("criterion")
    }

    pub(super) fn page(&self) -> PathBuf {
        self.root.join("docs/performance.md")
    }

    /// The part of the page that is written by hand.
    pub(super) fn notes(&self) -> PathBuf {
        self.root.join("bench/performance-notes.md")
    }
}

fn root() -> PathBuf {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    bench.parent().unwrap_or(bench).to_path_buf()
}
