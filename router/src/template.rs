//! Names and mailboxes that are filled in from a match.

use std::fmt;

use crate::{
    Pattern, PatternError, PatternErrorKind as Kind,
    path::{Raw, RawSegments, check_param_name},
    pattern::check_len,
};

/// A checked template such as `rooms/<room>/joined`: literal segments and parameters, each a whole segment, by their
/// bare names.
///
/// ```
/// use switchboard_router::{Pattern, Template};
///
/// let pattern = Pattern::path("rooms/<room>/join")?;
/// let reply = Template::parse("rooms/<room>/joined")?;
/// reply.check(&pattern)?;
///
/// let name = "rooms/lobby/join";
/// let params = pattern.matches(name).expect("it matches");
/// assert_eq!(reply.render(|param| params.get(name, param)).as_deref(), Some("rooms/lobby/joined"));
/// # Ok::<(), switchboard_router::PatternError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Template {
    source: Box<str>,
}

impl Template {
    /// Checks a template. A parameter may stand in it more than once.
    ///
    /// # Errors
    ///
    /// An empty segment, a character that no name has, text beside a parameter in its segment, a converter, a
    /// parameter's name that is no identifier, or a template over [`Pattern::MAX_BYTES`].
    pub fn parse(template: &str) -> Result<Self, PatternError> {
        check_len(template)?;
        let mut segments = RawSegments::new(template);
        while let Some((position, segment)) = segments.next_segment()? {
            let Raw::Param(name) = segment else { continue };
            if let Some(colon) = name.find(':') {
                return Err(PatternError::new(position + 1 + colon, Kind::ConverterInTemplate));
            }
            check_param_name(name, position + 1)?;
        }
        Ok(Self {
            source: template.into(),
        })
    }

    /// The template as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of its parameters in the order in which they are written, one for each place.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.segments().filter_map(|(_, segment)| match segment {
            Raw::Param(name) => Some(name),
            Raw::Literal(_) => None,
        })
    }

    /// Whether it has no parameters.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.params().next().is_none()
    }

    /// Checks that `pattern` has every parameter that the template names.
    ///
    /// # Errors
    ///
    /// The first parameter that the pattern lacks, with its position in the template.
    pub fn check(&self, pattern: &Pattern) -> Result<(), PatternError> {
        for (position, segment) in self.segments() {
            let Raw::Param(name) = segment else { continue };
            if !pattern.params().iter().any(|param| param.name() == name) {
                return Err(PatternError::new(position + 1, Kind::UnknownParam(name.to_owned())));
            }
        }
        Ok(())
    }

    /// The template with its parameters filled in, or `None` if `lookup` has no value for one of them: a group of a
    /// regular expression may take no part in a match.
    ///
    /// What a regular expression captures may be empty or hold `/`; check the result with
    /// [`check_name`](crate::check_name) where that matters.
    pub fn render<'v>(&self, lookup: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        let mut rendered = String::with_capacity(self.source.len() + 16);
        for (position, segment) in self.segments() {
            if position > 0 {
                rendered.push('/');
            }
            rendered.push_str(match segment {
                Raw::Literal(literal) => literal,
                Raw::Param(name) => lookup(name)?,
            });
        }
        Some(rendered)
    }

    /// The segments, which [`Template::parse`] has seen to be without error.
    fn segments(&self) -> impl Iterator<Item = (usize, Raw<'_>)> {
        let mut raw = RawSegments::new(&self.source);
        std::iter::from_fn(move || raw.next_segment().ok().flatten())
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
