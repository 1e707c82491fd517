//! Smaller expressions that stand for others, so that Unicode costs neither memory nor time where names are ASCII.

use regex_syntax::hir::{
    Capture, Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Repetition,
};

/// `hir` as far as it matches ASCII text.
pub(crate) fn ascii(hir: &Hir) -> Hir {
    rewrite(hir, &|leaf| match leaf {
        HirKind::Literal(literal) if !literal.0.is_ascii() => Some(Hir::fail()),
        HirKind::Class(Class::Unicode(class)) => {
            let mut class = class.clone();
            class.intersect(&ClassUnicode::new([ClassUnicodeRange::new('\0', '\x7f')]));
            Some(Hir::class(Class::Unicode(class)))
        }
        _ => None,
    })
}

/// Whether `hir` can match text that is not ASCII.
pub(crate) fn is_unicode(hir: &Hir) -> bool {
    any(hir, &|leaf| match leaf {
        HirKind::Literal(literal) => !literal.0.is_ascii(),
        HirKind::Class(Class::Unicode(class)) => !class.is_ascii(),
        HirKind::Class(Class::Bytes(class)) => !class.is_ascii(),
        _ => false,
    })
}

/// Whether `hir` asks for more than characters, one after the other: a boundary of words, a start of a line.
pub(crate) fn looks_around(hir: &Hir) -> bool {
    any(hir, &|leaf| matches!(leaf, HirKind::Look(_)))
}

/// An expression over [symbols](symbol) that matches at least what `hir` matches, and no other ASCII text unless
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
