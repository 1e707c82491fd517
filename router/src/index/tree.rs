//! The tree of segments: paths with parameters, and regular expressions by their literal first segments.

mod build;
mod edges;
mod leaves;

use hashbrown::DefaultHashBuilder;
use smallvec::SmallVec;

pub(crate) use self::build::Builder;
use self::{
    edges::{Edges, Target},
    leaves::{Leaves, converter_of},
};
use super::{End, hash, set::Expressions};
use crate::{Converter, params::Span};

/// Which patterns agree with a name, segment by segment.
///
/// A node is reached along one path only, so that a walk visits each node at most once, whatever the name.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    edges: Edges,
    leaves: Leaves,
    ends: Vec<Ends>,
    expressions: Expressions,
}

impl Tree {
    #[inline]
    pub(crate) fn matches(&self, hasher: &DefaultHashBuilder, name: &str, found: impl FnMut(End, &[Span])) {
        if self.nodes[ROOT as usize].is_bare() {
            return;
        }
        let mut walk = Walk {
            tree: self,
            hasher,
            name,
            spans: SmallVec::new(),
            found,
        };
        walk.visit(ROOT, 0);
    }
}

/// One walk down the tree.
struct Walk<'t, F> {
    tree: &'t Tree,
    hasher: &'t DefaultHashBuilder,
    name: &'t str,
    /// The values of the parameters on the way to the current node.
    spans: SmallVec<[Span; 8]>,
    found: F,
}

impl<F: FnMut(End, &[Span])> Walk<'_, F> {
    /// Finds what matches in and below `node`, of which the rest of the name from `start` on is asked.
    fn visit(&mut self, node: u32, start: usize) {
        let tree = self.tree;
        let here = &tree.nodes[node as usize];
        let name = self.name;
        if here.expressions != NONE {
            tree.expressions.matches(here.expressions, name, start, &mut self.found);
        }
        if here.rest != NONE && Converter::Path.converts(&name[start..]) {
            self.spans.push(Span::new(start, name.len()));
            self.found_all(here.rest);
            self.spans.pop();
        }
        let segment = segment_at(name, start);
        let end = start + segment.len();
        if here.has_literals {
            match tree.edges.get(hash(self.hasher, segment.as_bytes()), node, segment) {
                Some(Target::Node(child)) => self.enter(child, end),
                Some(Target::Leaf(leaf, tail)) => self.try_leaf(leaf, tail, end),
                None => {}
            }
        }
        if !here.has_params {
            return;
        }
        for (converter, child) in SEGMENT_CONVERTERS.into_iter().zip(here.params) {
            if child != NONE && converter.converts_segment(segment) {
                self.spans.push(Span::new(start, end));
                match Child::unpack(child) {
                    Child::Node(child) => self.enter(child, end),
                    Child::Leaf(leaf) => {
                        let (leaf, tail) = tree.leaves.get(leaf);
                        self.try_leaf(leaf, tail, end);
                    }
                }
                self.spans.pop();
            }
        }
    }

    /// Goes on in `node`, whose segment ends at `end`.
    fn enter(&mut self, node: u32, end: usize) {
        if end < self.name.len() {
            self.visit(node, end + 1);
        } else {
            self.found_all(self.tree.nodes[node as usize].end);
        }
    }

    /// Finds `end` and those after it.
    fn found_all(&mut self, mut end: u32) {
        while end != NONE {
            let Ends { end: this, next } = self.tree.ends[end as usize];
            (self.found)(this, &self.spans);
            end = next;
        }
    }

    /// Finds the one pattern of a leaf, if the name behind `end` agrees with `tail`.
    fn try_leaf(&mut self, leaf: End, tail: &[u8], end: usize) {
        let next = (end < self.name.len()).then_some(end + 1);
        let before = self.spans.len();
        if self.follow(tail, next) {
            (self.found)(leaf, &self.spans);
        }
        self.spans.truncate(before);
    }

    /// Whether the name from `next` on agrees with `tail`. Adds the values of the parameters in it.
    fn follow(&mut self, mut tail: &[u8], mut next: Option<usize>) -> bool {
        let name = self.name;
        while let Some(&first) = tail.first() {
            let Some(start) = next else { return false };
            let (end, len) = match converter_of(first) {
                None => {
                    let len = segment_len(tail, 0);
                    if !name.as_bytes()[start..].starts_with(&tail[..len]) {
                        return false;
                    }
                    (start + len, len)
                }
                Some(converter) => {
                    let (end, converts) = match converter {
                        Converter::Path => (name.len(), Converter::Path.converts(&name[start..])),
                        _ => {
                            let value = segment_at(name, start);
                            (start + value.len(), converter.converts_segment(value))
                        }
                    };
                    if !converts {
                        return false;
                    }
                    self.spans.push(Span::new(start, end));
                    (end, 1)
                }
            };
            tail = tail.get(len + 1..).unwrap_or_default();
            next = match name.as_bytes().get(end) {
                None => None,
                Some(b'/') => Some(end + 1),
                Some(_) => return false,
            };
        }
        next.is_none()
    }
}

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

/// The converters of one segment, in the order of [`Node::params`].
const SEGMENT_CONVERTERS: [Converter; 4] = [Converter::Str, Converter::Int, Converter::Slug, Converter::Uuid];

/// What can follow a sequence of segments.
#[derive(Debug)]
struct Node {
    has_literals: bool,
    has_params: bool,
    /// The packed [`Child`] for a parameter with each of [`SEGMENT_CONVERTERS`].
    params: [u32; 4],
    /// The group of expressions that apply to the rest of the name.
    expressions: u32,
    /// The first of the patterns that end here.
    end: u32,
    /// The first of the patterns that go on with `<path:…>` and nothing else.
    rest: u32,
}

impl Node {
    fn is_bare(&self) -> bool {
        !self.has_literals && !self.has_params && self.expressions == NONE && self.rest == NONE
    }
}

/// A pattern that ends at a node, and the next one there: patterns that differ in the names of parameters alone.
#[derive(Clone, Copy, Debug)]
struct Ends {
    end: End,
    next: u32,
}

/// What a parameter leads to.
#[derive(Clone, Copy, Debug)]
enum Child {
    Node(u32),
    Leaf(u32),
}

impl Child {
    const LEAF: u32 = 1 << 31;

    fn pack(self) -> u32 {
        match self {
            Self::Node(node) => node,
            Self::Leaf(leaf) => leaf | Self::LEAF,
        }
    }

    fn unpack(packed: u32) -> Self {
        if packed & Self::LEAF == 0 {
            Self::Node(packed)
        } else {
            Self::Leaf(packed & !Self::LEAF)
        }
    }
}

#[inline]
fn segment_at(name: &str, start: usize) -> &str {
    &name[start..start + segment_len(name.as_bytes(), start)]
}

/// How long the segment is that begins at `start`. Eight bytes at a time: a loop over bytes is left at another place for each
/// segment, which the processor does not foresee.
#[inline]
fn segment_len(name: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(bytes) = name[at..].first_chunk() {
        let slashes = slashes(u64::from_le_bytes(*bytes));
        if slashes != 0 {
            return at - start + first_byte(slashes);
        }
        at += 8;
    }
    let left = name.len() - at;
    if left == 0 {
        return at - start;
    }
    let Some(bytes) = name.last_chunk() else {
        return name[start..]
            .iter()
            .position(|&byte| byte == b'/')
            .unwrap_or(name.len() - start);
    };
    // The last eight bytes, without those before `at`.
    let slashes = slashes(u64::from_le_bytes(*bytes) >> (8 * (8 - left)));
    at - start + first_byte(slashes).min(left)
}

/// Has bits where there are slashes, the first of them in the first byte that is one.
#[inline]
fn slashes(bytes: u64) -> u64 {
    let others = bytes ^ (EACH * u64::from(b'/'));
    others.wrapping_sub(EACH) & !others & (EACH << 7)
}

#[inline]
fn first_byte(bits: u64) -> usize {
    bits.trailing_zeros() as usize / 8
}

/// The lowest bit of each of eight bytes.
const EACH: u64 = 0x0101_0101_0101_0101;
