//! How long a plain function held its connection's task, at next to no cost.

use std::cell::Cell;
use std::time::{Duration, Instant};

use coarsetime::Instant as CoarseInstant;

use crate::switchboard::turn;

/// Measures one run against a limit. One of [`COARSE`] or more is measured by the clock's last tick, which is off by up to
/// 10 ms, and read once a run: where one ended the next of the same turn began.
pub(super) struct Stopwatch {
    limit: Duration,
    began: Began,
}

enum Began {
    Coarsely(CoarseInstant, u64),
    Exactly(Instant),
}

impl Stopwatch {
    #[inline]
    pub(super) fn start(limit: Duration) -> Self {
        let began = if limit >= COARSE {
            let turn = turn::current();
            match LAST.get() {
                Some((end, of)) if of == turn => Began::Coarsely(end, turn),
                _ => Began::Coarsely(CoarseInstant::now(), turn),
            }
        } else {
            Began::Exactly(Instant::now())
        };
        Self { limit, began }
    }

    /// Ends the run; gives the time that it took, where that is more than the limit.
    #[inline]
    pub(super) fn overrun(self) -> Option<Duration> {
        let took = match self.began {
            Began::Coarsely(began, turn) => {
                let end = CoarseInstant::now();
                LAST.set(Some((end, turn)));
                end.duration_since(began).into()
            }
            Began::Exactly(began) => began.elapsed(),
        };
        (took > self.limit).then_some(took)
    }
}

thread_local! {
    /// When the last run of this thread ended, and in which turn.
    static LAST: Cell<Option<(CoarseInstant, u64)>> = const { Cell::new(None) };
}

/// The shortest limit for which a clock that ticks every 1 to 10 ms will do.
const COARSE: Duration = Duration::from_millis(20);
