//! WebSocket frames, as far as a benchmark needs them.

/// A whole text message, as a server sends it.
pub const TEXT: u8 = 1;
/// A whole binary message.
pub const BINARY: u8 = 2;
/// The end of the connection.
pub const CLOSE: u8 = 8;
/// A question whether the other side is there.
pub const PING: u8 = 9;
/// The answer to that.
pub const PONG: u8 = 10;
/// What all frames of a generator are masked with: fixed, so that they can be built beforehand.
pub const MASK: [u8; 4] = [0x5a, 0x17, 0xc3, 0x99];

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// [`TEXT`], [`CLOSE`] and so on; 0 continues a message.
    pub opcode: u8,
    /// Whether it is the last of its message.
    pub is_last: bool,
    /// What the payload is masked with.
    pub mask: Option<[u8; 4]>,
    /// Bytes of this header.
    pub size: usize,
    /// Bytes of payload.
    pub length: u64,
}

impl Header {
    /// The header that these bytes begin with; none where they are too few.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[first, second], _) = bytes.split_first_chunk()?;
        let (mut size, length) = match second & 0x7f {
            126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
            127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
            length => (2, u64::from(length)),
        };
        let mut mask = None;
        if second & 0x80 != 0 {
            mask = Some(*bytes.get(size..)?.first_chunk()?);
            size += 4;
        }
        Some(Self {
            opcode: first & 0x0f,
            is_last: first & 0x80 != 0,
            mask,
            size,
            length,
        })
    }

    /// Whether a message ends with this frame.
    #[inline]
    pub fn ends_message(&self) -> bool {
        self.is_last && self.opcode <= BINARY
    }

    /// Whether the connection itself is spoken of.
    #[inline]
    pub fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }
}

/// A frame from a client, masked.
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    push_header(&mut frame, opcode, payload.len(), 0x80);
    frame.extend(MASK);
    let start = frame.len();
    frame.extend_from_slice(payload);
    xor(&mut frame[start..], MASK);
    frame
}

/// Begins a frame from a server: its payload of this length is to follow.
#[inline]
pub fn push_unmasked_header(frame: &mut Vec<u8>, opcode: u8, length: usize) {
    push_header(frame, opcode, length, 0);
}

/// Masks or unmasks a whole payload.
#[inline]
pub fn xor(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[inline]
fn push_header(frame: &mut Vec<u8>, opcode: u8, length: usize, mask_bit: u8) {
    frame.push(0x80 | opcode);
    match length {
        0..=125 => frame.push(mask_bit | length as u8),
        126..=0xffff => {
            frame.push(mask_bit | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        _ => {
            frame.push(mask_bit | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_where_the_payload_is() {
        for length in [0, 5, 125, 126, 1024, 0xffff, 0x1_0000] {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut frame = masked(TEXT, &payload);
            let header = Header::parse(&frame).unwrap();
            assert_eq!((header.opcode, header.is_last, header.mask), (TEXT, true, Some(MASK)));
            assert_eq!(header.length, length);
            xor(&mut frame[header.size..], MASK);
            assert_eq!(&frame[header.size..], payload);
            for cut in 0..header.size {
                assert_eq!(Header::parse(&frame[..cut]), None);
            }
        }
    }
}
