//! A string that is cheap to clone and to cut.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A piece of a shared, immutable string.
///
/// A message is copied once, out of the read buffer; its name, its uid and its payload are pieces of that one copy.
///
/// ```
/// use switchboard_wire::Text;
///
/// let whole = Text::from("rooms/lobby/say");
/// let room = whole.piece(&whole[6..11]);
/// assert_eq!(&*room, "lobby");
/// ```
#[derive(Clone)]
pub struct Text {
    whole: Arc<str>,
    start: u32,
    /// [`TO_THE_END`]: whatever there is from `start` on.
    len: u32,
}

impl Text {
    /// The piece of this text that `part` borrows from it, sharing the memory. A `part` from elsewhere is copied.
    #[inline]
    pub fn piece(&self, part: &str) -> Self {
        let base = self.whole.as_ptr() as usize;
        let start = (part.as_ptr() as usize).wrapping_sub(base);
        let within = start.checked_add(part.len()).and_then(|end| self.whole.get(start..end));
        // Where the addresses lie within the whole, so do the bytes: there is no need to compare them.
        match (within, u32::try_from(start), u32::try_from(part.len())) {
            (Some(_), Ok(start), Ok(len)) if len != TO_THE_END => Self {
                whole: Arc::clone(&self.whole),
                start,
                len,
            },
            _ => Self::from(part),
        }
    }

    /// As [`piece`](Self::piece) of a text that is whole itself, between two of its characters.
    #[inline]
    pub(crate) fn cut(&self, range: Range<usize>) -> Self {
        if self.start > 0 || range.end >= TO_THE_END as usize {
            return self.copy(range);
        }
        Self {
            whole: Arc::clone(&self.whole),
            start: range.start as u32,
            len: range.len() as u32,
        }
    }

    #[cold]
    fn copy(&self, range: Range<usize>) -> Self {
        Self::from(&self[range])
    }

    /// So many bytes of the text that this one is a piece of, where it is the piece that begins at `start` and lies within them.
    #[inline]
    pub(crate) fn around(&self, start: usize, len: usize) -> Option<&[u8]> {
        let is_it = self.start as usize == start && self.len != TO_THE_END && start + self.len as usize <= len;
        is_it.then(|| self.whole.as_bytes().get(..len))?
    }

    /// The bytes of the text: cheaper to come by than the string, whose ends have to be looked at.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        let rest = &self.whole.as_bytes()[self.start as usize..];
        if self.len == TO_THE_END {
            rest
        } else {
            &rest[..self.len as usize]
        }
    }

    /// The text as a plain string slice.
    #[inline]
    pub fn as_str(&self) -> &str {
        let start = self.start as usize;
        if self.len == TO_THE_END {
            return &self.whole[start..];
        }
        &self.whole[start..start + self.len as usize]
    }
}

impl From<&str> for Text {
    #[inline]
    fn from(text: &str) -> Self {
        Self::from(Arc::from(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(Arc::from(text))
    }
}

impl From<Arc<str>> for Text {
    #[inline]
    fn from(whole: Arc<str>) -> Self {
        Self {
            whole,
            start: 0,
            len: TO_THE_END,
        }
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    #[inline]
    fn as_ref(&self) -> &str {
        self
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A length that says nothing of the length: so that a text takes three words, and can be of any length all the same.
const TO_THE_END: u32 = u32::MAX;
