//! Formatting that changes nothing but blanks, and none of those in strings.

use serde::{Deserialize, Serialize};
use switchboard::prelude::*;

use super::scan::scan;

/// Tabs at the beginning of a line become spaces, blanks at its end go, and the last line ends as the others do.
#[silent("autoformat/pep8", blocking, unordered)]
fn pep8(Payload(job): Payload<Job>) -> Result<Formatted, Error> {
    let tab_size = job.settings.tab_size;
    if !(1..=WIDEST).contains(&tab_size) {
        let message = format!("`settings.tab_size` is {tab_size}: it must be 1 to {WIDEST}");
        return Err(Error::new(code::BAD_PAYLOAD, message));
    }
    let buffer = formatted(&job.code, tab_size);
    Ok(Formatted { buffer })
}

#[derive(Deserialize)]
struct Job {
    code: String,
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    tab_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tab_size: 4 }
    }
}

#[derive(Serialize)]
struct Formatted {
    buffer: String,
}

fn formatted(code: &str, tab_size: usize) -> String {
    let goes_on = scan(code).goes_on;
    let mut out = String::with_capacity(code.len() + 1);
    let mut is_in_string = false;
    for (whole, &goes_on) in code.split_inclusive('\n').zip(&goes_on) {
        let text = whole.trim_end_matches('\n');
        let text = text.strip_suffix('\r').unwrap_or(text);
        let end = &whole[text.len()..];
        let text = if goes_on {
            text
        } else {
            text.trim_end_matches([' ', '\t'])
        };
        if is_in_string {
            out.push_str(text);
        } else {
            let rest = text.trim_start_matches([' ', '\t']);
            let width = width(&text[..text.len() - rest.len()], tab_size);
            out.extend(std::iter::repeat_n(' ', width));
            out.push_str(rest);
        }
        out.push_str(end);
        is_in_string = goes_on;
    }
    if !is_in_string {
        end_well(&mut out);
    }
    out
}

/// How far these blanks reach.
fn width(blanks: &str, tab_size: usize) -> usize {
    blanks.chars().fold(0, |width, blank| match blank {
        '\t' => (width / tab_size + 1) * tab_size,
        _ => width + 1,
    })
}

/// Ends the last line that says something, and drops empty ones behind it.
fn end_well(out: &mut String) {
    let end = if out.contains("\r\n") { "\r\n" } else { "\n" };
    let len = out.trim_end_matches(['\r', '\n']).len();
    out.truncate(len);
    if len > 0 {
        out.push_str(end);
    }
}

const WIDEST: usize = 16;
