//! How messages become bytes and bytes messages.

use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use bytes::BytesMut;

/// What was wrong with a message, or with what a peer sent.
pub type ConvertError = Box<dyn Error + Send + Sync>;

/// A wire format: makes one serializer and one deserializer for each connection.
///
/// A panic in any of the three ends the connection with [`Reason::Panicked`](super::Reason::Panicked), and no other.
///
/// ```
/// use std::task::{Context, Poll};
/// use bytes::{Buf, BytesMut};
/// use switchboard_wire::connector::{ConvertError, Converter, Deserializer, Serializer, Written};
///
/// /// Every message is a byte.
/// struct Bytewise;
///
/// impl Converter for Bytewise {
///     type Message = u8;
///     type Serializer = Self;
///     type Deserializer = Self;
///
///     fn serializer(&self) -> Self { Self }
///     fn deserializer(&self) -> Self { Self }
/// }
///
/// impl Serializer<u8> for Bytewise {
///     fn poll_bytes(&mut self, _: &mut Context<'_>, message: &u8, out: &mut BytesMut) -> Poll<Result<Written, ConvertError>> {
///         out.extend_from_slice(&[*message]);
///         Poll::Ready(Ok(Written::Done))
///     }
/// }
///
/// impl Deserializer<u8> for Bytewise {
///     fn poll_message(&mut self, _: &mut Context<'_>, input: &mut BytesMut) -> Poll<Result<Option<u8>, ConvertError>> {
///         Poll::Ready(Ok((!input.is_empty()).then(|| input.get_u8())))
///     }
/// }
/// ```
pub trait Converter: Send + Sync + 'static {
    /// What is sent and received.
    type Message: Send + 'static;
    /// Messages to bytes.
    type Serializer: Serializer<Self::Message>;
    /// Bytes to messages.
    type Deserializer: Deserializer<Self::Message>;

    /// For what one connection sends.
    fn serializer(&self) -> Self::Serializer;

    /// For what one connection receives.
    fn deserializer(&self) -> Self::Deserializer;

    /// About how much memory a message takes while it waits to be sent, in bytes, for
    /// [`Limits::queued_bytes`](super::Limits::queued_bytes). Nothing unless said.
    fn weight(&self, message: &Self::Message) -> usize {
        let _ = message;
        0
    }
}

/// Turns the messages of one connection into bytes, one message after the other.
pub trait Serializer<M>: Send + 'static {
    /// Appends the next bytes of the message to `out`, which holds nothing else; some 64 KiB at a time is a good measure.
    ///
    /// It is called only when the socket has taken nearly all that came before, with the same message until it says
    /// [`Written::Done`], and then with the next one.
    ///
    /// - `Pending`: it waits for something, and has seen to it that the context's waker is called. What it has appended is
    ///   sent; nothing else of this connection is, in the meantime.
    /// - `Ready(Ok(Written::More))`: it is called again when there is room.
    /// - `Ready(Ok(Written::Done))`: the message is complete.
    ///
    /// # Errors
    ///
    /// The message cannot be written. If no byte of it has left, it alone comes back, as a
    /// [`RejectedMessage`](super::Event::RejectedMessage), and the next call is about the next message; otherwise the peer
    /// could not make sense of what follows, and the connection ends with [`Reason::Unwritable`](super::Reason::Unwritable).
    fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
        message: &M,
        out: &mut BytesMut,
    ) -> Poll<Result<Written, ConvertError>>;
}

/// What a serializer has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// A part of the message.
    More,
    /// The rest of the message.
    Done,
}

/// Turns what one connection receives into messages, one after the other.
pub trait Deserializer<M>: Send + 'static {
    /// Takes from the front of `input` what belongs to the message under way, and gives the message when it is complete. It
    /// is called again with what it leaves there.
    ///
    /// - `Pending`: it waits for something, and has seen to it that the context's waker is called. The connection is not
    ///   read in the meantime.
    /// - `Ready(Ok(None))`: it needs more than is there. At most [`Limits::input`](super::Limits::input) bytes may be left.
    /// - `Ready(Ok(Some(message)))`: a message is complete. Some of the input must have gone into it.
    ///
    /// # Errors
    ///
    /// What came is no message: the connection ends with [`Reason::Unreadable`](super::Reason::Unreadable).
    fn poll_message(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<Result<Option<M>, ConvertError>>;

    /// As [`poll_message`](Self::poll_message), after the peer has sent its last byte, until there is no message left.
    ///
    /// # Errors
    ///
    /// A message was cut off; unless implemented, where some of the input is left.
    fn poll_last(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<Result<Option<M>, ConvertError>> {
        let _ = cx;
        Poll::Ready(if input.is_empty() { Ok(None) } else { Err(CutOff.into()) })
    }
}

/// A peer stopped in the middle of a message.
///
/// ```
/// use switchboard_wire::connector::CutOff;
///
/// assert_eq!(CutOff.to_string(), "the peer closed the connection within a message; it must send the rest first");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer closed the connection within a message; it must send the rest first")]
pub struct CutOff;

/// Calls a converter, which may panic; gives what it said then.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    // A converter that has panicked is never called again.
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| text_of(&*panic))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no text".to_owned())
}
