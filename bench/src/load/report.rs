//! What a run comes to.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::failure::Failure;
use super::options::Common;
use crate::histogram::Histogram;
use crate::watch::Watch;

/// One line of JSON.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    work: &'static str,
    parameters: serde_json::Value,
    /// What was counted.
    counts: &'static str,
    #[serde(flatten)]
    measured: Measured,
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

/// What was measured in a window of time.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    messages: u64,
    wall_seconds: f64,
    server_cpu_seconds: f64,
    per_cpu_second: f64,
    generator_cpu_seconds: f64,
    latency_microseconds: Option<Latency>,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
}

impl Report {
    pub(super) fn new(
        work: &'static str,
        counts: &'static str,
        parameters: &impl Serialize,
        measured: Measured,
    ) -> Result<Self, Failure> {
        Ok(Self {
            work,
            parameters: serde_json::to_value(parameters)?,
            counts,
            measured,
            more: serde_json::Map::new(),
        })
    }

    /// Says something that only this work has.
    pub(super) fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }
}

/// The window of time that is measured: its state, and what is counted in it.
#[derive(Debug)]
pub(super) struct Window {
    pids: Vec<u32>,
    started: Instant,
    opens: Duration,
    length: Duration,
    /// How many messages end it, in place of the time.
    enough: Option<u64>,
    open: Option<Open>,
    measured: Option<Measured>,
    latency: Histogram,
    /// Messages since the beginning, and those of them that came before it opened.
    total: u64,
    before: u64,
}

#[derive(Debug)]
struct Open {
    at: Duration,
    sampled: Duration,
    watch: Watch,
    generator: f64,
}

impl Window {
    /// A window that opens after the warm-up.
    pub(super) fn new(common: &Common) -> Self {
        Self {
            pids: common.pid.clone(),
            started: Instant::now(),
            opens: Duration::from_secs_f64(common.warmup),
            length: Duration::from_secs_f64(common.seconds),
            enough: None,
            open: None,
            measured: None,
            latency: Histogram::new(),
            total: 0,
            before: 0,
        }
    }

    /// Closes after so many messages, in place of after a time.
    pub(super) fn until(mut self, messages: Option<u64>) -> Self {
        self.enough = messages;
        self
    }

    /// Begins the warm-up.
    pub(super) fn begin(&mut self) {
        self.started = Instant::now();
    }

    /// Nanoseconds since the warm-up began.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Counts a message that came, and took so long.
    #[inline]
    pub(super) fn count(&mut self, nanoseconds: u64) {
        self.total += 1;
        self.latency.record(nanoseconds);
    }

    /// Counts what has no latency of its own.
    pub(super) fn count_only(&mut self, messages: u64) {
        self.total += messages;
    }

    /// Messages counted since the warm-up began.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Opens or closes it when that is due. True once it is closed.
    pub(super) fn is_over(&mut self) -> Result<bool, Failure> {
        let now = self.started.elapsed();
        let total = self.total - self.before;
        match &mut self.open {
            None if self.measured.is_some() => return Ok(true),
            None if now >= self.opens => self.open()?,
            Some(open)
                if self
                    .enough
                    .map_or(now >= open.at + self.length, |enough| total >= enough) =>
            {
                self.close()?;
                return Ok(true);
            }
            Some(_) => self.sample()?,
            None => {}
        }
        Ok(false)
    }

    /// Begins to count now.
    pub(super) fn open(&mut self) -> Result<(), Failure> {
        let watch = Watch::start(&self.pids)?;
        self.latency.clear();
        self.before = self.total;
        let now = self.started.elapsed();
        self.open = Some(Open {
            at: now,
            sampled: now,
            watch,
            generator: own_cpu_seconds(),
        });
        Ok(())
    }

    /// Looks at the server so that threads that end are not forgotten.
    pub(super) fn sample(&mut self) -> Result<(), Failure> {
        let now = self.started.elapsed();
        if let Some(open) = &mut self.open
            && now >= open.sampled + BETWEEN_SAMPLES
        {
            open.watch.sample()?;
            open.sampled = now;
        }
        Ok(())
    }

    /// Ends it now.
    pub(super) fn close(&mut self) -> Result<(), Failure> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        open.watch.sample()?;
        let server = open.watch.seconds();
        let messages = self.total - self.before;
        let share = |share| self.latency.microseconds(share);
        self.measured = Some(Measured {
            messages,
            wall_seconds: (self.started.elapsed() - open.at).as_secs_f64(),
            server_cpu_seconds: server,
            per_cpu_second: messages as f64 / server,
            generator_cpu_seconds: own_cpu_seconds() - open.generator,
            latency_microseconds: (self.latency.count() > 0).then(|| Latency {
                p50: share(0.5),
                p99: share(0.99),
                p999: share(0.999),
            }),
        });
        Ok(())
    }

    /// What was measured.
    pub(super) fn measured(self) -> Result<Measured, Failure> {
        match self.measured {
            Some(measured) if measured.messages > 0 => Ok(measured),
            _ => Err(Failure::Late("the first message".to_owned(), self.length.as_secs())),
        }
    }
}

fn own_cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

const BETWEEN_SAMPLES: Duration = Duration::from_millis(50);
