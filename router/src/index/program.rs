//! Expressions as steps: what is run of them against a name for what their groups capture.

use std::collections::HashMap;

use regex_automata::util::look::{Look, LookMatcher};
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use super::index;

/// The programs of all expressions, one after the other: running one reads a line or two of memory.
///
/// The steps lead on in the order and with the preferences of the automata of regex-automata (Thompson's construction,
/// as its compiler has it), which [`Pattern::matches`](crate::Pattern::matches) runs, so that groups capture the same.
#[derive(Debug, Default)]
pub(super) struct Programs {
    steps: Vec<Step>,
    text: Vec<u8>,
    classes: Vec<Characters>,
    look: LookMatcher,
}

impl Programs {
    pub(super) fn step(&self, step: u32) -> &Step {
        &self.steps[step as usize]
    }

    /// Where `text` ends if it stands `at` there in `name`.
    pub(super) fn after_text(&self, text: Text, name: &str, at: usize) -> Option<usize> {
        let text = &self.text[text.start as usize..][..text.len as usize];
        name.as_bytes()[at..].starts_with(text).then_some(at + text.len())
    }

    /// Where the character ends that begins `at` there in `name`, if it is one of `class`.
    pub(super) fn after_character(&self, class: u32, name: &str, at: usize) -> Option<usize> {
        let class = &self.classes[class as usize];
        let byte = *name.as_bytes().get(at)?;
        if byte.is_ascii() {
            return (class.ascii >> byte & 1 == 1).then_some(at + 1);
        }
        let character = name[at..].chars().next()?;
        class.has(character).then_some(at + character.len_utf8())
    }

    pub(super) fn looks(&self, look: Look, name: &str, at: usize) -> bool {
        self.look.matches(look, name.as_bytes(), at)
    }
}

/// One expression among [`Programs`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    /// The plain text at its start.
    pub(super) head: Text,
    /// The step it starts with behind that text.
    pub(super) entry: u32,
    /// Its steps are these and as many as [`Program::len`] says.
    pub(super) first: u32,
    pub(super) len: u32,
    pub(super) groups: u32,
}

/// A range of [`Programs::text`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    start: u32,
    len: u32,
}

/// What is asked of a name at a place of it, and the step that comes next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Text(Text, u32),
    /// A character of this class.
    Character(u32, u32),
    Look(Look, u32),
    /// The place is where this end of a group is: of the first group the start, its end, of the second the start.
    Save(u32, u32),
    /// The first step, or else the second.
    Either(u32, u32),
    /// Nothing: the name has to be at its end.
    End,
}

/// A class of characters.
#[derive(Debug)]
struct Characters {
    /// A bit for each ASCII character.
    ascii: u128,
    ranges: Box<[(char, char)]>,
}

impl Characters {
    fn new(ranges: Box<[(char, char)]>) -> Self {
        let ascii = (0..128).filter(|&byte| has(&ranges, char::from(byte)));
        Self {
            ascii: ascii.fold(0, |ascii, byte| ascii | 1 << byte),
            ranges,
        }
    }

    fn has(&self, character: char) -> bool {
        has(&self.ranges, character)
    }
}

fn has(ranges: &[(char, char)], character: char) -> bool {
    let nth = ranges.partition_point(|&(_, last)| last < character);
    ranges.get(nth).is_some_and(|&(first, _)| first <= character)
}

/// Compiles expressions into [`Programs`].
#[derive(Debug, Default)]
pub(super) struct Compiler {
    programs: Programs,
    /// Each class once: `\w` has 6 KiB of ranges.
    classes: HashMap<Box<[(char, char)]>, u32>,
}

impl Compiler {
    /// Compiles `head` and then `hir`, up to the end of the name.
    pub(super) fn compile(&mut self, head: &str, hir: &Hir, groups: usize) -> Program {
        let first = index(self.programs.steps.len());
        let head = self.text(head.as_bytes());
        let end = self.push(Step::End);
        let entry = self.before(end, hir);
        Program {
            head,
            entry,
            first,
            len: index(self.programs.steps.len()) - first,
            groups: index(groups),
        }
    }

    pub(super) fn finish(mut self) -> Programs {
        self.programs.steps.shrink_to_fit();
        self.programs.text.shrink_to_fit();
        self.programs
    }

    /// Adds `hir`, after which `next` comes. The first of its steps.
    fn before(&mut self, next: u32, hir: &Hir) -> u32 {
        match hir.kind() {
            HirKind::Empty => next,
            HirKind::Literal(literal) => {
                let text = self.text(&literal.0);
                self.push(Step::Text(text, next))
            }
            HirKind::Class(class) => {
                let class = self.class(class);
                self.push(Step::Character(class, next))
            }
            HirKind::Look(look) => match Look::from_repr(look.as_repr()) {
                Some(look) => self.push(Step::Look(look, next)),
                None => unreachable!("both crates have the same looks"),
            },
            HirKind::Repetition(repetition) => self.repetition(next, repetition),
            HirKind::Capture(capture) => {
                let start = 2 * (capture.index - 1);
                let end = self.push(Step::Save(start + 1, next));
                let sub = self.before(end, &capture.sub);
                self.push(Step::Save(start, sub))
            }
            HirKind::Concat(parts) => parts.iter().rev().fold(next, |next, part| self.before(next, part)),
            HirKind::Alternation(parts) => {
                let entries: Vec<u32> = parts.iter().map(|part| self.before(next, part)).collect();
                let either = |other, entry| self.push(Step::Either(entry, other));
                entries.into_iter().rev().reduce(either).unwrap_or(next)
            }
        }
    }

    fn repetition(&mut self, next: u32, repetition: &Repetition) -> u32 {
        let Repetition {
            min, max, greedy, sub, ..
        } = repetition;
        let either = |more, next| match greedy {
            true => Step::Either(more, next),
            false => Step::Either(next, more),
        };
        let (optional, required) = match max {
            Some(max) => {
                let optional = (*min..*max).fold(next, |optional, _| {
                    let more = self.before(optional, sub);
                    self.push(either(more, next))
                });
                (optional, *min)
            }
            None => {
                let again = self.push(Step::End);
                let more = self.before(again, sub);
                self.programs.steps[again as usize] = either(more, next);
                match min {
                    0 if sub.properties().minimum_len().is_some_and(|len| len > 0) => (again, 0),
                    // What may match nothing is repeated as `(x+)?`, lest the preferences be others.
                    0 => (self.push(either(more, next)), 0),
                    _ => (more, min - 1),
                }
            }
        };
        (0..required).fold(optional, |next, _| self.before(next, sub))
    }

    fn push(&mut self, step: Step) -> u32 {
        self.programs.steps.push(step);
        index(self.programs.steps.len() - 1)
    }

    fn text(&mut self, text: &[u8]) -> Text {
        let start = index(self.programs.text.len());
        self.programs.text.extend_from_slice(text);
        Text {
            start,
            len: index(text.len()),
        }
    }

    fn class(&mut self, class: &Class) -> u32 {
        let ranges: Box<[_]> = match class {
            Class::Unicode(class) => class.iter().map(|range| (range.start(), range.end())).collect(),
            // Of bytes that are no ASCII an expression over text has none.
            Class::Bytes(class) => class
                .iter()
                .map(|range| (range.start().into(), range.end().into()))
                .collect(),
        };
        let programs = &mut self.programs;
        *self.classes.entry(ranges).or_insert_with_key(|ranges| {
            programs.classes.push(Characters::new(ranges.clone()));
            index(programs.classes.len() - 1)
        })
    }
}
