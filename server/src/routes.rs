//! Tables of routes that are written out instead of registered: `routes!`, services and closures end here.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::controller::{Call, Decorator, Definition, Options, Rule, Spelling};
use crate::limits::Slow;
use crate::needs::Needs;
use crate::reply::IntoOutcome;
use crate::request::{FromRequest, Request};

/// A table of routes, to be given to [`Server::routes`](crate::Server::routes) or to be included in another.
///
/// ```
/// use switchboard_server::{Controller, Params, Payload, Routes};
///
/// let urls = Routes::new()
///     .route("math/double", Controller::silent(|Payload(n): Payload<u32>| n * 2))
///     .route("math/<int:a>/plus/<int:b>", Controller::silent(|Params((a, b)): Params<(i64, i64)>| a + b))
///     .regex(r"echo/(?<rest>.+)", Controller::silent(|Params(rest): Params<String>| async move { rest }));
/// let nested = Routes::new().include("v1/", urls);
/// assert_eq!(nested.len(), 3);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Routes {
    pub(crate) entries: Vec<Entry>,
}

/// One line of a table.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The prefixes of the tables around it, the outermost first.
    pub(crate) prefixes: Vec<Cow<'static, str>>,
    /// The pattern that the table gives; the decorators' own where it gives none.
    pub(crate) pattern: Option<PatternSource>,
    pub(crate) controller: Controller,
}

/// A pattern that is not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PatternSource {
    Path(Cow<'static, str>),
    Regex(Cow<'static, str>),
}

impl From<Spelling> for PatternSource {
    fn from(spelling: Spelling) -> Self {
        match spelling {
            Spelling::Path(path) => Self::Path(path.into()),
            Spelling::Regex(regex) => Self::Regex(regex.into()),
        }
    }
}

impl Routes {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a controller under a path such as `rooms/<room>/say`. A pattern that is wrong is told when the server starts.
    #[must_use]
    pub fn route(self, path: impl Into<Cow<'static, str>>, controller: Controller) -> Self {
        self.push(Some(PatternSource::Path(path.into())), controller)
    }

    /// Adds a controller under a regular expression, which is anchored at both ends.
    #[must_use]
    pub fn regex(self, regex: impl Into<Cow<'static, str>>, controller: Controller) -> Self {
        self.push(Some(PatternSource::Regex(regex.into())), controller)
    }

    /// Adds another table under a prefix such as `accounts/`, which may have parameters.
    ///
    /// Names under `switchboard/` are the same in every table: the prefix does not change them.
    #[must_use]
    pub fn include(mut self, prefix: impl Into<Cow<'static, str>>, table: Self) -> Self {
        let prefix = prefix.into();
        self.entries.extend(table.entries.into_iter().map(|mut entry| {
            entry.prefixes.insert(0, prefix.clone());
            entry
        }));
        self
    }

    /// How many lines the table has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the table has no line.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a controller under the patterns that its decorators give.
    #[doc(hidden)]
    #[must_use]
    pub fn decorated(self, controller: Controller) -> Self {
        self.push(None, controller)
    }

    fn push(mut self, pattern: Option<PatternSource>, controller: Controller) -> Self {
        self.entries.push(Entry {
            prefixes: Vec::new(),
            pattern,
            controller,
        });
        self
    }
}

/// A controller for a table: a decorated function, or a closure with what a decorator would say.
#[derive(Clone)]
pub struct Controller {
    pub(crate) function: Cow<'static, str>,
    pub(crate) module: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) call: Call,
    pub(crate) needs: fn(&mut Needs),
    pub(crate) options: Options,
    pub(crate) rules: Vec<OwnedRule>,
}

/// A [`Rule`] whose words need not be static.
#[derive(Clone, Debug)]
pub(crate) struct OwnedRule {
    pub(crate) decorator: Decorator,
    pub(crate) patterns: Vec<PatternSource>,
    pub(crate) reply: Option<Cow<'static, str>>,
    pub(crate) to: Option<Cow<'static, str>>,
    pub(crate) except_sender: bool,
    pub(crate) slow: Option<Slow>,
    pub(crate) registry: Option<Cow<'static, str>>,
    pub(crate) line: u32,
}

impl From<&Rule> for OwnedRule {
    fn from(rule: &Rule) -> Self {
        Self {
            decorator: rule.decorator,
            patterns: rule.patterns.iter().copied().map(Into::into).collect(),
            reply: rule.reply.map(Into::into),
            to: rule.to.map(Into::into),
            except_sender: rule.except_sender,
            slow: rule.slow,
            registry: rule.registry.map(Into::into),
            line: rule.line,
        }
    }
}

impl Controller {
    /// A closure whose value goes to the sender alone. It takes one extractor (a tuple of extractors is one), and may
    /// return a future.
    #[track_caller]
    pub fn silent<A, K>(closure: impl Closure<A, K>) -> Self {
        Self::closure(closure, Decorator::Silent)
    }

    /// A closure whose value goes to every client that accepts its name.
    #[track_caller]
    pub fn send_all<A, K>(closure: impl Closure<A, K>) -> Self {
        Self::closure(closure, Decorator::SendAll)
    }

    /// A closure whose value goes to the mailboxes that it returns, as `(value, mailboxes)`, or that [`to`](Self::to) names.
    #[track_caller]
    pub fn send_to_mailbox<A, K>(closure: impl Closure<A, K>) -> Self {
        Self::closure(closure, Decorator::SendToMailbox)
    }

    /// The name that the reply travels under, with parameters of the pattern: `rooms/<room>/joined`.
    #[must_use]
    pub fn reply(self, name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        self.with_rules(|rule| rule.reply = Some(name.clone()))
    }

    /// The mailbox that the value goes to, with parameters of the pattern: `rooms/<room>`.
    #[must_use]
    pub fn to(self, mailbox: impl Into<Cow<'static, str>>) -> Self {
        let mailbox = mailbox.into();
        self.with_rules(|rule| rule.to = Some(mailbox.clone()))
    }

    /// Leaves the sender out of the delivery.
    #[must_use]
    pub fn except_sender(self) -> Self {
        self.with_rules(|rule| rule.except_sender = true)
    }

    /// What happens to a recipient whose outbox is full.
    #[must_use]
    pub fn slow(self, slow: Slow) -> Self {
        self.with_rules(|rule| rule.slow = Some(slow))
    }

    /// The registry that the route belongs to; `public` unless said otherwise.
    #[must_use]
    pub fn registry(self, registry: impl Into<Cow<'static, str>>) -> Self {
        let registry = registry.into();
        self.with_rules(|rule| rule.registry = Some(registry.clone()))
    }

    /// How long a run may take; for a stream, each item.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Does not hold back the client's next message.
    #[must_use]
    pub fn unordered(mut self) -> Self {
        self.options.unordered = true;
        self
    }

    /// Runs on the blocking pool. No effect on a closure that returns a future.
    #[must_use]
    pub fn blocking(mut self) -> Self {
        if let Call::Inline(call) = self.call {
            self.call = Call::Blocking(call);
        }
        self
    }

    #[track_caller]
    fn closure<A, K>(closure: impl Closure<A, K>, decorator: Decorator) -> Self {
        let location = Location::caller();
        let (call, needs) = closure.into_call();
        Self {
            function: "{closure}".into(),
            module: "",
            file: location.file(),
            line: location.line(),
            call,
            needs,
            options: Options::default(),
            rules: vec![OwnedRule {
                decorator,
                patterns: Vec::new(),
                reply: None,
                to: None,
                except_sender: false,
                slow: None,
                registry: None,
                line: location.line(),
            }],
        }
    }

    fn with_rules(mut self, change: impl Fn(&mut OwnedRule)) -> Self {
        self.rules.iter_mut().for_each(change);
        self
    }
}

impl From<&'static Definition> for Controller {
    fn from(definition: &'static Definition) -> Self {
        Self {
            function: definition.function.into(),
            module: definition.module,
            file: definition.file,
            line: definition.line,
            call: definition.call.into(),
            needs: definition.needs,
            options: definition.options,
            rules: definition.rules.iter().map(Into::into).collect(),
        }
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{}", self.function, self.file, self.line)
    }
}

/// A closure that can be a controller: one extractor in, what a controller may return out, at once or as a future.
///
/// `Kind` is always inferred.
#[diagnostic::on_unimplemented(
    message = "this closure cannot be a controller",
    label = "not a controller",
    note = "it takes one extractor (`Payload<T>`, `Params<T>`, `State<T>`, …, or a tuple of them) and returns what a controller may return, or a future of it"
)]
pub trait Closure<A, Kind> {
    /// The adapter, and what the argument needs.
    #[doc(hidden)]
    fn into_call(self) -> (Call, fn(&mut Needs));
}

/// A closure that answers at once, or with a future; names for the compiler.
#[doc(hidden)]
#[expect(unreachable_pub, reason = "they stand in public signatures, but are named nowhere")]
pub mod closure_kind {
    use std::marker::PhantomData;

    #[derive(Debug)]
    pub struct AtOnce<K>(PhantomData<K>);
    #[derive(Debug)]
    pub struct Later<K>(PhantomData<K>);
}

impl<F, A, R, K> Closure<A, closure_kind::AtOnce<K>> for F
where
    F: Fn(A) -> R + Send + Sync + 'static,
    A: FromRequest,
    R: IntoOutcome<K>,
{
    fn into_call(self) -> (Call, fn(&mut Needs)) {
        let call = move |request: &Request| {
            let argument = A::from_request(request).map_err(Into::into)?;
            self(argument).into_outcome(request)
        };
        (Call::Inline(Arc::new(call)), A::needs)
    }
}

impl<F, A, R, K> Closure<A, closure_kind::Later<K>> for F
where
    F: Fn(A) -> R + Send + Sync + 'static,
    A: FromRequest,
    R: Future<Output: IntoOutcome<K>> + Send + 'static,
{
    fn into_call(self) -> (Call, fn(&mut Needs)) {
        let call = move |request: Request| -> crate::controller::RunFuture {
            let running = A::from_request(&request).map_err(Into::into).map(&self);
            Box::pin(async move { running?.await.into_outcome(&request) })
        };
        (Call::Async(Arc::new(call)), A::needs)
    }
}

/// A reusable set of routes with a state of its own, to be given to [`Server::install`](crate::Server::install).
///
/// `#[service]` on an `impl` block writes this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service]` on an `impl` block of it, with a decorator on each method that is a route"
)]
pub trait Service: Send + Sync + 'static {
    /// The name it is installed under: the prefix of its routes.
    fn name(&self) -> &str;

    /// Its routes, without the name.
    fn routes(self: Arc<Self>) -> Routes;
}
