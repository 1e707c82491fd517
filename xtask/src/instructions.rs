//! What one message costs the server along each path, in instructions, against the budget that is committed.
//!
//! Instructions do not depend on what else the machine does, so that a few per cent more are seen where times show nothing.
//! The paths are those of bench/src/path.rs; the program that sends along them is bench/src/bin/message.rs.

mod budget;
mod callgrind;

use std::path::{Path, PathBuf};

use budget::{Budget, Origin, Verdict};

use crate::packages;
use crate::run::{Failure, Step, cargo, root, target};

/// Counts every path and compares it with the budget, or writes the budget down anew.
pub(crate) fn run(bless: bool) -> Result<(), Failure> {
    if !ARE_COUNTED {
        if bless {
            return Err(Failure(format!("the budget is one of {PLATFORM}: bless it there")));
        }
        eprintln!("\nleft out: the count of instructions, as the budget is one of {PLATFORM}");
        return Ok(());
    }
    // Read first, so that nobody waits for a count that there is nothing to compare with.
    let budget = if bless { None } else { Some(Budget::read(&file())?) };
    packages::ensure_valgrind()?;
    cargo(&[
        "build",
        "--release",
        "--package",
        "switchboard-bench",
        "--bin",
        "message",
    ])
    .run()?;
    let program = target()?.join("release/message");
    let counted = callgrind::count_all(&program, &paths(&program)?)?;
    let here = Origin::here()?;
    if let Some(budget) = budget {
        return compare(&budget, &counted, &here);
    }
    let budget = Budget::new(counted, here);
    print!("{}", budget.table());
    budget.write(&file())
}

fn compare(budget: &Budget, counted: &[(String, u64)], here: &Origin) -> Result<(), Failure> {
    let judged = budget.judge(counted);
    print!("{}", budget::table(&judged));
    let named = |is_meant: fn(&Verdict) -> bool| {
        let meant = judged.iter().filter(|row| is_meant(&row.verdict));
        meant.map(|row| row.path.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut wrong = Vec::new();
    for (verdict, paths) in [
        (
            "more instructions than their budget has",
            named(|verdict| *verdict == Verdict::Over),
        ),
        ("no budget", named(|verdict| *verdict == Verdict::New)),
        (
            "a budget, but are no paths any more",
            named(|verdict| *verdict == Verdict::Gone),
        ),
    ] {
        if !paths.is_empty() {
            wrong.push(format!("these have {verdict}: {paths}"));
        }
    }
    if !wrong.is_empty() {
        let differences = budget.origin().differences(here);
        return Err(Failure(format!(
            "{}\n{differences}where the instructions go: `callgrind_annotate {}`; where they are well spent: {BLESS}",
            wrong.join("\n"),
            callgrind::folder()?.join("PATH.MESSAGES").display(),
        )));
    }
    let under = named(|verdict| *verdict == Verdict::Under);
    if !under.is_empty() {
        eprintln!("\nthese have become cheaper, so that the budget no longer keeps them: {under}\n{BLESS}");
    }
    Ok(())
}

/// The paths that there are.
fn paths(program: &Path) -> Result<Vec<String>, Failure> {
    let listed = Step::new(program, &["--list"]).output()?;
    Ok(listed.stdout.lines().map(str::to_owned).collect())
}

fn file() -> PathBuf {
    root().join(FILE)
}

/// Whether they are counted here.
pub(crate) const ARE_COUNTED: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));
/// Where the budget stands.
const FILE: &str = "bench/instructions.toml";
const BLESS: &str = "`cargo xtask instructions --bless` writes the budget down anew";
const PLATFORM: &str = "x86-64 Linux";
