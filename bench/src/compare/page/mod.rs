//! The page that says what came of it.

mod chart;
mod goals;
mod method;
mod numbers;
mod sections;
mod table;

use std::fs;
use std::path::Path;

use super::failure::Failure;
use super::sample::{Outcome, Sample, Samples};
use super::works::{Figure, WORKS, Work};

/// Writes the page, and its charts into a folder of the same name beside it.
pub(super) fn write(samples: &Samples, page: &Path, notes: &Path) -> Result<(), Failure> {
    let notes = fs::read_to_string(notes).map_err(Failure::file(notes))?;
    let charts = page.with_extension("");
    fs::create_dir_all(&charts).map_err(Failure::file(&charts))?;
    for work in measured(samples) {
        if let Some(svg) = sections::chart(samples, work)? {
            let path = charts.join(format!("{}.svg", work.key));
            fs::write(&path, svg).map_err(Failure::file(&path))?;
        }
    }
    let folder = charts.file_name().unwrap_or_default().to_string_lossy();
    fs::write(page, whole(samples, &notes, &folder)?).map_err(Failure::file(page))?;
    eprintln!("wrote {}", page.display());
    Ok(())
}

/// The tables alone.
pub(super) fn results(samples: &Samples) -> String {
    let sections = measured(samples).map(|work| sections::section(samples, work, None));
    sections.collect()
}

/// What a sample says, for who waits for the end.
pub(super) fn in_short(work: &Work, sample: &Sample) -> String {
    let measured = match &sample.outcome {
        Outcome::Measured(measured) => measured,
        Outcome::Failed(why) => return format!("failed: {why}"),
    };
    let text = match work.figure {
        Figure::PerCpuSecond(what) => measured
            .per_cpu_second()
            .map(|rate| format!("{} {what} per CPU second", numbers::count(rate))),
        Figure::PerSecond(what) => measured
            .per_second()
            .map(|rate| format!("{} {what} per second", numbers::count(rate))),
        Figure::Memory => measured.memory().map(numbers::bytes),
        Figure::Tail => measured
            .tail()
            .map(|tail| format!("p99 {} {}", numbers::microseconds(tail), sample.variant)),
    };
    text.unwrap_or_else(|| "nothing".to_owned())
}

fn whole(samples: &Samples, notes: &str, charts: &str) -> Result<String, Failure> {
    let mut page = String::from(HEAD);
    page.push_str("## Goals\n\n");
    page.push_str(&goals::section(samples));
    page.push('\n');
    page.push_str(without_comment(notes).trim());
    page.push_str("\n\n");
    page.push_str(&method::section(samples));
    for work in measured(samples) {
        let chart = sections::chart(samples, work)?.map(|_| format!("{charts}/{}.svg", work.key));
        page.push('\n');
        page.push_str(&sections::section(samples, work, chart.as_deref()));
    }
    Ok(page)
}

/// A comment at its beginning is for who changes the file.
fn without_comment(notes: &str) -> &str {
    match notes.trim_start().strip_prefix("<!--") {
        Some(comment) => comment.split_once("-->").map_or("", |(_, rest)| rest),
        None => notes,
    }
}

/// In lines that can be read in an editor.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// The works that there is something about.
fn measured(samples: &Samples) -> impl Iterator<Item = &'static Work> {
    let is_there = |work: &&Work| samples.samples.iter().any(|sample| sample.work == work.key);
    WORKS.iter().filter(is_there)
}

const HEAD: &str = "<!-- `cargo xtask bench` writes this page. What is written by hand is in bench/performance-notes.md. -->

# Performance

How much Switchboard does for a second of processor time, beside what the system can do at most and beside what other servers
do with the same work.

";

const COLUMNS: usize = 120;

#[cfg(test)]
mod tests;
