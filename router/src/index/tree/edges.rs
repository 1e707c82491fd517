//! The literal children of all nodes, in one table.

use hashbrown::{DefaultHashBuilder, HashTable};

use super::leaves::{Tail, number};
use crate::index::{End, hash, index};

#[derive(Debug, Default)]
pub(super) struct Edges {
    table: HashTable<Edge>,
    /// The texts that are too long for their edges, one after the other.
    long: Vec<u8>,
}

/// One line of the processor's cache, with what it leads to in it unless that is a node: to read another line of a large
/// tree takes longer than all else there is to do for a segment.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Edge {
    parent: u32,
    child: EdgeTo,
    /// How long the text is: the segment, or the tail of the leaf, which begins with it.
    len: u32,
    /// The text, or its place in [`Edges::long`].
    text: [u8; INLINE],
}

#[derive(Clone, Copy, Debug)]
enum EdgeTo {
    Node(u32),
    Leaf(End),
}

/// What a literal segment leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'t> {
    Node(u32),
    /// Where a leaf ends, and its tail behind the segment.
    Leaf(End, &'t [u8]),
}

impl Edges {
    #[inline]
    pub(super) fn get(&self, segment_hash: u64, parent: u32, segment: &str) -> Option<Target<'_>> {
        let is_it = |edge: &Edge| edge.parent == parent && edge.rest(segment, &self.long).is_some();
        let edge = self.table.find(edge_hash(segment_hash, parent), is_it)?;
        Some(match edge.child {
            EdgeTo::Node(node) => Target::Node(node),
            EdgeTo::Leaf(end) => Target::Leaf(end, edge.rest(segment, &self.long).unwrap_or_default()),
        })
    }

    /// Adds an edge that is not there, to `node`.
    pub(super) fn insert_node(&mut self, hasher: &DefaultHashBuilder, parent: u32, segment: &str, node: u32) {
        self.insert(hasher, parent, EdgeTo::Node(node), segment.as_bytes());
    }

    /// Adds an edge that is not there, to a leaf. Its segment is the first of `tail`.
    pub(super) fn insert_leaf(&mut self, hasher: &DefaultHashBuilder, parent: u32, end: End, tail: &Tail) {
        self.insert(hasher, parent, EdgeTo::Leaf(end), tail.as_bytes());
    }

    fn insert(&mut self, hasher: &DefaultHashBuilder, parent: u32, child: EdgeTo, text: &[u8]) {
        let mut edge = Edge {
            parent,
            child,
            len: index(text.len()),
            text: [0; INLINE],
        };
        if text.len() <= INLINE {
            edge.text[..text.len()].copy_from_slice(text);
        } else {
            edge.text[..4].copy_from_slice(&index(self.long.len()).to_le_bytes());
            self.long.extend_from_slice(text);
        }
        let rehash = |edge: &Edge| edge_hash(hash(hasher, edge.segment(&self.long)), edge.parent);
        self.table.insert_unique(rehash(&edge), edge, rehash);
    }
}

impl Edge {
    /// What of its text follows `segment`, if that is how it begins.
    #[inline]
    fn rest<'t>(&'t self, segment: &str, long: &'t [u8]) -> Option<&'t [u8]> {
        match self.text(long).strip_prefix(segment.as_bytes())? {
            [b'/', rest @ ..] => Some(rest),
            [] => Some(&[]),
            _ => None,
        }
    }

    fn segment<'t>(&'t self, long: &'t [u8]) -> &'t [u8] {
        let text = self.text(long);
        &text[..text.iter().position(|&byte| byte == b'/').unwrap_or(text.len())]
    }

    #[inline]
    fn text<'t>(&'t self, long: &'t [u8]) -> &'t [u8] {
        let len = self.len as usize;
        self.text
            .get(..len)
            .unwrap_or_else(|| &long[number(&self.text, 0) as usize..][..len])
    }
}

/// The table reads the lowest and the highest bits, and the product with a large odd number (2^64 divided by the
/// golden ratio) changes both for neighbouring nodes.
fn edge_hash(segment_hash: u64, parent: u32) -> u64 {
    segment_hash ^ u64::from(parent).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What is left of a line.
const INLINE: usize = 40;
