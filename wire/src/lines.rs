//! Lines: a message each, ended by `\r\n` or by `\n` alone, without I/O.
//!
//! ```
//! use switchboard_wire::lines::{Decoder, Event};
//!
//! let mut decoder = Decoder::new();
//! let mut input: &[u8] = b"first\r\nsecond\nthi";
//! assert_eq!(decoder.next(&mut input, 100), Ok(Some(Event::Line(b"first"))));
//! assert_eq!(decoder.next(&mut input, 100), Ok(Some(Event::Line(b"second"))));
//! assert_eq!(decoder.next(&mut input, 100), Ok(None), "the third goes on in the next read");
//! let mut input: &[u8] = b"rd\n";
//! assert_eq!(decoder.next(&mut input, 100), Ok(Some(Event::Line(b"third"))));
//! ```

use std::fmt;

/// What ends a line that we write.
pub const END: &[u8] = b"\r\n";

/// Cuts a stream of bytes into lines. Between lines it owns nothing on the heap; within one at most the limit, and
/// [`Event::SUFFIX`] bytes of one that is skipped.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What came of a line that is not at its end; of one that is skipped, its first bytes.
    partial: Vec<u8>,
    /// The bytes of a line over the limit, of which the last are kept.
    skipped: Option<Skipped>,
    /// The last event lent `partial`, which is over now.
    is_told: bool,
}

#[derive(Debug, Default)]
struct Skipped {
    bytes: usize,
    last: Vec<u8>,
}

/// What the bytes are found to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A line, without its end.
    Line(&'a [u8]),
    /// A line over the limit, which has been skipped.
    TooLarge {
        /// Its first bytes.
        prefix: &'a [u8],
        /// Its last bytes, [`SUFFIX`](Self::SUFFIX) at most, without its end.
        suffix: &'a [u8],
    },
}

impl Event<'_> {
    /// The last bytes of a line that is skipped which are kept, at most; as many as a uid with its key can have.
    pub const SUFFIX: usize = 512;
    /// The first bytes of a line that is skipped which are kept, at most.
    pub const PREFIX: usize = 512;
}

/// A line of more than 16 times the limit: what comes behind it is not looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Endless {
    /// The limit, in bytes.
    pub limit: usize,
}

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a line is longer than {FACTOR} times the {} bytes that one may have",
            self.limit
        )
    }
}

impl Decoder {
    /// A decoder at the beginning of a line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether no line has begun.
    pub fn is_idle(&self) -> bool {
        self.skipped.is_none() && (self.partial.is_empty() || self.is_told)
    }

    /// The first bytes of a line that has begun, as far as they are kept; after [`Endless`] those of that line.
    pub fn prefix(&self) -> &[u8] {
        &self.partial[..self.partial.len().min(Event::PREFIX)]
    }

    /// The next line in these bytes, of at most `limit` bytes without its end; what was looked at is cut off from `input`.
    /// None where the bytes are used up.
    ///
    /// # Errors
    ///
    /// [`Endless`] where a line has more than 16 times the limit. The decoder is of no use afterwards.
    pub fn next<'d, 'i: 'd>(&'d mut self, input: &mut &'i [u8], limit: usize) -> Result<Option<Event<'d>>, Endless> {
        if std::mem::take(&mut self.is_told) {
            self.partial = Vec::new();
            self.skipped = None;
        }
        let Some(end) = memchr::memchr(b'\n', input) else {
            self.keep(input, limit)?;
            *input = &[];
            return Ok(None);
        };
        let (line, rest) = (&input[..end], &input[end + 1..]);
        *input = rest;
        if self.partial.is_empty() && self.skipped.is_none() && without_return(line).len() <= limit {
            return Ok(Some(Event::Line(without_return(line))));
        }
        self.keep(line, limit)?;
        self.is_told = true;
        let Some(skipped) = &self.skipped else {
            let line = without_return(&self.partial);
            if line.len() > limit {
                return Ok(Some(too_large(line, line)));
            }
            return Ok(Some(Event::Line(line)));
        };
        let last = without_return(&skipped.last);
        // A short line's first bytes are its last ones, too.
        let content = skipped.bytes - (skipped.last.len() - last.len());
        Ok(Some(too_large(&self.partial[..self.partial.len().min(content)], last)))
    }

    /// Keeps bytes of a line that is not at its end.
    fn keep(&mut self, bytes: &[u8], limit: usize) -> Result<(), Endless> {
        // One byte more may be the `\r` of its end.
        if self.skipped.is_none() && self.partial.len() + bytes.len() <= limit + 1 {
            self.partial.extend_from_slice(bytes);
            return Ok(());
        }
        let mut skipped = self.skipped.take().unwrap_or_default();
        if skipped.bytes == 0 {
            skipped.add(&self.partial, limit)?;
            self.partial.truncate(Event::PREFIX);
            self.partial.shrink_to_fit();
        }
        let room = Event::PREFIX - self.partial.len();
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
        skipped.add(bytes, limit)?;
        self.skipped = Some(skipped);
        Ok(())
    }
}

impl Skipped {
    fn add(&mut self, bytes: &[u8], limit: usize) -> Result<(), Endless> {
        self.bytes += bytes.len();
        if self.bytes > limit.saturating_mul(FACTOR) {
            return Err(Endless { limit });
        }
        // One byte more for the `\r` of its end.
        let kept = Event::SUFFIX + 1;
        self.last.extend_from_slice(&bytes[bytes.len().saturating_sub(kept)..]);
        let over = self.last.len().saturating_sub(kept);
        self.last.drain(..over);
        Ok(())
    }
}

fn too_large<'a>(prefix: &'a [u8], suffix: &'a [u8]) -> Event<'a> {
    Event::TooLarge {
        prefix: &prefix[..prefix.len().min(Event::PREFIX)],
        suffix: &suffix[suffix.len().saturating_sub(Event::SUFFIX)..],
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// How many times the limit a line may have before it is not waited for any more.
const FACTOR: usize = 16;
