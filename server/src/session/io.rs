//! The byte stream under a session: a socket that everybody writes to, or any stream, which only the session writes to.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use switchboard_wire::CloseCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::switchboard::{Flushed, Outbox, Status};

/// Any stream of bytes both ways.
pub(crate) trait AsyncStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> AsyncStream for T {}

/// A connection as a listener hands it over, and then what a session reads from.
pub(crate) enum Io {
    Tcp(TcpStream),
    /// The reading half; the writing half is in the outbox.
    Half(OwnedReadHalf),
    Boxed(Box<dyn AsyncStream>),
}

impl Io {
    /// What the session keeps, and what everybody may write to.
    pub(super) fn split(self) -> (Self, Option<OwnedWriteHalf>) {
        match self {
            Self::Tcp(socket) => {
                let (reader, writer) = socket.into_split();
                (Self::Half(reader), Some(writer))
            }
            other => (other, None),
        }
    }

    /// Reads what is there into the buffer.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let poll = match self {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, &mut buffer),
            Self::Half(half) => Pin::new(half).poll_read(cx, &mut buffer),
            Self::Boxed(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
        };
        poll.map_ok(|()| buffer.filled().len())
    }

    /// Closes our direction of the stream.
    pub(super) fn hang_up(&mut self, cx: &mut Context<'_>, outbox: &Outbox) -> Poll<()> {
        match self {
            // An error means that it is closed, which is what is wanted.
            Self::Boxed(stream) => Pin::new(stream).poll_shutdown(cx).map(drop),
            Self::Tcp(_) | Self::Half(_) => {
                outbox.hang_up();
                Poll::Ready(())
            }
        }
    }

    /// Writes what waits in the outbox, as far as the stream takes it.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, outbox: &Outbox) -> Status {
        let Self::Boxed(stream) = self else {
            return outbox.poll_flush(cx);
        };
        let status = outbox.write_with(|slices| match Pin::new(&mut *stream).poll_write_vectored(cx, slices) {
            Poll::Pending => Ok(None),
            Poll::Ready(result) => result.map(Some),
        });
        // A stream with a buffer of its own (TLS) may hold back what it took.
        match Pin::new(stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => status,
            Poll::Ready(Err(error)) => {
                outbox.lose(CloseCode::ABNORMAL, &error.to_string());
                Status {
                    flushed: Flushed::Empty,
                    stage: outbox.stage(),
                }
            }
            Poll::Pending => Status {
                flushed: Flushed::Waiting,
                ..status
            },
        }
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) | Self::Half(_) => "Tcp",
            Self::Boxed(_) => "Boxed",
        })
    }
}

/// Lends the thread's read buffer, so that no connection needs one of its own.
pub(super) fn with_buffer<R>(f: impl FnOnce(&mut [u8]) -> R) -> R {
    thread_local! {
        static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    }
    let mut buffer = BUFFER.take().unwrap_or_else(|| vec![0; READ].into_boxed_slice());
    let result = f(&mut buffer);
    BUFFER.set(Some(buffer));
    result
}

/// Bytes that one read can take.
const READ: usize = 64 << 10;
