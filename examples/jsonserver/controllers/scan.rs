//! Python as far as brackets and strings go. Quotes within the braces of an f-string that are the string's own end it here.

/// What was found in a source.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Brackets outside of strings and comments.
    pub(super) brackets: Vec<(char, Place)>,
    /// Where strings begin that do not end.
    pub(super) unterminated: Vec<Place>,
    /// For each line whether a string goes on behind its end.
    pub(super) goes_on: Vec<bool>,
}

/// Lines are counted from 1, characters of a line from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Clone, Copy)]
enum State {
    Code,
    Text { quote: char, is_long: bool, from: Place },
}

pub(super) fn scan(code: &str) -> Scan {
    let mut scan = Scan::default();
    let mut state = State::Code;
    for (index, line) in code.split('\n').enumerate() {
        let chars: Vec<char> = line.strip_suffix('\r').unwrap_or(line).chars().collect();
        let mut column = 0;
        while column < chars.len() {
            let place = Place {
                line: index + 1,
                column,
            };
            column += scan.step(&mut state, &chars[column..], place);
        }
        // The end of the line itself was escaped.
        let is_continued = column > chars.len();
        if let State::Text {
            is_long: false, from, ..
        } = state
            && !is_continued
        {
            scan.unterminated.push(from);
            state = State::Code;
        }
        scan.goes_on.push(matches!(state, State::Text { .. }));
    }
    if let State::Text { from, .. } = state {
        scan.unterminated.push(from);
    }
    scan
}

impl Scan {
    /// How many characters were read; one behind the end of the line where that is escaped.
    fn step(&mut self, state: &mut State, rest: &[char], place: Place) -> usize {
        match (*state, rest[0]) {
            (State::Code, '#') => rest.len(),
            (State::Code, quote @ ('"' | '\'')) => {
                let is_long = rest.starts_with(&[quote; 3]);
                *state = State::Text {
                    quote,
                    is_long,
                    from: place,
                };
                if is_long { 3 } else { 1 }
            }
            (State::Code, bracket @ ('(' | ')' | '[' | ']' | '{' | '}')) => {
                self.brackets.push((bracket, place));
                1
            }
            (State::Code, _) => 1,
            (State::Text { .. }, '\\') => 2,
            (
                State::Text {
                    quote, is_long: true, ..
                },
                _,
            ) if rest.starts_with(&[quote; 3]) => {
                *state = State::Code;
                3
            }
            (
                State::Text {
                    quote, is_long: false, ..
                },
                c,
            ) if c == quote => {
                *state = State::Code;
                1
            }
            (State::Text { .. }, _) => 1,
        }
    }
}
