//! The works, one after the other; in each of them the programs in turn, again and again.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::cores::{self, Cores};
use super::failure::Failure;
use super::files::Files;
use super::generator;
use super::load::Load;
use super::options::Options;
use super::page;
use super::programs::{Kind, PROGRAMS, Program};
use super::sample::{Measured, Outcome, Sample, Samples};
use super::server::Server;
use super::works::{Variant, WORKS, Work};

/// Runs all that is asked for.
#[derive(Debug)]
pub(super) struct Runner<'a> {
    options: &'a Options,
    files: &'a Files,
    cores: Cores,
    /// Descriptors that a process may have.
    descriptors: u64,
    works: Vec<(&'static Work, Vec<&'static Program>)>,
    missing: Vec<String>,
}

impl<'a> Runner<'a> {
    /// # Errors
    ///
    /// Something that is asked for does not exist, or something that is needed is not here.
    pub(super) fn new(options: &'a Options, files: &'a Files) -> Result<Self, Failure> {
        check("work", &options.only, WORKS.iter().map(|work| work.key))?;
        check("program", &options.programs, PROGRAMS.iter().map(|program| program.key))?;
        let own = ["ours", "limit", "load"].map(|name| files.own(name));
        if let Some(not_built) = own.into_iter().find(|path| !path.exists()) {
            return Err(Failure::NotBuilt(not_built));
        }
        let (mut here, mut missing) = (Vec::new(), Vec::new());
        for program in PROGRAMS.iter().filter(|program| options.takes(program)) {
            match program.missing(files) {
                None => here.push(program.key),
                Some(why) => missing.push(format!("{}: {why}", program.title)),
            }
        }
        let works = WORKS.iter().filter(|work| Options::asks_for(&options.only, work.key));
        let with_programs = works.map(|work| {
            let keys = work.programs.iter().filter(|key| here.contains(key));
            (work, keys.filter_map(|key| Program::find(key)).collect::<Vec<_>>())
        });
        let works: Vec<_> = with_programs.filter(|(_, programs)| !programs.is_empty()).collect();
        if works.is_empty() {
            return Err(Failure::Nothing);
        }
        Ok(Self {
            options,
            files,
            cores: Cores::find()?,
            descriptors: cores::raise_descriptors()?,
            works,
            missing,
        })
    }

    /// Adds what it measures to the samples, and keeps them on the way.
    pub(super) fn run(&self, samples: &mut Samples) -> Result<(), Failure> {
        for missing in &self.missing {
            eprintln!("left out: {missing}");
        }
        samples.missing.clone_from(&self.missing);
        let scratch = self.files.scratch();
        fs::create_dir_all(&scratch).map_err(Failure::file(&scratch))?;
        let rounds = self.options.rounds();
        for (work, programs) in &self.works {
            eprintln!("\n{} ({})", work.title, work.key);
            for round in 1..=rounds {
                for program in programs {
                    for variant in work.variants {
                        let sample = self.sample(work, variant, program, round);
                        eprintln!(
                            "  {round}/{rounds} {:28} {}",
                            program.title,
                            page::in_short(work, &sample)
                        );
                        samples.samples.push(sample);
                    }
                }
                if !self.options.quick {
                    samples.keep(self.files.raw())?;
                }
            }
        }
        Ok(())
    }

    fn sample(&self, work: &Work, variant: &Variant, program: &Program, round: u32) -> Sample {
        let (load, warmup) = match self.options.quick {
            true => (variant.load.small(), self.options.warmup()),
            false => (variant.load, self.options.warmup() + work.figure.settles_in()),
        };
        let load = load.at_most(program.most_clients());
        let outcome = match self.cell(program, load, warmup) {
            Ok(measured) => Outcome::Measured(measured),
            Err(failure) => Outcome::Failed(failure.to_string()),
        };
        Sample {
            work: work.key.to_owned(),
            variant: variant.key.to_owned(),
            program: program.key.to_owned(),
            round,
            outcome,
        }
    }

    /// Starts a server, puts a load on it, and ends it.
    fn cell(&self, program: &Program, load: Load, warmup: f64) -> Result<Measured, Failure> {
        let (path, arguments) = program.command(self.files, load);
        let mut command = self.cores.server(program.placement, &path);
        command.args(arguments);
        let mut server = Server::start(command, &self.log("server"))?;

        let dialect = serde_json::to_value(program.dialect()).unwrap_or_default();
        let seconds = self.options.seconds();
        let mut command = self.cores.generator(program.placement, &self.files.own("load"));
        command
            .args(load.arguments(self.descriptors))
            .args(["--server", server.address()])
            .args(["--pid", &server.pid().to_string()])
            .args(["--dialect", dialect.as_str().unwrap_or_default()])
            .args(["--seconds", &seconds.to_string()])
            .args(["--warmup", &warmup.to_string()]);
        let within = SETTING_UP + Duration::from_secs_f64(seconds + warmup);
        match generator::measure(&mut command, &self.log("generator"), within) {
            Ok(measured) => server.end().map(|()| measured),
            Err(Failure::Load { generator, .. }) => Err(Failure::Load {
                generator,
                server: server.complaints(),
            }),
            Err(error) => Err(error),
        }
    }

    fn log(&self, of: &str) -> PathBuf {
        self.files.scratch().join(format!("{of}.log"))
    }
}

impl Options {
    /// Whether a program is wanted. A check does without what takes long to install.
    fn takes(&self, program: &Program) -> bool {
        let is_slow = matches!(program.kind, Kind::Python(_));
        Self::asks_for(&self.programs, program.key) && !(self.quick && is_slow)
    }
}

fn check(what: &'static str, asked: &[String], keys: impl Iterator<Item = &'static str>) -> Result<(), Failure> {
    let keys: Vec<_> = keys.collect();
    let is_unknown = |one: &&String| {
        !keys
            .iter()
            .any(|key| Options::asks_for(std::slice::from_ref(*one), key))
    };
    match asked.iter().find(is_unknown) {
        None => Ok(()),
        Some(unknown) => Err(Failure::Unknown {
            what,
            key: unknown.clone(),
            all: keys.join(", "),
        }),
    }
}

/// How long it may take until thousands of clients are connected, and until the last answers are there.
const SETTING_UP: Duration = Duration::from_secs(180);
