//! Work on files, away from the runtime's own threads.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::task::{JoinHandle, spawn_blocking};

use super::FileError;

/// Something that a thread for blocking work does.
#[derive(Debug)]
pub(super) struct Job<T>(JoinHandle<Result<T, FileError>>);

impl<T: Send + 'static> Job<T> {
    pub(super) fn new(work: impl FnOnce() -> Result<T, FileError> + Send + 'static) -> Self {
        Self(spawn_blocking(work))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, FileError>> {
        Pin::new(&mut self.0).poll(cx).map(|joined| {
            // It does not panic, so the runtime is at its end.
            joined.unwrap_or_else(|error| Err(disk("use", Path::new("the disk"), error.into())))
        })
    }
}

/// A file that is sent.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    path: PathBuf,
    pub(super) left: u64,
}

impl Source {
    pub(super) fn open(path: PathBuf) -> Result<Self, FileError> {
        let opened = File::open(&path).and_then(|file| {
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(ErrorKind::IsADirectory.into());
            }
            Ok((file, metadata.len()))
        });
        match opened {
            Ok((file, left)) => Ok(Self { file, path, left }),
            Err(error) => Err(disk("open", &path, error)),
        }
    }

    /// The next piece; never an empty one.
    pub(super) fn read(mut self) -> Result<(Self, Vec<u8>), FileError> {
        let size = self.left.min(PIECE);
        // At most a piece.
        let mut piece = Vec::with_capacity(size as usize);
        match (&self.file).take(size).read_to_end(&mut piece) {
            Ok(0) => Err(FileError::Shorter {
                path: self.path,
                missing: self.left,
            }),
            Ok(read) => {
                self.left -= read as u64;
                Ok((self, piece))
            }
            Err(error) => Err(disk("read", &self.path, error)),
        }
    }
}

/// A file that is not complete, under a name that is not its own. It is removed with this.
#[derive(Debug)]
pub(super) struct Partial {
    file: File,
    folder: PathBuf,
    path: PathBuf,
    is_kept: bool,
}

impl Partial {
    pub(super) fn create(folder: PathBuf) -> Result<Self, FileError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{PREFIX}{}-{number}.part", std::process::id()));
            match File::create_new(&path) {
                Ok(file) => {
                    return Ok(Self {
                        file,
                        folder,
                        path,
                        is_kept: false,
                    });
                }
                // Left by a process of the same number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(disk("create", &path, error)),
            }
        }
    }

    pub(super) fn write(mut self, bytes: &BytesMut) -> Result<Self, FileError> {
        match self.file.write_all(bytes) {
            Ok(()) => Ok(self),
            Err(error) => Err(disk("write", &self.path, error)),
        }
    }

    /// Gives it its name, or one like it that is not taken.
    pub(super) fn keep(mut self, name: &str) -> Result<PathBuf, FileError> {
        let names = (0..NAMES).map(|number| match number {
            0 => self.folder.join(name),
            number => self.folder.join(format!("{name}_({number})")),
        });
        for path in names {
            // An empty file holds the place: renaming alone would replace one that somebody made meanwhile.
            match File::create_new(&path) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(disk("create", &path, error)),
            }
            if let Err(error) = fs::rename(&self.path, &path) {
                let _ = fs::remove_file(&path);
                return Err(disk("rename a file to", &path, error));
            }
            self.is_kept = true;
            return Ok(path);
        }
        Err(disk(
            "find a free name for",
            &self.folder.join(name),
            ErrorKind::AlreadyExists.into(),
        ))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_kept {
            // Whoever could be told is not there any more.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a file of this name lies in the folder that it is put into, on every system.
pub(super) fn is_plain(name: &str) -> bool {
    let is_odd = |c: char| matches!(c, '/' | '\\' | ':') || c.is_control();
    !matches!(name, "" | "." | "..") && !name.contains(is_odd) && !name.starts_with(PREFIX)
}

pub(super) fn disk(doing: &'static str, path: &Path, error: io::Error) -> FileError {
    FileError::Disk {
        doing,
        path: path.to_owned(),
        error,
    }
}

/// What temporary names begin with, and no other may.
const PREFIX: &str = ".switchboard-";
/// Names that are tried for a file.
const NAMES: u32 = 1000;
/// Bytes that are read at once.
const PIECE: u64 = 128 << 10;
