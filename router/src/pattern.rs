//! Patterns, in either spelling.

use std::{fmt, sync::Arc};

use regex_automata::{Input, nfa::thompson::pikevm::PikeVM};

use crate::{
    Converter, Param, Params, PatternError, PatternErrorKind as Kind, Prefix, beginning,
    expression::Expression,
    params::Span,
    path::{self, Segment},
};

/// A checked pattern: a path such as `rooms/<room>/say`, or a regular expression.
///
/// Two patterns are equal if they are spelled the same, in the same spelling, and their parameters convert alike.
/// `Display` writes a path as it is and a regular expression as `regex r"…"`.
///
/// ```
/// use switchboard_router::Pattern;
///
/// let path = Pattern::path("mixer/<int:channel>/up")?;
/// assert!(path.matches("mixer/3/up").is_some());
/// assert!(path.matches("mixer/three/up").is_none());
///
/// let regex = Pattern::regex(r"mixer/volume_(?<direction>up|down)")?;
/// let params = regex.matches("mixer/volume_up").expect("it matches");
/// assert_eq!(params.get("mixer/volume_up", "direction"), Some("up"));
/// assert_eq!(regex.to_string(), r#"regex r"mixer/volume_(?<direction>up|down)""#);
/// # Ok::<(), switchboard_router::PatternError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pattern {
    source: Arc<str>,
    is_regex: bool,
    params: Arc<[Param]>,
}

impl Pattern {
    /// How long a pattern, prefix or template may be, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// How large one regular expression may be when compiled, in bytes. Eight thousand literal
    /// characters fit, or a hundred and sixty `\d`, or twelve `\w`.
    pub const MAX_COMPILED_BYTES: usize = 256 * 1024;

    /// Checks a path: segments between `/`, each a literal, `<name>` or `<converter:name>` (see [`Converter`]).
    ///
    /// # Errors
    ///
    /// An empty segment, a character that no name has, text beside a parameter in its segment, an unknown converter, a
    /// parameter's name that is no identifier or is there already, a `<path:…>` that is not last, or a pattern over
    /// [`Pattern::MAX_BYTES`].
    pub fn path(pattern: &str) -> Result<Self, PatternError> {
        check_len(pattern)?;
        let params = path::parse(pattern)?.into();
        Ok(Self {
            source: pattern.into(),
            is_regex: false,
            params,
        })
    }

    /// Checks a regular expression, in the syntax of the `regex` crate. It is anchored at both ends, and its groups
    /// are parameters. `.` and most classes match `/` too; `[^/]` does not.
    ///
    /// # Errors
    ///
    /// A syntax error, a group without a name, a group's name that is no identifier, an expression that matches nothing
    /// or the empty string alone, or one over [`Pattern::MAX_BYTES`] or [`Pattern::MAX_COMPILED_BYTES`].
    pub fn regex(pattern: &str) -> Result<Self, PatternError> {
        Self::regex_with(pattern, &[])
    }

    /// Whether it is a regular expression.
    #[must_use]
    pub fn is_regex(&self) -> bool {
        self.is_regex
    }

    /// Whether it is a path without parameters, so that it matches one name.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        !self.is_regex && self.params.is_empty()
    }

    /// The pattern as written; a regular expression without anchors.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its parameters in the order in which they are written.
    #[must_use]
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// This pattern behind a prefix. It stays what it is, a path or a regular expression, and matches there what it matches
    /// alone; parameters of the prefix come first.
    ///
    /// ```
    /// use switchboard_router::{Pattern, Prefix};
    ///
    /// let rooms = Prefix::parse("rooms/<int:room>/")?;
    /// assert_eq!(Pattern::path("say")?.under(&rooms)?.source(), "rooms/<int:room>/say");
    /// let regex = Pattern::regex("up|down")?.under(&rooms)?;
    /// assert_eq!(regex.source(), "rooms/(?<room>-?[0-9]+)/(?:up|down)");
    /// assert!(regex.matches("rooms/99999999999999999999/up").is_none(), "the prefix's converter still holds");
    /// assert_eq!(Pattern::regex("^up$")?.under(&rooms)?.source(), "rooms/(?<room>-?[0-9]+)/up$");
    /// # Ok::<(), switchboard_router::PatternError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A parameter's name that both have, a `^` of which only the name tells whether something comes before it (`a?^b`), or a
    /// result over one of the limits. Positions are those in the result.
    pub fn under(&self, prefix: &Prefix) -> Result<Self, PatternError> {
        if prefix.is_empty() {
            return Ok(self.clone());
        }
        if !self.is_regex {
            return Self::path(&format!("{}{}", prefix.source(), self.source));
        }
        let before = prefix.to_regex();
        let converters: Vec<Converter> = prefix
            .params()
            .iter()
            .chain(self.params())
            .map(Param::converter)
            .collect();
        if !Expression::parse(&self.source)?.is_alternation {
            let own = beginning::behind_prefix(&self.source, before.len())?;
            return Self::regex_with(&format!("{before}{own}"), &converters);
        }
        let front = format!("{before}(?:");
        let own = beginning::behind_prefix(&self.source, front.len())?;
        // A comment at the end of an expression in verbose mode swallows the parenthesis, and a line break ends it.
        Self::regex_with(&format!("{front}{own})"), &converters)
            .or_else(|error| Self::regex_with(&format!("{front}{own}\n)"), &converters).map_err(|_| error))
    }

    /// What the parameters are if this pattern matches `name`, alone and without preparation: a regular expression is
    /// compiled anew each time. For tests, tools and as the reference for [`Router`](crate::Router), which answers the
    /// same.
    #[must_use]
    pub fn matches(&self, name: &str) -> Option<Params> {
        if u32::try_from(name.len()).is_err() {
            return None;
        }
        let spans = if self.is_regex {
            self.regex_spans(name)?
        } else {
            self.path_spans(name)?
        };
        Some(Params::new(self.shared_params(), &spans))
    }

    /// The parameters to share with matches, if there are any.
    pub(crate) fn shared_params(&self) -> Option<&Arc<[Param]>> {
        (!self.params.is_empty()).then_some(&self.params)
    }

    /// A regular expression whose first groups convert as given, the others as [`Converter::Str`].
    fn regex_with(pattern: &str, converters: &[Converter]) -> Result<Self, PatternError> {
        check_len(pattern)?;
        let expression = Expression::parse(pattern)?;
        expression.compile()?;
        let converters = converters.iter().copied().chain(std::iter::repeat(Converter::Str));
        let params = expression
            .params()
            .zip(converters)
            .map(|(param, converter)| Param::new(param.name(), converter));
        Ok(Self {
            source: pattern.into(),
            is_regex: true,
            params: params.collect(),
        })
    }

    fn path_spans(&self, name: &str) -> Option<Vec<Span>> {
        let mut spans = Vec::new();
        let mut next = Some(0);
        for segment in path::segments(&self.source, &self.params) {
            let start = next?;
            let end = match segment {
                Segment::Param(Converter::Path) => name.len(),
                Segment::Param(_) | Segment::Literal(_) => name[start..].find('/').map_or(name.len(), |at| start + at),
            };
            match segment {
                Segment::Literal(literal) if literal == &name[start..end] => {}
                Segment::Param(converter) if converter.converts(&name[start..end]) => spans.push(Span::new(start, end)),
                Segment::Literal(_) | Segment::Param(_) => return None,
            }
            next = (end < name.len()).then_some(end + 1);
        }
        next.is_none().then_some(spans)
    }

    /// What the groups capture if this regular expression matches. Compiles it.
    pub(crate) fn regex_spans(&self, name: &str) -> Option<Vec<Span>> {
        let nfa = Expression::parse(&self.source)
            .and_then(|expression| expression.compile())
            .ok()?;
        let engine = PikeVM::new_from_nfa(nfa).ok()?;
        let mut captures = engine.create_captures();
        engine.captures(&mut engine.create_cache(), Input::new(name), &mut captures);
        if !captures.is_match() {
            return None;
        }
        let mut spans = Vec::new();
        for (index, param) in self.params.iter().enumerate() {
            let span = captures
                .get_group(index + 1)
                .map_or(Span::ABSENT, |found| Span::new(found.start, found.end));
            if !converts_regex(param, span, name) {
                return None;
            }
            spans.push(span);
        }
        Some(spans)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_regex {
            write!(f, "regex r\"{}\"", self.source)
        } else {
            f.write_str(&self.source)
        }
    }
}

/// Whether what a regular expression captured converts. A plain group captures what it likes, `a/b` and nothing too.
pub(crate) fn converts_regex(param: &Param, span: Span, name: &str) -> bool {
    param.converter() == Converter::Str || span.of(name).is_none_or(|value| param.converter().converts(value))
}

pub(crate) fn check_len(text: &str) -> Result<(), PatternError> {
    let max_bytes = Pattern::MAX_BYTES;
    if text.len() > max_bytes {
        return Err(PatternError::new(max_bytes, Kind::TooLong { max_bytes }));
    }
    Ok(())
}
