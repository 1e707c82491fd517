//! The built-in check: what can be said of a source without understanding it.

use super::lint::{Fault, Level};
use super::scan::{Place, Scan, scan};

pub(super) fn check(code: &str) -> Vec<Fault> {
    let scan = scan(code);
    let mut faults = brackets(&scan);
    faults.extend(
        scan.unterminated
            .iter()
            .map(|&place| Fault::new(Level::Error, place, "this string does not end")),
    );
    faults.extend(blanks(code, &scan));
    if !code.is_empty() && !code.ends_with('\n') {
        let last = code.rsplit('\n').next().unwrap_or_default();
        let place = Place {
            line: scan.goes_on.len(),
            column: last.chars().count(),
        };
        faults.push(Fault::new(Level::Violation, place, "the last line has no end"));
    }
    faults.sort_by_key(Fault::place);
    faults
}

fn brackets(scan: &Scan) -> Vec<Fault> {
    let mut open: Vec<(char, Place)> = Vec::new();
    let mut faults = Vec::new();
    for &(bracket, place) in &scan.brackets {
        if matches!(bracket, '(' | '[' | '{') {
            open.push((bracket, place));
            continue;
        }
        let message = match open.pop() {
            Some((opened, _)) if closing(opened) == bracket => continue,
            Some((opened, from)) => format!("`{bracket}` does not close `{opened}` of line {}", from.line),
            None => format!("`{bracket}` closes nothing"),
        };
        faults.push(Fault::new(Level::Error, place, message));
    }
    let left = open.into_iter();
    faults.extend(left.map(|(bracket, place)| Fault::new(Level::Error, place, format!("`{bracket}` is never closed"))));
    faults
}

fn closing(bracket: char) -> char {
    match bracket {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// What is wrong with the blanks at both ends of lines, those of strings aside.
fn blanks(code: &str, scan: &Scan) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut first = None;
    let mut is_in_string = false;
    for (index, (line, &goes_on)) in code.split('\n').zip(&scan.goes_on).enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let place = |bytes: usize| Place {
            line: index + 1,
            column: line[..bytes].chars().count(),
        };
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let end = line.trim_end_matches([' ', '\t']).len();
        if end > 0 && !is_in_string {
            let blanks = &line[..indent];
            first = first.or(blanks.chars().next());
            if let Some(other) = first.and_then(|first| blanks.find(|blank| blank != first)) {
                faults.push(Fault::new(
                    Level::Warning,
                    place(other),
                    "the indentation mixes tabs and spaces",
                ));
            }
        }
        if end < line.len() && !goes_on {
            faults.push(Fault::new(
                Level::Violation,
                place(end),
                "blanks at the end of the line",
            ));
        }
        is_in_string = goes_on;
    }
    faults
}
