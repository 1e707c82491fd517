use crate::CloseCode;

/// How a peer broke the protocol. The connection cannot go on: send a close frame with [`close_code`](Self::close_code) and
/// end it.
///
/// The text of each fits into the reason of a close frame (123 bytes).
///
/// ```
/// use switchboard_wire::CloseCode;
/// use switchboard_wire::websocket::ProtocolError;
///
/// assert_eq!(ProtocolError::InvalidUtf8.close_code(), CloseCode::INVALID_PAYLOAD);
/// assert_eq!(ProtocolError::InvalidUtf8.to_string(), "text message is not UTF-8; send other data as binary messages");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set, though no extension was agreed on.
    #[error("frame header has reserved bits set; no extension was negotiated, they must be 0")]
    ReservedBits,
    /// An opcode (the number here) that the RFC reserves.
    #[error("frame header has the reserved opcode {0:#x}; use 0x0 to 0x2 and 0x8 to 0xa")]
    ReservedOpcode(u8),
    /// A ping, pong or close frame without the final bit.
    #[error("control frame is fragmented; send it in one frame")]
    FragmentedControl,
    /// A ping, pong or close frame whose header announces more than 125 bytes.
    #[error("control frame announces a payload over 125 bytes; send a shorter one")]
    LongControl,
    /// A payload length that fits into a shorter form than the one used.
    #[error("payload length is not in its shortest form; use 7 bits up to 125, 16 bits up to 65535")]
    LongerLengthForm,
    /// A 64-bit payload length with its highest bit set.
    #[error("64-bit payload length has its highest bit set; it must be 0")]
    NegativeLength,
    /// A continuation frame while no message is open.
    #[error("continuation frame without a message to continue; start with a text or binary frame")]
    LoneContinuation,
    /// A text or binary frame while another message is open.
    #[error("text or binary frame inside a fragmented message; finish that message first")]
    InterruptedMessage,
    /// A server received a frame without a mask.
    #[error("frame from the client is not masked; clients must mask every frame")]
    NotMasked,
    /// A client received a frame with a mask.
    #[error("frame from the server is masked; servers must not mask")]
    Masked,
    /// A text message with bytes that are not UTF-8, or that ends within a character.
    #[error("text message is not UTF-8; send other data as binary messages")]
    InvalidUtf8,
    /// A close frame of one byte: a code takes two.
    #[error("close frame has a payload of one byte; send none, or a code of two bytes and a reason")]
    ShortClose,
    /// A close frame with a code (the number here) that must not be sent.
    #[error("close frame has the code {0}, which must not be sent; use 1000 or 3000 to 4999")]
    ForbiddenCloseCode(u16),
    /// A close frame whose reason is not UTF-8.
    #[error("reason of the close frame is not UTF-8")]
    InvalidCloseReason,
    /// A message of more frames than [`DecoderLimits::fragments`](super::DecoderLimits::fragments) (the number here).
    #[error("message has more than {0} fragments; send fewer and longer ones")]
    TooManyFragments(usize),
    /// A message longer than [`DecoderLimits::skip`](super::DecoderLimits::skip) (the number here).
    #[error("message is far over the limit, longer than {0} bytes; send smaller messages")]
    MessageTooBig(usize),
}

impl ProtocolError {
    /// The code that the close frame to this peer carries.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidCloseReason => CloseCode::INVALID_PAYLOAD,
            Self::TooManyFragments(_) => CloseCode::POLICY_VIOLATION,
            Self::MessageTooBig(_) => CloseCode::MESSAGE_TOO_BIG,
            Self::ReservedBits
            | Self::ReservedOpcode(_)
            | Self::FragmentedControl
            | Self::LongControl
            | Self::LongerLengthForm
            | Self::NegativeLength
            | Self::LoneContinuation
            | Self::InterruptedMessage
            | Self::NotMasked
            | Self::Masked
            | Self::ShortClose
            | Self::ForbiddenCloseCode(_) => CloseCode::PROTOCOL_ERROR,
        }
    }
}
