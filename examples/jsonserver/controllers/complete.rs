//! Completion: the words of a source that begin as the one that is being typed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use switchboard::prelude::*;
use unicode_ident::{is_xid_continue, is_xid_start};

/// All words of the source where none has begun.
#[silent("jedi/autocomplete", blocking, unordered)]
fn autocomplete(Payload(cursor): Payload<Cursor>) -> Result<Completions, Error> {
    let typed = cursor.typed()?;
    let words: BTreeSet<&str> = words(&cursor.source)
        .filter(|word| word.starts_with(typed) && *word != typed)
        .collect();
    let completions = words
        .into_iter()
        .take(MOST)
        .map(|word| (format!("{word}\tword"), word.to_owned()))
        .collect();
    Ok(Completions { completions })
}

/// A place in a source. Lines are counted from 1, characters of a line from 0.
#[derive(Deserialize)]
struct Cursor {
    source: String,
    line: usize,
    offset: usize,
}

/// What is shown and what is inserted, each.
#[derive(Serialize)]
struct Completions {
    completions: Vec<(String, String)>,
}

impl Cursor {
    /// The part of a word that stands left of here.
    fn typed(&self) -> Result<&str, Error> {
        let line = self
            .line
            .checked_sub(1)
            .and_then(|index| self.source.split('\n').nth(index));
        let Some(line) = line else {
            let lines = self.source.split('\n').count();
            return Err(bad(format!(
                "there is no line {}: `source` has the lines 1 to {lines}",
                self.line
            )));
        };
        let line = line.strip_suffix('\r').unwrap_or(line);
        let ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
        let Some(end) = ends.clone().nth(self.offset) else {
            return Err(bad(format!(
                "there is no offset {}: line {} has the offsets 0 to {}",
                self.offset,
                self.line,
                ends.count() - 1
            )));
        };
        let left = &line[..end];
        Ok(&left[left.trim_end_matches(is_xid_continue).len()..])
    }
}

fn words(source: &str) -> impl Iterator<Item = &str> {
    let is_word = |word: &&str| word.starts_with(|c| c == '_' || is_xid_start(c));
    source.split(|c| !is_xid_continue(c)).filter(is_word)
}

fn bad(message: String) -> Error {
    Error::new("bad_position", message)
}

/// More than anybody looks through.
const MOST: usize = 500;
