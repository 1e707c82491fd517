/// What a [`Decoder`](super::Decoder) takes from a peer. One value serves all connections of a listener.
///
/// ```
/// use switchboard_wire::websocket::DecoderLimits;
///
/// let limits = DecoderLimits::with_message(256 * 1024);
/// assert_eq!(limits.skip, 4 * 1024 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderLimits {
    /// The longest message that is delivered, in bytes of payload over all its fragments. 64 KiB by default.
    ///
    /// A longer one becomes [`Event::TooLarge`](super::Event::TooLarge) and its bytes are dropped as they come.
    pub message: usize,
    /// How many frames one message may consist of. 1024 by default; a message in one frame is always taken.
    ///
    /// One frame more is [`ProtocolError::TooManyFragments`](super::ProtocolError::TooManyFragments).
    pub fragments: usize,
    /// The longest message that is skipped, in bytes. 16 times `message` by default.
    ///
    /// A frame header that announces more is [`ProtocolError::MessageTooBig`](super::ProtocolError::MessageTooBig), before
    /// any of its payload came.
    pub skip: usize,
    /// How many first bytes of a skipped message are kept to look for its sender's mark. 512 by default.
    pub prefix: usize,
}

impl DecoderLimits {
    /// The limits that go with a longest message of so many bytes.
    pub const fn with_message(message: usize) -> Self {
        Self {
            message,
            fragments: 1024,
            skip: message.saturating_mul(16),
            prefix: 512,
        }
    }
}

impl Default for DecoderLimits {
    fn default() -> Self {
        Self::with_message(64 * 1024)
    }
}
