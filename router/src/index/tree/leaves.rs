//! The rests of patterns where no other goes the same way.

use smallvec::SmallVec;

use crate::{
    Converter,
    index::{End, RouteRange, index},
};

/// All leaves, as short as can be and one after the other. A leaf is one place in memory instead of a node and an edge
/// for each segment, and reading memory is what the time goes to in a large tree.
///
/// Each is four numbers of four bytes (an [`End`] and the length of its tail), the lowest byte first, and the tail.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    bytes: Vec<u8>,
}

impl Leaves {
    /// Where the leaf begins that is added.
    pub(super) fn push(&mut self, end: End, tail: &Tail) -> u32 {
        let at = index(self.bytes.len());
        let RouteRange { first, count } = end.routes;
        for number in [first, count, end.params, index(tail.segments.len())] {
            self.bytes.extend(number.to_le_bytes());
        }
        self.bytes.extend_from_slice(&tail.segments);
        at
    }

    /// The end and the tail of the leaf that begins `at` there: segments, literal or a mark (see [`converter_of`]).
    /// Behind a literal segment it begins with that segment, behind a parameter with what follows.
    #[inline]
    pub(super) fn get(&self, at: u32) -> (End, &[u8]) {
        let (head, rest) = self.bytes[at as usize..].split_at(16);
        let number = |nth: usize| u32::from_le_bytes([head[nth], head[nth + 1], head[nth + 2], head[nth + 3]]);
        let routes = RouteRange {
            first: number(0),
            count: number(4),
        };
        (
            End {
                routes,
                params: number(8),
            },
            &rest[..number(12) as usize],
        )
    }
}

/// The tail of a leaf while it is put together.
#[derive(Debug, Default)]
pub(super) struct Tail {
    segments: SmallVec<[u8; 64]>,
}

impl Tail {
    pub(super) fn literal(&mut self, segment: &str) {
        self.segment(segment.as_bytes());
    }

    pub(super) fn param(&mut self, converter: Converter) {
        let mark = MARKS
            .iter()
            .find(|(_, candidate)| *candidate == converter)
            .map_or(0, |(mark, _)| *mark);
        self.segment(&[mark]);
    }

    fn segment(&mut self, segment: &[u8]) {
        if !self.segments.is_empty() {
            self.segments.push(b'/');
        }
        self.segments.extend_from_slice(segment);
    }
}

/// The converter of the parameter that a segment of a tail stands for, if it is no literal.
#[inline]
pub(super) fn converter_of(segment: &[u8]) -> Option<Converter> {
    let &[mark] = segment else { return None };
    MARKS
        .iter()
        .find(|(candidate, _)| *candidate == mark)
        .map(|(_, converter)| *converter)
}

/// Stand for parameters in a tail: control characters, which literal segments have none of.
const MARKS: [(u8, Converter); 5] = [
    (1, Converter::Str),
    (2, Converter::Int),
    (3, Converter::Slug),
    (4, Converter::Uuid),
    (5, Converter::Path),
];
