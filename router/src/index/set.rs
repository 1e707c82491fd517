//! The expressions at one node of the tree, matched together.

use regex_automata::{
    Anchored, MatchKind,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson,
    util::primitives::StateID,
};
use regex_syntax::hir::{Hir, Look};
use smallvec::SmallVec;

use super::{
    End,
    capture::{ABSENT, Outcome, Places},
    index,
    program::{Compiler, Program, Programs},
    symbols,
};
use crate::{
    Converter, Param, Pattern,
    expression::{literal_prefix, without_prefix},
    params::Span,
    pattern::converts_regex,
};

/// All regular expressions, in groups that are matched together.
#[derive(Debug)]
pub(crate) struct Expressions {
    members: Vec<Member>,
    groups: Vec<Group>,
    programs: Programs,
    /// As the members. Apart from them, because they are hardly ever read.
    patterns: Vec<Pattern>,
}

impl Expressions {
    /// Finds the expressions of `group` that match `name` from `start` on.
    pub(crate) fn matches(&self, group: u32, name: &str, start: usize, found: &mut impl FnMut(End, &[Span])) {
        let group = &self.groups[group as usize];
        let mut is_plain = None;
        for set in &group.sets {
            set.candidates(&name.as_bytes()[start..], |candidate| {
                let member = &self.members[candidate as usize];
                if member.is_certain && *is_plain.get_or_insert_with(|| symbols::is_plain(name)) {
                    found(member.end, &[]);
                } else {
                    self.attempt(candidate, name, start, found);
                }
            });
        }
        for &member in &group.alone {
            self.attempt(member, name, start, found);
        }
    }

    /// Finds an expression if `name` from `start` on matches indeed.
    fn attempt(&self, member: u32, name: &str, start: usize, found: &mut impl FnMut(End, &[Span])) {
        let &Member {
            end,
            program,
            converts_all,
            ..
        } = &self.members[member as usize];
        let outcome = self.programs.matches(program, name, start, |places| {
            let spans = spans(places);
            if converts_all || self.converts(member, &spans, name) {
                found(end, &spans);
            }
        });
        match outcome {
            Outcome::Ran => {}
            Outcome::TooLong => {
                if let Some(spans) = self.patterns[member as usize].regex_spans(name) {
                    found(end, &spans);
                }
            }
        }
    }

    fn converts(&self, member: u32, spans: &[Span], name: &str) -> bool {
        let params = self.patterns[member as usize].params();
        let mut pairs = params.iter().zip(spans);
        pairs.all(|(param, span)| converts_regex(param, *span, name))
    }
}

fn spans(places: &Places) -> SmallVec<[Span; 8]> {
    let span = |ends: &[u32]| match *ends {
        [start, end] if start != ABSENT && end != ABSENT => Span::new(start as usize, end as usize),
        _ => Span::ABSENT,
    };
    places.chunks_exact(2).map(span).collect()
}

/// One expression.
#[derive(Debug)]
struct Member {
    end: End,
    program: Program,
    /// Whether there is nothing to capture, and what its set finds in a [plain](symbols::is_plain) name matches for certain.
    is_certain: bool,
    /// Whether its groups may capture what they like.
    converts_all: bool,
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

/// An expression on its way into a set.
#[derive(Debug)]
struct Candidate {
    member: u32,
    /// What it looks for: at the end of the name, or wherever it is [open](symbols::open_end).
    symbols: Hir,
}

impl Candidate {
    fn new(member: u32, hir: &Hir) -> Self {
        let symbols = symbols::over_symbols(hir);
        let symbols = symbols::open_end(&symbols).unwrap_or_else(|| Hir::concat(vec![symbols, Hir::look(Look::End)]));
        Self { member, symbols }
    }
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

    /// Calls `found` with the members that may match, once each.
    #[inline]
    fn candidates(&self, rest: &[u8], mut found: impl FnMut(u32)) {
        let automaton = &self.automaton;
        let mut seen = [0; SET_MAX / 64];
        let mut found_at = |state| {
            for nth in 0..automaton.match_len(state) {
                let member = automaton.match_pattern(state, nth).as_usize();
                let (word, bit) = (&mut seen[member / 64], 1_u64 << (member % 64));
                if *word & bit == 0 {
                    *word |= bit;
                    found(self.members[member]);
                }
            }
        };
        let mut state = self.start;
        for symbol in rest.iter().filter_map(|&byte| symbols::symbol(byte)) {
            state = automaton.next_state(state, symbol);
            if automaton.is_special_state(state) {
                if automaton.is_dead_state(state) {
                    return;
                }
                if automaton.is_match_state(state) {
                    found_at(state);
                }
            }
        }
        state = automaton.next_eoi_state(state);
        if automaton.is_match_state(state) {
            found_at(state);
        }
    }
}

/// Collects expressions into [`Expressions`].
#[derive(Debug, Default)]
pub(crate) struct ExpressionsBuilder {
    members: Vec<Member>,
    groups: Vec<Vec<Candidate>>,
    programs: Compiler,
    patterns: Vec<Pattern>,
}

impl ExpressionsBuilder {
    pub(crate) fn new_group(&mut self) -> u32 {
        self.groups.push(Vec::new());
        index(self.groups.len() - 1)
    }

    /// Adds an expression, of which `hir` is what the node of `group` has not seen to.
    pub(crate) fn add(&mut self, group: u32, hir: &Hir, pattern: &Pattern, end: End) {
        let member = index(self.members.len());
        let head = literal_prefix(hir);
        let params = pattern.params();
        self.members.push(Member {
            end,
            program: self
                .programs
                .compile(head, &without_prefix(hir, head.len()), params.len()),
            is_certain: params.is_empty() && !symbols::looks_around(hir),
            converts_all: params.iter().map(Param::converter).all(|it| it == Converter::Str),
        });
        self.patterns.push(pattern.clone());
        self.groups[group as usize].push(Candidate::new(member, hir));
    }

    pub(crate) fn finish(self) -> Expressions {
        let mut packer = Packer {
            size: SET_FIRST,
            successes_to_grow: 0,
            successes: 0,
        };
        Expressions {
            groups: self.groups.iter().map(|candidates| packer.pack(candidates)).collect(),
            members: self.members,
            programs: self.programs.finish(),
            patterns: self.patterns,
        }
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
