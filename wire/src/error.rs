//! What a client is told when its message fails.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// The error codes that Switchboard itself answers with. An application adds its own.
pub mod code {
    /// The message is not what the dialect takes.
    pub const BAD_MESSAGE: &str = "bad_message";
    /// The message is over the limit.
    pub const TOO_LARGE: &str = "too_large";
    /// No route matches the name.
    pub const NOT_FOUND: &str = "not_found";
    /// The payload, or a parameter in the name, is not what the controller takes.
    pub const BAD_PAYLOAD: &str = "bad_payload";
    /// The client must say who it is first.
    pub const UNAUTHENTICATED: &str = "unauthenticated";
    /// The client may not do that.
    pub const FORBIDDEN: &str = "forbidden";
    /// Too many messages in too short a time.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// The controller took too long.
    pub const TIMEOUT: &str = "timeout";
    /// The client cancelled the request.
    pub const CANCELLED: &str = "cancelled";
    /// The server has too much to do.
    pub const OVERLOADED: &str = "overloaded";
    /// The server is shutting down.
    pub const UNAVAILABLE: &str = "unavailable";
    /// A panic or an unexpected error. The log has the whole of it.
    pub const INTERNAL: &str = "internal";
}

/// An error as it travels: a code for programs, a message for people, and details where there are some.
///
/// It reaches only the client whose message failed. Give a type of your own a `From` into it and controllers may return that.
///
/// ```
/// use switchboard_wire::Error;
///
/// let error = Error::new("name_taken", "somebody is called kevin already").with_details("kevin");
/// assert_eq!(error.code(), "name_taken");
///
/// // The client is told nothing of the cause; the log is.
/// let error = Error::internal("connection to the database refused");
/// assert_eq!(error.to_string(), "internal: something went wrong on the server");
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    details: Option<Value>,
    cause: Option<Box<str>>,
}

impl Error {
    /// An error with a code and a message. Codes are `snake_case` by convention.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            details: None,
            cause: None,
        }
    }

    /// An unexpected error. The cause is logged with the route and the uid; the client is told only that something went wrong.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string().into()),
            ..Self::new(code::INTERNAL, "something went wrong on the server")
        }
    }

    /// The same error with details for the client's program. Details that cannot be written as JSON are left out.
    #[must_use]
    pub fn with_details(mut self, details: impl Serialize) -> Self {
        self.details = serde_json::to_value(details).ok();
        self
    }

    /// The code for programs.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// More for the client's program.
    pub fn details(&self) -> Option<&Value> {
        self.details.as_ref()
    }

    /// What is behind an [internal](Self::internal) error. Never sent.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}
