//! The client of a Switchboard server, for programs in Rust.
//!
//! It comes back by itself, and settles every request exactly once: with an answer, an error, a time-out, or the loss of the
//! connection, which says whether the message may have been delivered.
//!
//! ```
//! use switchboard_client::Client;
//!
//! # #[derive(serde::Serialize, serde::Deserialize)] struct Level { level: u8 }
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("ws://127.0.0.1:8000/switchboard")?;
//! let mut levels = client.on("mixer/*")?;
//!
//! let Level { level } = client.request("mixer/volume_up", &()).await?;
//! client.send("mixer/set", &Level { level: level + 1 })?;
//! while let Some(delivery) = levels.next().await {
//!     let delivery = delivery?;
//!     println!("{}: {}", delivery.name(), delivery.decode::<Level>()?.level);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`Client`]: the handle. [`Client::builder`] and [`Builder`]: what it is told before it connects;
//! - [`Request`], [`Answers`], [`RequestError`]: what becomes of a request; [`Receipted`] tells where its message went, too;
//!   [`Client::call`] for programs without `async`;
//! - [`Subscription`], [`Delivery`]: what others send;
//! - [`State`], [`Ended`]: what the client is doing, and why;
//! - [`Limits`], [`Counters`]: every bound, and what happened there;
//! - [`Report`]: what happened that nobody waits for;
//! - `worker`, with the feature of that name: a server that is started, watched and restarted.

// `driver` is the one task of a client, and runs a `pump` for each connection. `table`, `queue`, `out` and `backoff` are what
// they decide by, without I/O; `shared` is what handles and driver have in common; `transport` turns messages into bytes.
mod alarm;
mod backoff;
mod builder;
mod callbacks;
mod channel;
mod client;
mod counters;
mod driver;
mod error;
mod hello;
mod limits;
mod out;
mod pump;
mod queue;
mod report;
mod request;
mod shared;
mod state;
mod subscription;
mod table;
mod transport;
#[cfg(feature = "worker")]
pub mod worker;

pub use switchboard_wire::connection::Stream;
#[cfg(feature = "tls")]
pub use switchboard_wire::connection::tls::ClientTls;
pub use switchboard_wire::websocket::Refused;
pub use switchboard_wire::{
    Binary, CloseCode, EncodeError, Error, Message, NotAPattern, PayloadError, RawPayload, Receipt, Text, code,
};

pub use builder::{AddressError, Builder, Framing, HookError};
pub use callbacks::CallId;
pub use client::{Client, Posted};
pub use counters::{Counter, Counters};
pub use error::{Ended, Fate, Refusal, RequestError, SendError};
pub use hello::{Hello, ServerLimits};
pub use limits::Limits;
pub use report::{Report, Unsent, UnsentReason};
pub use request::{Answers, Outcome, Receipted, Request};
pub use state::State;
pub use subscription::{Delivery, Listening, Missed, Subscription};

/// The guide's programs are compiled like any other example.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/client.md")]
mod guide {}

#[cfg(all(doctest, feature = "worker"))]
#[doc = include_str!("../../../docs/worker.md")]
mod worker_guide {}
