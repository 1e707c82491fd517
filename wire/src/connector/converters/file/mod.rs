//! Files as Pike writes them: name, size, content.

mod disk;
mod reader;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use reader::FileSerializer;
pub use writer::FileDeserializer;

use super::PrimitiveError;
use crate::connector::Converter;

/// Files: the name and the decimal digits of the size, both as [`StringConverter`](super::StringConverter) writes strings,
/// and the content: `9 notes.txt1 2hi`.
///
/// A file is read and written piece by piece on the runtime's threads for blocking work, as the socket takes it and brings
/// it, so that its size does not matter for memory: some 256 KiB each way.
///
/// What comes is stored in one folder, and nowhere else: a name that is not the plain name of a file is refused. It has a
/// temporary name until it is complete, and is removed if it never is. Where its name is taken already, it becomes
/// `name_(1)`, `name_(2)`, and so on, as with Pike.
///
/// ```
/// use switchboard_wire::connector::{Connector, Event, FileConverter, FileMessage, Limits};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = std::env::temp_dir().join("switchboard-file-example");
/// std::fs::create_dir_all(&folder)?;
/// let server = Connector::new(FileConverter::storing(&folder, 1 << 30), Limits::default());
/// let client = Connector::new(FileConverter::sending(), Limits::default());
/// let connection = client.connect(server.listen("127.0.0.1:0").await?)?;
/// client.send(connection, FileMessage::new("Cargo.toml"))?;
///
/// let Some(Event::RemoteConnect { incoming, .. }) = server.recv().await else { panic!() };
/// incoming.accept()?;
/// let Some(Event::MessageReceived { message, .. }) = server.recv().await else { panic!() };
/// assert_eq!(message.name(), Some("Cargo.toml"));
/// assert_eq!(std::fs::read(message.path())?, std::fs::read("Cargo.toml")?);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FileConverter {
    storage: Option<Arc<Storage>>,
}

/// Where files go that come.
#[derive(Debug)]
pub(super) struct Storage {
    folder: PathBuf,
    limit: u64,
}

impl FileConverter {
    /// Sends files, and takes none.
    pub fn sending() -> Self {
        Self { storage: None }
    }

    /// Sends files, and stores those that come in this folder, of at most so many bytes each.
    pub fn storing(folder: impl Into<PathBuf>, limit: u64) -> Self {
        let folder = folder.into();
        Self {
            storage: Some(Arc::new(Storage { folder, limit })),
        }
    }
}

impl Converter for FileConverter {
    type Message = FileMessage;
    type Serializer = FileSerializer;
    type Deserializer = FileDeserializer;

    fn serializer(&self) -> FileSerializer {
        FileSerializer::new()
    }

    fn deserializer(&self) -> FileDeserializer {
        FileDeserializer::new(self.storage.clone())
    }
}

/// A file of this machine, as a message: one to send, or one that has come and was stored.
///
/// ```
/// use switchboard_wire::connector::FileMessage;
///
/// let file = FileMessage::new("/var/log/boot.log");
/// assert_eq!((file.name(), file.path().to_str()), (Some("boot.log"), Some("/var/log/boot.log")));
/// assert_eq!(file.with_name("today.log").name(), Some("today.log"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMessage {
    path: PathBuf,
    name: Option<String>,
}

impl FileMessage {
    /// The file at this path. It is opened when its turn has come to be sent.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        Self { path, name }
    }

    /// Sent under another name than it has here.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        let name = Some(name.into());
        Self { name, ..self }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that it is sent under; of one that has come, the name that it came under. None where the path has no file
    /// name, or one that is not UTF-8: such a one cannot be sent.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system's fault.
    #[error("cannot {doing} {path}: {error}", path = path.display())]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// One to send has no name.
    #[error("{path} has no file name in UTF-8; give it one with `FileMessage::with_name`", path = .0.display())]
    NoName(PathBuf),
    /// One to send has become shorter while it was sent, or is no file that has a size.
    #[error("{path} ended {missing} bytes before its size; send only files that nobody shortens", path = path.display())]
    Shorter {
        /// Which one.
        path: PathBuf,
        /// Bytes that are not there any more.
        missing: u64,
    },
    /// A name that came is not the plain name of a file.
    #[error("a file is named {0:?}; send the plain name of a file, without folders and control characters")]
    BadName(String),
    /// One that came is larger than its converter takes.
    #[error("file {name:?} has {size} bytes, and may have {limit}; send a smaller one, or raise the converter's bound")]
    TooLarge {
        /// Its name.
        name: String,
        /// How large it is.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// One came, and the converter is only for sending.
    #[error("a file came, and none is taken here; make the converter with `FileConverter::storing`")]
    NotTaken,
    /// What came as its name or size is none.
    #[error(transparent)]
    Primitive(#[from] PrimitiveError),
}
