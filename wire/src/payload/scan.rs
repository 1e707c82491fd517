//! A strict reader of JSON text that allocates nothing: it finds where values begin and end.
//!
//! It takes what serde_json takes into a `Value`, and nothing else, so that what has passed can be decoded and transcoded: text as in
//! [RFC 8259](https://www.rfc-editor.org/rfc/rfc8259), no half of a surrogate pair, no number beyond an `f64`.

use std::borrow::Cow;
use std::fmt;

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

/// A string as it stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted<'a> {
    pub(crate) raw: &'a str,
    pub(crate) escaped: bool,
}

impl<'a> Quoted<'a> {
    /// What the string says.
    #[inline]
    pub(crate) fn unescape(self) -> Cow<'a, str> {
        if self.escaped {
            Cow::Owned(unescaped(self.raw))
        } else {
            Cow::Borrowed(self.raw)
        }
    }
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

    /// Passes a string, at its opening quote.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Quoted<'a>, Fault> {
        let start = self.at + 1;
        let escaped = !self.pass_plain_string();
        if escaped {
            self.string_with_escapes()?;
        }
        let raw = &self.text[start..self.at - 1];
        Ok(Quoted { raw, escaped })
    }

    /// As [`string`](Self::string), where nobody asks what it says.
    #[inline(always)]
    fn pass_string(&mut self) -> Result<(), Fault> {
        if self.pass_plain_string() {
            return Ok(());
        }
        let mut ahead = *self;
        let passed = ahead.string_with_escapes();
        *self = ahead;
        passed
    }

    /// Passes a string without escapes, at its opening quote. Otherwise stops where the first escape or fault may be.
    #[inline(always)]
    fn pass_plain_string(&mut self) -> bool {
        self.at = plain_end(self.text.as_bytes(), self.at + 1);
        self.take(b'"')
    }

    /// Passes the rest of a string that is not over, from its first escape on.
    #[cold]
    #[inline(never)]
    fn string_with_escapes(&mut self) -> Result<(), Fault> {
        let bytes = self.text.as_bytes();
        loop {
            self.at = plain_end(bytes, self.at);
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                _ => return Err(self.expected("`\"`, or an escape for a control character")),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                let start = self.at;
                let high = self.hex()?;
                let whole = match high {
                    0xD800..=0xDBFF => {
                        self.take(b'\\') && self.peek() == Some(b'u') && matches!(self.hex()?, 0xDC00..=0xDFFF)
                    }
                    0xDC00..=0xDFFF => false,
                    _ => true,
                };
                if whole {
                    return Ok(());
                }
                self.at = start;
                Err(self.expected("both halves of a surrogate pair"))
            }
            _ => Err(self.expected("an escape")),
        }
    }

    fn hex(&mut self) -> Result<u16, Fault> {
        let start = self.at + 1;
        let digits = self.text.as_bytes().get(start..start + 4).unwrap_or(b"");
        let mut value = 0;
        for digit in digits {
            match char::from(*digit).to_digit(16) {
                Some(digit) => value = value << 4 | digit as u16,
                None => return Err(self.expected("`u` and four hexadecimal digits")),
            }
        }
        if digits.is_empty() {
            return Err(self.expected("`u` and four hexadecimal digits"));
        }
        self.at = start + 4;
        Ok(value)
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

fn unescaped(raw: &str) -> String {
    serde_json::from_str(&format!("\"{raw}\"")).expect("the scanner has checked the escapes")
}

/// Where from `at` on the first byte of a string is that needs a look: a quote, a backslash, a control character, or the end.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let found = to_look_at(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    // What is left is read together with bytes before it. Shifting those out lets zeros in, which stand where the end is.
    match bytes.last_chunk() {
        Some(last) if at < bytes.len() => {
            let seen = 8 - (bytes.len() - at);
            let found = to_look_at(u64::from_le_bytes(*last) >> (8 * seen));
            at + (found.trailing_zeros() / 8) as usize
        }
        _ => {
            let rest = bytes.get(at..).unwrap_or_default();
            let plain = |byte: &&u8| !matches!(**byte, 0..0x20 | b'"' | b'\\');
            at + rest.iter().take_while(plain).count()
        }
    }
}

/// Sets the high bit of the first byte that needs a look, and of none before it.
#[inline]
fn to_look_at(chunk: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    // A byte below n leaves its high bit set when n is taken from it, and was below 128 before. A borrow reaches only bytes
    // behind the first that is found, so the first is right. Flipping 2 puts a quote (0x22) where the space is, right behind the
    // control characters, and the space and the `!` behind that.
    let low = (chunk ^ (ONES * 2)).wrapping_sub(ONES * 0x21);
    let backslash = (chunk ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
    (low | backslash) & !chunk & HIGHS
}

#[cfg(test)]
mod tests;
