//! Controllers, dispatch, delivery and listeners of Switchboard. Applications use the crate `switchboard`, which re-exports
//! what they need.
//!
//! A message's way through, in six rooms:
//!
//! 1. read: `http` accepts a connection and hands it to its `session`, which reads it;
//! 2. decode: `switchboard_wire` makes messages of bytes;
//! 3. route: `table` holds the routes in a `switchboard_router::Router`;
//! 4. dispatch: `dispatch` runs every controller that matches, at once, and settles the request;
//! 5. deliver: `switchboard` knows who is connected and who holds which mailbox; a reply is encoded once and handed to each
//!    recipient's outbox;
//! 6. write: the outbox writes to the ready socket at the end of the turn, and waits where it is full.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod controller;
mod counters;
mod delivery;
mod dispatch;
mod extract;
mod http;
mod lifecycle;
mod limits;
mod listen;
mod mailbox;
mod needs;
mod params;
mod reply;
mod request;
mod routes;
mod server;
mod session;
mod switchboard;
mod table;
pub mod testing;
mod throttle;

pub use counters::{Counter, Counters};
pub use extract::{Payload, State};
pub use lifecycle::{Disconnected, Unsent, UnsentKind};
pub use limits::{Limits, Slow};
#[cfg(feature = "tls")]
pub use listen::Tls;
pub use mailbox::{Mailbox, Mailboxes};
pub use needs::Needs;
pub use params::Params;
pub use reply::{IntoOutcome, IntoReply, Outcome, Replies, Reply};
pub use request::{FromRequest, Request};
pub use routes::{Closure, Controller, Routes, Service};
pub use server::{Listener, Running, Server, ServerError};
pub use switchboard::{Client, ClientId, JoinError, Others, Sent, Shutdown, Switchboard};
pub use switchboard_macros::{routes, send_all, send_to_mailbox, service, silent};
pub use switchboard_wire::connection::Endpoint;
pub use switchboard_wire::{Binary, CloseCode, Error, Message, RawPayload, Uid, code};
pub use table::{Route, RouteError, RouteErrorKind, RouteErrors, RouteTable};
pub use tokio_util::sync::CancellationToken;

pub use switchboard_wire as wire;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
