//! What the decorators' code names. Not public API: it changes with the macros, in any release.
//!
//! A controller's value is taken apart by method calls on [`Answer`], which has a method for the types that are
//! special and takes a trait's method of the same name for all others. The decorator knows the concrete type that the
//! function returns, so this decides where trait bounds alone would be ambiguous: a `Result` whose error serialises is
//! still a `Result`.

use futures_core::Stream;
use futures_util::StreamExt;

pub use inventory;
pub use switchboard_wire::{Error, Message};

pub use crate::controller::{Call, Decorated, Decorator, Definition, Options, Rule, RunFuture, Spelling, StaticCall};
pub use crate::limits::Slow;
pub use crate::mailbox::{Mailbox, Mailboxes};
pub use crate::needs::Needs;
pub use crate::reply::{IntoReply, Outcome, Replies, Reply};
pub use crate::request::Request;
pub use crate::routes::{Controller, Routes, Service};

use crate::reply::Parts;
use crate::request::FromRequest;

/// A value that a controller returned, or an item of its stream.
#[derive(Debug)]
pub struct Answer<T>(pub T);

/// An argument of a controller: what [`FromRequest`] is, in one step with one way to be missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a controller",
    label = "not an extractor",
    note = "take `Payload<T>`, `Params<T>`, `State<T>`, `Message`, `Client`, `Switchboard` or `CancellationToken`, or implement `FromRequest` for it",
    note = "`Payload<T>` and `Params<T>` need `T: serde::de::DeserializeOwned` (derive `Deserialize`), `State<T>` needs `T: Send + Sync + 'static`"
)]
pub trait Argument: Sized {
    fn extract(request: &Request) -> Result<Self, Error>;
    fn needs(needs: &mut Needs);
}

#[diagnostic::do_not_recommend]
impl<T: FromRequest> Argument for T {
    fn extract(request: &Request) -> Result<Self, Error> {
        Self::from_request(request).map_err(Into::into)
    }

    fn needs(needs: &mut Needs) {
        <Self as FromRequest>::needs(needs);
    }
}

/// The error in a controller's `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a controller",
    label = "this error cannot be told to the client",
    note = "for an error of your own, implement `From<{Self}>` for `switchboard::Error`; for others return `Result<_, Error>` with `.map_err(Error::internal)`"
)]
pub trait IntoError {
    fn into_error(self) -> Error;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Error>> IntoError for E {
    fn into_error(self) -> Error {
        self.into()
    }
}

impl<T, E> Answer<Result<T, E>> {
    pub fn switchboard_result(self) -> Result<T, E> {
        self.0
    }
}

/// Anything that is no `Result` is a success.
pub trait AnyResult<T> {
    fn switchboard_result(self) -> Result<T, Error>;
}

impl<T> AnyResult<T> for Answer<T> {
    fn switchboard_result(self) -> Result<T, Error> {
        Ok(self.0)
    }
}

impl<T> Answer<Option<T>> {
    pub fn switchboard_option(self) -> Option<T> {
        self.0
    }
}

/// Anything that is no `Option` is there.
pub trait AnyOption<T> {
    fn switchboard_option(self) -> Option<T>;
}

impl<T> AnyOption<T> for Answer<T> {
    fn switchboard_option(self) -> Option<T> {
        Some(self.0)
    }
}

impl<S: Stream + Send + 'static> Answer<Replies<S>> {
    /// A reply of many parts, each made of an item.
    pub fn switchboard_items(self, request: &Request, each: fn(S::Item, &Request) -> Outcome) -> Reply {
        let request = request.of_item();
        let parts = self.0.0.map(move |item| match each(item, &request)?.0 {
            Parts::Nothing => Ok(None),
            Parts::One(part) => Ok(Some(part)),
            Parts::Written(written) => Ok(Some(written.into_part())),
            Parts::Many(_) => Err(Error::internal("a stream inside of a stream of replies")),
        });
        Reply(Parts::Many(Box::pin(parts)))
    }
}

impl Answer<Message> {
    pub fn switchboard_message(self) -> Reply {
        Reply::message(&self.0)
    }
}

/// Anything that is no message is itself.
pub trait AnyMessage<T> {
    fn switchboard_message(self) -> T;
}

impl<T> AnyMessage<T> for Answer<T> {
    fn switchboard_message(self) -> T {
        self.0
    }
}

/// The item of an answer that has none.
#[derive(Debug)]
pub struct NoItem(());

impl IntoReply for NoItem {
    fn into_reply(self, _: &Request) -> Outcome {
        Ok(Reply::nothing())
    }
}

/// Anything that is no stream is its own reply.
pub trait AnyItem<T> {
    fn switchboard_items(self, request: &Request, each: fn(NoItem, &Request) -> Outcome) -> T;
}

impl<T> AnyItem<T> for Answer<T> {
    fn switchboard_items(self, _: &Request, _: fn(NoItem, &Request) -> Outcome) -> T {
        self.0
    }
}

/// A value that comes without mailboxes.
#[derive(Debug)]
pub struct Bare<T>(T);

/// A value that comes with mailboxes, where none are used.
#[derive(Debug)]
pub struct Misaddressed;

/// What is returned where no decorator asks for mailboxes.
#[diagnostic::on_unimplemented(
    message = "this controller returns mailboxes, and no decorator of it sends to them",
    label = "a value with mailboxes",
    note = "return the value alone, or decorate with `#[send_to_mailbox]` without `to`"
)]
pub trait Unaddressed {
    fn check(_: &Self) {}
}

#[diagnostic::do_not_recommend]
impl<T> Unaddressed for Bare<T> {}

impl<T> Bare<T> {
    pub fn switchboard_inner(self) -> T {
        self.0
    }
}

impl Misaddressed {
    /// Something that the steps after this one accept: one mistake, one message.
    pub fn switchboard_inner(self) -> Reply {
        Reply::nothing()
    }
}

/// The types that can be nothing but mailboxes.
pub trait OnlyMailboxes {}

impl OnlyMailboxes for Mailbox {}
impl OnlyMailboxes for Mailboxes {}
impl OnlyMailboxes for Option<Mailbox> {}
impl OnlyMailboxes for Vec<Mailbox> {}
impl<const N: usize> OnlyMailboxes for [Mailbox; N] {}

impl<T, M: OnlyMailboxes> Answer<(T, M)> {
    pub fn switchboard_value(self) -> Misaddressed {
        Misaddressed
    }
}

/// Anything but a value with mailboxes is bare.
pub trait AnyValue<T> {
    fn switchboard_value(self) -> Bare<T>;
}

impl<T> AnyValue<T> for Answer<T> {
    fn switchboard_value(self) -> Bare<T> {
        Bare(self.0)
    }
}

/// A value with its mailboxes; without, if it needs none.
#[derive(Debug)]
pub struct Split<T, M>(T, Option<M>);

/// A value that comes without the mailboxes that it needs.
#[derive(Debug)]
pub struct WithoutMailboxes;

/// What is returned where a decorator asks for mailboxes.
#[diagnostic::on_unimplemented(
    message = "this controller must return the mailboxes together with the value",
    label = "a value without mailboxes",
    note = "return `(value, mailboxes)`, or name the mailbox in the decorator: `#[send_to_mailbox(…, to = \"rooms/<room>\")]`"
)]
pub trait Addressed {
    fn check(_: &Self) {}
}

#[diagnostic::do_not_recommend]
impl<T, M> Addressed for Split<T, M> {}

impl<T, M> Split<T, M> {
    pub fn switchboard_inner(self) -> (T, Option<M>) {
        (self.0, self.1)
    }
}

impl WithoutMailboxes {
    /// Something that the steps after this one accept: one mistake, one message.
    pub fn switchboard_inner(self) -> (Reply, Option<Mailboxes>) {
        (Reply::nothing(), None)
    }
}

/// The answers that have mailboxes or need none: nothing goes to nobody, and a `Reply` has its mailboxes inside.
pub trait Splits {
    type Value;
    type Mailboxes;

    fn split(self) -> Split<Self::Value, Self::Mailboxes>;
}

impl<T, M> Splits for (T, M) {
    type Value = T;
    type Mailboxes = M;

    fn split(self) -> Split<T, M> {
        Split(self.0, Some(self.1))
    }
}

impl Splits for () {
    type Value = ();
    type Mailboxes = Mailboxes;

    fn split(self) -> Split<(), Mailboxes> {
        Split((), None)
    }
}

impl Splits for Reply {
    type Value = Self;
    type Mailboxes = Mailboxes;

    fn split(self) -> Split<Self, Mailboxes> {
        Split(self, None)
    }
}

impl Splits for NoItem {
    type Value = Self;
    type Mailboxes = Mailboxes;

    fn split(self) -> Split<Self, Mailboxes> {
        Split(self, None)
    }
}

impl<A: Splits> Answer<A> {
    pub fn switchboard_address(self) -> Split<A::Value, A::Mailboxes> {
        self.0.split()
    }
}

/// A value of any other type lacks its mailboxes.
pub trait AnyAddress {
    fn switchboard_address(self) -> WithoutMailboxes;
}

impl<T> AnyAddress for Answer<T> {
    fn switchboard_address(self) -> WithoutMailboxes {
        WithoutMailboxes
    }
}

/// The second half of `(value, mailboxes)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name mailboxes",
    label = "the second half of the answer names no mailboxes",
    note = "return `(value, mailboxes)` with a `Mailbox`, an array, a `Vec` or an `Option` of them, or a `&str`"
)]
pub trait IntoMailboxes {
    fn into_mailboxes(self) -> Mailboxes;
}

#[diagnostic::do_not_recommend]
impl<M: Into<Mailboxes>> IntoMailboxes for M {
    fn into_mailboxes(self) -> Mailboxes {
        self.into()
    }
}

/// Addresses a reply, unless it is.
pub fn address(outcome: Outcome, mailboxes: Option<Mailboxes>) -> Outcome {
    let reply = outcome?;
    Ok(match mailboxes {
        Some(mailboxes) => reply.to_mailboxes(mailboxes),
        None => reply,
    })
}

/// The definition of a function that does not compile, for whatever else names it.
pub const REFUSED: &Definition = &Definition {
    function: "",
    module: "",
    file: "",
    line: 0,
    call: StaticCall::Inline(|_| Ok(Reply::nothing())),
    needs: |_| {},
    options: Options {
        timeout: None,
        unordered: false,
    },
    rules: &[],
};

/// What the decorators of a method say; the call comes with the service.
#[derive(Debug)]
pub struct Method {
    pub function: &'static str,
    pub module: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub needs: fn(&mut Needs),
    pub options: Options,
    pub rules: &'static [Rule],
}

impl Method {
    /// The method as a controller.
    pub fn controller(self, call: Call) -> Controller {
        Controller {
            function: self.function.into(),
            module: self.module,
            file: self.file,
            line: self.line,
            call,
            needs: self.needs,
            options: self.options,
            rules: self.rules.iter().map(Into::into).collect(),
        }
    }
}

/// A service that has a name of its own.
#[diagnostic::on_unimplemented(
    message = "this service has no name",
    label = "neither the attribute nor the type gives a name",
    note = "write `#[service(\"messaging\")]`, or give the type a method `fn name(&self) -> &str`"
)]
pub trait Named {}

/// The type's own `name`, called where `Service` is not in scope.
pub trait OwnName {
    fn own_name(&self) -> &str;
}

/// The `name` of a type that has none: a method of the type's own goes before a trait's.
pub trait AnyName {
    fn name(&self) -> &str
    where
        Self: Named;
}

impl<T: ?Sized> AnyName for T {
    fn name(&self) -> &str
    where
        Self: Named,
    {
        ""
    }
}

/// What a table finds where a function has no decorator: the name of the function is imported over this one, and a function
/// without a decorator has no type of its name.
pub mod undecorated {
    #[derive(Debug)]
    pub enum NotDecorated {}
}
