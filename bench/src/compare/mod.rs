//! The comparison: starts one server after the other, puts the same works on each, and writes down what came of it.

mod cores;
mod crates;
mod failure;
mod files;
mod generator;
mod load;
mod machine;
mod micro;
mod options;
mod page;
mod programs;
mod run;
mod sample;
mod server;
mod statistics;
mod versions;
mod works;

use std::process::ExitCode;

use clap::Parser;

use failure::Failure;
use files::Files;
use options::Options;
use run::Runner;
use sample::Samples;

/// The program: measures and writes the page, or says on standard error what cannot be done.
pub fn main() -> ExitCode {
    match compare(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), Failure> {
    let files = Files::find(options)?;
    let samples = match options.from.as_slice() {
        [] => measure(options, &files)?,
        files => Samples::read(files)?,
    };
    let failures = samples.failures();
    for failure in &failures {
        eprintln!("failed: {failure}");
    }
    match options.page(&files) {
        Some(page) => page::write(&samples, &page, &files.notes())?,
        None if options.quick => {}
        None => println!("{}", page::results(&samples)),
    }
    match failures.len() {
        // The page says which ones failed; a check has to fail itself.
        failed if options.quick && failed > 0 => Err(Failure::Failed(failed)),
        _ => Ok(()),
    }
}

fn measure(options: &Options, files: &Files) -> Result<Samples, Failure> {
    let runner = Runner::new(options, files)?;
    let mut samples = Samples::new(options, files)?;
    // What is counted and not measured has no place in a check.
    if !options.quick {
        samples.crates = Some(crates::count(files)?);
        samples.micro = micro::read(&files.criterion());
    }
    runner.run(&mut samples)?;
    Ok(samples)
}
