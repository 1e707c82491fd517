//! One expression against one name: whether it matches for certain, and what its groups capture.

use std::cell::Cell;

use super::program::{Program, Programs, Step};

/// What the groups of an expression capture: where each starts and where it ends, or twice [`ABSENT`].
pub(super) type Places = [u32];

/// The end of a group that took no part.
pub(super) const ABSENT: u32 = u32::MAX;

/// What came of it to run an expression against a name.
pub(super) enum Outcome {
    Ran,
    /// The table of visited places would be too large: a very long name.
    TooLong,
}

impl Programs {
    /// Calls `found` with the places of the groups, if `program` matches `name` from `start` to its end.
    pub(super) fn matches(&self, program: Program, name: &str, start: usize, found: impl FnOnce(&Places)) -> Outcome {
        let Some(start) = self.after_text(program.head, name, start) else {
            return Outcome::Ran;
        };
        let places = (name.len() - start + 1) * program.len as usize;
        if places > VISITED_MAX {
            return Outcome::TooLong;
        }
        // Taken, not borrowed: `found` is the caller's code and may match another name.
        let mut scratch = SCRATCH.take().unwrap_or_default();
        scratch.clear(places, 2 * program.groups as usize);
        let run = Run {
            programs: self,
            program,
            name,
            start,
            scratch: &mut scratch,
        };
        if run.matches() {
            found(&scratch.groups);
        }
        SCRATCH.set(Some(scratch));
        Outcome::Ran
    }
}

/// A backtracker that tries no step twice at a place, and so takes linear time.
struct Run<'r> {
    programs: &'r Programs,
    program: Program,
    name: &'r str,
    start: usize,
    scratch: &'r mut Scratch,
}

impl Run<'_> {
    fn matches(mut self) -> bool {
        if self.goes_on(self.program.entry, self.start) {
            return true;
        }
        while let Some(back) = self.scratch.back.pop() {
            match back {
                Back::Try(step, at) if self.goes_on(step, at as usize) => return true,
                Back::Try(..) => {}
                Back::Restore(end, at) => self.scratch.groups[end as usize] = at,
            }
        }
        false
    }

    /// Whether the steps from this one on lead to the end of the name. What else there was to try is noted.
    // The caller has seen that the name is shorter than `u32::MAX`.
    #[allow(clippy::cast_possible_truncation)]
    fn goes_on(&mut self, mut step: u32, mut at: usize) -> bool {
        while self.is_new(step, at) {
            let (next, after) = match *self.programs.step(step) {
                Step::Text(text, next) => (next, self.programs.after_text(text, self.name, at)),
                Step::Character(class, next) => (next, self.programs.after_character(class, self.name, at)),
                Step::Look(look, next) => (next, self.programs.looks(look, self.name, at).then_some(at)),
                Step::Save(end, next) => {
                    let before = std::mem::replace(&mut self.scratch.groups[end as usize], at as u32);
                    if !self.scratch.back.is_empty() {
                        self.scratch.back.push(Back::Restore(end, before));
                    }
                    (next, Some(at))
                }
                Step::Either(next, other) => {
                    self.scratch.back.push(Back::Try(other, at as u32));
                    (next, Some(at))
                }
                Step::End => return at == self.name.len(),
            };
            let Some(after) = after else { return false };
            (step, at) = (next, after);
        }
        false
    }

    fn is_new(&mut self, step: u32, at: usize) -> bool {
        let place = (at - self.start) * self.program.len as usize + (step - self.program.first) as usize;
        let (word, bit) = (&mut self.scratch.visited[place / 64], 1 << (place % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

/// What runs write to: one for each thread, as large as the largest run needed. The table of visited places has
/// [`VISITED_MAX`] bits at most, and of each there is one way back at most, so that the rest has a bound, too.
#[derive(Debug, Default)]
struct Scratch {
    groups: Vec<u32>,
    visited: Vec<u64>,
    back: Vec<Back>,
}

impl Scratch {
    fn clear(&mut self, places: usize, ends: usize) {
        self.groups.clear();
        self.groups.resize(ends, ABSENT);
        self.visited.clear();
        self.visited.resize(places.div_ceil(64), 0);
        self.back.clear();
    }
}

/// What is done where a run does not go on.
#[derive(Clone, Copy, Debug)]
enum Back {
    /// This step at this place is tried.
    Try(u32, u32),
    /// An end of a group is again where it was.
    Restore(u32, u32),
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// 512 KiB: a name of 512 bytes against an expression of 8,192 steps, more than
/// [`Pattern::MAX_COMPILED_BYTES`](crate::Pattern::MAX_COMPILED_BYTES) allows.
const VISITED_MAX: usize = 8 * 512 * 1024;
