//! What a regular expression says of its beginning, said for a place in the midst of a name.

use std::ops::{BitOr, Range};

use regex_syntax::ast::{self, AssertionKind, Ast, RepetitionKind, RepetitionRange};

use crate::{PatternError, PatternErrorKind as Kind};

/// An expression that matches behind a prefix what `pattern` matches alone: without the `^` that hold there because nothing
/// of the expression stands before them. `at` is where it will stand, for the position of an error.
///
/// One that comes behind something of the expression is kept: it matches there as often as it did before, which is at the
/// beginning of a line, or never.
pub(crate) fn behind_prefix(pattern: &str, at: usize) -> Result<String, PatternError> {
    let ast = ast::parse::Parser::new()
        .parse(pattern)
        .map_err(|error| PatternError::new(at + error.span().start.offset, Kind::Syntax(error.kind().to_string())))?;
    let mut beginnings = Beginnings::default();
    beginnings.walk(&ast, Before::NOTHING, false);
    let mut text = pattern.to_owned();
    beginnings.found.sort_by_key(|found| found.place.start);
    for Found {
        place,
        before,
        is_repeated,
    } in beginnings.found.into_iter().rev()
    {
        match before {
            Before {
                nothing: true,
                something: true,
            } => {
                return Err(PatternError::new(at + place.start, Kind::UncertainAnchor));
            }
            Before {
                nothing: true,
                something: false,
            } => {
                text.replace_range(place, if is_repeated { "(?:)" } else { "" });
            }
            Before { nothing: false, .. } => {}
        }
    }
    Ok(text)
}

/// What of the name an expression may have passed when it comes to a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Before {
    nothing: bool,
    something: bool,
}

impl Before {
    const NOTHING: Self = Self {
        nothing: true,
        something: false,
    };

    /// Behind a character.
    fn passed(self) -> Self {
        Self {
            nothing: false,
            something: self.nothing | self.something,
        }
    }
}

impl BitOr for Before {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            nothing: self.nothing | other.nothing,
            something: self.something | other.something,
        }
    }
}

/// A `^` or `\A`.
#[derive(Debug)]
struct Found {
    place: Range<usize>,
    before: Before,
    /// Whether a sign of repetition follows it.
    is_repeated: bool,
}

/// Every `^` and `\A` of an expression.
#[derive(Debug, Default)]
struct Beginnings {
    found: Vec<Found>,
}

impl Beginnings {
    /// Goes through an expression from where `before` has been passed; gives back what has been passed behind it. What it
    /// says may be too much, and never too little.
    fn walk(&mut self, ast: &Ast, before: Before, is_repeated: bool) -> Before {
        match ast {
            Ast::Empty(_) | Ast::Flags(_) => before,
            Ast::Literal(_) | Ast::Dot(_) | Ast::ClassUnicode(_) | Ast::ClassPerl(_) | Ast::ClassBracketed(_) => {
                before.passed()
            }
            Ast::Assertion(assertion) => {
                if let AssertionKind::StartLine | AssertionKind::StartText = assertion.kind {
                    self.meet(
                        assertion.span.start.offset..assertion.span.end.offset,
                        before,
                        is_repeated,
                    );
                }
                before
            }
            Ast::Repetition(repetition) => {
                let mut after = self.walk(&repetition.ast, before, true);
                if is_again(&repetition.op.kind) {
                    loop {
                        let more = after | self.walk(&repetition.ast, after, true);
                        if more == after {
                            break;
                        }
                        after = more;
                    }
                }
                if may_be_left_out(&repetition.op.kind) {
                    before | after
                } else {
                    after
                }
            }
            Ast::Group(group) => self.walk(&group.ast, before, false),
            Ast::Alternation(alternation) => {
                let branches = alternation.asts.iter().map(|branch| self.walk(branch, before, false));
                branches.reduce(Before::bitor).unwrap_or(before)
            }
            Ast::Concat(concat) => {
                let parts = concat.asts.iter();
                parts.fold(before, |before, part| self.walk(part, before, false))
            }
        }
    }

    fn meet(&mut self, place: Range<usize>, before: Before, is_repeated: bool) {
        match self.found.iter_mut().find(|found| found.place == place) {
            Some(found) => found.before = found.before | before,
            None => self.found.push(Found {
                place,
                before,
                is_repeated,
            }),
        }
    }
}

/// Whether more than one may follow each other.
fn is_again(kind: &RepetitionKind) -> bool {
    match kind {
        RepetitionKind::ZeroOrOne => false,
        RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => true,
        RepetitionKind::Range(RepetitionRange::AtLeast(_)) => true,
        RepetitionKind::Range(RepetitionRange::Exactly(most) | RepetitionRange::Bounded(_, most)) => *most > 1,
    }
}

fn may_be_left_out(kind: &RepetitionKind) -> bool {
    match kind {
        RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore => true,
        RepetitionKind::OneOrMore => false,
        RepetitionKind::Range(
            RepetitionRange::Exactly(least) | RepetitionRange::AtLeast(least) | RepetitionRange::Bounded(least, _),
        ) => *least == 0,
    }
}
