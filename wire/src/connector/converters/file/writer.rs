//! From the wire to a file.

use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::runtime::Handle;

use super::disk::{Job, Partial, is_plain};
use super::{FileError, FileMessage, Storage};
use crate::connector::converters::primitive::parse;
use crate::connector::converters::string::{LENGTH_BYTES, StringDeserializer};
use crate::connector::{ConvertError, CutOff, Deserializer};

/// Reads files; made by [`FileConverter`](super::FileConverter).
#[derive(Debug)]
pub struct FileDeserializer {
    storage: Option<Arc<Storage>>,
    state: State,
    /// The name of the file under way.
    name: String,
    /// Bytes of its content that have not come.
    left: u64,
}

#[derive(Debug)]
enum State {
    Name(StringDeserializer),
    Size(StringDeserializer),
    /// Bytes go into it as they come.
    Content(Partial),
    /// A piece is being written, or the file made.
    Writing(Job<Partial>),
    /// It gets its name.
    Keeping(Job<PathBuf>),
    /// Something went wrong.
    Over,
}

impl FileDeserializer {
    pub(super) fn new(storage: Option<Arc<Storage>>) -> Self {
        Self {
            storage,
            state: State::name(),
            name: String::new(),
            left: 0,
        }
    }

    fn poll_file(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut BytesMut,
    ) -> Poll<Result<Option<FileMessage>, FileError>> {
        loop {
            self.state = match mem::replace(&mut self.state, State::Over) {
                State::Name(mut deserializer) => match deserializer.take(input)? {
                    Some(name) if is_plain(&name) => {
                        self.name = name;
                        State::size()
                    }
                    Some(name) => return Poll::Ready(Err(FileError::BadName(name))),
                    None => return self.wants_more(State::Name(deserializer)),
                },
                State::Size(mut deserializer) => match deserializer.take(input)? {
                    Some(size) => self.create(&size)?,
                    None => return self.wants_more(State::Size(deserializer)),
                },
                State::Content(partial) if self.left == 0 => {
                    let name = self.name.clone();
                    State::Keeping(Job::new(move || partial.keep(&name)))
                }
                State::Content(partial) if input.is_empty() => return self.wants_more(State::Content(partial)),
                State::Content(partial) => {
                    let here = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
                    self.left -= here as u64;
                    let piece = input.split_to(here);
                    State::Writing(Job::new(move || partial.write(&piece)))
                }
                State::Writing(mut job) => match job.poll(cx) {
                    Poll::Ready(partial) => State::Content(partial?),
                    Poll::Pending => return self.waits(State::Writing(job)),
                },
                State::Keeping(mut job) => match job.poll(cx) {
                    Poll::Ready(path) => {
                        let path = path?;
                        self.state = State::name();
                        let name = Some(mem::take(&mut self.name));
                        return Poll::Ready(Ok(Some(FileMessage { path, name })));
                    }
                    Poll::Pending => return self.waits(State::Keeping(job)),
                },
                State::Over => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// Makes the file, of which the size has come.
    fn create(&mut self, size: &str) -> Result<State, FileError> {
        let size = parse(size.as_bytes(), "size of a file")?;
        let Some(storage) = &self.storage else {
            return Err(FileError::NotTaken);
        };
        if size > storage.limit {
            return Err(FileError::TooLarge {
                name: mem::take(&mut self.name),
                size,
                limit: storage.limit,
            });
        }
        self.left = size;
        let folder = storage.folder.clone();
        Ok(State::Writing(Job::new(move || Partial::create(folder))))
    }

    fn wants_more(&mut self, state: State) -> Poll<Result<Option<FileMessage>, FileError>> {
        self.state = state;
        Poll::Ready(Ok(None))
    }

    fn waits(&mut self, state: State) -> Poll<Result<Option<FileMessage>, FileError>> {
        self.state = state;
        Poll::Pending
    }
}

impl Deserializer<FileMessage> for FileDeserializer {
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut BytesMut,
    ) -> Poll<Result<Option<FileMessage>, ConvertError>> {
        self.poll_file(cx, input).map_err(Into::into)
    }

    fn poll_last(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut BytesMut,
    ) -> Poll<Result<Option<FileMessage>, ConvertError>> {
        let last = ready!(self.poll_file(cx, input))?;
        let is_between = matches!(&self.state, State::Name(deserializer) if deserializer.is_between(input));
        Poll::Ready(if last.is_some() || is_between {
            Ok(last)
        } else {
            Err(CutOff.into())
        })
    }
}

impl Drop for FileDeserializer {
    fn drop(&mut self) {
        let State::Content(partial) = mem::replace(&mut self.state, State::Over) else {
            return;
        };
        // Removing it may take its time; without a runtime nobody minds.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(partial));
        }
    }
}

impl State {
    fn name() -> Self {
        Self::Name(StringDeserializer::new("name of a file", NAME_BYTES))
    }

    fn size() -> Self {
        Self::Size(StringDeserializer::new("size of a file", LENGTH_BYTES))
    }
}

/// What most file systems take.
const NAME_BYTES: usize = 255;
