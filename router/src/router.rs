//! Every route, ready to match.

use std::fmt;

use crate::{
    Params, Pattern, PatternError, PatternErrorKind as Kind,
    index::{Builder, Index, RouteRange},
};

/// All routes, compiled. Immutable, so that threads share it without a lock.
///
/// Every route whose pattern matches is found; there is no precedence and no order between them. Several routes may
/// have the same pattern.
///
/// ```
/// use switchboard_router::{Pattern, Router};
///
/// let router = Router::build([
///     (Pattern::path("mixer/volume_up")?, "louder"),
///     (Pattern::path("mixer/<command>")?, "any command"),
///     (Pattern::regex("mixer/volume_(?<direction>up|down)")?, "log"),
/// ])?;
///
/// let mut found = Vec::new();
/// router.matches("mixer/volume_up", |target, _| found.push(*target));
/// found.sort_unstable();
/// assert_eq!(found, ["any command", "log", "louder"]);
///
/// router.matches("mixer/volume_down", |target, params| match *target {
///     "log" => assert_eq!(params.get("mixer/volume_down", "direction"), Some("down")),
///     _ => assert_eq!(params.get("mixer/volume_down", "command"), Some("volume_down")),
/// });
/// # Ok::<(), switchboard_router::PatternError>(())
/// ```
pub struct Router<T> {
    /// Sorted, so that the routes of one pattern are neighbours. Apart from the targets, which alone are read to match.
    patterns: Vec<Pattern>,
    targets: Vec<T>,
    index: Index,
}

impl<T> Router<T> {
    /// Compiles `routes`.
    ///
    /// In a release build a path takes one or two microseconds and less than 1 KiB; a regular expression 30 to 100 µs and
    /// 2 to 5 KiB, but up to a millisecond and 13 KiB if it is one of many with a `.*` in their midst under the same first
    /// segment. A literal path is matched once with all other patterns, which takes as long as a name does that is no literal
    /// path. All of it is spent here: matching adds nothing.
    ///
    /// # Errors
    ///
    /// More than `u32::MAX / 2` routes.
    pub fn build(routes: impl IntoIterator<Item = (Pattern, T)>) -> Result<Self, PatternError> {
        let mut routes: Vec<_> = routes.into_iter().collect();
        routes.sort_by(|(left, _), (right, _)| left.cmp(right));
        if routes.len() > u32::MAX as usize / 2 {
            return Err(PatternError::new(0, Kind::TooManyRoutes));
        }
        let mut builder = Builder::default();
        let mut first = 0;
        for same in routes.chunk_by(|(left, _), (right, _)| left == right) {
            builder.add(&same[0].0, first, same.len())?;
            first += same.len();
        }
        let index = builder.finish();
        let (patterns, targets) = routes.into_iter().unzip();
        Ok(Self {
            patterns,
            targets,
            index,
        })
    }

    /// Calls `found` for every route whose pattern matches `name`, once each, in no order that one may rely on.
    ///
    /// Any string may be given; one that [`check_name`](crate::check_name) refuses matches what it matches. Takes time
    /// in proportion to the length of the name and to the patterns that agree with it so far, and allocates nothing
    /// for patterns of up to four parameters once a thread has matched a few names.
    pub fn matches(&self, name: &str, mut found: impl FnMut(&T, Params)) {
        let literal = self.index.literal(name);
        if let Some(literal) = literal {
            self.emit_literal(literal.routes, &mut found);
            if literal.is_alone() {
                return;
            }
        }
        self.index
            .others(name, literal, |range, params| self.emit(range, params, &mut found));
    }

    /// As [`Router::matches`], for literal paths alone.
    pub fn matches_literal(&self, name: &str, mut found: impl FnMut(&T, Params)) {
        if let Some(literal) = self.index.literal(name) {
            self.emit_literal(literal.routes, &mut found);
        }
    }

    /// How many routes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are no routes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The routes, sorted by pattern; those of one pattern in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&Pattern, &T)> {
        self.patterns.iter().zip(&self.targets)
    }

    #[inline]
    fn emit_literal(&self, range: RouteRange, found: &mut impl FnMut(&T, Params)) {
        for target in &self.targets[range.as_range()] {
            found(target, Params::default());
        }
    }

    fn emit(&self, range: RouteRange, params: Params, found: &mut impl FnMut(&T, Params)) {
        let Some((last, others)) = self.targets[range.as_range()].split_last() else {
            return;
        };
        for target in others {
            found(target, params.clone());
        }
        found(last, params);
    }
}

impl<T: fmt::Debug> fmt::Debug for Router<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
