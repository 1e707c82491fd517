//! From patterns to a tree.

use std::collections::BTreeMap;

use hashbrown::DefaultHashBuilder;

use super::{Child, Edges, Ends, Leaves, NONE, Node, SEGMENT_CONVERTERS, Tree, leaves::Tail};
use crate::{
    Converter, Pattern, PatternError,
    expression::{Expression, literal_prefix, without_prefix},
    index::{End, index, set::ExpressionsBuilder},
    path::{self, Segment},
};

/// Collects paths and expressions into a [`Tree`].
#[derive(Debug, Default)]
pub(crate) struct Builder {
    root: Sprout,
    expressions: ExpressionsBuilder,
}

impl Builder {
    pub(crate) fn add_path(&mut self, pattern: &Pattern, end: End) {
        let mut sprout = &mut self.root;
        for segment in path::segments(pattern.source(), pattern.params()) {
            sprout = match segment {
                Segment::Literal(literal) => sprout.literals.entry(literal.into()).or_default(),
                Segment::Param(Converter::Path) => {
                    sprout.rests.push(end);
                    return;
                }
                Segment::Param(converter) => sprout.params.entry(converter).or_default(),
            };
        }
        sprout.ends.push(end);
    }

    pub(crate) fn add_regex(&mut self, pattern: &Pattern, end: End) -> Result<(), PatternError> {
        let hir = Expression::parse(pattern.source())?.hir;
        let prefix = literal_prefix(&hir);
        let whole = prefix.rfind('/').map_or(0, |slash| slash + 1);
        let mut sprout = &mut self.root;
        for segment in prefix[..whole].split_terminator('/') {
            sprout = sprout.literals.entry(segment.into()).or_default();
        }
        let group = *sprout.expressions.get_or_insert_with(|| self.expressions.new_group());
        self.expressions.add(group, &without_prefix(&hir, whole), pattern, end);
        Ok(())
    }

    pub(crate) fn finish(self, hasher: &DefaultHashBuilder) -> Tree {
        let mut tree = Tree {
            nodes: Vec::new(),
            edges: Edges::default(),
            leaves: Leaves::default(),
            ends: Vec::new(),
            expressions: self.expressions.finish(),
        };
        tree.plant(&self.root, hasher);
        tree
    }
}

/// A node while patterns are added.
#[derive(Debug, Default)]
struct Sprout {
    literals: BTreeMap<Box<str>, Self>,
    params: BTreeMap<Converter, Self>,
    expressions: Option<u32>,
    ends: Vec<End>,
    rests: Vec<End>,
}

impl Sprout {
    /// Where to, if one way alone leads on from here. Puts its segments behind those in `tail`.
    fn only_end(&self, tail: &mut Tail) -> Option<End> {
        let ways = self.literals.len() + self.params.len() + self.ends.len() + self.rests.len();
        if ways != 1 || self.expressions.is_some() {
            return None;
        }
        if let Some((segment, next)) = self.literals.first_key_value() {
            tail.literal(segment);
            return next.only_end(tail);
        }
        if let Some((converter, next)) = self.params.first_key_value() {
            tail.param(*converter);
            return next.only_end(tail);
        }
        if let Some(end) = self.rests.first() {
            tail.param(Converter::Path);
            return Some(*end);
        }
        self.ends.first().copied()
    }
}

impl Tree {
    /// Adds `sprout` and all below it as nodes, edges and leaves.
    fn plant(&mut self, sprout: &Sprout, hasher: &DefaultHashBuilder) -> u32 {
        let (end, rest) = (self.list(&sprout.ends), self.list(&sprout.rests));
        let node = index(self.nodes.len());
        self.nodes.push(Node {
            has_literals: !sprout.literals.is_empty(),
            has_params: !sprout.params.is_empty(),
            params: [NONE; 4],
            expressions: sprout.expressions.unwrap_or(NONE),
            end,
            rest,
        });
        for (segment, next) in &sprout.literals {
            let mut tail = Tail::default();
            tail.literal(segment);
            if let Some(end) = next.only_end(&mut tail) {
                self.edges.insert_leaf(hasher, node, end, &tail);
            } else {
                let child = self.plant(next, hasher);
                self.edges.insert_node(hasher, node, segment, child);
            }
        }
        for (slot, converter) in SEGMENT_CONVERTERS.into_iter().enumerate() {
            let Some(next) = sprout.params.get(&converter) else {
                continue;
            };
            let mut tail = Tail::default();
            let child = match next.only_end(&mut tail) {
                Some(end) => Child::Leaf(self.leaves.push(end, &tail)),
                None => Child::Node(self.plant(next, hasher)),
            };
            self.nodes[node as usize].params[slot] = child.pack();
        }
        node
    }

    fn list(&mut self, ends: &[End]) -> u32 {
        ends.iter().fold(NONE, |next, &end| {
            self.ends.push(Ends { end, next });
            index(self.ends.len() - 1)
        })
    }
}
