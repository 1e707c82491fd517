//! Whether a server that failed is started again, and when: without processes, and with the time as an argument.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::WorkerLimits;

/// Remembers failures.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    /// Those that still count, the oldest first; never more than [`WorkerLimits::attempts`].
    failures: VecDeque<Instant>,
    in_a_row: u32,
}

/// What follows a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Start again, behind this wait.
    Again { wait: Duration },
    /// It failed so often that a person has to look.
    GiveUp { failures: u32 },
}

impl Restarts {
    /// A server failed now that had been ready for so long; none where it never was.
    ///
    /// The waits are not spread at random, as those of clients are: nobody else starts this server.
    pub(super) fn failed(&mut self, ready_for: Option<Duration>, now: Instant, limits: &WorkerLimits) -> Verdict {
        let is_stable = ready_for.is_some_and(|lived| lived >= limits.stable);
        self.in_a_row = if is_stable { 0 } else { self.in_a_row.saturating_add(1) };
        while self
            .failures
            .front()
            .is_some_and(|failure| now.duration_since(*failure) >= limits.window)
        {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        let failures = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        if failures >= limits.attempts {
            return Verdict::GiveUp { failures };
        }
        let wait = match self.in_a_row.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => {
                let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
                limits.backoff.saturating_mul(factor).min(limits.backoff_most)
            }
        };
        Verdict::Again { wait }
    }

    /// The number of the next attempt, from 1.
    pub(super) fn attempt(&self) -> u32 {
        self.in_a_row.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits(attempts: u32) -> WorkerLimits {
        WorkerLimits {
            attempts,
            ..WorkerLimits::default()
        }
    }

    fn again(millis: u64) -> Verdict {
        Verdict::Again {
            wait: Duration::from_millis(millis),
        }
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let (limits, now, mut restarts) = (limits(100), Instant::now(), Restarts::default());
        for wait in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            assert_eq!(restarts.failed(None, now, &limits), again(wait));
        }
        restarts.in_a_row = u32::MAX;
        assert_eq!(restarts.failed(None, now, &limits), again(5000));
        assert_eq!(restarts.attempt(), u32::MAX);
    }

    #[test]
    fn a_server_that_was_stable_comes_back_at_once() {
        let (limits, now, mut restarts) = (limits(100), Instant::now(), Restarts::default());
        restarts.failed(None, now, &limits);
        assert_eq!(restarts.failed(Some(limits.stable), now, &limits), again(0));
        assert_eq!(restarts.attempt(), 1);
        let shorter = limits.stable - Duration::from_millis(1);
        assert_eq!(restarts.failed(Some(shorter), now, &limits), again(100));
        assert_eq!(restarts.attempt(), 2);
    }

    #[test]
    fn it_gives_up_after_so_many_failures_within_the_window() {
        let (limits, now, mut restarts) = (limits(3), Instant::now(), Restarts::default());
        assert_eq!(restarts.failed(None, now, &limits), again(100));
        assert_eq!(restarts.failed(None, now + SECOND, &limits), again(200));
        // The first one does not count any more.
        assert_eq!(restarts.failed(None, now + 60 * SECOND, &limits), again(400));
        let verdict = restarts.failed(Some(30 * SECOND), now + 60 * SECOND, &limits);
        assert_eq!(verdict, Verdict::GiveUp { failures: 3 });
        let verdict = Restarts::default().failed(None, now, &self::limits(0));
        assert_eq!(verdict, Verdict::GiveUp { failures: 1 });
    }
}
