//! Which names of deliveries somebody wants to hear.

use std::str::FromStr;

/// A name, `prefix/*` for one or more segments below it, or `*`: what `switchboard/accept` takes, and what clients subscribe
/// to.
///
/// ```
/// use switchboard_wire::NamePattern;
///
/// let mixer: NamePattern = "mixer/*".parse().unwrap();
/// assert!(mixer.matches("mixer/level") && mixer.matches("mixer/channels/1"));
/// assert!(!mixer.matches("mixer") && !mixer.matches("mixers/level"));
/// assert!("mixer/*/level".parse::<NamePattern>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NamePattern {
    /// Every name.
    All,
    /// This name alone.
    Name(Box<str>),
    /// The names that begin with this, which ends with a slash, and go on.
    Below(Box<str>),
}

/// A text that is no [`NamePattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a name, nor `prefix/*`, nor `*`")]
pub struct NotAPattern(pub Box<str>);

impl NamePattern {
    /// Whether this name is one of them.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Name(wanted) => **wanted == *name,
            Self::Below(prefix) => name.len() > prefix.len() && name.starts_with(&**prefix),
        }
    }

    /// The name in it, without the wildcard; none in `*`.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Name(name) => Some(name),
            Self::Below(prefix) => Some(prefix.strip_suffix('/').unwrap_or(prefix)),
        }
    }
}

impl FromStr for NamePattern {
    type Err = NotAPattern;

    /// Segments are not empty, and no wildcard stands where it means nothing; how long a name may be is the server's to say.
    fn from_str(pattern: &str) -> Result<Self, NotAPattern> {
        if pattern == "*" {
            return Ok(Self::All);
        }
        let below = pattern.strip_suffix("/*");
        let name = below.unwrap_or(pattern);
        let is_segment =
            |segment: &str| !segment.is_empty() && !segment.contains(|c: char| c.is_control() || "<>*".contains(c));
        if !name.split('/').all(is_segment) {
            return Err(NotAPattern(pattern.into()));
        }
        Ok(match below {
            Some(prefix) => Self::Below(format!("{prefix}/").into()),
            None => Self::Name(name.into()),
        })
    }
}
