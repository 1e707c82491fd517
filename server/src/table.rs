//! The routes of a server: checked, sorted, ready to match.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use switchboard_router::{Pattern, Router, Template};

use crate::controller::{Call, Decorator};
use crate::limits::Slow;
use crate::throttle::Throttle;

mod build;
mod discover;
mod error;
mod plan;

#[cfg(test)]
mod tests;

pub(crate) use build::build;
pub(crate) use discover::Selection;
pub use error::{RouteError, RouteErrorKind, RouteErrors};

/// All routes of a server. [`Server::check`](crate::Server::check) and
/// [`Switchboard::routes`](crate::Switchboard::routes) give it; `Display` writes it as the server prints it at its start,
/// one line a route in aligned columns.
///
/// ```
/// use switchboard_server::{Controller, Payload, Routes, Server};
///
/// let routes = Routes::new()
///     .route("math/double", Controller::silent(|Payload(n): Payload<u32>| n * 2))
///     .route("chat/say", Controller::send_all(|Payload(line): Payload<String>| line).reply("chat/line"));
/// let table = Server::empty().routes(routes).check()?;
///
/// let patterns: Vec<_> = table.routes().iter().map(|route| route.pattern().source()).collect();
/// assert_eq!(patterns, ["chat/say", "math/double"]);
/// assert!(table.to_string().contains(r#"send_all(reply = "chat/line")"#));
/// # Ok::<(), switchboard_server::ServerError>(())
/// ```
#[derive(Debug)]
pub struct RouteTable {
    /// Sorted by registry, pattern, function and place.
    routes: Vec<Arc<Route>>,
    registries: BTreeMap<Arc<str>, Arc<Router<RouteId>>>,
}

/// A route of the table, by number: to know one costs no count that all threads would share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouteId(u32);

/// A pattern with the controller that stands on it: one run a message that matches.
///
/// ```
/// use switchboard_server::{Controller, Payload, Routes, Server};
///
/// let routes = Routes::new().route("math/double", Controller::silent(|Payload(n): Payload<u32>| n * 2));
/// let table = Server::empty().routes(routes).check()?;
/// let route = &table.routes()[0];
/// assert_eq!((route.registry(), route.function()), ("public", "{closure}"));
/// # Ok::<(), switchboard_server::ServerError>(())
/// ```
#[derive(Debug)]
pub struct Route {
    pattern: Pattern,
    registry: Arc<str>,
    function: Box<str>,
    file: &'static str,
    line: u32,
    pub(crate) call: Call,
    /// From the outermost decorator to the innermost.
    pub(crate) rules: Vec<DeliveryRule>,
    /// The server's default where there is none.
    pub(crate) timeout: Option<Duration>,
    pub(crate) unordered: bool,
    pub(crate) slow_told: Throttle,
    /// Whether a value goes to the sender alone, under the message's own name.
    pub(crate) only_answers: bool,
}

/// Who hears one run of a controller, by one of its decorators.
#[derive(Clone, Debug)]
pub(crate) struct DeliveryRule {
    pub(crate) decorator: Decorator,
    /// The message's own name where there is none.
    pub(crate) reply: Option<Template>,
    /// The mailboxes that the controller returned where there is none.
    pub(crate) to: Option<Template>,
    pub(crate) except_sender: bool,
    pub(crate) slow: Option<Slow>,
}

impl RouteTable {
    /// The routes, sorted by registry, pattern and function.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The registries that listeners serve, sorted. One may have no routes.
    pub fn registries(&self) -> impl Iterator<Item = &str> {
        self.registries.keys().map(|name| &**name)
    }

    /// What matches the names that come in at a listener of this registry; none where no listener serves it.
    pub(crate) fn registry(&self, name: &str) -> Option<&Arc<Router<RouteId>>> {
        self.registries.get(name)
    }

    /// The route of this number, which comes from a router of this table.
    #[inline]
    pub(crate) fn route(&self, id: RouteId) -> &Route {
        &self.routes[id.0 as usize]
    }
}

impl fmt::Display for RouteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["registry", "pattern", "decorators", "function", "place"].map(str::to_owned);
        let lines: Vec<_> = std::iter::once(header)
            .chain(self.routes.iter().map(|route| route.columns()))
            .collect();
        let widths: [usize; 5] =
            std::array::from_fn(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0));
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let [rest @ .., place] = line;
            for (cell, width) in rest.iter().zip(widths) {
                write!(f, "{cell:width$}  ")?;
            }
            f.write_str(place)?;
        }
        Ok(())
    }
}

impl Route {
    /// The pattern, with the prefixes of the tables around it.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The registry that it belongs to.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The controller, `module::function`; `{closure}` for one without a name.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The file of the decorator, or of the closure, as the compiler names it.
    pub fn file(&self) -> &'static str {
        self.file
    }

    /// Its line in that file.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Whether anybody but the sender may hear it.
    pub(crate) fn delivers(&self) -> bool {
        self.rules.iter().any(|rule| rule.decorator != Decorator::Silent)
    }

    /// What a log says of it: `rooms/<room>/say by chat::say`.
    pub(crate) fn label(&self) -> impl fmt::Display + '_ {
        fmt::from_fn(|f| write!(f, "{} by {}", self.pattern, self.function))
    }

    fn columns(&self) -> [String; 5] {
        let rules: Vec<_> = self.rules.iter().map(DeliveryRule::to_string).collect();
        [
            self.registry.to_string(),
            self.pattern.to_string(),
            rules.join(" + "),
            self.function.to_string(),
            format!("{}:{}", self.file, self.line),
        ]
    }
}

impl fmt::Display for DeliveryRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let except_sender = self.except_sender.then(|| "except_sender".to_owned());
        let reply = self.reply.as_ref().map(|reply| format!("reply = \"{reply}\""));
        let to = self.to.as_ref().map(|to| format!("to = \"{to}\""));
        let arguments: Vec<_> = [except_sender, reply, to].into_iter().flatten().collect();
        self.decorator.fmt(f)?;
        match arguments.is_empty() {
            true => Ok(()),
            false => write!(f, "({})", arguments.join(", ")),
        }
    }
}
