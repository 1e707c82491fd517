//! Why captured values are not what a controller takes.

use std::fmt;

use serde::de::Error;

/// What is wrong, and with which parameter.
#[derive(Debug)]
pub(super) struct Fault {
    param: Option<(Box<str>, Option<Box<str>>)>,
    reason: Box<str>,
}

impl Fault {
    pub(super) fn new(reason: impl fmt::Display) -> Self {
        Self {
            param: None,
            reason: reason.to_string().into(),
        }
    }

    /// The same fault with the parameter that it is about, unless that is known.
    pub(super) fn of(mut self, name: &str, value: Option<&str>) -> Self {
        self.param.get_or_insert_with(|| (name.into(), value.map(shortened)));
        self
    }
}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("it is needed here").of(field, None)
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.param {
            None => write!(f, "the parameters in the name: {}", self.reason),
            Some((name, None)) => write!(f, "the parameter `{name}` is missing: {}", self.reason),
            Some((name, Some(value))) => {
                write!(f, "the parameter `{name}` is {value:?}: {}", self.reason)
            }
        }
    }
}

/// So much of a value as an error message shows.
fn shortened(value: &str) -> Box<str> {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]).into(),
        None => value.into(),
    }
}

/// How many characters of a value an error message shows.
const SHOWN: usize = 40;
