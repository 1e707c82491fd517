//! What a server writes to its standard output and error, in lines, of which little is kept.

use std::collections::VecDeque;

/// Makes lines of bytes. What is too long is cut at its end.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
}

/// The last lines.
#[derive(Debug)]
pub(super) struct Tail {
    lines: Lines,
    kept: VecDeque<String>,
    most: usize,
}

impl Lines {
    /// Hands out the lines that these bytes end.
    pub(super) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(String)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend(&rest[..end]);
            rest = &rest[end + 1..];
            each(self.take());
        }
        self.extend(rest);
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LONGEST - self.begun.len();
        self.begun.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    fn take(&mut self) -> String {
        let line = String::from_utf8_lossy(&self.begun).trim_end().to_owned();
        self.begun.clear();
        line
    }
}

impl Tail {
    pub(super) fn new(most: usize) -> Self {
        Self {
            lines: Lines::default(),
            kept: VecDeque::new(),
            most,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Self { lines, kept, most } = self;
        lines.push(bytes, |line| {
            tracing::debug!("the server writes: {line}");
            kept.push_back(line);
            if kept.len() > *most {
                kept.pop_front();
            }
        });
    }

    /// The last lines, and what was begun behind them.
    pub(super) fn text(&self) -> Box<str> {
        let mut kept = self.kept.clone();
        let begun = String::from_utf8_lossy(&self.lines.begun);
        if !begun.trim_end().is_empty() {
            kept.push_back(begun.trim_end().to_owned());
        }
        let skipped = kept.len().saturating_sub(self.most);
        let lines: Vec<String> = kept.into_iter().skip(skipped).collect();
        lines.join("\n").into()
    }
}

/// Longer than the path of any socket.
const LONGEST: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_however_they_come() {
        let mut tail = Tail::new(2);
        assert_eq!(&*tail.text(), "");
        for part in ["on", "e\ntwo\r\nth", "ree\n"] {
            tail.push(part.as_bytes());
        }
        assert_eq!(&*tail.text(), "two\nthree");
        tail.push(b"four");
        assert_eq!(&*tail.text(), "three\nfour");
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_than_its_bound() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            lines.push(&[b'x'; 1000], |_| panic!("no line ends"));
        }
        assert_eq!(lines.begun.len(), LONGEST);
        let mut ended = Vec::new();
        lines.push(b"y\nnext\n", |line| ended.push(line));
        assert_eq!(ended, ["x".repeat(LONGEST), "next".to_owned()]);
    }

    #[test]
    fn none_is_kept_where_none_may_be() {
        let mut tail = Tail::new(0);
        tail.push(b"one\ntwo");
        assert_eq!(&*tail.text(), "");
    }
}
