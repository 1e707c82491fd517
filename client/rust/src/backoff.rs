//! How long to wait before the next attempt to connect, without a clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Limits;

/// Counts attempts that failed.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failed: u32,
}

/// Where random numbers come from.
#[derive(Clone, Default)]
pub(crate) struct Random(Option<Arc<dyn Fn() -> f64 + Send + Sync>>);

impl Backoff {
    /// A connection ended that lived so long.
    pub(crate) fn ended_after(&mut self, lived: Duration, limits: &Limits) {
        if lived >= limits.stable {
            self.failed = 0;
        }
    }

    /// The number of the next attempt, from 1, and how long to wait for it: a random part of a time that doubles, so that
    /// clients that lost one server do not all come back at once. Where the server said when, not before that.
    pub(crate) fn next(&mut self, retry_after: Option<u32>, random: &Random, limits: &Limits) -> (u32, Duration) {
        let factor = 1_u32.checked_shl(self.failed).unwrap_or(u32::MAX);
        let most = limits.backoff.saturating_mul(factor).min(limits.backoff_most);
        self.failed = self.failed.saturating_add(1);
        let asked = retry_after.map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds.into()));
        (self.failed, asked.min(limits.retry_after) + most.mul_f64(random.next()))
    }
}

impl Random {
    pub(crate) fn of(random: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(random)))
    }

    /// A number from 0 to 1.
    fn next(&self) -> f64 {
        let number = match &self.0 {
            Some(random) => random(),
            // A system without random numbers waits for the longest time.
            None => getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX)),
        };
        if number.is_nan() { 1.0 } else { number.clamp(0.0, 1.0) }
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(random: f64, limits: &Limits) -> Vec<u64> {
        let mut backoff = Backoff::default();
        let random = Random::of(move || random);
        let mut next = |n: u32| {
            let (attempt, wait) = backoff.next(None, &random, limits);
            assert_eq!(attempt, n + 1);
            wait.as_millis() as u64
        };
        (0..8).map(&mut next).collect()
    }

    #[test]
    fn waits_double_up_to_a_bound_and_are_a_random_part_of_that() {
        let limits = Limits::default();
        assert_eq!(
            waits(1.0, &limits),
            [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]
        );
        assert_eq!(waits(0.5, &limits), [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!(waits(0.0, &limits), [0; 8]);
        assert_eq!(waits(7.0, &limits), waits(1.0, &limits));
        assert_eq!(waits(f64::NEG_INFINITY, &limits), [0; 8]);

        let mut backoff = Backoff { failed: u32::MAX };
        let (attempt, wait) = backoff.next(None, &Random::of(|| 1.0), &limits);
        assert_eq!((attempt, wait), (u32::MAX, limits.backoff_most));
    }

    #[test]
    fn only_a_connection_that_lived_makes_the_wait_short_again() {
        let (limits, random, mut backoff) = (Limits::default(), Random::of(|| 1.0), Backoff::default());
        backoff.next(None, &random, &limits);
        backoff.ended_after(Duration::from_millis(4999), &limits);
        assert_eq!(backoff.next(None, &random, &limits), (2, Duration::from_secs(1)));
        backoff.ended_after(Duration::from_secs(5), &limits);
        assert_eq!(backoff.next(None, &random, &limits), (1, Duration::from_millis(500)));
    }

    #[test]
    fn a_server_can_ask_for_more_time_within_a_bound() {
        let (limits, random) = (Limits::default(), Random::of(|| 0.5));
        let wait = |asked| Backoff::default().next(Some(asked), &random, &limits).1;
        assert_eq!(wait(10), Duration::from_millis(10_250));
        assert_eq!(wait(86_400), Duration::from_millis(60_250));
    }

    #[test]
    fn random_numbers_are_spread() {
        let numbers: Vec<f64> = (0..1000).map(|_| Random::default().next()).collect();
        let mean = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
        assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
    }
}
