//! A message socket, after Pike: connections to and from others, messages instead of bytes, and every message accounted for.
//!
//! [`Connector`] connects and listens, [`send`](Connector::send) queues a message from anywhere without waiting, and six
//! kinds of [`Event`] come back. A message that was not sent always comes back too, as *incomplete*, *queued* or *rejected*.
//! The wire format is a [`Converter`]; those for Python's primitive types, files and every codec of `tokio_util` are here.
//!
//! ```
//! use std::time::Duration;
//! use switchboard_wire::Shutdown;
//! use switchboard_wire::connection::Stream;
//! use switchboard_wire::connector::{Connector, Event, Limits, StringConverter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (near, far) = tokio::io::duplex(1024);
//! let alice = Connector::new(StringConverter::default(), Limits::default());
//! let bob = Connector::new(StringConverter::default(), Limits::default());
//! let to_bob = alice.adopt(Stream::new(near))?;
//! let to_alice = bob.adopt(Stream::new(far))?;
//!
//! alice.send(to_bob, "hello".to_owned())?;
//! alice.disconnect(to_bob, Shutdown::FinishQueues, Duration::from_secs(5));
//!
//! assert!(matches!(bob.recv().await, Some(Event::FinishConnect { .. })));
//! let Some(Event::MessageReceived { connection, message }) = bob.recv().await else { panic!() };
//! assert_eq!((connection, message.as_str()), (to_alice, "hello"));
//! assert!(matches!(bob.recv().await, Some(Event::RemoteDisconnect { .. })));
//! # Ok(())
//! # }
//! ```

mod converter;
mod converters;
mod event;
mod handle;
mod hub;
mod incoming;
mod limits;
mod peer;
mod reading;
mod separate;
mod task;
mod writing;

pub use converter::{ConvertError, Converter, CutOff, Deserializer, Serializer, Written};
pub use converters::{
    BoolConverter, CodecConverter, CodecDeserializer, CodecSerializer, FileConverter, FileDeserializer, FileError,
    FileMessage, FileSerializer, FloatConverter, IntConverter, PrimitiveError, StringConverter, StringDeserializer,
    StringSerializer,
};
pub use event::{ConnectError, Connection, Event, Reason, Refusal, Rejected, Rejection};
pub use handle::Connector;
pub use incoming::{Gone, Incoming};
pub use limits::Limits;
pub use separate::Separate;
