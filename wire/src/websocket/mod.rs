//! WebSocket framing ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)) without I/O: bytes in, events out, and back.
//!
//! A [`Decoder`] is given whatever a read brought, wrapped in an [`Input`], and hands out one [`Event`] after the other. A
//! message that lies whole in the input is unmasked where it is and lent out, never copied; only what was cut off at the end
//! of a read is kept until the rest comes. An idle decoder owns no memory beyond itself, so the caller can read into one
//! buffer for all its connections.
//!
//! The `encode_*` functions append frames to a buffer. [`FrameHeader`] is for who sends the same payload to many and wants
//! to share its bytes.
//!
//! It is strict: everything that the RFC says a peer must not send is a [`ProtocolError`] with the close code to answer
//! with. No extension is offered, so the reserved bits must be zero.
//!
//! ```
//! use switchboard_wire::websocket::{Decoder, DecoderLimits, Event, Input, Role, encode_pong, encode_text};
//!
//! // Two frames of a client in one read: the text "hi", and an empty ping.
//! let mut read = [0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2, 0x89, 0x80, 5, 6, 7, 8];
//!
//! let limits = DecoderLimits::default();
//! let mut decoder = Decoder::new(Role::Server);
//! let mut input = Input::new(&mut read);
//! let mut answer = Vec::new();
//! while let Some(event) = decoder.next(&mut input, &limits)? {
//!     match event {
//!         Event::Text(text) => encode_text(text, None, &mut answer),
//!         Event::Ping(payload) => encode_pong(payload, None, &mut answer),
//!         _ => {}
//!     }
//! }
//! assert_eq!(answer, [0x81, 2, b'h', b'i', 0x8A, 0]);
//! # Ok::<(), switchboard_wire::websocket::ProtocolError>(())
//! ```

mod decoder;
mod encode;
mod error;
mod event;
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod header;
mod limits;
mod mask;
mod opening;
mod partial;

pub use decoder::{Decoder, Input, Role};
pub use encode::{encode_binary, encode_close, encode_ping, encode_pong, encode_text};
pub use error::ProtocolError;
pub use event::{CloseFrame, Event, MessageKind};
pub use handshake::{accept_key, is_handshake_key};
pub use header::{CONTROL_PAYLOAD, FrameHeader, Opcode};
pub use limits::DecoderLimits;
pub use mask::{MaskKey, apply_mask};
pub use opening::{Opening, OpeningError, Refused};
