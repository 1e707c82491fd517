//! A strict reader of JSON text that allocates nothing: it finds where values begin and end.
//!
//! It takes what serde_json takes into a `Value`, and nothing else, so that what has passed can be decoded and transcoded: text as in
//! [RFC 8259](https://www.rfc-editor.org/rfc/rfc8259), no half of a surrogate pair, no number beyond an `f64`.

mod strings;

use std::fmt;

pub(crate) use self::strings::{Quoted, plain_end};
use super::MAX_DEPTH;

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Something else stands at this byte, or the text ends there.
    Expected(&'static str, usize),
    /// Arrays and objects nest deeper than allowed.
    Depth(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected(what, at) => write!(f, "not JSON: expected {what} at byte {at}"),
            Self::Depth(limit) => write!(f, "arrays and objects nest deeper than {limit}"),
        }
    }
}

/// Checks that a text is one value.
pub(crate) fn whole(text: &str) -> Result<(), Fault> {
    let mut scanner = Scanner::new(text);
    scanner.whitespace();
    scanner.skip(MAX_DEPTH)?;
    scanner.end()
}

/// A valid text without line breaks, where there are any. They stand between its tokens only: within a string they are escaped.
pub(crate) fn without_line_breaks(text: &str) -> Option<String> {
    memchr::memchr2(b'\n', b'\r', text.as_bytes()).map(|_| text.replace(['\n', '\r'], ""))
}

/// A position in a text, moved on token by token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    has_line_break: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            has_line_break: false,
        }
    }

    /// The same, when so many bytes lie behind.
    #[inline]
    pub(crate) fn at(text: &'a str, at: usize) -> Self {
        Self { at, ..Self::new(text) }
    }

    /// How many bytes lie behind.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The next byte.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    pub(crate) fn whitespace(&mut self) {
        if self.peek().is_some_and(|byte| byte > b' ') {
            return;
        }
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.has_line_break |= matches!(byte, b'\n' | b'\r');
            self.at += 1;
        }
    }

    /// Whether a line break has been passed. In a valid text they stand between its tokens only.
    pub(crate) fn has_line_break(&self) -> bool {
        self.has_line_break
    }

    /// Passes this byte if it is the next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Checks that nothing but whitespace is left.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        self.whitespace();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end")),
        }
    }

    /// Passes a key with its colon, up to the value.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Quoted<'a>, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in quotes"));
        }
        let key = self.string()?;
        self.colon()?;
        Ok(key)
    }

    /// As [`key`](Self::key), where nobody asks what it says.
    #[inline(always)]
    fn pass_key(&mut self) -> Result<(), Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in quotes"));
        }
        self.pass_string()?;
        self.colon()
    }

    #[inline(always)]
    fn colon(&mut self) -> Result<(), Fault> {
        self.whitespace();
        if !self.take(b':') {
            return Err(self.expected("`:`"));
        }
        self.whitespace();
        Ok(())
    }

    /// Passes the opening bracket of an array or object. True if there is an element.
    #[inline(always)]
    pub(crate) fn open(&mut self, close: u8) -> bool {
        self.at += 1;
        self.whitespace();
        !self.take(close)
    }

    /// Passes what stands after an element. True if there is another.
    #[inline(always)]
    pub(crate) fn more(&mut self, close: u8) -> Result<bool, Fault> {
        let mut next = self.peek();
        if !matches!(next, Some(b',' | b'}' | b']')) {
            self.whitespace();
            next = self.peek();
        }
        if next == Some(b',') {
            self.at += 1;
            self.whitespace();
            return Ok(true);
        }
        if next == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        Err(self.expected(if close == b'}' { "`,` or `}`" } else { "`,` or `]`" }))
    }

    /// Passes a value in which at most `depth` arrays and objects nest.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<&'a str, Fault> {
        let start = self.at;
        self.pass(depth)?;
        Ok(&self.text[start..self.at])
    }

    /// As [`skip`](Self::skip), where nobody asks what it says.
    pub(crate) fn pass(&mut self, depth: usize) -> Result<(), Fault> {
        // A copy stays in registers as long as nothing borrows it that is not inlined.
        let mut here = *self;
        let passed = here.pass_here(depth);
        *self = here;
        passed
    }

    #[inline(always)]
    fn pass_here(&mut self, depth: usize) -> Result<(), Fault> {
        // One bit for each open bracket, the innermost lowest: set for an object.
        let mut objects = 0_u128;
        let mut open = 0;
        let depth = depth.min(128);
        loop {
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    if open == depth {
                        return Err(Fault::Depth(depth));
                    }
                    // In ASCII each closing bracket is two after its opening one.
                    let close = bracket + 2;
                    if self.open(close) {
                        objects = objects << 1 | u128::from(bracket == b'{');
                        open += 1;
                        if bracket == b'{' {
                            self.pass_key()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => self.pass_string()?,
                _ => self.scalar()?,
            }
            loop {
                if open == 0 {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                if self.more(if object { b'}' } else { b']' })? {
                    if object {
                        self.pass_key()?;
                    }
                    break;
                }
                objects >>= 1;
                open -= 1;
            }
        }
    }

    /// Passes a number, `null`, `true` or `false`.
    #[inline]
    fn scalar(&mut self) -> Result<(), Fault> {
        let mut ahead = *self;
        let passed = match self.peek() {
            Some(b'-' | b'0'..=b'9') => ahead.number().map(drop),
            _ => ahead.literal(),
        };
        *self = ahead;
        passed
    }

    /// Passes a value however deep it nests, looking only at its strings and brackets.
    pub(crate) fn skip_any_depth(&mut self) -> Result<(), Fault> {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.pass_string()?;
                    continue;
                }
                Some(b'{' | b'[') => open += 1,
                Some(b'}' | b']') => open = open.saturating_sub(1),
                Some(_) => {}
                None => return Err(self.expected("a closing bracket")),
            }
            self.at += 1;
            if open == 0 {
                return Ok(());
            }
        }
    }

    /// Passes a number.
    pub(crate) fn number(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        let exponent = self.take(b'e') || self.take(b'E');
        if exponent {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let number = &self.text[start..self.at];
        // Without an exponent it takes this many digits to leave the range of an f64.
        if (exponent || number.len() > 300) && number.parse().is_ok_and(f64::is_infinite) {
            return Err(Fault::Expected("a number within the range of an f64", start));
        }
        Ok(number)
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Err(self.expected("a digit"));
        }
        self.at += digits;
        Ok(())
    }

    /// Passes `null`, `true` or `false`.
    pub(crate) fn literal(&mut self) -> Result<(), Fault> {
        for literal in ["null", "true", "false"] {
            if self.text.as_bytes()[self.at..].starts_with(literal.as_bytes()) {
                self.at += literal.len();
                return Ok(());
            }
        }
        Err(self.expected("a value"))
    }

    pub(crate) fn expected(&self, what: &'static str) -> Fault {
        Fault::Expected(what, self.at)
    }
}

#[cfg(test)]
mod tests;
