//! Switchboard: a message-routing framework for real-time applications, in the spirit of Django.
//!
//! An application is a set of *controllers*: plain functions under a decorator that says which messages they take and who
//! hears the answer. The server fans every message out, concurrently, to **all** controllers whose route matches, and
//! delivers each reply to the sender, to everyone, or to the mailboxes that the controller names.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use switchboard::prelude::*;
//!
//! #[derive(Deserialize)]
//! struct Line {
//!     text: String,
//! }
//!
//! #[derive(Serialize)]
//! struct Said {
//!     from: ClientId,
//!     text: String,
//! }
//!
//! /// Lets the sender into a room.
//! #[silent("rooms/<room>/join")]
//! fn join(room: Params<String>, sender: Client) -> Result<usize, Error> {
//!     sender.join(format!("rooms/{}", room.0))?;
//!     Ok(sender.mailboxes().len())
//! }
//!
//! /// A line for everybody in it.
//! #[send_to_mailbox("rooms/<room>/say", to = "rooms/<room>")]
//! fn say(line: Payload<Line>, sender: Client) -> Said {
//!     Said { from: sender.id(), text: line.0.text }
//! }
//!
//! # async fn run() -> Result<(), ServerError> {
//! Server::new().serve("127.0.0.1:8000").await
//! # }
//! ```
//!
//! # Who hears the answer
//!
//! | decorator | the value goes to | nothing returned (`()`, `None`) |
//! |---|---|---|
//! | [`#[silent]`](silent) | the sender alone | nobody; who asked is told that it is done |
//! | [`#[send_all]`](send_all) | every client that accepts the name; `except_sender` leaves the sender out | nobody |
//! | [`#[send_to_mailbox]`](send_to_mailbox) | every client that holds one of the mailboxes: returned as `(value, mailboxes)`, or named with `to = "…"` | nobody |
//!
//! An `Err` goes to the sender alone. Several functions may stand on one route: all run, none waits for another.
//!
//! # Where to go on
//!
//! - what a controller takes: [`Payload`], [`Params`], [`State`], [`Message`], [`Client`], [`Switchboard`],
//!   [`CancellationToken`], and types of your own with [`FromRequest`];
//! - what it returns: any `Serialize`, `Option`, `Result` with an [`Error`], `(value, mailboxes)`, [`Message`], [`Replies`];
//! - tables without registration: [`routes!`], [`Routes`], [`#[service]`](service);
//! - the server: [`Server`], its [`Limits`] and [`Counters`]; [`Listener::lines`], and [`Listener::backend`] for programs that
//!   ask over HTTP; TLS, with the feature `tls`: `Listener::tls`;
//! - tests without sockets: [`testing`];
//! - sockets without the rest: [`wire::connector`].

#![cfg_attr(docsrs, feature(doc_cfg))]

pub use switchboard_server::{
    Binary, CancellationToken, Client, ClientId, CloseCode, Closure, Controller, Counter, Counters, Disconnected,
    Endpoint, Error, FromRequest, IntoOutcome, IntoReply, JoinError, Limits, Listener, Mailbox, Mailboxes, Message,
    Needs, Outcome, Params, Payload, RawPayload, Replies, Reply, Request, Route, RouteError, RouteErrorKind,
    RouteErrors, RouteTable, Routes, Running, Sent, Server, ServerError, Service, Shutdown, Slow, State, Switchboard,
    Uid, Unsent, UnsentKind, code, routes, send_all, send_to_mailbox, service, silent, testing,
};

#[cfg(feature = "tls")]
pub use switchboard_server::Tls;

/// Messages, dialects, framing and connections: for who writes a dialect or a client of their own, or wants the message
/// socket, [`wire::connector`], alone.
#[doc(inline)]
pub use switchboard_server::wire;

#[doc(hidden)]
pub use switchboard_server::__private;

/// What nearly every application uses: `use switchboard::prelude::*;`.
pub mod prelude {
    pub use crate::{
        CancellationToken, Client, ClientId, CloseCode, Controller, Disconnected, Error, FromRequest, IntoReply,
        Limits, Listener, Mailbox, Mailboxes, Message, Params, Payload, Replies, Request, Routes, Server, ServerError,
        State, Switchboard, code, routes, send_all, send_to_mailbox, service, silent,
    };
}

/// The README's program is compiled like any other example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// So are the guide's.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../docs/lines.md")]
    mod lines {}

    #[doc = include_str!("../docs/connector.md")]
    mod connector {}

    #[doc = include_str!("../docs/jsonserver.md")]
    mod jsonserver {}

    #[cfg(feature = "tls")]
    #[doc = include_str!("../docs/tls.md")]
    mod tls {}
}
