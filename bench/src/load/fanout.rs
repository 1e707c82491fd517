//! `fanout`: one client publishes to all; a publication that everybody has makes room for the next.
//!
//! Some clients may be stalled: they never read, and nothing is expected of them. A server will close them sooner or later,
//! so each is replaced once it has missed enough: there are as many of them all the time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::connection::Expected;
use super::failure::Failure;
use super::options;
use super::pool::{Deadline, Pool, Work};
use super::report::{Report, Window};
use super::run::{self, Endless};
use crate::frame::{TEXT, masked};
use crate::message::TEXT_BEGINS;

pub(super) fn run(options: &options::Fanout) -> Result<Report, Failure> {
    let mut fanout = Fanout::new(options)?;
    let mut pool = Pool::new(&options.common, options.subscribers)?;
    pool.connect_all(0, |client| {
        is_stalled(client, options.stalled).then_some(STALLED_BUFFER)
    })?;
    fanout.stalled.iter().try_for_each(|&client| pool.stall(client))?;
    pool.expected = Expected::alike(TEXT_BEGINS);
    fanout.settle(&mut pool)?;
    let readers = fanout.readers;
    run::measure(&mut pool, &mut fanout)?;
    let report = Report::new("fanout", "deliveries", options, fanout.window.measured()?)?;
    Ok(report
        .with("readers", readers)
        .with("stalled_replaced", fanout.replaced))
}

struct Fanout {
    window: Window,
    /// Clients that read.
    readers: usize,
    in_flight: usize,
    /// As many publications as can be in flight.
    frames: Vec<u8>,
    /// Bytes of one.
    size: usize,
    /// By client, how many publications it got.
    received: Vec<u64>,
    /// When the ones in flight were sent, and to how many clients they are still to come.
    sent: Vec<(u64, usize)>,
    published: u64,
    /// Publications that everybody has.
    done: u64,
    /// Clients that do not read, the one that has stalled for longest first.
    stalled: VecDeque<usize>,
    /// How often one of them was replaced.
    replaced: u64,
    is_stopping: bool,
}

impl Fanout {
    fn new(options: &options::Fanout) -> Result<Self, Failure> {
        let &options::Fanout {
            subscribers,
            in_flight,
            size,
            stalled,
            ..
        } = options;
        if subscribers == 0 || in_flight == 0 || !(0.0..1.0).contains(&stalled) {
            let usage = "at least one subscriber and publication in flight are needed, and a client that reads";
            return Err(Failure::Usage(usage.to_owned()));
        }
        let frame = masked(TEXT, options.common.dialect.publish(size).as_bytes());
        let stalled: VecDeque<_> = (0..subscribers).filter(|&client| is_stalled(client, stalled)).collect();
        Ok(Self {
            window: Window::new(&options.common),
            readers: subscribers - stalled.len(),
            in_flight,
            size: frame.len(),
            frames: frame.repeat(in_flight),
            received: vec![0; subscribers],
            sent: vec![(0, 0); in_flight],
            published: 0,
            done: 0,
            stalled,
            replaced: 0,
            is_stopping: false,
        })
    }

    /// Publishes until every reader has got something: a client may know that it is connected before the server reckons with
    /// it.
    fn settle(&mut self, pool: &mut Pool) -> Result<(), Failure> {
        let mut settling = Settling {
            misses: vec![true; self.received.len()],
            heard: Instant::now(),
        };
        self.stalled.iter().for_each(|&client| settling.misses[client] = false);
        let deadline = Deadline::new("a publication to each reader", SETTLE);
        while settling.misses.contains(&true) {
            deadline.check()?;
            pool.send(0, &self.frames[..self.size])?;
            settling.heard = Instant::now();
            while settling.heard.elapsed() < QUIET {
                pool.turn(&mut settling)?;
            }
        }
        Ok(())
    }

    /// Publishes as many as there is room for, in one write.
    fn publish(&mut self, pool: &mut Pool) -> Result<(), Failure> {
        let free = self.in_flight - (self.published - self.done) as usize;
        if free == 0 || self.is_stopping {
            return Ok(());
        }
        let now = self.window.now();
        for _ in 0..free {
            self.sent[(self.published % self.in_flight as u64) as usize] = (now, self.readers);
            self.published += 1;
        }
        pool.send(0, &self.frames[..free * self.size])?;
        self.replace_stalled(pool)
    }

    /// Lets others take the place of those that have missed enough, one by one.
    fn replace_stalled(&mut self, pool: &mut Pool) -> Result<(), Failure> {
        let missed = self.published * self.size as u64;
        while self.replaced < missed * self.stalled.len() as u64 / ENOUGH_MISSED {
            let Some(client) = self.stalled.pop_front() else {
                break;
            };
            pool.close(client);
            pool.connect(client, client, Some(STALLED_BUFFER))?;
            self.stalled.push_back(client);
            self.replaced += 1;
        }
        Ok(())
    }
}

impl Endless for Fanout {
    fn begin(&mut self, pool: &mut Pool) -> Result<(), Failure> {
        self.publish(pool)
    }

    fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    fn stop(&mut self) {
        self.is_stopping = true;
    }

    fn outstanding(&self) -> u64 {
        let in_flight = self.sent.iter().map(|(_, to_come)| *to_come as u64);
        in_flight.sum()
    }
}

impl Work for Fanout {
    fn opened(&mut self, pool: &mut Pool, client: usize) -> Result<(), Failure> {
        // Another stalled one.
        pool.stall(client)
    }

    #[inline]
    fn received(&mut self, _: &mut Pool, client: usize, messages: usize) -> Result<(), Failure> {
        let now = self.window.now();
        let received = &mut self.received[client];
        if *received + messages as u64 > self.published {
            let what = format!("{} deliveries of {}", *received + messages as u64, self.published);
            return Err(Failure::Unexpected(client, what));
        }
        for _ in 0..messages {
            let (sent, to_come) = &mut self.sent[(*received % self.in_flight as u64) as usize];
            self.window.count(now - *sent);
            *to_come -= 1;
            self.done += u64::from(*to_come == 0);
            *received += 1;
        }
        Ok(())
    }

    fn turn_ends(&mut self, pool: &mut Pool) -> Result<(), Failure> {
        self.publish(pool)
    }
}

struct Settling {
    /// Who has got nothing yet.
    misses: Vec<bool>,
    heard: Instant,
}

impl Work for Settling {
    fn opened(&mut self, _: &mut Pool, _: usize) -> Result<(), Failure> {
        Ok(())
    }

    fn received(&mut self, _: &mut Pool, client: usize, _: usize) -> Result<(), Failure> {
        self.misses[client] = false;
        self.heard = Instant::now();
        Ok(())
    }
}

/// Spreads the clients that do not read evenly among the others; the first is the publisher.
fn is_stalled(client: usize, share: f64) -> bool {
    let until = |clients: usize| (clients as f64 * share) as usize;
    until(client + 1) > until(client) && client > 0
}

const SETTLE: Duration = Duration::from_secs(20);
/// After so long nothing more comes.
const QUIET: Duration = Duration::from_millis(300);
/// Bytes: more than the system's buffer for a socket and an outbox hold.
const ENOUGH_MISSED: u64 = 6 << 20;
/// Little enough for a server to notice soon that nobody reads.
const STALLED_BUFFER: usize = 4 << 10;
