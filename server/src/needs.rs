//! What a controller's arguments need before the server can start.

use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;
use switchboard_router::Pattern;

/// Collects what the extractors of one controller need.
///
/// [`FromRequest::needs`](crate::FromRequest::needs) fills it; the server refuses to start where something of it is
/// missing, and names every controller that would have failed.
#[derive(Default)]
pub struct Needs {
    pub(crate) states: Vec<NeededState>,
    pub(crate) patterns: Vec<NeededPattern>,
}

pub(crate) struct NeededState {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
}

/// What an argument asks of every pattern that its controller stands on.
pub(crate) struct NeededPattern {
    /// The argument's type, for people.
    pub(crate) name: Cow<'static, str>,
    pub(crate) check: fn(&Pattern) -> Result<(), String>,
}

impl Needs {
    /// A value of this type, given with [`Server::state`](crate::Server::state).
    pub fn state<T: Send + Sync + 'static>(&mut self) {
        self.states.push(NeededState {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
        });
    }

    /// Parameters in every pattern of the route that fill this type.
    pub fn params<T: DeserializeOwned>(&mut self) {
        self.pattern(format!("Params<{}>", type_name::<T>()), crate::params::check::<T>);
    }

    pub(crate) fn pattern(&mut self, name: impl Into<Cow<'static, str>>, check: fn(&Pattern) -> Result<(), String>) {
        let name = name.into();
        self.patterns.push(NeededPattern { name, check });
    }
}

impl fmt::Debug for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Needs")
            .field(
                "states",
                &self.states.iter().map(|state| state.name).collect::<Vec<_>>(),
            )
            .field(
                "patterns",
                &self.patterns.iter().map(|pattern| &pattern.name).collect::<Vec<_>>(),
            )
            .finish()
    }
}
