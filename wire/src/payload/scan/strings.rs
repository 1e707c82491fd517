//! Strings: their escapes, and what of them needs no second look.

use std::borrow::Cow;

use super::{Fault, Scanner};

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

impl<'a> Scanner<'a> {
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
    pub(super) fn pass_string(&mut self) -> Result<(), Fault> {
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
