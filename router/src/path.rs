//! The grammar of paths: segments that are literals or whole parameters.

use crate::{
    Converter, Param, PatternError, PatternErrorKind as Kind,
    name::{Fault, is_forbidden},
};

/// One segment of a path pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Segment<'p> {
    Literal(&'p str),
    Param(Converter),
}

/// Checks a path pattern and takes its parameters out.
pub(crate) fn parse(pattern: &str) -> Result<Vec<Param>, PatternError> {
    let mut params: Vec<Param> = Vec::new();
    let mut raw = RawSegments::new(pattern);
    while let Some((position, segment)) = raw.next_segment()? {
        let inner = match segment {
            Raw::Param(inner) => inner,
            Raw::Literal(literal) if looks_like_param(literal) => {
                return Err(PatternError::new(position, Kind::ForeignParam(literal.to_owned())));
            }
            Raw::Literal(_) => continue,
        };
        let (converter, name) = match inner.split_once(':') {
            None => (Converter::Str, inner),
            Some((word, name)) => {
                let converter = Converter::from_spelling(word)
                    .ok_or_else(|| PatternError::new(position + 1, Kind::UnknownConverter(word.to_owned())))?;
                (converter, name)
            }
        };
        let name_position = position + 1 + inner.len() - name.len();
        check_param_name(name, name_position)?;
        if params.iter().any(|param| param.name() == name) {
            return Err(PatternError::new(name_position, Kind::DuplicateParam(name.to_owned())));
        }
        if converter == Converter::Path && raw.has_more() {
            return Err(PatternError::new(position, Kind::PathNotLast));
        }
        params.push(Param::new(name, converter));
    }
    Ok(params)
}

/// The segments of a pattern that [`parse`] has accepted, with its parameters.
pub(crate) fn segments<'p>(pattern: &'p str, params: &'p [Param]) -> impl Iterator<Item = Segment<'p>> {
    let mut params = params.iter();
    pattern.split('/').map(
        move |segment| match segment.starts_with('<').then(|| params.next()).flatten() {
            Some(param) => Segment::Param(param.converter()),
            None => Segment::Literal(segment),
        },
    )
}

/// Whether other routers would take this segment, `{room}` or `:room`, for a parameter. Here it would match only itself, which
/// nobody means.
fn looks_like_param(literal: &str) -> bool {
    let braced = literal.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let name = braced.or_else(|| literal.strip_prefix(':'));
    name.is_some_and(|name| check_param_name(name, 0).is_ok())
}

pub(crate) fn check_param_name(name: &str, position: usize) -> Result<(), PatternError> {
    let mut characters = name.chars();
    let starts_well = characters
        .next()
        .is_some_and(|first| first == '_' || first.is_alphabetic());
    if starts_well && characters.all(|c| c == '_' || c.is_alphanumeric()) && name != "_" {
        return Ok(());
    }
    Err(PatternError::new(position, Kind::BadParamName(name.to_owned())))
}

/// What stands between two `/` of a pattern or template.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw<'p> {
    Literal(&'p str),
    /// What is between `<` and `>`.
    Param(&'p str),
}

/// The raw segments of a pattern or template with their byte offsets, until the first that is none.
#[derive(Debug)]
pub(crate) struct RawSegments<'p> {
    text: &'p str,
    next: Option<usize>,
}

impl<'p> RawSegments<'p> {
    pub(crate) fn new(text: &'p str) -> Self {
        Self { text, next: Some(0) }
    }

    pub(crate) fn next_segment(&mut self) -> Result<Option<(usize, Raw<'p>)>, PatternError> {
        if self.text.is_empty() {
            return Err((0, Fault::Empty).into());
        }
        let Some(position) = self.next else {
            return Ok(None);
        };
        let rest = &self.text[position..];
        let segment = rest.split_once('/').map_or(rest, |(segment, _)| segment);
        let end = position + segment.len();
        self.next = (end < self.text.len()).then_some(end + 1);
        if segment.is_empty() {
            return Err((position, Fault::EmptySegment).into());
        }
        Ok(Some((position, raw_segment(segment, position)?)))
    }

    fn has_more(&self) -> bool {
        self.next.is_some()
    }
}

fn raw_segment(segment: &str, position: usize) -> Result<Raw<'_>, PatternError> {
    let Some(open) = segment.find('<') else {
        return match segment.char_indices().find(|&(_, c)| is_forbidden(c)) {
            Some((at, character)) => Err((position + at, Fault::Forbidden(character)).into()),
            None => Ok(Raw::Literal(segment)),
        };
    };
    let Some(close) = segment[open..].find('>').map(|at| open + at) else {
        return Err(PatternError::new(position + open, Kind::Unclosed));
    };
    if open > 0 || close + 1 < segment.len() {
        return Err(PatternError::new(position, Kind::PartialSegment));
    }
    Ok(Raw::Param(&segment[1..close]))
}
