//! One expression against one name: whether it matches for certain, and what its groups capture.

use std::cell::Cell;

use regex_automata::{
    Anchored, Input,
    nfa::thompson::{
        backtrack::{self, BoundedBacktracker},
        pikevm::PikeVM,
    },
    util::primitives::NonMaxUsize,
};
use regex_syntax::hir::{Hir, Look};

use super::symbols;
use crate::{
    PatternError,
    expression::{compile, too_complex},
};

/// The engines of one expression. Backtrackers that try no place twice, and so are linear: a one-pass automaton is
/// twice as fast while few expressions are in use, but reads more memory for each, which shows beyond a thousand.
#[derive(Debug)]
pub(crate) struct Matcher {
    ascii: BoundedBacktracker,
    /// For names that are not ASCII, if `ascii` does not say all.
    unicode: Option<BoundedBacktracker>,
    slots: usize,
}

impl Matcher {
    /// Compiles what `hir` matches of ASCII names, from where it is started to the end of the name.
    pub(crate) fn new(hir: &Hir, groups: usize) -> Result<Self, PatternError> {
        Ok(Self {
            ascii: backtracker(symbols::ascii(hir))?,
            unicode: None,
            slots: 2 * (groups + 1),
        })
    }

    /// Compiles all of `hir`, the same as before.
    pub(crate) fn add_unicode(&mut self, hir: &Hir) -> Result<(), PatternError> {
        self.unicode = Some(backtracker(hir.clone())?);
        Ok(())
    }

    /// Calls `found` with the places of the groups, two for each, if the expression matches `name` from `start` on.
    /// `is_ascii` says whether `name` is.
    pub(crate) fn matches(&self, name: &str, start: usize, is_ascii: bool, found: impl FnOnce(&[Option<NonMaxUsize>])) {
        let engine = match &self.unicode {
            Some(unicode) if !is_ascii => unicode,
            _ => &self.ascii,
        };
        // Taken, not borrowed: `found` is the caller's code and may match another name.
        let mut scratch = SCRATCH.take().unwrap_or_default();
        if scratch.search(engine, self.slots, name, start) {
            found(&scratch.slots[2..]);
        }
        SCRATCH.set(Some(scratch));
    }
}

/// What searches write to: one for each thread, as large as the largest search needed, at most
/// [`VISITED_MAX_BYTES`] and a stack of a few times that size.
#[derive(Debug, Default)]
struct Scratch {
    slots: Vec<Option<NonMaxUsize>>,
    cache: Option<backtrack::Cache>,
}

impl Scratch {
    fn search(&mut self, engine: &BoundedBacktracker, slots: usize, name: &str, start: usize) -> bool {
        let input = Input::new(name).span(start..name.len()).anchored(Anchored::Yes);
        self.slots.clear();
        self.slots.resize(slots, None);
        let cache = self.cache.get_or_insert_with(|| engine.create_cache());
        match engine.try_search_slots(cache, &input, &mut self.slots) {
            Ok(found) => found.is_some(),
            // The table of visited places would be too large: a very long name.
            Err(_) => PikeVM::new_from_nfa(engine.get_nfa().clone()).is_ok_and(|engine| {
                engine
                    .search_slots(&mut engine.create_cache(), &input, &mut self.slots)
                    .is_some()
            }),
        }
    }
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Enough for a name of 512 bytes against an expression of 8,192 states, more than
/// [`Pattern::MAX_COMPILED_BYTES`](crate::Pattern::MAX_COMPILED_BYTES) allows.
const VISITED_MAX_BYTES: usize = 512 * 1024;

fn backtracker(hir: Hir) -> Result<BoundedBacktracker, PatternError> {
    let nfa = compile(&Hir::concat(vec![hir, Hir::look(Look::End)]))?;
    let config = backtrack::Config::new().visited_capacity(VISITED_MAX_BYTES);
    BoundedBacktracker::builder()
        .configure(config)
        .build_from_nfa(nfa)
        .map_err(|_| too_complex())
}
