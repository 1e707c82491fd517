//! Lines are found however they are cut, and none of any length costs more than the limit.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use switchboard_wire::lines::{Decoder, Endless, Event};

#[derive(Debug, PartialEq, Eq, Clone)]
enum Seen {
    Line(Vec<u8>),
    TooLarge(Vec<u8>, Vec<u8>),
}

fn decode(pieces: &[&[u8]], limit: usize) -> Result<(Vec<Seen>, bool), Endless> {
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        while let Some(event) = decoder.next(&mut input, limit)? {
            seen.push(match event {
                Event::Line(line) => Seen::Line(line.to_vec()),
                Event::TooLarge { prefix, suffix } => Seen::TooLarge(prefix.to_vec(), suffix.to_vec()),
            });
        }
        assert!(input.is_empty());
    }
    Ok((seen, decoder.is_idle()))
}

fn lines(pieces: &[&[u8]], limit: usize) -> Vec<String> {
    let (seen, _) = decode(pieces, limit).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let told = seen.iter().map(|seen| match seen {
        Seen::Line(line) => text(line),
        Seen::TooLarge(prefix, suffix) => format!("too large: {}…{}", text(prefix), text(suffix)),
    });
    told.collect()
}

#[test]
fn both_ends_and_every_cut() {
    assert_eq!(lines(&[b"a\r\nb\n\r\n\n"], 10), ["a", "b", "", ""]);
    assert_eq!(lines(&[b"a\r", b"\nb"], 10), ["a"]);
    assert_eq!(lines(&[b"\r\r\n"], 10), ["\r"], "one return belongs to the end");
    assert_eq!(lines(&[b"a\rb\n"], 10), ["a\rb"]);
}

#[test]
fn the_limit_is_without_the_end() {
    assert_eq!(lines(&[b"12345\r\n12345\n"], 5), ["12345", "12345"]);
    assert_eq!(lines(&[b"123456\n1\n"], 5), ["too large: 123456…123456", "1"]);
    assert_eq!(lines(&[b"1234", b"5", b"\r", b"\n"], 5), ["12345"]);
    assert_eq!(lines(&[b"1234", b"5", b"6", b"\n"], 5), ["too large: 123456…123456"]);
    assert_eq!(lines(&[b"12345\r6\r\nx\n"], 5), ["too large: 12345\r6…12345\r6", "x"]);
}

#[test]
fn a_line_of_more_than_16_times_the_limit_ends_it() {
    let line = |bytes: usize| [vec![b'x'; bytes], b"\n".to_vec()].concat();
    assert!(decode(&[&line(160)], 10).is_ok());
    let endless = decode(&[&line(161)], 10).unwrap_err();
    assert_eq!(
        endless.to_string(),
        "a line is longer than 16 times the 10 bytes that one may have"
    );
    assert!(
        decode(&[&[b'x'; 100], &[b'x'; 61]], 10).is_err(),
        "before its end comes"
    );
}

#[test]
fn the_ends_of_a_skipped_line_are_known_in_bounded_memory() {
    let line: Vec<u8> = (0..100_000u32).map(|n| b'a' + (n % 26) as u8).collect();
    let pieces: Vec<&[u8]> = line.chunks(997).chain([&b"\r\n"[..]]).collect();
    let (seen, is_idle) = decode(&pieces, 10_000).unwrap();
    let ends = (line[..512].to_vec(), line[line.len() - 512..].to_vec());
    assert_eq!(seen, [Seen::TooLarge(ends.0, ends.1)]);
    assert!(is_idle);
    assert!(!decode(&[b"begun"], 10).unwrap().1);
}

proptest! {
    #[test]
    fn the_same_lines_are_found_however_the_bytes_are_cut(
        text in proptest::collection::vec(prop_oneof![4 => Just(b'x'), 1 => Just(b'\r'), 1 => Just(b'\n')], 0..200),
        cuts in proptest::collection::vec(0usize..200, 0..20),
    ) {
        let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < text.len()).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in cuts {
            pieces.push(&text[start..cut]);
            start = cut;
        }
        pieces.push(&text[start..]);
        prop_assert_eq!(decode(&pieces, 12), decode(&[&text], 12));
    }
}
