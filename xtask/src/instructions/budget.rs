//! The budget: a number a path, and where the numbers come from.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use toml::Table;

use crate::run::{Failure, Step};

/// What each path may cost.
#[derive(Debug)]
pub(super) struct Budget {
    /// In the order in which the paths are written.
    messages: Vec<(String, u64)>,
    origin: Origin,
}

/// What a count depends on beside our own code.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Origin(BTreeMap<String, String>);

/// One path beside its budget.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) path: String,
    pub(super) verdict: Verdict,
    count: Option<u64>,
    budget: Option<u64>,
}

/// What a path's count means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Within,
    /// So much more that it fails.
    Over,
    /// So much less that the budget would let it become dearer again.
    Under,
    /// It has no budget.
    New,
    /// There is no such path.
    Gone,
}

impl Budget {
    pub(super) fn new(messages: Vec<(String, u64)>, origin: Origin) -> Self {
        Self { messages, origin }
    }

    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let failure = |why: String| Failure(format!("{}: {why}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| failure(error.to_string()))?;
        Self::parse(&text).map_err(failure)
    }

    /// Writes it where it is read.
    pub(super) fn write(&self, file: &Path) -> Result<(), Failure> {
        fs::write(file, self.text()).map_err(|error| Failure(format!("{}: {error}", file.display())))?;
        eprintln!("\nwritten: {}", file.display());
        Ok(())
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Every path beside its budget, in the order in which they were counted.
    pub(super) fn judge(&self, counted: &[(String, u64)]) -> Vec<Row> {
        let rows = counted.iter().map(|(path, count)| {
            let budget = find(&self.messages, path);
            Row {
                path: path.clone(),
                verdict: budget.map_or(Verdict::New, |budget| Verdict::of(*count, budget)),
                count: Some(*count),
                budget,
            }
        });
        let gone = self.messages.iter().filter(|(path, _)| find(counted, path).is_none());
        let gone = gone.map(|(path, budget)| Row {
            path: path.clone(),
            verdict: Verdict::Gone,
            count: None,
            budget: Some(*budget),
        });
        rows.chain(gone).collect()
    }

    /// What is in it.
    pub(super) fn table(&self) -> String {
        table(&self.judge(&self.messages))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let root: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let table = |name: &str| {
            let table = root.get(name).and_then(toml::Value::as_table);
            table.ok_or_else(|| format!("the table `{name}` is missing"))
        };
        let messages = table(MESSAGES)?.iter().map(|(path, count)| {
            let count = count.as_integer().and_then(|count| u64::try_from(count).ok());
            let count = count.filter(|count| *count > 0);
            Ok((path.clone(), count.ok_or_else(|| format!("`{path}` is no count"))?))
        });
        let origin = table(ORIGIN)?.iter().map(|(what, which)| {
            let which = which.as_str().ok_or_else(|| format!("`{what}` is no text"))?;
            Ok((what.clone(), which.to_owned()))
        });
        Ok(Self {
            messages: messages.collect::<Result<_, String>>()?,
            origin: Origin(origin.collect::<Result<_, String>>()?),
        })
    }

    fn text(&self) -> String {
        let mut root = Table::new();
        let messages = |(path, count): &(String, u64)| (path.clone(), toml::Value::Integer(*count as i64));
        root.insert(
            MESSAGES.to_owned(),
            Table::from_iter(self.messages.iter().map(messages)).into(),
        );
        let origin = |(what, which): (&String, &String)| (what.clone(), which.clone().into());
        root.insert(
            ORIGIN.to_owned(),
            Table::from_iter(self.origin.0.iter().map(origin)).into(),
        );
        format!("{HEAD}\n{root}")
    }
}

impl Origin {
    /// Those of this machine.
    pub(super) fn here() -> Result<Self, Failure> {
        let said = |program: &str, arguments: &[&str]| -> Result<String, Failure> {
            let output = Step::new(program, arguments).output()?;
            Ok(output.stdout.lines().next().unwrap_or_default().to_owned())
        };
        let of_file = |file: &str, key: &str, separator: char| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let lines = text.lines().filter_map(|line| line.split_once(separator));
            let mut values = lines.filter(|(name, _)| name.trim() == key);
            let value = values
                .next()
                .map(|(_, value)| value.trim().trim_matches('"').to_owned());
            value.unwrap_or_else(|| "unknown".to_owned())
        };
        let all = [
            ("rust", said("rustc", &["--version"])?),
            ("valgrind", said("valgrind", &["--version"])?),
            ("libc", said("getconf", &["GNU_LIBC_VERSION"])?),
            ("system", of_file("/etc/os-release", "PRETTY_NAME", '=')),
            ("processor", of_file("/proc/cpuinfo", "model name", ':')),
        ];
        Ok(Self(all.map(|(what, which)| (what.to_owned(), which)).into()))
    }

    /// A line for each thing that is another one there than it is here.
    pub(super) fn differences(&self, here: &Self) -> String {
        let mut lines = String::new();
        for (what, which) in &here.0 {
            let blessed = self.0.get(what).map_or("unknown", String::as_str);
            if blessed != which {
                let _ = writeln!(
                    lines,
                    "the budget was counted with another {what}: {blessed}; here it is {which}"
                );
            }
        }
        lines
    }
}

impl Verdict {
    fn of(count: u64, budget: u64) -> Self {
        // Compared as integers, so that exactly so much is still within.
        let (scaled, middle) = (count * 100, budget * 100);
        if scaled > middle + budget * TOLERANCE {
            Self::Over
        } else if scaled + budget * TOLERANCE < middle {
            Self::Under
        } else {
            Self::Within
        }
    }

    fn remark(self) -> &'static str {
        match self {
            Self::Within => "",
            Self::Over => "  too many",
            Self::Under => "  cheaper: bless it",
            Self::New => "  no budget",
            Self::Gone => "  no such path",
        }
    }
}

/// The paths as they are shown.
pub(super) fn table(rows: &[Row]) -> String {
    let mut table = format!("\n{:<16}{:>12}{:>12}{:>12}\n", "path", "count", "budget", "difference");
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    for row in rows {
        let difference = row.count.zip(row.budget).map_or_else(
            || "-".to_owned(),
            |(count, budget)| format!("{:+.1} %", (count as f64 / budget as f64 - 1.0) * 100.0),
        );
        let (count, budget) = (number(row.count), number(row.budget));
        let remark = row.verdict.remark();
        let _ = writeln!(table, "{:<16}{count:>12}{budget:>12}{difference:>12}{remark}", row.path);
    }
    table
}

fn find(messages: &[(String, u64)], path: &str) -> Option<u64> {
    messages.iter().find(|(name, _)| name == path).map(|(_, count)| *count)
}

/// Per cent that a count may be off.
const TOLERANCE: u64 = 5;
const MESSAGES: &str = "messages";
const ORIGIN: &str = "counted-with";
const HEAD: &str = "\
# What one message costs the server along each path of bench/src/path.rs, in instructions under callgrind: from its read to
# the last of its writes, system calls not counted. A path that takes over 5 % more fails `cargo xtask instructions`;
# `cargo xtask instructions --bless` writes this file.
#
# The counts hold for what is named under `counted-with`. The processor should make no difference: valgrind shows every
# program the same one (a Haswell, where the real one has AVX2), by which the C library and the crates choose their functions.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(messages: &[(&str, u64)]) -> Budget {
        let messages = messages.iter().map(|(path, count)| ((*path).to_owned(), *count));
        let origin = [("rust".to_owned(), "rustc 1.95.0".to_owned())];
        Budget::new(messages.collect(), Origin(origin.into()))
    }

    #[test]
    fn five_per_cent_are_within_the_budget_and_no_more() {
        assert_eq!(Verdict::of(1000, 1000), Verdict::Within);
        assert_eq!(Verdict::of(1050, 1000), Verdict::Within);
        assert_eq!(Verdict::of(1051, 1000), Verdict::Over);
        assert_eq!(Verdict::of(950, 1000), Verdict::Within);
        assert_eq!(Verdict::of(949, 1000), Verdict::Under);
    }

    #[test]
    fn paths_that_come_and_go_are_told() {
        let counted = budget(&[("echo", 1200), ("say", 50)]).messages;
        let judged = budget(&[("echo", 1000), ("shout", 70)]).judge(&counted);
        let verdicts: Vec<_> = judged.iter().map(|row| (row.path.as_str(), row.verdict)).collect();
        let expected = [("echo", Verdict::Over), ("say", Verdict::New), ("shout", Verdict::Gone)];
        assert_eq!(verdicts, expected);
        let table = table(&judged);
        assert!(table.contains("+20.0 %  too many"), "{table}");
    }

    #[test]
    fn what_is_written_is_read() {
        let written = budget(&[("echo", 1200), ("echo-16", 50)]);
        let read = Budget::parse(&written.text()).unwrap();
        assert_eq!(read.messages, written.messages);
        assert_eq!(read.origin, written.origin);
    }

    #[test]
    fn a_file_that_is_wrong_says_where() {
        assert_eq!(Budget::parse("").unwrap_err(), "the table `messages` is missing");
        let error = Budget::parse("[messages]\necho = -1\n[counted-with]").unwrap_err();
        assert_eq!(error, "`echo` is no count");
    }

    #[test]
    fn what_differs_from_the_machine_of_the_budget_is_told() {
        let here = Origin([("rust".to_owned(), "rustc 1.96.0".to_owned())].into());
        let lines = budget(&[]).origin.differences(&here);
        assert_eq!(
            lines,
            "the budget was counted with another rust: rustc 1.95.0; here it is rustc 1.96.0\n"
        );
        assert_eq!(here.differences(&here), "");
    }
}
