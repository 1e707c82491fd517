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

/// Lets a stream of its own kind (TLS) say that this is its end, as far as it can without waiting: the peer would take a
/// socket that is only let go of for one that was cut.
pub(super) fn part(reader: &mut Reader, cx: &mut Context<'_>) {
    if let Some(stream) = reader.as_stream() {
        let _ = Pin::new(stream).poll_shutdown(cx);
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use switchboard_wire::connection::Stream;
    use tokio::io::{AsyncReadExt, BufWriter, duplex};

    use super::*;
    use crate::limits::Limits;
    use crate::switchboard::{Parcel, Shutdown};

    #[tokio::test]
    async fn what_a_stream_holds_back_is_not_taken_for_written() {
        let (near, mut far) = duplex(4);
        let (mut reader, _) = Stream::new(BufWriter::new(near)).split();
        let outbox = Outbox::new(None, 0, &Limits::default());
        let goodbye = Parcel::control(0, b"a goodbye".to_vec().into());
        outbox.close(Shutdown::FinishQueues, Some(goodbye), CloseCode::NORMAL, "");
        let mut cx = Context::from_waker(Waker::noop());
        let mut heard = Vec::new();
        // It takes everything at once, and passes on four bytes at a time.
        for (part, flushed) in [(4, Flushed::Waiting), (4, Flushed::Waiting), (1, Flushed::Empty)] {
            assert_eq!(poll_write(&mut reader, &mut cx, &outbox).flushed, flushed);
            let mut bytes = vec![0; part];
            far.read_exact(&mut bytes).await.expect("it is passed on");
            heard.extend(bytes);
        }
        assert_eq!(heard, b"a goodbye");
    }
}
