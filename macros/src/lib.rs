//! The decorators of Switchboard: [`silent`], [`send_all`] and [`send_to_mailbox`] on functions, [`service`](macro@service) on `impl` blocks,
//! and the table [`routes!`]. Applications use them through the crate `switchboard`.
//!
//! All three decorators take the same words; [`silent`] explains those that say which messages a function takes and how it
//! runs, [`send_all`] and [`send_to_mailbox`] add those that say who hears the answer.
//!
//! Inside, a macro goes through three rooms: `parse` reads what is written, `model` checks what is meant, with the
//! router's own grammar and all mistakes at once, and `expand`, `service` and `routes` write the code, with the call of a
//! function in `adapter`. What the code names is in the server's `__private`.

mod adapter;
mod errors;
mod expand;
mod model;
mod parse;
mod routes;
mod service;

use proc_macro::TokenStream;

use crate::parse::Decorator;

/// A controller whose answer goes to the sender alone.
///
/// ```
/// use switchboard::prelude::*;
///
/// #[silent("math/<int:a>/plus/<int:b>")]
/// fn add(Params((a, b)): Params<(i64, i64)>) -> i64 {
///     a + b
/// }
///
/// #[silent("text/length", "text/size", timeout = "5s")]
/// async fn length(text: Payload<String>) -> usize {
///     text.0.len()
/// }
///
/// // The function stays one.
/// assert_eq!(add(Params((1, 2))), 3);
/// ```
///
/// # On which messages
///
/// - `"rooms/<room>/say"`: a path. Segments are literal, `<name>`, or converted: `<int:n>`, `<str:s>`, `<slug:s>`,
///   `<uuid:id>`, `<path:rest>`. Several paths are several routes.
/// - `regex = r"…"`: a regular expression, anchored at both ends, with named groups. May be repeated.
/// - `registry = "backend"`: the registry that the routes belong to; `public` unless said otherwise.
///
/// A path or expression that is wrong does not compile. Without any, the decorator says only who hears the answer, and a
/// table gives the route: [`routes!`]. A function with a route registers itself, in library crates too.
///
/// # The answer
///
/// - `reply = "rooms/<room>/joined"`: the name that the answer travels under, with parameters that every route of the
///   decorator has; the message's own name otherwise.
///
/// # How it runs
///
/// These belong to the function, on whichever of its decorators they stand:
///
/// - `timeout = "5s"`, or `250ms`, `2m`, `1h`: how long a run may take, for a stream each item; the server's default
///   otherwise. A plain `fn` cannot be timed out unless it is `blocking`.
/// - `blocking`: a plain `fn` that may block runs on the blocking pool. Without it, it runs on the connection's task and must
///   return at once.
/// - `unordered`: the client's next message does not wait for this one.
/// - `crate = path`: where the framework is found, if the dependency has another name: `crate = board`.
///
/// # The function
///
/// It is `fn` or `async fn`, without generics, `self` and `unsafe`. Each argument is `FromRequest`. It returns nothing, a value
/// that is `Serialize`, `Message`, `Replies<impl Stream>`, an `Option` of those, or a `Result` of them whose error converts into
/// `Error`.
///
/// Decorators stack: the outermost takes those below it along, and all deliver the value of one run. They must stand under
/// their own names, and not in a `cfg_attr`, except for the outermost.
///
/// The decorator adds a hidden type with the function's name and visibility, so that a table can name the function; a type or
/// module beside it needs another name.
///
/// ```compile_fail
/// use switchboard::prelude::*;
///
/// #[silent("rooms//join")] // empty segment at byte 6
/// fn join() {}
/// ```
#[proc_macro_attribute]
pub fn silent(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::decorator(Decorator::Silent, arguments.into(), &item.into()).into()
}

/// A controller whose answer goes to every client that accepts its name, the sender too.
///
/// It takes the words of [`silent`], and
///
/// - `except_sender`: leaves the sender out;
/// - `slow = close`, `drop_oldest` or `drop_newest`: what happens to a recipient whose outbox is full; the server's
///   default otherwise.
///
/// Here the sender gets the value as its answer, and everyone else as `mixer/level`:
///
/// ```
/// use std::sync::atomic::{AtomicU8, Ordering};
/// use switchboard::prelude::*;
///
/// #[derive(Default)]
/// struct Mixer {
///     level: AtomicU8,
/// }
///
/// #[silent("mixer/volume_up")]
/// #[send_all("mixer/volume_up", except_sender, reply = "mixer/level", slow = drop_oldest)]
/// fn increase_volume(mixer: State<Mixer>) -> u8 {
///     mixer.level.fetch_add(5, Ordering::Relaxed) + 5
/// }
/// ```
#[proc_macro_attribute]
pub fn send_all(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::decorator(Decorator::SendAll, arguments.into(), &item.into()).into()
}

/// A controller whose answer goes to every client that holds one of the mailboxes.
///
/// It takes the words of [`send_all`], and
///
/// - `to = "rooms/<room>"`: the mailbox, with parameters that every route of the decorator has. Without it the function
///   returns `(value, mailboxes)`: a `Mailbox`, a name, or an array, a `Vec` or an `Option` of mailboxes.
///
/// ```
/// use switchboard::prelude::*;
///
/// #[send_to_mailbox("rooms/<room>/say", to = "rooms/<room>")]
/// fn say(line: Payload<String>) -> String {
///     line.0
/// }
///
/// #[send_to_mailbox("messages/<user>")]
/// async fn private_message(user: Params<String>, text: Payload<String>) -> Result<(String, Mailbox), Error> {
///     Ok((text.0, Mailbox::new(format!("people/{}", user.0))))
/// }
/// ```
#[proc_macro_attribute]
pub fn send_to_mailbox(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::decorator(Decorator::SendToMailbox, arguments.into(), &item.into()).into()
}

/// Makes a type a service: the decorated methods of this `impl` block are its routes.
///
/// `#[service("messaging")]` installs it under that name; `#[service]` asks the type's own `fn name(&self) -> &str`. The name
/// stands before each route: `messaging/publish`. `crate = path` is as in [`silent`].
///
/// Methods take `&self` and, like functions, extractors; a function of the block without `self` may be decorated too. A
/// generic block works where its types are `Send + Sync + 'static`. Methods are not registered: the service has its routes
/// where it is installed. The other methods stay as they are.
///
/// ```
/// use std::sync::Arc;
/// use switchboard::{Service, service, silent};
///
/// struct Counter(std::sync::atomic::AtomicU64);
///
/// #[service("counter")]
/// impl Counter {
///     #[silent("next")]
///     async fn next(&self) -> u64 {
///         self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
///     }
/// }
///
/// let counter = Arc::new(Counter(5.into()));
/// assert_eq!(counter.name(), "counter");
/// assert_eq!(counter.routes().len(), 1);
/// ```
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    service::service(arguments.into(), &item.into()).into()
}

/// A table of routes for decorated functions, checked when it is compiled.
///
/// An entry is a path, or `regex` and an expression, and one function or several in parentheses; or a prefix and
/// `include` of another table. Functions are decorated, for a decorator without a route says who hears the answer. A first
/// line `crate = path;` says where the framework is found, if the dependency has another name.
///
/// ```
/// use switchboard::prelude::*;
///
/// #[silent]
/// fn louder() -> &'static str {
///     "louder"
/// }
///
/// #[send_all(except_sender)]
/// async fn rebroadcast(message: Message) -> Message {
///     message
/// }
///
/// mod accounts {
///     use switchboard::prelude::*;
///
///     #[silent]
///     pub(super) fn login() {}
///
///     pub(super) fn urls() -> Routes {
///         routes! { "login" => login }
///     }
/// }
///
/// let urls = routes! {
///     "radio/volume_up" => (louder, rebroadcast),
///     regex r"messages/(?<kind>\w+)" => rebroadcast,
///     "accounts/" => include(accounts::urls()),
/// };
/// assert_eq!(urls.len(), 4);
/// ```
#[proc_macro]
pub fn routes(tokens: TokenStream) -> TokenStream {
    routes::routes(tokens.into()).into()
}
