//! Why routes cannot be served.

use std::collections::HashSet;
use std::fmt;

use switchboard_router::PatternError;

use crate::controller::Decorator;
use crate::lifecycle::{CONNECTED, DISCONNECTED, RESERVED};

/// All that is wrong with the routes of a server, the first file first. `Display` writes one line each.
///
/// ```
/// use switchboard_server::{Controller, Routes, Server, ServerError};
///
/// let routes = Routes::new().route("rooms//say", Controller::silent(|()| ()));
/// let Err(ServerError::Routes(errors)) = Server::empty().routes(routes).check() else { panic!() };
/// assert_eq!(errors.iter().count(), 1);
/// assert!(errors.to_string().contains("`rooms//say`: empty segment at byte 6"));
/// ```
#[derive(Clone)]
pub struct RouteErrors(Vec<RouteError>);

/// One thing that is wrong, and where.
#[derive(Clone, Debug)]
pub struct RouteError {
    kind: RouteErrorKind,
    place: Option<Place>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteErrorKind {
    /// The server has no route at all.
    NoRoutes,
    /// `discover` names a module without decorated functions.
    NothingDiscovered {
        /// The module that was named.
        module: Box<str>,
        /// Modules with decorated functions whose names are most like it.
        near: Vec<&'static str>,
    },
    /// `expect_crate` names a crate that no route comes from.
    MissingCrate(Box<str>),
    /// A pattern that is none, alone or behind the prefixes of the tables around it.
    BadPattern {
        /// The pattern, with its prefixes.
        pattern: Box<str>,
        /// What is wrong with it.
        error: PatternError,
    },
    /// The prefix of an included table, or the name of a service, that is none.
    BadPrefix {
        /// The prefix.
        prefix: Box<str>,
        /// What is wrong with it.
        error: PatternError,
    },
    /// A `reply` or a `to` that is no name, or that names a parameter which the pattern lacks.
    BadTemplate {
        /// `reply` or `to`.
        argument: &'static str,
        /// The template.
        template: Box<str>,
        /// The pattern that it was checked against, with its prefixes.
        pattern: Box<str>,
        /// What is wrong with it.
        error: PatternError,
    },
    /// A `reply` or a `to` under `switchboard/`.
    ReservedTemplate {
        /// `reply` or `to`.
        argument: &'static str,
        /// The template.
        template: Box<str>,
    },
    /// An argument that means nothing beside this decorator, such as `to` on `silent`.
    UselessArgument {
        /// The argument.
        argument: &'static str,
        /// The decorator.
        decorator: Decorator,
    },
    /// A pattern under `switchboard/` that no controller can stand on.
    ReservedPattern(Box<str>),
    /// The same function, pattern and decorator twice.
    Duplicate {
        /// The decorator.
        decorator: Decorator,
        /// The pattern, with its prefixes.
        pattern: Box<str>,
    },
    /// A function in a table without a decorator, so that nobody would hear it.
    NoDecorator,
    /// A decorator without a route, where no table gives one.
    NoPattern(Decorator),
    /// A `State<T>` that nobody gave.
    MissingState(&'static str),
    /// An argument that the pattern does not suit: a `Params<T>` that its parameters do not fill.
    BadArgument {
        /// The argument's type.
        argument: Box<str>,
        /// The pattern, with its prefixes.
        pattern: Box<str>,
        /// What does not fit, and what to do.
        reason: Box<str>,
    },
    /// A registry that no listener serves.
    UnservedRegistry {
        /// The registry.
        registry: Box<str>,
        /// The registries that are served.
        served: Vec<Box<str>>,
    },
    /// More routes than a router holds.
    Router(PatternError),
}

/// The decorator, or the closure, that an error is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: &'static str,
    pub(super) line: u32,
    pub(super) function: Box<str>,
}

impl RouteErrors {
    /// The errors, those without a place first, then by file and line.
    pub fn iter(&self) -> impl Iterator<Item = &RouteError> {
        self.0.iter()
    }

    /// The errors in their order, each once, a bad prefix once for the whole table under it; `None` where there are none.
    pub(super) fn of(mut errors: Vec<RouteError>) -> Option<Self> {
        errors.sort_by_cached_key(|error| (error.place.clone(), error.to_string()));
        errors.dedup_by(|a, b| a.place == b.place && a.kind == b.kind);
        let mut bad_prefixes = HashSet::new();
        errors.retain(|error| match &error.kind {
            RouteErrorKind::BadPrefix { prefix, .. } => bad_prefixes.insert(prefix.clone()),
            _ => true,
        });
        (!errors.is_empty()).then_some(Self(errors))
    }
}

impl From<RouteError> for RouteErrors {
    fn from(error: RouteError) -> Self {
        Self(vec![error])
    }
}

impl RouteError {
    pub(super) fn new(kind: RouteErrorKind, place: Option<Place>) -> Self {
        Self { kind, place }
    }

    /// What is wrong.
    pub fn kind(&self) -> &RouteErrorKind {
        &self.kind
    }

    /// The controller, `module::function`; none where the error is about no controller.
    pub fn function(&self) -> Option<&str> {
        self.place.as_ref().map(|place| &*place.function)
    }

    /// The file and the line of the decorator or the closure; none where the error is about no controller.
    pub fn location(&self) -> Option<(&'static str, u32)> {
        self.place.as_ref().map(|place| (place.file, place.line))
    }
}

impl fmt::Debug for RouteErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for RouteErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("an error in the routes:")?,
            len => write!(f, "{len} errors in the routes:")?,
        }
        self.0.iter().try_for_each(|error| write!(f, "\n  - {error}"))
    }
}

impl std::error::Error for RouteErrors {}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        match &self.place {
            None => Ok(()),
            Some(Place { file, line, function }) => write!(f, " ({function} at {file}:{line})"),
        }
    }
}

impl std::error::Error for RouteError {}

impl fmt::Display for RouteErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoutes => f.write_str(
                "there are no routes: decorate functions, and link the crates that have them with `use that_crate as _;`, \
                 or add a table with `.routes(…)`",
            ),
            Self::NothingDiscovered { module, near } => {
                write!(f, "no decorated functions in `{module}` or below it: ")?;
                match near.is_empty() {
                    true => f.write_str("the program links none at all; if another crate has them, write `use that_crate as _;`"),
                    false => write!(f, "there are some in {}; if it is in another crate, write `use that_crate as _;`", quoted(near)),
                }
            }
            Self::MissingCrate(name) => write!(
                f,
                "no route comes from the crate `{name}`: the linker leaves out a crate that nothing names, so write `use {name} as _;`"
            ),
            Self::BadPattern { pattern, error } => write!(f, "the pattern `{pattern}`: {error}"),
            Self::BadPrefix { prefix, error } => write!(f, "the prefix `{prefix}`: {error}"),
            Self::BadTemplate { argument, template, pattern, error } => {
                write!(f, "`{argument} = \"{template}\"` on `{pattern}`: {error}")
            }
            Self::ReservedTemplate { argument, template } => write!(
                f,
                "`{argument} = \"{template}\"`: names under `{RESERVED}` are reserved, choose another"
            ),
            Self::UselessArgument { argument, decorator } => write!(
                f,
                "`{argument}` means nothing on `{decorator}`: leave it out, or use another decorator"
            ),
            Self::ReservedPattern(pattern) => write!(
                f,
                "the pattern `{pattern}`: names under `{RESERVED}` are reserved, and controllers stand on `{CONNECTED}` and \
                 `{DISCONNECTED}` alone, as paths"
            ),
            Self::Duplicate { decorator, pattern } => write!(
                f,
                "`#[{decorator}]` twice on the same function and `{pattern}`: leave one out"
            ),
            Self::NoDecorator => f.write_str("no decorator says who hears this function: add `#[silent]` or another"),
            Self::NoPattern(decorator) => write!(
                f,
                "`#[{decorator}]` has no route and no table gives it one: write `#[{decorator}(\"…\")]`"
            ),
            Self::MissingState(name) => {
                write!(f, "`State<{name}>` is taken and nobody gave one: add `.state(…)` to the server")
            }
            Self::BadArgument { argument, pattern, reason } => write!(f, "`{argument}` on `{pattern}`: {reason}"),
            Self::UnservedRegistry { registry, served } => write!(
                f,
                "no listener serves the registry `{registry}`, only {}: \
                 add `.listen(Listener::from(address).registry(\"{registry}\"))`",
                quoted(served)
            ),
            Self::Router(error) => error.fmt(f),
        }
    }
}

/// `` `a`, `b` ``.
fn quoted(words: &[impl fmt::Display]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}
