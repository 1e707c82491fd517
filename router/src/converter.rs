//! What a parameter's value must look like.

use std::fmt;

/// What values a parameter takes. A value that does not convert is no match, never an error.
///
/// ```
/// use switchboard_router::Converter;
///
/// assert!(Converter::Int.converts("-42"));
/// assert!(!Converter::Int.converts("9223372036854775808"), "does not fit an i64");
/// assert_eq!(Converter::Uuid.to_string(), "uuid");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Converter {
    /// `<name>` or `<str:name>`: one non-empty segment. A regular expression's groups are this, too, whatever they capture.
    #[default]
    Str,
    /// `<int:name>`: an optional `-` and ASCII digits, leading zeros allowed, within an `i64`.
    Int,
    /// `<slug:name>`: ASCII letters, digits, `-` and `_`.
    Slug,
    /// `<uuid:name>`: 32 hexadecimal digits in either case, grouped 8-4-4-4-12 by `-` (RFC 9562, section 4).
    Uuid,
    /// `<path:name>`: one or more segments, the rest of the name.
    Path,
}

impl Converter {
    /// Every converter, in the order of their spellings.
    pub const ALL: [Self; 5] = [Self::Int, Self::Path, Self::Slug, Self::Str, Self::Uuid];

    /// The word before the colon.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Slug => "slug",
            Self::Uuid => "uuid",
            Self::Path => "path",
        }
    }

    /// Whether `value` is one that this converter takes.
    #[must_use]
    pub fn converts(self, value: &str) -> bool {
        match self {
            Self::Str => !value.is_empty() && !value.contains('/'),
            Self::Path => are_segments(value),
            Self::Int | Self::Slug | Self::Uuid => self.converts_segment(value),
        }
    }

    /// As [`Converter::converts`], for a value that is known to be without `/`.
    pub(crate) fn converts_segment(self, value: &str) -> bool {
        match self {
            Self::Str | Self::Path => !value.is_empty(),
            Self::Int => !value.starts_with('+') && value.parse::<i64>().is_ok(),
            Self::Slug => {
                !value.is_empty()
                    && value
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            }
            Self::Uuid => {
                value.len() == 36
                    && value.bytes().enumerate().all(|(at, b)| match at {
                        8 | 13 | 18 | 23 => b == b'-',
                        _ => b.is_ascii_hexdigit(),
                    })
            }
        }
    }

    pub(crate) fn from_spelling(spelling: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|converter| converter.as_str() == spelling)
    }

    /// A regular expression for (at least) the values of this converter.
    pub(crate) fn as_regex(self) -> &'static str {
        match self {
            Self::Str => "[^/]+",
            Self::Int => "-?[0-9]+",
            Self::Slug => "[-a-zA-Z0-9_]+",
            Self::Uuid => "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
            Self::Path => "[^/]+(?:/[^/]+)*",
        }
    }
}

/// Whether no segment of `value` is empty.
fn are_segments(value: &str) -> bool {
    // To look at all of it costs less than to ask after each byte whether to go on.
    let mut before = true;
    let mut seen = false;
    for &byte in value.as_bytes() {
        let is_slash = byte == b'/';
        seen |= before & is_slash;
        before = is_slash;
    }
    !seen & !before
}

impl fmt::Display for Converter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
