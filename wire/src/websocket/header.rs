use std::ops::Deref;

use super::{MaskKey, ProtocolError, Role};

/// The longest payload of a ping, pong or close frame, in bytes.
pub const CONTROL_PAYLOAD: usize = 125;

/// What a frame is ([RFC 6455, section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// The next fragment of the open message.
    Continuation = 0x0,
    /// A text message or its first fragment.
    Text = 0x1,
    /// A binary message or its first fragment.
    Binary = 0x2,
    /// The sender's last frame.
    Close = 0x8,
    /// Asks for a pong.
    Ping = 0x9,
    /// Answers a ping.
    Pong = 0xA,
}

impl Opcode {
    /// Whether this is a close, ping or pong: short, never fragmented, allowed between the fragments of a message.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }
}

/// The bytes of a frame's header, to be written before the payload.
///
/// With it a sender prepends a header to bytes that many recipients share:
///
/// ```
/// use switchboard_wire::websocket::{FrameHeader, Opcode};
///
/// let payload: &[u8] = b"one payload for all";
/// let header = FrameHeader::new(Opcode::Text, payload.len());
/// assert_eq!(*header, [0x81, 19]);
/// assert_eq!(*header.with_mask([1, 2, 3, 4]), [0x81, 0x80 | 19, 1, 2, 3, 4]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    bytes: [u8; MAX_HEADER],
    len: u8,
}

impl FrameHeader {
    /// The header of a frame that is the last (or only) one of its message, without a mask.
    ///
    /// `len` is the length of the payload in bytes. It is the caller's to keep control frames within [`CONTROL_PAYLOAD`].
    #[inline]
    pub const fn new(opcode: Opcode, len: usize) -> Self {
        let mut bytes = [0; MAX_HEADER];
        bytes[0] = FINAL | opcode as u8;
        let wide = (len as u64).to_be_bytes();
        let end = if len < LENGTH_16 as usize {
            bytes[1] = len as u8;
            2
        } else if len <= u16::MAX as usize {
            bytes[1] = LENGTH_16;
            (bytes[2], bytes[3]) = (wide[6], wide[7]);
            4
        } else {
            bytes[1] = LENGTH_64;
            let mut at = 0;
            while at < 8 {
                bytes[2 + at] = wide[at];
                at += 1;
            }
            10
        };
        Self { bytes, len: end }
    }

    /// The same header for a frame after which more fragments of its message come.
    pub const fn with_more(mut self) -> Self {
        self.bytes[0] &= !FINAL;
        self
    }

    /// The same header for a payload that is masked with this key, as a client's must be.
    ///
    /// # Panics
    ///
    /// When it has a mask already.
    pub const fn with_mask(mut self, key: MaskKey) -> Self {
        assert!(self.bytes[1] & MASKED == 0, "a frame header takes one mask");
        self.bytes[1] |= MASKED;
        let mut at = 0;
        while at < 4 {
            self.bytes[self.len as usize + at] = key[at];
            at += 1;
        }
        self.len += 4;
        self
    }
}

impl Deref for FrameHeader {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl AsRef<[u8]> for FrameHeader {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// What a received header says, with everything about it checked that can be without knowing other frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    pub(super) len: u64,
    pub(super) key: MaskKey,
}

impl Header {
    /// Reads the header at the start of `bytes`, and how long it is. `None` when it is cut off; what is there is checked
    /// nevertheless, so that a wrong field is refused as soon as it has come.
    pub(super) fn parse(role: Role, bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        if first & RESERVED != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let bits = first & 0x0F;
        let Some(opcode) = Opcode::from_bits(bits) else {
            return Err(ProtocolError::ReservedOpcode(bits));
        };
        let is_final = first & FINAL != 0;
        if opcode.is_control() && !is_final {
            return Err(ProtocolError::FragmentedControl);
        }

        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        match (role, second & MASKED != 0) {
            (Role::Server, false) => return Err(ProtocolError::NotMasked),
            (Role::Client, true) => return Err(ProtocolError::Masked),
            (Role::Server, true) | (Role::Client, false) => {}
        }
        let short = second & !MASKED;
        if opcode.is_control() && usize::from(short) > CONTROL_PAYLOAD {
            return Err(ProtocolError::LongControl);
        }

        let rest = &bytes[2..];
        let (len, rest) = match short {
            LENGTH_16 => {
                let Some((&wide, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                let len = u64::from(u16::from_be_bytes(wide));
                if len < u64::from(LENGTH_16) {
                    return Err(ProtocolError::LongerLengthForm);
                }
                (len, rest)
            }
            LENGTH_64 => {
                if rest.first().is_some_and(|&byte| byte >= 0x80) {
                    return Err(ProtocolError::NegativeLength);
                }
                let Some((&wide, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                let len = u64::from_be_bytes(wide);
                if len <= u64::from(u16::MAX) {
                    return Err(ProtocolError::LongerLengthForm);
                }
                (len, rest)
            }
            _ => (u64::from(short), rest),
        };

        let (key, rest) = match role {
            Role::Client => (MaskKey::default(), rest),
            Role::Server => {
                let Some((&key, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                (key, rest)
            }
        };
        Ok(Some((
            Self {
                opcode,
                is_final,
                len,
                key,
            },
            bytes.len() - rest.len(),
        )))
    }
}

/// A masked text message in one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoneText {
    pub(super) header_len: usize,
    pub(super) len: usize,
    pub(super) key: MaskKey,
}

impl LoneText {
    /// The one that `bytes` begin with, where they hold all of it and its length takes two bytes at most. It says what
    /// [`Header::parse`] says, and `None` where that has anything to object to.
    #[inline]
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        if first != FINAL | Opcode::Text as u8 || second < MASKED {
            return None;
        }
        let (header_len, len, rest) = match second & !MASKED {
            LENGTH_16 => {
                let (&wide, rest) = rest.split_first_chunk()?;
                let len = usize::from(u16::from_be_bytes(wide));
                (8, (len >= usize::from(LENGTH_16)).then_some(len)?, rest)
            }
            LENGTH_64 => return None,
            short => (6, usize::from(short), rest),
        };
        let (&key, payload) = rest.split_first_chunk()?;
        (len <= payload.len()).then_some(Self { header_len, len, key })
    }
}

/// Two bytes, a length of eight, a mask of four.
pub(super) const MAX_HEADER: usize = 14;

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
/// In the seven bits of the length: a length of 16 bits follows.
const LENGTH_16: u8 = 126;
/// In the seven bits of the length: a length of 64 bits follows.
const LENGTH_64: u8 = 127;
