//! Which strings are names of messages.

use std::{error, fmt};

/// Checks that `name` is a name that a message may carry: non-empty segments between `/`, no control characters
/// (as [`char::is_control`] has them), no `<`, `>` or `*`, and at most `max_bytes` bytes of UTF-8.
///
/// Names are case-sensitive and never normalised.
///
/// # Errors
///
/// The first thing wrong, with its position.
///
/// ```
/// use switchboard_router::check_name;
///
/// assert!(check_name("rooms/lobby/say", 256).is_ok());
/// let error = check_name("rooms//say", 256).unwrap_err();
/// assert_eq!(error.to_string(), "empty segment at byte 6 of the name: write one `/` between segments, none at the ends");
/// ```
#[inline]
pub fn check_name(name: &str, max_bytes: usize) -> Result<(), NameError> {
    if name.len() > max_bytes {
        return Err(NameError::new(max_bytes, NameErrorKind::TooLong { max_bytes }));
    }
    match first_fault(name) {
        None => Ok(()),
        Some((position, fault)) => Err(NameError::new(
            position,
            match fault {
                Fault::Empty => NameErrorKind::Empty,
                Fault::EmptySegment => NameErrorKind::EmptySegment,
                Fault::Forbidden(character) => NameErrorKind::ForbiddenCharacter(character),
            },
        )),
    }
}

/// Why a string is no name. See [`check_name`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NameError {
    position: usize,
    kind: NameErrorKind,
}

impl NameError {
    /// The byte offset of what is wrong; for a name that is too long, the first byte over the limit.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &NameErrorKind {
        &self.kind
    }

    fn new(position: usize, kind: NameErrorKind) -> Self {
        Self { position, kind }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            NameErrorKind::Empty => f.write_str("the name is empty: give at least one segment"),
            NameErrorKind::EmptySegment => write!(
                f,
                "empty segment at byte {} of the name: write one `/` between segments, none at the ends",
                self.position
            ),
            NameErrorKind::ForbiddenCharacter(character) => write!(
                f,
                "{character:?} at byte {} of the name: leave out control characters, `<`, `>` and `*`",
                self.position
            ),
            NameErrorKind::TooLong { max_bytes } => {
                write!(
                    f,
                    "the name is longer than {max_bytes} bytes: shorten it or raise the limit"
                )
            }
        }
    }
}

impl error::Error for NameError {}

/// What is wrong with a name.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NameErrorKind {
    /// There is no character in it.
    Empty,
    /// Two `/` in a row, or one at an end.
    EmptySegment,
    /// A control character, `<`, `>` or `*`.
    ForbiddenCharacter(char),
    /// More bytes than allowed.
    TooLong {
        /// The limit that was given.
        max_bytes: usize,
    },
}

/// What keeps a text from being segments between `/`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Empty,
    EmptySegment,
    Forbidden(char),
}

/// The first fault of `text` and its byte offset.
#[inline]
pub(crate) fn first_fault(text: &str) -> Option<(usize, Fault)> {
    if is_plain(text) { None } else { look_closely(text) }
}

/// Whether `text` is a name in ASCII, as nearly all are.
#[inline]
fn is_plain(text: &str) -> bool {
    let mut before = SLASH;
    // To look at all of it costs less than to ask after each byte whether to go on.
    let mut seen = 0;
    for &byte in text.as_bytes() {
        let class = CLASSES[byte as usize];
        // Of two slashes in a row, and of anything that needs a closer look, the classes add up to 2 or more.
        seen |= before + class;
        before = class;
    }
    seen < CLOSER && before != SLASH
}

const SLASH: u8 = 1;
const CLOSER: u8 = 2;

/// What each byte of a name is: ordinary (0), a slash, or something to look at more closely.
static CLASSES: [u8; 256] = {
    let mut classes = [CLOSER; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        classes[byte as usize] = match byte {
            b'/' => SLASH,
            b'<' | b'>' | b'*' => CLOSER,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

#[cold]
fn look_closely(text: &str) -> Option<(usize, Fault)> {
    if text.is_empty() {
        return Some((0, Fault::Empty));
    }
    let mut after_slash = true;
    for (position, character) in text.char_indices() {
        match character {
            '/' if after_slash => return Some((position, Fault::EmptySegment)),
            '/' => after_slash = true,
            _ if is_forbidden(character) => return Some((position, Fault::Forbidden(character))),
            _ => after_slash = false,
        }
    }
    after_slash.then_some((text.len(), Fault::EmptySegment))
}

pub(crate) fn is_forbidden(character: char) -> bool {
    matches!(character, '<' | '>' | '*') || character.is_control()
}
