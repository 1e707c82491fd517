//! How works that go on and on are run: warmed up, measured, and drained so that nothing is lost unseen.

use std::time::Duration;

use super::failure::Failure;
use super::pool::{Deadline, Pool, Work};
use super::report::Window;

/// A work that goes on until it is told to stop.
pub(super) trait Endless: Work {
    /// Says the first things.
    fn begin(&mut self, pool: &mut Pool) -> Result<(), Failure>;

    /// What is counted.
    fn window(&mut self) -> &mut Window;

    /// Says nothing new any more.
    fn stop(&mut self);

    /// Messages that are still to come.
    fn outstanding(&self) -> u64;
}

/// Runs it: the warm-up begins now.
pub(super) fn measure(pool: &mut Pool, work: &mut impl Endless) -> Result<(), Failure> {
    work.window().begin();
    work.begin(pool)?;
    let mut seen = work.window().total();
    let mut stuck = Deadline::new("another message", STUCK);
    while !work.window().is_over()? {
        pool.turn(work)?;
        let total = work.window().total();
        if total != seen {
            seen = total;
            stuck.restart();
        }
        stuck.check()?;
    }
    work.stop();
    let deadline = Deadline::new("the last messages", DRAIN);
    while work.outstanding() > 0 {
        pool.turn(work)?;
        deadline.check().map_err(|_| {
            let lost = work.outstanding();
            Failure::Late(format!("{lost} messages that were to come at the end"), DRAIN.as_secs())
        })?;
    }
    Ok(())
}

const STUCK: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(10);
