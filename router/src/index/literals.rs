//! Literal paths: one look-up of the whole name.

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{RouteRange, hash, index};

/// All literal paths with their routes.
#[derive(Debug, Default)]
pub(crate) struct Literals {
    table: HashTable<Literal>,
    /// The paths, one after the other: fewer pages to touch than a string each.
    text: String,
}

#[derive(Clone, Copy, Debug)]
struct Literal {
    start: u32,
    len: u32,
    routes: RouteRange,
}

impl Literals {
    #[inline]
    pub(crate) fn get(&self, hasher: &DefaultHashBuilder, name: &str) -> Option<RouteRange> {
        let is_it = |literal: &Literal| literal.of(&self.text) == name.as_bytes();
        self.table
            .find(hash(hasher, name.as_bytes()), is_it)
            .map(|literal| literal.routes)
    }

    pub(crate) fn insert(&mut self, hasher: &DefaultHashBuilder, path: &str, routes: RouteRange) {
        let literal = Literal {
            start: index(self.text.len()),
            len: index(path.len()),
            routes,
        };
        self.text.push_str(path);
        let rehash = |literal: &Literal| hash(hasher, literal.of(&self.text));
        self.table.insert_unique(hash(hasher, path.as_bytes()), literal, rehash);
    }
}

impl Literal {
    fn of(self, text: &str) -> &[u8] {
        &text.as_bytes()[self.start as usize..][..self.len as usize]
    }
}
