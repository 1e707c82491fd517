//! Listening.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

#[cfg(unix)]
use self::local::LocalListener;
use super::{Endpoint, Stream};

/// A bound listener. Dropping it ends listening, and removes the file of a Unix socket.
pub struct Acceptor {
    source: Source,
    endpoint: Endpoint,
}

enum Source {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(LocalListener),
}

impl Acceptor {
    pub(super) async fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp(address) => TcpListener::bind(address).await?.try_into(),
            #[cfg(unix)]
            Endpoint::Unix(path) => Ok(Self {
                source: Source::Unix(LocalListener::bind(path)?),
                endpoint: endpoint.clone(),
            }),
            #[cfg(not(unix))]
            Endpoint::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Where it listens; a port that was 0 is the one that was found.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its TCP address; none for a Unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.source {
            Source::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Source::Unix(_) => None,
        }
    }

    /// The next connection, and where it comes from; nobody knows that of a Unix socket. Cancel-safe.
    ///
    /// # Errors
    ///
    /// What the system says. Many of its errors are of the one connection, or pass: accepting may go on.
    pub async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match &self.source {
            Source::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((stream.into(), Some(peer)))
            }
            #[cfg(unix)]
            Source::Unix(listener) => Ok((listener.accept().await?.into(), None)),
        }
    }
}

impl TryFrom<TcpListener> for Acceptor {
    type Error = io::Error;

    fn try_from(listener: TcpListener) -> io::Result<Self> {
        Ok(Self {
            endpoint: listener.local_addr()?.into(),
            source: Source::Tcp(listener),
        })
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Acceptor({})", self.endpoint)
    }
}

#[cfg(unix)]
mod local {
    use std::fs::{self, File, Permissions, TryLockError};
    use std::io;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use socket2::{Domain, SockAddr, Socket, Type};
    use tokio::net::{UnixListener, UnixStream};

    /// A Unix socket that takes its file along when it goes.
    pub(super) struct LocalListener {
        listener: UnixListener,
        path: PathBuf,
        /// The device and the number of the file, so that nobody else's is removed.
        file: (u64, u64),
    }

    impl LocalListener {
        /// Listens at a name of its own first, which then becomes the path in one step: so nobody sees a socket there that
        /// is bound and does not listen yet, and of two that start at once one is refused.
        pub(super) fn bind(path: &Path) -> io::Result<Self> {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            let first = FirstName::beside(path);
            socket.bind(&SockAddr::unix(&first.0)?)?;
            // Before anybody can connect.
            fs::set_permissions(&first.0, Permissions::from_mode(0o600))?;
            socket.listen(BACKLOG)?;
            socket.set_nonblocking(true)?;
            let file = fs::symlink_metadata(&first.0)?;
            let listener = Self {
                listener: UnixListener::from_std(socket.into())?,
                path: path.to_owned(),
                file: (file.dev(), file.ino()),
            };
            if let Err(error) = fs::hard_link(&first.0, path) {
                if error.kind() != io::ErrorKind::AlreadyExists {
                    return Err(error);
                }
                // Of several that find the same dead socket one takes its place, and none the place of that one.
                let _taking = Taking::begin(path);
                remove_stale(path)?;
                fs::hard_link(&first.0, path).map_err(|error| match error.kind() {
                    // Somebody was quicker.
                    io::ErrorKind::AlreadyExists => io::ErrorKind::AddrInUse.into(),
                    _ => error,
                })?;
            }
            Ok(listener)
        }

        pub(super) async fn accept(&self) -> io::Result<UnixStream> {
            Ok(self.listener.accept().await?.0)
        }
    }

    impl Drop for LocalListener {
        fn drop(&mut self) {
            let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.file);
            if is_ours {
                let _ = fs::remove_file(&self.path);
            }
        }
    }

    /// The one who may remove sockets from a folder, for as long as this is there.
    struct Taking(#[allow(dead_code, reason = "the lock goes with it")] Option<File>);

    impl Taking {
        /// Waits for its turn, which takes others microseconds. A folder that cannot be locked, because it cannot be read, is of
        /// a system without locks, or is locked by somebody who means something else by that, is no reason not to listen.
        fn begin(path: &Path) -> Self {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) else {
                return Self(None);
            };
            for _ in 0..100 {
                match folder.try_lock() {
                    Ok(()) => return Self(Some(folder)),
                    Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
                    Err(TryLockError::Error(_)) => break,
                }
            }
            Self(None)
        }
    }

    /// Removes a socket that nobody listens at any more; whatever else is at the path stays there.
    fn remove_stale(path: &Path) -> io::Result<()> {
        let Ok(file) = fs::symlink_metadata(path) else {
            // It went by itself.
            return Ok(());
        };
        if !file.file_type().is_socket() {
            let what = format!("{} is there already, and is no socket", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        // Not waited for: a server that is stuck is one, too.
        let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        probe.set_nonblocking(true)?;
        match probe.connect(&SockAddr::unix(path)?) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            _ => Err(io::ErrorKind::AddrInUse.into()),
        }
    }

    /// The name that a socket has until it listens; gone with this.
    struct FirstName(PathBuf);

    impl FirstName {
        fn beside(path: &Path) -> Self {
            static NAMES: AtomicUsize = AtomicUsize::new(0);
            let n = NAMES.fetch_add(1, Ordering::Relaxed);
            Self(path.with_file_name(format!(".{:x}-{n:x}", std::process::id())))
        }
    }

    impl Drop for FirstName {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    /// Connections that may wait to be accepted.
    const BACKLOG: i32 = 1024;
}
