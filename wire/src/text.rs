//! A string that is cheap to clone and to cut.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
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
    start: usize,
    end: usize,
}

impl Text {
    /// The piece of this text that `part` borrows from it, sharing the memory. A `part` from elsewhere is copied.
    pub fn piece(&self, part: &str) -> Self {
        let base = self.whole.as_ptr() as usize;
        let start = (part.as_ptr() as usize).wrapping_sub(base);
        match start.checked_add(part.len()) {
            // Where the addresses lie within the whole, so do the bytes: there is no need to compare them.
            Some(end) if self.whole.get(start..end).is_some() => Self {
                whole: Arc::clone(&self.whole),
                start,
                end,
            },
            _ => Self::from(part),
        }
    }

    /// The text as a plain string slice.
    pub fn as_str(&self) -> &str {
        &self.whole[self.start..self.end]
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self {
            whole: Arc::from(text),
            start: 0,
            end: text.len(),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let end = text.len();
        Self {
            whole: Arc::from(text),
            start: 0,
            end,
        }
    }
}

impl From<Arc<str>> for Text {
    fn from(whole: Arc<str>) -> Self {
        let end = whole.len();
        Self { whole, start: 0, end }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
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
