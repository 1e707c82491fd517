//! What a decorator writes down about a function, and how the function is called.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::limits::Slow;
use crate::needs::Needs;
use crate::reply::Outcome;
use crate::request::Request;

/// One decorated function, as the outermost decorator describes it.
#[derive(Debug)]
pub struct Definition {
    /// The function's name.
    pub function: &'static str,
    /// The module it stands in, `module_path!()`.
    pub module: &'static str,
    /// The file, as the compiler names it.
    pub file: &'static str,
    /// The line of the outermost decorator.
    pub line: u32,
    /// The adapter.
    pub call: StaticCall,
    /// What the arguments need.
    pub needs: fn(&mut Needs),
    /// How it runs.
    pub options: Options,
    /// One a decorator, from the outermost to the innermost.
    pub rules: &'static [Rule],
}

inventory::collect!(&'static Definition);

/// A decorated function by the type of its name: what lets a table name it.
#[diagnostic::on_unimplemented(
    message = "this function is not decorated, so it cannot stand in a table",
    label = "not a controller",
    note = "put `#[silent]`, `#[send_all]` or `#[send_to_mailbox]` above it, without a route: the table gives that"
)]
pub trait Decorated {
    /// What the decorators wrote down.
    const DEFINITION: &'static Definition;
}

/// One decorator: which messages, and who hears the answer.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Which decorator.
    pub decorator: Decorator,
    /// The routes; none where a table gives them.
    pub patterns: &'static [Spelling],
    /// `reply = "…"`.
    pub reply: Option<&'static str>,
    /// `to = "…"`.
    pub to: Option<&'static str>,
    /// `except_sender`.
    pub except_sender: bool,
    /// `slow = …`.
    pub slow: Option<Slow>,
    /// `registry = "…"`; `public` where none is given.
    pub registry: Option<&'static str>,
    /// The line of this decorator.
    pub line: u32,
}

/// Who hears the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decorator {
    /// The sender alone.
    Silent,
    /// Every client that accepts the name.
    SendAll,
    /// Every client that holds one of the mailboxes.
    SendToMailbox,
}

impl fmt::Display for Decorator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "silent",
            Self::SendAll => "send_all",
            Self::SendToMailbox => "send_to_mailbox",
        })
    }
}

/// A pattern as it is spelled in a decorator or a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `"rooms/<room>/say"`.
    Path(&'static str),
    /// `regex = r"…"`.
    Regex(&'static str),
}

/// How a function runs. The same for all decorators that stand on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `timeout = "…"`; the server's default where none is given.
    pub timeout: Option<Duration>,
    /// `unordered`.
    pub unordered: bool,
}

/// An asynchronous run of a controller.
pub type RunFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The adapter of a function without state of its own.
#[derive(Clone, Copy, Debug)]
pub enum StaticCall {
    /// A plain `fn`: on the connection's task.
    Inline(fn(&Request) -> Outcome),
    /// A `fn` under `blocking`: on the blocking pool.
    Blocking(fn(&Request) -> Outcome),
    /// An `async fn`.
    Async(fn(Request) -> RunFuture),
}

/// A plain function behind its adapter.
pub(crate) type InlineCall = dyn Fn(&Request) -> Outcome + Send + Sync;

/// The adapter of a function, a method or a closure.
#[derive(Clone)]
pub enum Call {
    /// On the connection's task.
    Inline(Arc<InlineCall>),
    /// On the blocking pool.
    Blocking(Arc<InlineCall>),
    /// Asynchronous.
    Async(Arc<dyn Fn(Request) -> RunFuture + Send + Sync>),
}

impl From<StaticCall> for Call {
    fn from(call: StaticCall) -> Self {
        match call {
            StaticCall::Inline(call) => Self::Inline(Arc::new(call)),
            StaticCall::Blocking(call) => Self::Blocking(Arc::new(call)),
            StaticCall::Async(call) => Self::Async(Arc::new(call)),
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inline(_) => "Inline",
            Self::Blocking(_) => "Blocking",
            Self::Async(_) => "Async",
        })
    }
}
