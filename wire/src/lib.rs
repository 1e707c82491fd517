//! The messages of Switchboard: what is in an envelope, how the dialects write it, how it is framed, and what carries it.
//!
//! - [`Message`], [`Uid`], [`RawPayload`], [`Text`]: what travels, sharing the memory that it was read into;
//! - [`Dialect`], [`native`] and [`json_server`]: units of input to messages, [`Frame`]s to units;
//! - [`NamePattern`]: which deliveries somebody wants;
//! - [`Error`], [`code`], [`CloseCode`], [`Shutdown`]: the outcomes that have a name, and the ways to end;
//! - [`websocket`] and [`lines`]: bytes to units and back;
//! - `connection`, with the feature `net` (a default one): sockets, and whatever else carries bytes; with `tls`, TLS over it;
//! - `connector`, with `net` too: a message socket that stands on them, usable without the rest.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod binary;
pub mod close;
#[cfg(feature = "net")]
pub mod connection;
#[cfg(feature = "net")]
pub mod connector;
mod cut;
mod dialect;
mod error;
pub mod json_server;
pub mod lines;
mod message;
mod name_pattern;
pub mod native;
mod payload;
mod shutdown;
mod text;
pub mod websocket;

pub use binary::Binary;
pub use close::CloseCode;
pub use dialect::{Dialect, End, Frame, Incoming, Malformed, ReadLimits, Receipt, Ticket, Unit, Written};
pub use error::{Error, code};
pub use message::{Message, Uid};
pub use name_pattern::{NamePattern, NotAPattern};
pub use payload::{EncodeError, Format, Formats, PayloadError, RawPayload};
pub use shutdown::Shutdown;
pub use text::Text;
