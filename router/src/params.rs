//! What the parameters of a match are.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::Converter;

/// A parameter of a pattern: its name and what it takes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Param {
    name: Box<str>,
    converter: Converter,
}

impl Param {
    /// The name between `<` and `>`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What values it takes.
    #[must_use]
    pub fn converter(&self) -> Converter {
        self.converter
    }

    pub(crate) fn new(name: &str, converter: Converter) -> Self {
        Self {
            name: name.into(),
            converter,
        }
    }
}

/// The parameters of one match: names shared with the pattern, values as places in the name that matched.
///
/// Holds no text, so whoever keeps it keeps the name beside it and gives it back to read a value. Takes no memory of
/// its own up to four parameters.
///
/// ```
/// use switchboard_router::Pattern;
///
/// let name = "rooms/lobby/lines/7";
/// let params = Pattern::path("rooms/<room>/lines/<int:line>")?.matches(name).expect("it matches");
/// assert_eq!(params.get(name, "line"), Some("7"));
/// let all: Vec<_> = params.iter(name).map(|(param, value)| (param.name(), value)).collect();
/// assert_eq!(all, [("room", "lobby"), ("line", "7")]);
/// # Ok::<(), switchboard_router::PatternError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Params {
    // None without parameters, so that threads that match the same literal route do not write to a shared count.
    params: Option<Arc<[Param]>>,
    spans: SmallVec<[Span; INLINE]>,
}

impl Params {
    /// How many parameters the pattern has, those of optional groups that took no part among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether the pattern has no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The value of the parameter `param` in `name`, the name that was matched. `None` if the pattern has no such
    /// parameter, or it is a group of a regular expression that took no part in the match.
    #[must_use]
    pub fn get<'n>(&self, name: &'n str, param: &str) -> Option<&'n str> {
        self.iter(name)
            .find(|(candidate, _)| candidate.name() == param)
            .map(|(_, value)| value)
    }

    /// The parameters with their values in `name`, in the pattern's order, without the groups that took no part.
    pub fn iter<'n>(&self, name: &'n str) -> impl Iterator<Item = (&Param, &'n str)> {
        let params = self.params.as_deref().unwrap_or_default();
        params
            .iter()
            .zip(&self.spans)
            .filter_map(|(param, span)| Some((param, span.of(name)?)))
    }

    #[inline]
    pub(crate) fn new(params: Option<&Arc<[Param]>>, spans: &[Span]) -> Self {
        let params = params.cloned();
        if spans.len() > INLINE {
            return Self {
                params,
                spans: SmallVec::from_slice(spans),
            };
        }
        let mut inline = [Span::ABSENT; INLINE];
        for (to, from) in inline.iter_mut().zip(spans) {
            *to = *from;
        }
        Self {
            params,
            spans: SmallVec::from_buf_and_len(inline, spans.len()),
        }
    }
}

/// So many values take no memory of their own.
const INLINE: usize = 4;

/// A range of bytes of a name; [`Span::ABSENT`] for a group that took no part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) const ABSENT: Self = Self {
        start: u32::MAX,
        end: 0,
    };

    /// The caller has seen that the name is shorter than `u32::MAX`.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    pub(crate) fn of(self, name: &str) -> Option<&str> {
        name.get(self.start as usize..self.end as usize)
    }
}
