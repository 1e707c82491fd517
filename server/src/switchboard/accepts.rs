//! Which names a client wants to hear.

use std::collections::HashSet;

use switchboard_wire::{NamePattern, NotAPattern};

/// What one client accepts: names, `prefix/*` for one or more segments below, or `*`.
#[derive(Debug, Default)]
pub(crate) struct Accepts {
    all: bool,
    names: HashSet<Box<str>>,
    below: Vec<NamePattern>,
}

impl Accepts {
    /// The set of these patterns.
    ///
    /// # Errors
    ///
    /// What is wrong with the first that is none.
    pub(crate) fn new(patterns: &[String], name_bytes: usize) -> Result<Self, String> {
        let mut accepts = Self::default();
        for pattern in patterns {
            let name = pattern.strip_suffix("/*").unwrap_or(pattern);
            if pattern != "*" {
                switchboard_router::check_name(name, name_bytes)
                    .map_err(|error| format!("{pattern:?} is neither a name, nor `prefix/*`, nor `*`: {error}"))?;
            }
            match pattern.parse().map_err(|error: NotAPattern| error.to_string())? {
                NamePattern::All => accepts.all = true,
                NamePattern::Name(name) => drop(accepts.names.insert(name)),
                below @ NamePattern::Below(_) => accepts.below.push(below),
            }
        }
        Ok(accepts)
    }

    /// Whether a delivery under this name is wanted.
    pub(crate) fn accept(&self, name: &str) -> bool {
        self.all || self.names.contains(name) || self.below.iter().any(|prefix| prefix.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_takes_names_and_prefixes_and_nothing_else() {
        let accepts = |patterns: &[&str], name: &str| {
            let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
            Accepts::new(&patterns, 255).unwrap().accept(name)
        };
        assert!(accepts(&["*"], "mixer/level"));
        assert!(accepts(&["mixer/level"], "mixer/level"));
        assert!(accepts(&["mixer/*"], "mixer/level"));
        assert!(accepts(&["mixer/*"], "mixer/channels/1"));
        assert!(!accepts(&["mixer/*"], "mixer"));
        assert!(!accepts(&["mixer/*"], "mixers/level"));
        assert!(!accepts(&["mixer"], "mixer/level"));
        assert!(!accepts(&[], "mixer/level"));
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        for pattern in ["", "/", "a//b", "a/*/b", "**", "a*", "*/a", "<a>"] {
            let error = Accepts::new(&[pattern.to_owned()], 255).unwrap_err();
            assert!(error.contains(&format!("{pattern:?}")), "{pattern}: {error}");
        }
    }
}
