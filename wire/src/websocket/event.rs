use super::ProtocolError;
use crate::CloseCode;

/// One thing that a peer said. Its bytes are lent, from the input or from the decoder, until the next call of
/// [`Decoder::next`](super::Decoder::next).
///
/// ```
/// use switchboard_wire::websocket::Event;
///
/// fn bytes(event: &Event<'_>) -> usize {
///     match event {
///         Event::Text(text) => text.len(),
///         Event::Binary(payload) | Event::Ping(payload) | Event::Pong(payload) => payload.len(),
///         Event::TooLarge { .. } | Event::Close(_) => 0,
///     }
/// }
/// assert_eq!(bytes(&Event::Text("hi")), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message, unmasked, whole, and UTF-8.
    Text(&'a str),
    /// A binary message, unmasked and whole.
    Binary(&'a [u8]),
    /// A message over [`DecoderLimits::message`](super::DecoderLimits::message), which is not delivered.
    ///
    /// It is told once, as soon as its headers say so and the prefix has arrived; the rest of it is dropped while it comes.
    /// A text's bytes from the frame on that goes over the limit are not checked to be UTF-8.
    TooLarge {
        /// What kind of message it is.
        kind: MessageKind,
        /// Its first bytes, unmasked; as many as [`DecoderLimits::prefix`](super::DecoderLimits::prefix) says.
        prefix: &'a [u8],
    },
    /// A ping with up to 125 bytes: answer with a pong that carries the same.
    Ping(&'a [u8]),
    /// A pong with up to 125 bytes, asked for or not.
    Pong(&'a [u8]),
    /// The peer closes, with a code and a reason or without. The decoder ignores all that follows.
    Close(Option<CloseFrame<'a>>),
}

/// The two kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// What a close frame says.
///
/// ```
/// use switchboard_wire::CloseCode;
/// use switchboard_wire::websocket::{CloseFrame, Decoder, DecoderLimits, Event, Input, Role};
///
/// let mut read = [0x88, 5, 0x03, 0xE8, b'b', b'y', b'e'];
/// let mut decoder = Decoder::new(Role::Client);
/// let close = CloseFrame { code: CloseCode::NORMAL, reason: "bye" };
/// assert_eq!(
///     decoder.next(&mut Input::new(&mut read), &DecoderLimits::default()),
///     Ok(Some(Event::Close(Some(close)))),
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseFrame<'a> {
    /// Why; one of the codes that may be sent.
    pub code: CloseCode,
    /// The same for people; at most 123 bytes, often empty.
    pub reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    pub(super) fn parse(payload: &'a [u8]) -> Result<Option<Self>, ProtocolError> {
        let (code, reason) = match payload {
            [] => return Ok(None),
            [_] => return Err(ProtocolError::ShortClose),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        if !may_be_sent(code) {
            return Err(ProtocolError::ForbiddenCloseCode(code));
        }
        let reason = simdutf8::basic::from_utf8(reason).map_err(|_| ProtocolError::InvalidCloseReason)?;
        Ok(Some(Self {
            code: CloseCode::new(code),
            reason,
        }))
    }
}

/// Whether a close frame may carry this code: the registered ones
/// ([IANA](https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number)) except those that only name what
/// happened, and the ranges for libraries and applications.
pub(super) const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
