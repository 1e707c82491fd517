//! From a name to the patterns that match it.

mod capture;
mod literals;
mod program;
mod set;
mod symbols;
mod tree;

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher},
    ops::Range,
    sync::Arc,
};

use hashbrown::DefaultHashBuilder;

use self::{
    literals::{Literal, Literals, Others},
    tree::Tree,
};
use crate::{Param, Params, Pattern, PatternError, params::Span};

/// The patterns of a router, compiled.
#[derive(Debug)]
pub(crate) struct Index {
    hasher: DefaultHashBuilder,
    literals: Literals,
    tree: Tree,
    /// The parameter lists of all patterns, each once; the first is empty.
    params: Vec<Arc<[Param]>>,
}

impl Index {
    /// The literal path that `name` is.
    #[inline]
    pub(crate) fn literal(&self, name: &str) -> Option<&Literal> {
        self.literals.get(&self.hasher, name)
    }

    /// Calls `found` with the routes of each pattern that matches `name` and is no literal path, and with what it captures.
    /// `literal` is the literal path that the name is.
    pub(crate) fn others(&self, name: &str, literal: Option<&Literal>, mut found: impl FnMut(RouteRange, Params)) {
        match literal.map_or(Others::Unknown, |literal| self.literals.others(literal)) {
            Others::None => {}
            Others::Known(others) => {
                for (end, spans) in others {
                    found(end.routes, self.params_of(*end, spans));
                }
            }
            Others::Unknown if name.len() >= u32::MAX as usize => {}
            Others::Unknown => self.tree.matches(&self.hasher, name, |end: End, spans: &[Span]| {
                found(end.routes, self.params_of(end, spans));
            }),
        }
    }

    fn params_of(&self, end: End, spans: &[Span]) -> Params {
        let params = (end.params > 0).then(|| &self.params[end.params as usize]);
        Params::new(params, spans)
    }
}

/// Collects patterns into an [`Index`].
#[derive(Debug, Default)]
pub(crate) struct Builder {
    hasher: DefaultHashBuilder,
    literals: Literals,
    tree: tree::Builder,
    params: HashMap<Arc<[Param]>, u32>,
}

impl Builder {
    /// Adds a pattern that has not been added, and whose routes start at `first`.
    pub(crate) fn add(&mut self, pattern: &Pattern, first: usize, count: usize) -> Result<(), PatternError> {
        let routes = RouteRange::new(first, count);
        if pattern.is_literal() {
            self.literals.insert(&self.hasher, pattern.source(), routes);
            return Ok(());
        }
        let end = End {
            routes,
            params: self.share(pattern),
        };
        if pattern.is_regex() {
            self.tree.add_regex(pattern, end)
        } else {
            self.tree.add_path(pattern, end);
            Ok(())
        }
    }

    pub(crate) fn finish(self) -> Index {
        let mut params = vec![Arc::default(); self.params.len() + 1];
        for (list, index) in self.params {
            params[index as usize] = list;
        }
        let tree = self.tree.finish(&self.hasher);
        let mut literals = self.literals;
        literals.look_up_others(|name, found| tree.matches(&self.hasher, name, found));
        Index {
            hasher: self.hasher,
            literals,
            tree,
            params,
        }
    }

    /// Patterns with the same parameters share one list, which then stays in the processor's cache.
    fn share(&mut self, pattern: &Pattern) -> u32 {
        let Some(params) = pattern.shared_params() else {
            return 0;
        };
        let next = index(self.params.len() + 1);
        *self.params.entry(Arc::clone(params)).or_insert(next)
    }
}

/// Where a pattern ends: what it leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    routes: RouteRange,
    /// Which of [`Index::params`] it has.
    params: u32,
}

/// The routes of one pattern.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteRange {
    first: u32,
    count: u32,
}

impl RouteRange {
    pub(crate) fn as_range(self) -> Range<usize> {
        self.first as usize..(self.first as usize + self.count as usize)
    }

    fn new(first: usize, count: usize) -> Self {
        Self {
            first: index(first),
            count: index(count),
        }
    }
}

#[inline]
fn hash(hasher: &DefaultHashBuilder, text: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write(text);
    state.finish()
}

/// A number of routes or nodes as it is stored. At most `u32::MAX / 2` routes of at most
/// [`Pattern::MAX_BYTES`] are in memory at a time.
fn index(number: usize) -> u32 {
    u32::try_from(number).expect("a router of 2^32 nodes does not fit in memory")
}
