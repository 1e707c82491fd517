//! What is said about one work: a table and a chart.

use super::chart::{self, Bar};
use super::numbers::{bytes, count, microseconds, percent, ratio, spread};
use super::table::Table;
use super::wrapped;
use crate::compare::failure::Failure;
use crate::compare::programs::{LIMIT, ONE_CORE, OURS, Program, TWO_CORES};
use crate::compare::sample::{Measured, Samples};
use crate::compare::statistics::{Rounds, Summary};
use crate::compare::works::{Figure, NOT_READING, READING, Work};

/// The heading, what the work is, its table, and its chart if there is one.
pub(super) fn section(samples: &Samples, work: &Work, chart: Option<&str>) -> String {
    let table = match work.figure {
        Figure::PerCpuSecond(what) => rates(samples, work, what),
        Figure::Memory => memory(samples, work),
        Figure::Tail => tails(samples, work),
        Figure::PerSecond(what) => cores(samples, work, what),
    };
    let mut text = format!("### {}\n\n{}\n\n{table}", work.title, wrapped(work.about));
    if let Some(path) = chart {
        text.push_str(&format!("\n![{}]({path})\n", caption(samples, work)));
    }
    for program in failed(samples, work) {
        text.push_str(&format!("\n{}\n", wrapped(&program)));
    }
    text
}

/// The chart of a work, as SVG; none where there are too few bars to compare.
pub(super) fn chart(samples: &Samples, work: &Work) -> Result<Option<String>, Failure> {
    let bars: Vec<_> = of(work).filter_map(|program| bar(samples, work, program)).collect();
    if bars.len() < 2 {
        return Ok(None);
    }
    chart::draw(&format!("{}: {}", work.title, caption(samples, work)), &bars).map(Some)
}

fn bar(samples: &Samples, work: &Work, program: &'static Program) -> Option<Bar> {
    let rounds = |program, figure: fn(&Measured) -> Option<f64>| samples.rounds((work.key, ""), program, figure);
    let (value, number): (Option<Summary>, fn(f64) -> String) = match work.figure {
        Figure::PerCpuSecond(_) if has_limit(samples, work) => {
            let (own, limit) = (
                rounds(program.key, Measured::per_cpu_second),
                rounds(LIMIT, Measured::per_cpu_second),
            );
            (Summary::of_ratios(&own, &limit), ratio)
        }
        Figure::PerCpuSecond(_) => (Summary::of(&rounds(program.key, Measured::per_cpu_second)), count),
        Figure::PerSecond(_) => (Summary::of(&rounds(program.key, Measured::per_second)), count),
        Figure::Memory => (Summary::of(&rounds(program.key, Measured::memory)), bytes),
        Figure::Tail => (tail_ratio(samples, work, program), ratio),
    };
    let value = value?;
    Some(Bar {
        title: program.title,
        is_ours: program.key == OURS || program.key.starts_with("ours-"),
        value,
        text: number(value.median),
    })
}

/// What the bars of the chart are.
fn caption(samples: &Samples, work: &Work) -> String {
    match work.figure {
        Figure::PerCpuSecond(_) if has_limit(samples, work) => "of the limit, more is better".to_owned(),
        Figure::PerCpuSecond(what) => format!("{what} per CPU second, more is better"),
        Figure::PerSecond(what) => format!("{what} per second, more is better"),
        Figure::Memory => "memory of a client, less is better".to_owned(),
        Figure::Tail => "p99 with some not reading, of all reading; less is better".to_owned(),
    }
}

/// Messages per second of processor time.
fn rates(samples: &Samples, work: &Work, what: &str) -> Table {
    let per_cpu_second = |program: &str| samples.rounds((work.key, ""), program, Measured::per_cpu_second);
    let (limit, ours) = (per_cpu_second(LIMIT), per_cpu_second(OURS));
    let has_limit = has_limit(samples, work);
    let mut head = vec![
        "program".to_owned(),
        format!("{what} per CPU second"),
        "spread".to_owned(),
    ];
    if has_limit {
        head.extend(["of the limit".to_owned(), "spread".to_owned()]);
    }
    head.extend(["Switchboard to it", "p99", "server busy"].map(str::to_owned));
    let mut table = Table::new(head);
    for program in of(work) {
        let own = per_cpu_second(program.key);
        let Some(rate) = Summary::of(&own) else {
            continue;
        };
        let mut row = vec![program.title.to_owned(), count(rate.median), spread(&rate, count)];
        if has_limit {
            let of_limit = Summary::of_ratios(&own, &limit);
            row.push(shown(of_limit, |summary| ratio(summary.median)));
            row.push(shown(of_limit, |summary| spread(summary, ratio)));
        }
        let to_it = Summary::of_ratios(&ours, &own).filter(|_| program.key != OURS);
        row.push(shown(to_it, |summary| ratio(summary.median)));
        row.extend(more(samples, work, program));
        table.row(row);
    }
    table
}

/// The latency, and how busy the server was.
fn more(samples: &Samples, work: &Work, program: &Program) -> [String; 2] {
    let median = |figure: fn(&Measured) -> Option<f64>, number: fn(f64) -> String| {
        let summary = Summary::of(&samples.rounds((work.key, ""), program.key, figure));
        shown(summary, |summary| number(summary.median))
    };
    [median(Measured::tail, microseconds), median(Measured::busy, percent)]
}

/// Bytes of a client.
fn memory(samples: &Samples, work: &Work) -> Table {
    let of_program = |program: &str| samples.rounds((work.key, ""), program, Measured::memory);
    let ours = of_program(OURS);
    let mut table = Table::new(["program", "memory of a client", "spread", "it to Switchboard"]);
    for program in of(work) {
        let own = of_program(program.key);
        let Some(memory) = Summary::of(&own) else {
            continue;
        };
        let to_ours = Summary::of_ratios(&own, &ours).filter(|_| program.key != OURS);
        table.row([
            program.title.to_owned(),
            bytes(memory.median),
            spread(&memory, bytes),
            shown(to_ours, |summary| ratio(summary.median)),
        ]);
    }
    table
}

/// Latencies, all reading and with some that do not.
fn tails(samples: &Samples, work: &Work) -> Table {
    let mut table = Table::new([
        "program",
        "p99, all reading",
        "spread",
        "p99, a tenth not",
        "spread",
        "ratio",
        "spread",
    ]);
    for program in of(work) {
        let [all, some] = tail_rounds(samples, work, program);
        let (Some(all), Some(some)) = (Summary::of(&all), Summary::of(&some)) else {
            continue;
        };
        let ratios = tail_ratio(samples, work, program);
        table.row([
            program.title.to_owned(),
            microseconds(all.median),
            spread(&all, microseconds),
            microseconds(some.median),
            spread(&some, microseconds),
            shown(ratios, |summary| ratio(summary.median)),
            shown(ratios, |summary| spread(summary, ratio)),
        ]);
    }
    table
}

fn tail_rounds(samples: &Samples, work: &Work, program: &Program) -> [Rounds; 2] {
    [READING, NOT_READING].map(|variant| samples.rounds((work.key, variant), program.key, Measured::tail))
}

/// What the tail becomes, as a multiple of what it is when all read.
pub(super) fn tail_ratio(samples: &Samples, work: &Work, program: &Program) -> Option<Summary> {
    let [all, some] = tail_rounds(samples, work, program);
    Summary::of_ratios(&some, &all)
}

/// Messages per second on the clock and of processor time, with one core and with two.
fn cores(samples: &Samples, work: &Work, what: &str) -> Table {
    let rounds = |program: &str, figure: fn(&Measured) -> Option<f64>| samples.rounds((work.key, ""), program, figure);
    let mut table = Table::new([
        "Switchboard on".to_owned(),
        format!("{what} per second"),
        "spread".to_owned(),
        format!("{what} per CPU second"),
        "spread".to_owned(),
        "cores busy".to_owned(),
    ]);
    for program in of(work) {
        let of = |figure| Summary::of(&rounds(program.key, figure));
        let figures = [
            of(Measured::per_second),
            of(Measured::per_cpu_second),
            of(Measured::busy),
        ];
        let [Some(wall), Some(cpu), Some(busy)] = figures else {
            continue;
        };
        table.row([
            program.title.to_owned(),
            count(wall.median),
            spread(&wall, count),
            count(cpu.median),
            spread(&cpu, count),
            ratio(busy.median),
        ]);
    }
    let ratios = |figure| Summary::of_ratios(&rounds(TWO_CORES, figure), &rounds(ONE_CORE, figure));
    if let (Some(wall), Some(cpu)) = (ratios(Measured::per_second), ratios(Measured::per_cpu_second)) {
        table.row([
            "two to one".to_owned(),
            ratio(wall.median),
            spread(&wall, ratio),
            ratio(cpu.median),
            spread(&cpu, ratio),
            String::new(),
        ]);
    }
    table
}

/// What is to be said about programs that failed.
fn failed(samples: &Samples, work: &Work) -> Vec<String> {
    let says = |program: &&'static Program| {
        let of_it = samples
            .samples
            .iter()
            .filter(|sample| sample.work == work.key && sample.program == program.key);
        let (mut all, mut failed, mut why) = (0, 0, "");
        for sample in of_it {
            all += 1;
            if let crate::compare::sample::Outcome::Failed(said) = &sample.outcome {
                failed += 1;
                why = said.lines().next().unwrap_or_default();
            }
        }
        (failed > 0).then(|| format!("{} failed in {failed} of {all}: {why}.", program.title))
    };
    of(work).filter_map(|program| says(&program)).collect()
}

fn has_limit(samples: &Samples, work: &Work) -> bool {
    samples.measured(work.key, "", LIMIT).next().is_some()
}

fn of(work: &Work) -> impl Iterator<Item = &'static Program> {
    work.programs.iter().filter_map(|key| Program::find(key))
}

/// A dash where there is nothing.
fn shown(summary: Option<Summary>, number: impl Fn(&Summary) -> String) -> String {
    summary.map_or_else(|| "–".to_owned(), |summary| number(&summary))
}
