//! From a file to the wire.

use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use super::disk::{Job, Source};
use super::{FileError, FileMessage};
use crate::connector::converters::string::write_string;
use crate::connector::{ConvertError, Serializer, Written};

/// Writes files; made by [`FileConverter`](super::FileConverter).
#[derive(Debug)]
pub struct FileSerializer {
    state: State,
}

#[derive(Debug)]
enum State {
    /// The next message is a new one.
    Between,
    Opening(Job<Source>),
    /// One piece ahead of the socket.
    Reading(Job<(Source, Vec<u8>)>),
}

impl FileSerializer {
    pub(super) fn new() -> Self {
        Self { state: State::Between }
    }

    fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        message: &FileMessage,
        out: &mut BytesMut,
    ) -> Poll<Result<Written, FileError>> {
        if let State::Between = self.state {
            let path = message.path().to_owned();
            if message.name().is_none() {
                return Poll::Ready(Err(FileError::NoName(path)));
            }
            self.state = State::Opening(Job::new(move || Source::open(path)));
        }
        let source = match &mut self.state {
            State::Between => return Poll::Pending,
            State::Opening(job) => {
                let source = ready!(job.poll(cx))?;
                write_string(message.name().unwrap_or_default(), out);
                write_string(&source.left.to_string(), out);
                source
            }
            State::Reading(job) => {
                let (source, piece) = ready!(job.poll(cx))?;
                out.extend_from_slice(&piece);
                source
            }
        };
        Poll::Ready(Ok(if source.left == 0 {
            self.state = State::Between;
            Written::Done
        } else {
            self.state = State::Reading(Job::new(move || source.read()));
            Written::More
        }))
    }
}

impl Serializer<FileMessage> for FileSerializer {
    fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
        message: &FileMessage,
        out: &mut BytesMut,
    ) -> Poll<Result<Written, ConvertError>> {
        let written = ready!(self.poll_piece(cx, message, out));
        Poll::Ready(written.map_err(|error| {
            self.state = State::Between;
            error.into()
        }))
    }
}
