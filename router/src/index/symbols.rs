//! Smaller expressions that stand for others, so that Unicode costs neither memory nor time where names are ASCII.

use regex_syntax::hir::{Capture, Class, ClassBytes, ClassBytesRange, Hir, HirKind, Repetition};

/// Whether what is said below of plain names holds for this one, as it does for nearly all.
pub(crate) fn is_plain(name: &str) -> bool {
    let of_note = name.bytes().map(|byte| !byte.is_ascii() | (byte == b'\n'));
    !of_note.fold(false, |some, one| some | one)
}

/// Whether `hir` asks for more than characters, one after the other: a boundary of words, a start of a line.
pub(crate) fn looks_around(hir: &Hir) -> bool {
    any(hir, &|leaf| matches!(leaf, HirKind::Look(_)))
}

/// An expression over [symbols](symbol) that matches at least what `hir` matches, and no other plain text unless
/// `hir` [looks around](looks_around). It captures nothing.
pub(crate) fn over_symbols(hir: &Hir) -> Hir {
    rewrite(hir, &|leaf| match leaf {
        HirKind::Literal(literal) => Some(Hir::literal(
            literal
                .0
                .iter()
                .copied()
                .filter(|&byte| symbol(byte).is_some())
                .collect::<Vec<_>>(),
        )),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class
                .ranges()
                .iter()
                .map(|range| ClassBytesRange::new(lead(range.start()), lead(range.end())));
            Some(Hir::class(Class::Bytes(ClassBytes::new(ranges))))
        }
        HirKind::Look(_) => Some(Hir::empty()),
        HirKind::Capture(capture) => Some(over_symbols(&capture.sub)),
        _ => None,
    })
}

/// What comes before `.*` or the like at the end of `symbols`, if that is how it ends. Wherever this is found, `symbols` matches
/// all of a plain text, whatever follows: the rest need not be read, and an automaton need not remember what it has found
/// while it looks for others, which takes exponentially many states.
pub(crate) fn open_end(symbols: &Hir) -> Option<Hir> {
    let (last, before) = match symbols.kind() {
        HirKind::Concat(parts) => parts.split_last()?,
        _ => (symbols, &[][..]),
    };
    let HirKind::Repetition(rest @ Repetition { min, max: None, .. }) = last.kind() else {
        return None;
    };
    let HirKind::Class(Class::Bytes(class)) = rest.sub.kind() else {
        return None;
    };
    let mut but_line_feed = ClassBytes::new([
        ClassBytesRange::new(0, b'\n' - 1),
        ClassBytesRange::new(b'\n' + 1, LAST),
    ]);
    but_line_feed.difference(class);
    if !but_line_feed.ranges().is_empty() {
        return None;
    }
    let required = Hir::repetition(Repetition {
        max: Some(*min),
        ..rest.clone()
    });
    Some(Hir::concat(before.iter().cloned().chain([required]).collect()))
}

/// The largest symbol: the first byte of the last characters.
const LAST: u8 = 0xf4;

/// What an automaton is shown of a byte of UTF-8: an ASCII byte itself, the first byte of another character, and of
/// the bytes after that nothing.
#[inline]
pub(crate) fn symbol(byte: u8) -> Option<u8> {
    (!(0x80..0xc0).contains(&byte)).then_some(byte)
}

fn lead(character: char) -> u8 {
    character.encode_utf8(&mut [0; 4]).as_bytes()[0]
}

/// `hir` with each part that `replace` has an answer for replaced.
fn rewrite(hir: &Hir, replace: &impl Fn(&HirKind) -> Option<Hir>) -> Hir {
    if let Some(replaced) = replace(hir.kind()) {
        return replaced;
    }
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let sub = Box::new(rewrite(&repetition.sub, replace));
            Hir::repetition(Repetition {
                sub,
                ..repetition.clone()
            })
        }
        HirKind::Capture(capture) => {
            let sub = Box::new(rewrite(&capture.sub, replace));
            Hir::capture(Capture { sub, ..capture.clone() })
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(|part| rewrite(part, replace)).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(|part| rewrite(part, replace)).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}

/// Whether `is` says so of a leaf.
fn any(hir: &Hir, is: &impl Fn(&HirKind) -> bool) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => any(&repetition.sub, is),
        HirKind::Capture(capture) => any(&capture.sub, is),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(|part| any(part, is)),
        leaf @ (HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_)) => is(leaf),
    }
}
