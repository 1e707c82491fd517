//! The expressions at one node of the tree, matched together.

use std::sync::Arc;

use regex_automata::{
    Anchored, MatchKind,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson,
    util::primitives::StateID,
};
use regex_syntax::hir::Hir;
use smallvec::SmallVec;

use super::{End, capture::Matcher, index, symbols};
use crate::{
    Param, Pattern, PatternError,
    expression::{literal_prefix, without_prefix},
    params::Span,
    pattern::converts_regex,
};

/// All regular expressions, in groups that are matched together.
#[derive(Debug)]
pub(crate) struct Expressions {
    members: Vec<Member>,
    groups: Vec<Group>,
}

impl Expressions {
    /// Finds the expressions of `group` that match `name` from `start` on.
    pub(crate) fn matches(&self, group: u32, name: &str, start: usize, found: &mut impl FnMut(End, &[Span])) {
        let group = &self.groups[group as usize];
        let is_ascii = name.is_ascii();
        for set in &group.sets {
            set.candidates(&name.as_bytes()[start..], |candidate| {
                self.members[candidate as usize].confirm(name, start, is_ascii, found);
            });
        }
        for &member in &group.alone {
            self.members[member as usize].attempt(name, start, is_ascii, found);
        }
    }
}

/// One expression.
#[derive(Debug)]
struct Member {
    end: End,
    params: Option<Arc<[Param]>>,
    /// The plain text at its start, which the matcher is spared.
    literal: Box<str>,
    matcher: Matcher,
    /// Whether there is nothing to capture, and what its set finds in an ASCII name matches for certain.
    is_certain: bool,
}

impl Member {
    fn new(hir: &Hir, pattern: &Pattern, end: End) -> Result<Self, PatternError> {
        let literal = literal_prefix(hir);
        let hir_rest = without_prefix(hir, literal.len());
        Ok(Self {
            end,
            params: pattern.shared_params().cloned(),
            literal: literal.into(),
            matcher: Matcher::new(&hir_rest, pattern.params().len())?,
            is_certain: pattern.params().is_empty() && !symbols::looks_around(hir),
        })
    }

    /// Finds a candidate of a set, if `name` from `start` on matches indeed.
    fn confirm(&self, name: &str, start: usize, is_ascii: bool, found: &mut impl FnMut(End, &[Span])) {
        if is_ascii && self.is_certain {
            found(self.end, &[])
        } else {
            self.attempt(name, start, is_ascii, found)
        }
    }

    fn attempt(&self, name: &str, start: usize, is_ascii: bool, found: &mut impl FnMut(End, &[Span])) {
        if !name[start..].starts_with(&*self.literal) {
            return;
        }
        let start = start + self.literal.len();
        let params = self.params.as_deref().unwrap_or_default();
        self.matcher.matches(name, start, is_ascii, |slots| {
            let spans: SmallVec<[Span; 8]> = slots
                .chunks_exact(2)
                .map(|ends| match *ends {
                    [Some(start), Some(end)] => Span::new(start.get(), end.get()),
                    _ => Span::ABSENT,
                })
                .collect();
            if params
                .iter()
                .zip(&spans)
                .all(|(param, span)| converts_regex(param, *span, name))
            {
                found(self.end, &spans);
            }
        });
    }
}

/// The expressions of one node.
#[derive(Debug, Default)]
struct Group {
    sets: Vec<Set>,
    /// Those whose automata are too large, tried one by one.
    alone: Vec<u32>,
}

/// Expressions in one automaton over [symbols](symbols::symbol).
#[derive(Debug)]
struct Set {
    automaton: dense::DFA<Vec<u32>>,
    start: StateID,
    members: Box<[u32]>,
}

impl Set {
    /// `None` if the automaton would have far more states than the expressions have.
    fn new(candidates: &[Candidate]) -> Option<Self> {
        let hirs: Vec<&Hir> = candidates.iter().map(|candidate| &candidate.symbols).collect();
        let nfa = thompson::Compiler::new()
            .configure(
                thompson::Config::new()
                    .utf8(false)
                    .which_captures(thompson::WhichCaptures::None)
                    .nfa_size_limit(Some(SET_MAX_BYTES)),
            )
            .build_many_from_hir(&hirs)
            .ok()?;
        let state_bytes = size_of::<u32>() * nfa.byte_classes().alphabet_len().next_power_of_two();
        let max_bytes = (SET_GROWTH * nfa.states().len() * state_bytes + SET_MIN_BYTES).min(SET_MAX_BYTES);
        let automaton = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .match_kind(MatchKind::All)
                    .start_kind(StartKind::Anchored)
                    .accelerate(false)
                    .dfa_size_limit(Some(max_bytes))
                    .determinize_size_limit(Some(4 * max_bytes)),
            )
            .build_from_nfa(&nfa)
            .ok()?;
        let start = automaton.universal_start_state(Anchored::Yes)?;
        Some(Self {
            automaton,
            start,
            members: candidates.iter().map(|candidate| candidate.member).collect(),
        })
    }

    #[inline]
    fn candidates(&self, rest: &[u8], mut found: impl FnMut(u32)) {
        let automaton = &self.automaton;
        let mut state = self.start;
        for symbol in rest.iter().filter_map(|&byte| symbols::symbol(byte)) {
            state = automaton.next_state(state, symbol);
            if automaton.is_special_state(state) && automaton.is_dead_state(state) {
                return;
            }
        }
        state = automaton.next_eoi_state(state);
        if automaton.is_match_state(state) {
            for nth in 0..automaton.match_len(state) {
                found(self.members[automaton.match_pattern(state, nth).as_usize()]);
            }
        }
    }
}

/// Collects expressions into [`Expressions`].
#[derive(Debug, Default)]
pub(crate) struct ExpressionsBuilder {
    members: Vec<Member>,
    groups: Vec<Vec<Candidate>>,
    /// What is still to be compiled for names that are not ASCII. Done last, because it takes ten times the memory of
    /// all the rest, which should lie together.
    unicode: Vec<(usize, Hir)>,
}

/// An expression on its way into a set.
#[derive(Debug)]
struct Candidate {
    member: u32,
    symbols: Hir,
}

impl ExpressionsBuilder {
    pub(crate) fn new_group(&mut self) -> u32 {
        self.groups.push(Vec::new());
        index(self.groups.len() - 1)
    }

    /// Adds an expression, of which `hir` is what the node of `group` has not seen to.
    pub(crate) fn add(&mut self, group: u32, hir: &Hir, pattern: &Pattern, end: End) -> Result<(), PatternError> {
        self.members.push(Member::new(hir, pattern, end)?);
        let member = self.members.len() - 1;
        if symbols::is_unicode(hir) {
            self.unicode
                .push((member, without_prefix(hir, literal_prefix(hir).len())));
        }
        self.groups[group as usize].push(Candidate {
            member: index(member),
            symbols: symbols::over_symbols(hir),
        });
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Expressions, PatternError> {
        let mut packer = Packer {
            size: SET_FIRST,
            successes_to_grow: 0,
            successes: 0,
        };
        let groups = self.groups.iter().map(|candidates| packer.pack(candidates)).collect();
        for (member, hir) in self.unicode {
            self.members[member].matcher.add_unicode(&hir)?;
        }
        Ok(Expressions {
            groups,
            members: self.members,
        })
    }
}

/// Decides how many expressions go into a set.
///
/// An automaton of many expressions may take exponentially more states than they have, and finding that out takes
/// long. So the size of sets follows what has worked so far: twice as many after successes, half as many after a
/// failure.
#[derive(Debug)]
struct Packer {
    size: usize,
    successes: usize,
    successes_to_grow: usize,
}

impl Packer {
    fn pack(&mut self, mut candidates: &[Candidate]) -> Group {
        let mut group = Group::default();
        while !candidates.is_empty() {
            let (chunk, others) = candidates.split_at(self.size.min(candidates.len()));
            match (Set::new(chunk), chunk) {
                (Some(set), _) => {
                    group.sets.push(set);
                    if chunk.len() == self.size {
                        self.succeeded();
                    }
                    candidates = others;
                }
                (None, [candidate]) => {
                    group.alone.push(candidate.member);
                    candidates = others;
                }
                (None, _) => self.failed(chunk.len()),
            }
        }
        group
    }

    fn succeeded(&mut self) {
        self.successes += 1;
        if self.successes >= self.successes_to_grow {
            self.size = (2 * self.size).min(SET_MAX);
            self.successes = 0;
        }
    }

    fn failed(&mut self, len: usize) {
        self.size = len.div_ceil(2);
        self.successes = 0;
        self.successes_to_grow = 4;
    }
}

/// How many expressions one automaton takes at first, and at most.
const SET_FIRST: usize = 32;
const SET_MAX: usize = 512;

/// How many times the states of its expressions an automaton may have.
const SET_GROWTH: usize = 2;

/// How large an automaton may be in any case, and at most, before it is packed.
const SET_MIN_BYTES: usize = 32 * 1024;
const SET_MAX_BYTES: usize = 8 * 1024 * 1024;
