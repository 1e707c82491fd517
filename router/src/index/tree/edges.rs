//! The literal children of all nodes, in one table.

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{Child, Tree};
use crate::index::hash;

#[derive(Debug, Default)]
pub(super) struct Edges {
    table: HashTable<Edge>,
}

/// Small, so that a large table stays in the processor's cache: its segment stands where it leads to.
#[derive(Clone, Copy, Debug)]
struct Edge {
    parent: u32,
    /// A packed [`Child`].
    child: u32,
}

impl Edges {
    #[inline]
    pub(super) fn get(&self, segment_hash: u64, parent: u32, segment: &str, tree: &Tree) -> Option<Child> {
        let is_it = |edge: &Edge| edge.parent == parent && edge.segment(tree) == segment.as_bytes();
        self.table
            .find(edge_hash(segment_hash, parent), is_it)
            .map(|edge| Child::unpack(edge.child))
    }

    /// Adds an edge that is not there, to a child that is in `tree`.
    pub(super) fn insert(&mut self, hasher: &DefaultHashBuilder, parent: u32, child: Child, tree: &Tree) {
        let edge = Edge {
            parent,
            child: child.pack(),
        };
        let rehash = |edge: &Edge| edge_hash(hash(hasher, edge.segment(tree)), edge.parent);
        self.table.insert_unique(rehash(&edge), edge, rehash);
    }
}

impl Edge {
    #[inline]
    fn segment(self, tree: &Tree) -> &[u8] {
        match Child::unpack(self.child) {
            Child::Node(node) => tree.nodes[node as usize].segment(&tree.text),
            Child::Leaf(leaf) => {
                let (_, tail) = tree.leaves.get(leaf);
                &tail[..tail.iter().position(|&byte| byte == b'/').unwrap_or(tail.len())]
            }
        }
    }
}

/// The table reads the lowest and the highest bits, and the product with a large odd number (2^64 divided by the
/// golden ratio) changes both for neighbouring nodes.
fn edge_hash(segment_hash: u64, parent: u32) -> u64 {
    segment_hash ^ u64::from(parent).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
