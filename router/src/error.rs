//! What is wrong with a pattern, a prefix or a template.

use std::{error, fmt};

use crate::{Converter, name::Fault};

/// Why a pattern, prefix or template was refused: what, where, and what to do about it.
///
/// ```
/// use switchboard_router::{Pattern, PatternErrorKind};
///
/// let error = Pattern::path("rooms//say").unwrap_err();
/// assert_eq!(error.position(), 6);
/// assert!(matches!(error.kind(), PatternErrorKind::EmptySegment));
/// assert_eq!(error.to_string(), "empty segment at byte 6: write one `/` between segments, none at the ends");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PatternError {
    position: usize,
    kind: PatternErrorKind,
}

impl PatternError {
    /// The byte offset, in the text that was given, of what is wrong. Where two texts are joined
    /// ([`Pattern::under`](crate::Pattern::under)) it is an offset into the result.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &PatternErrorKind {
        &self.kind
    }

    pub(crate) fn new(position: usize, kind: PatternErrorKind) -> Self {
        Self { position, kind }
    }
}

impl From<(usize, Fault)> for PatternError {
    fn from((position, fault): (usize, Fault)) -> Self {
        let kind = match fault {
            Fault::Empty => PatternErrorKind::Empty,
            Fault::EmptySegment => PatternErrorKind::EmptySegment,
            Fault::Forbidden(character) => PatternErrorKind::ForbiddenCharacter(character),
        };
        Self::new(position, kind)
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use PatternErrorKind as Kind;
        let at = self.position;
        match &self.kind {
            Kind::Empty => write!(f, "nothing to match at byte {at}: give at least one segment"),
            Kind::TooLong { max_bytes } => write!(f, "too long from byte {at} on: use at most {max_bytes} bytes"),
            Kind::ForeignParam(segment) => {
                let name = segment.trim_matches([':', '{', '}']);
                write!(
                    f,
                    "`{segment}` at byte {at} would match only itself: a parameter is written `<{name}>`"
                )
            }
            Kind::EmptySegment => {
                write!(
                    f,
                    "empty segment at byte {at}: write one `/` between segments, none at the ends"
                )
            }
            Kind::ForbiddenCharacter(character) => write!(
                f,
                "{character:?} at byte {at}: names have no control characters, `<`, `>` or `*`; parameters are `<name>`"
            ),
            Kind::Unclosed => write!(f, "`<` at byte {at} is not closed in its segment: write `<name>`"),
            Kind::PartialSegment => write!(
                f,
                "a parameter and other text share the segment at byte {at}: \
                 make the parameter the whole segment, or use a regular expression"
            ),
            Kind::UnknownConverter(word) => {
                write!(f, "unknown converter `{word}` at byte {at}: use one of ")?;
                for (index, converter) in Converter::ALL.into_iter().enumerate() {
                    write!(f, "{}`{converter}`", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Kind::ConverterInTemplate => write!(
                f,
                "converter at byte {at}: a template takes the bare name, `<name>`; the pattern says how it converts"
            ),
            Kind::BadParamName(name) => write!(
                f,
                "`{name}` at byte {at} cannot name a parameter: use letters, digits and `_`, not a digit first"
            ),
            Kind::DuplicateParam(name) => {
                write!(
                    f,
                    "the parameter `{name}` at byte {at} is there already: give it another name"
                )
            }
            Kind::UnknownParam(name) => {
                write!(
                    f,
                    "the pattern has no parameter `{name}`, named at byte {at}: add it there or use one that it has"
                )
            }
            Kind::PathNotLast => {
                write!(
                    f,
                    "`<path:…>` at byte {at} is followed by more: it takes the rest of the name, so put it last"
                )
            }
            Kind::OpenPrefix => write!(
                f,
                "the prefix ends at byte {at} without `/`: end it with `/`, or leave it empty"
            ),
            Kind::Syntax(reason) => write!(f, "{reason} at byte {at} of the regular expression: correct it there"),
            Kind::UnnamedGroup => {
                write!(
                    f,
                    "unnamed group at byte {at}: write `(?:…)` to group only, or `(?<name>…)` to capture"
                )
            }
            Kind::MatchesNoName => {
                write!(
                    f,
                    "the regular expression at byte {at} matches no name: it must be able to match some text"
                )
            }
            Kind::UncertainAnchor => write!(
                f,
                "something may come before the anchor at byte {at}, or nothing, so that it cannot stand behind a prefix: \
                 write it first, or leave it out, as an expression is anchored at both ends"
            ),
            Kind::TooComplex { max_bytes } => write!(
                f,
                "the regular expression at byte {at} takes more than {max_bytes} bytes when compiled: \
                 repeat less, or use smaller classes such as `[0-9]` for `\\d`"
            ),
            Kind::TooManyRoutes => write!(f, "more than {} routes: use fewer", u32::MAX / 2),
        }
    }
}

impl error::Error for PatternError {}

/// What is wrong with a pattern, prefix or template.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PatternErrorKind {
    /// There is no character in it.
    Empty,
    /// More bytes than a pattern may have.
    TooLong {
        /// The limit, [`Pattern::MAX_BYTES`](crate::Pattern::MAX_BYTES).
        max_bytes: usize,
    },
    /// Two `/` in a row, or one at an end where none belongs.
    EmptySegment,
    /// A segment that is written as a parameter elsewhere: `{room}` or `:room`.
    ForeignParam(String),
    /// A control character, `<`, `>` or `*` outside a parameter.
    ForbiddenCharacter(char),
    /// A `<` without its `>`.
    Unclosed,
    /// A parameter that is not the whole segment.
    PartialSegment,
    /// The word before the colon is no [`Converter`].
    UnknownConverter(String),
    /// A colon in a template's parameter.
    ConverterInTemplate,
    /// Not an identifier.
    BadParamName(String),
    /// The same name for two parameters.
    DuplicateParam(String),
    /// A template's parameter that the pattern lacks.
    UnknownParam(String),
    /// A segment after `<path:…>`.
    PathNotLast,
    /// A prefix that does not end in `/`.
    OpenPrefix,
    /// The regular expression does not parse. The text says why.
    Syntax(String),
    /// A group that captures without a name.
    UnnamedGroup,
    /// The regular expression matches nothing, or the empty string alone.
    MatchesNoName,
    /// A `^` or `\A`, under a prefix, of which only the name tells whether something of the expression comes before it.
    UncertainAnchor,
    /// The regular expression is too large when compiled.
    TooComplex {
        /// The limit, [`Pattern::MAX_COMPILED_BYTES`](crate::Pattern::MAX_COMPILED_BYTES).
        max_bytes: usize,
    },
    /// More routes than a router holds.
    TooManyRoutes,
}
