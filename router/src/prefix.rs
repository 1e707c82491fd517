//! What tables put in front of the patterns that they include.

use std::fmt;

use crate::{
    Converter, Param, PatternError, PatternErrorKind as Kind,
    path::{self, Segment},
    pattern::check_len,
};

/// A checked prefix such as `accounts/` or `rooms/<room>/`: a path that ends in `/`, or nothing. See
/// [`Pattern::under`](crate::Pattern::under).
///
/// ```
/// use switchboard_router::Prefix;
///
/// let prefix = Prefix::parse("rooms/<room>/")?;
/// assert_eq!(prefix.params()[0].name(), "room");
/// assert!(Prefix::parse("rooms").is_err());
/// # Ok::<(), switchboard_router::PatternError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Prefix {
    source: Box<str>,
    params: Box<[Param]>,
}

impl Prefix {
    /// Checks a prefix.
    ///
    /// # Errors
    ///
    /// One that is not empty and does not end in `/`, one with `<path:…>`, which nothing can follow, and all that
    /// [`Pattern::path`](crate::Pattern::path) refuses.
    pub fn parse(prefix: &str) -> Result<Self, PatternError> {
        if prefix.is_empty() {
            return Ok(Self::default());
        }
        check_len(prefix)?;
        let Some(path) = prefix.strip_suffix('/') else {
            return Err(PatternError::new(prefix.len(), Kind::OpenPrefix));
        };
        if path.is_empty() {
            return Err(PatternError::new(0, Kind::EmptySegment));
        }
        let params = path::parse(path)?;
        if params.last().is_some_and(|param| param.converter() == Converter::Path) {
            return Err(PatternError::new(path.rfind('<').unwrap_or(0), Kind::PathNotLast));
        }
        Ok(Self {
            source: prefix.into(),
            params: params.into(),
        })
    }

    /// Whether it puts nothing in front.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    /// The prefix as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its parameters in the order in which they are written.
    #[must_use]
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// A regular expression that matches what the prefix matches, and values that do not convert too.
    pub(crate) fn to_regex(&self) -> String {
        let mut regex = String::new();
        let mut params = self.params.iter();
        for segment in path::segments(self.source.trim_end_matches('/'), &self.params) {
            match segment {
                Segment::Literal(literal) => regex.push_str(&regex_syntax::escape(literal)),
                Segment::Param(converter) => {
                    let name = params.next().map_or("", Param::name);
                    regex.push_str(&format!("(?<{name}>{})", converter.as_regex()));
                }
            }
            regex.push('/');
        }
        regex
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
