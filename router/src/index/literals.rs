//! Literal paths: one look-up of the whole name.

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{End, RouteRange, hash, index};
use crate::params::Span;

/// All literal paths with their routes.
#[derive(Debug, Default)]
pub(crate) struct Literals {
    table: HashTable<Literal>,
    /// The paths, one after the other: fewer pages to touch than a string each.
    text: String,
    /// The other patterns that match literal paths, a list each.
    others: Vec<Box<[Other]>>,
}

/// A pattern that matches a literal path as well, with what it captures of it.
type Other = (End, Box<[Span]>);

/// Which other patterns match a literal path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Others<'i> {
    None,
    Known(&'i [Other]),
    /// The tree has to be asked.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Literal {
    start: u32,
    len: u32,
    pub(crate) routes: RouteRange,
    /// Which of [`Literals::others`] it has; or [`NONE`], or [`UNKNOWN`].
    others: u32,
}

impl Literals {
    #[inline]
    pub(crate) fn get(&self, hasher: &DefaultHashBuilder, name: &str) -> Option<&Literal> {
        let is_it = |literal: &Literal| literal.of(&self.text) == name.as_bytes();
        self.table.find(hash(hasher, name.as_bytes()), is_it)
    }

    /// The other patterns that match this path.
    #[inline]
    pub(crate) fn others(&self, literal: &Literal) -> Others<'_> {
        match literal.others {
            NONE => Others::None,
            UNKNOWN => Others::Unknown,
            list => Others::Known(&self.others[list as usize]),
        }
    }

    /// Notes for each path which other patterns match it: `matches` finds them. So a literal name costs one look-up.
    pub(crate) fn look_up_others(&mut self, matches: impl Fn(&str, &mut dyn FnMut(End, &[Span]))) {
        for literal in &mut self.table {
            let name = &self.text[literal.start as usize..][..literal.len as usize];
            let mut others: Vec<Other> = Vec::new();
            let mut count = 0;
            matches(name, &mut |end, spans| {
                count += 1;
                if count <= MOST_OTHERS {
                    others.push((end, spans.into()));
                }
            });
            literal.others = match count {
                0 => NONE,
                1..=MOST_OTHERS => {
                    self.others.push(others.into());
                    index(self.others.len() - 1)
                }
                _ => UNKNOWN,
            };
        }
    }

    pub(crate) fn insert(&mut self, hasher: &DefaultHashBuilder, path: &str, routes: RouteRange) {
        let literal = Literal {
            start: index(self.text.len()),
            len: index(path.len()),
            routes,
            others: UNKNOWN,
        };
        self.text.push_str(path);
        let rehash = |literal: &Literal| hash(hasher, literal.of(&self.text));
        self.table.insert_unique(hash(hasher, path.as_bytes()), literal, rehash);
    }
}

impl Literal {
    /// Whether no other pattern matches it.
    #[inline]
    pub(crate) fn is_alone(&self) -> bool {
        self.others == NONE
    }

    #[inline]
    fn of(self, text: &str) -> &[u8] {
        &text.as_bytes()[self.start as usize..][..self.len as usize]
    }
}

const NONE: u32 = u32::MAX;
const UNKNOWN: u32 = u32::MAX - 1;

/// So many other patterns are noted for a path. Where more match it, they are found anew each time: a thousand patterns that
/// match each of ten thousand paths shall not take ten million entries.
const MOST_OTHERS: usize = 8;
