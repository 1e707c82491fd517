//! The rests of patterns where no other goes the same way.

use smallvec::SmallVec;

use crate::{
    Converter,
    index::{End, RouteRange, index},
};

/// The leaves that parameters lead to, as short as can be and one after the other. A leaf is one place in memory instead of a
/// node and an edge for each segment, and reading memory is what the time goes to in a large tree.
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
    #[inline]
    pub(super) fn get(&self, at: u32) -> (End, &[u8]) {
        let (head, rest) = self.bytes[at as usize..].split_at(16);
        let routes = RouteRange {
            first: number(head, 0),
            count: number(head, 1),
        };
        let params = number(head, 2);
        (End { routes, params }, &rest[..number(head, 3) as usize])
    }
}

/// The `nth` of the numbers that `bytes` begins with.
#[inline]
pub(super) fn number(bytes: &[u8], nth: usize) -> u32 {
    let at = 4 * nth;
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
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
        let mark = (0..).zip(MARKED).find(|&(_, candidate)| candidate == converter);
        self.segment(&[mark.map_or(0, |(mark, _)| mark)]);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.segments
    }

    fn segment(&mut self, segment: &[u8]) {
        if !self.segments.is_empty() {
            self.segments.push(b'/');
        }
        self.segments.extend_from_slice(segment);
    }
}

/// The converter of the parameter that a segment of a tail stands for, if its `first` byte is a mark: a control character, which
/// literal segments have none of.
#[inline]
pub(super) fn converter_of(first: u8) -> Option<Converter> {
    MARKED.get(usize::from(first)).copied()
}

/// Each by its mark.
const MARKED: [Converter; 5] = [
    Converter::Str,
    Converter::Int,
    Converter::Slug,
    Converter::Uuid,
    Converter::Path,
];
