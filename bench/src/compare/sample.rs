//! What was measured, as it is kept in a file.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::crates::Crates;
use super::failure::Failure;
use super::files::Files;
use super::machine::Machine;
use super::micro::Micro;
use super::options::Options;
use super::statistics::Rounds;

/// All that the page is made of.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Samples {
    pub(super) machine: Machine,
    pub(super) settings: Settings,
    /// Programs that were not there.
    pub(super) missing: Vec<String>,
    pub(super) crates: Option<Crates>,
    pub(super) micro: Option<Micro>,
    pub(super) samples: Vec<Sample>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Settings {
    pub(super) rounds: u32,
    pub(super) seconds: f64,
    pub(super) warmup: f64,
}

/// One load on one program, once.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Sample {
    pub(super) work: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) variant: String,
    pub(super) program: String,
    pub(super) round: u32,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Measured(Measured),
    Failed(String),
}

/// What the generator says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Measured {
    pub(super) messages: u64,
    pub(super) wall_seconds: f64,
    pub(super) server_cpu_seconds: f64,
    pub(super) per_cpu_second: f64,
    pub(super) generator_cpu_seconds: f64,
    pub(super) latency_microseconds: Option<Latency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bytes_per_connection: Option<f64>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Latency {
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) p999: Option<f64>,
}

impl Samples {
    /// None yet.
    pub(super) fn new(options: &Options, files: &Files) -> Result<Self, Failure> {
        Ok(Self {
            machine: Machine::find(files)?,
            settings: Settings {
                rounds: options.rounds(),
                seconds: options.seconds(),
                warmup: options.warmup(),
            },
            missing: Vec::new(),
            crates: None,
            micro: None,
            samples: Vec::new(),
        })
    }

    /// Those of all the files. What is in several counts as in the last that has it.
    pub(super) fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut all: Option<Self> = None;
        for path in files {
            let text = fs::read_to_string(path).map_err(Failure::file(path))?;
            let mut next: Self = serde_json::from_str(&text).map_err(Failure::json(path))?;
            if let Some(before) = all {
                next.add_missing_of(before);
            }
            all = Some(next);
        }
        all.ok_or(Failure::Nothing)
    }

    fn add_missing_of(&mut self, before: Self) {
        let is_new = |sample: &Sample| self.samples.iter().all(|own| own.work != sample.work);
        let mut samples: Vec<_> = before.samples.into_iter().filter(is_new).collect();
        samples.append(&mut self.samples);
        self.samples = samples;
        self.crates = self.crates.take().or(before.crates);
        self.micro = self.micro.take().or(before.micro);
        let is_news = |missing: &String| !self.missing.contains(missing);
        let missing: Vec<_> = before.missing.into_iter().filter(is_news).collect();
        self.missing.extend(missing);
    }

    /// Writes them, so that a run that is cut off is not lost.
    pub(super) fn keep(&self, path: &Path) -> Result<(), Failure> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Failure::file(folder))?;
        }
        let mut text = serde_json::to_string_pretty(self).map_err(Failure::json(path))?;
        text.push('\n');
        fs::write(path, text).map_err(Failure::file(path))
    }

    /// What was measured in a cell, by round.
    pub(super) fn measured<'s>(
        &'s self,
        work: &'s str,
        variant: &'s str,
        program: &'s str,
    ) -> impl Iterator<Item = (u32, &'s Measured)> {
        let is_of = move |sample: &&Sample| {
            (sample.work.as_str(), sample.variant.as_str(), sample.program.as_str()) == (work, variant, program)
        };
        self.samples
            .iter()
            .filter(is_of)
            .filter_map(|sample| match &sample.outcome {
                Outcome::Measured(measured) => Some((sample.round, measured)),
                Outcome::Failed(_) => None,
            })
    }

    /// One figure of a cell.
    pub(super) fn rounds(
        &self,
        (work, variant): (&str, &str),
        program: &str,
        figure: impl Fn(&Measured) -> Option<f64>,
    ) -> Rounds {
        let measured = self.measured(work, variant, program);
        measured
            .filter_map(|(round, measured)| Some((round, figure(measured)?)))
            .collect()
    }

    /// What did not work, in words.
    pub(super) fn failures(&self) -> Vec<String> {
        let failed = self.samples.iter().filter_map(|sample| match &sample.outcome {
            Outcome::Measured(_) => None,
            Outcome::Failed(why) => Some(format!("{sample}: {why}")),
        });
        failed.collect()
    }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            work,
            variant,
            program,
            round,
            ..
        } = self;
        write!(f, "{work}")?;
        if !variant.is_empty() {
            write!(f, " ({variant})")?;
        }
        write!(f, ", round {round}, {program}")
    }
}

impl Measured {
    pub(super) fn per_cpu_second(&self) -> Option<f64> {
        Some(self.per_cpu_second)
    }

    pub(super) fn per_second(&self) -> Option<f64> {
        Some(self.messages as f64 / self.wall_seconds)
    }

    pub(super) fn memory(&self) -> Option<f64> {
        self.bytes_per_connection
    }

    /// Microseconds that 99 % do not exceed.
    pub(super) fn tail(&self) -> Option<f64> {
        self.latency_microseconds.as_ref()?.p99
    }

    /// The share of its time that the server worked.
    pub(super) fn busy(&self) -> Option<f64> {
        Some(self.server_cpu_seconds / self.wall_seconds)
    }
}
