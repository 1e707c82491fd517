//! What only the session's task can do with its stream: write where nobody else can, and close our direction of it.

use std::pin::Pin;
use std::task::{Context, Poll};

use switchboard_wire::CloseCode;
use switchboard_wire::connection::Reader;

use crate::switchboard::{Flushed, Outbox, Status};

/// Closes our direction of the stream.
pub(super) fn hang_up(reader: &mut Reader, cx: &mut Context<'_>, outbox: &Outbox) -> Poll<()> {
    match reader.as_stream() {
        // An error means that it is closed, which is what is wanted.
        Some(stream) => Pin::new(stream).poll_shutdown(cx).map(drop),
        None => {
            outbox.hang_up();
            Poll::Ready(())
        }
    }
}

/// Writes what waits in the outbox, as far as the stream takes it.
pub(super) fn poll_write(reader: &mut Reader, cx: &mut Context<'_>, outbox: &Outbox) -> Status {
    let Some(stream) = reader.as_stream() else {
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
