use bytes::BufMut;

use super::event::may_be_sent;
use super::{CONTROL_PAYLOAD, FrameHeader, MaskKey, Opcode, apply_mask};
use crate::CloseCode;

/// Appends a text message in one frame.
///
/// `mask` is `None` for a server and a fresh key for a client, here and in the other `encode_*` functions. `out` is any
/// growing buffer, as `Vec<u8>` and [`BytesMut`](bytes::BytesMut) are; a buffer of fixed size that is too short panics.
///
/// ```
/// use switchboard_wire::websocket::encode_text;
///
/// let mut out = Vec::new();
/// encode_text("hi", None, &mut out);
/// assert_eq!(out, [0x81, 2, b'h', b'i']);
/// ```
pub fn encode_text(text: &str, mask: Option<MaskKey>, out: &mut impl BufMut) {
    append(Opcode::Text, text.as_bytes(), mask, out);
}

/// Appends a binary message in one frame.
pub fn encode_binary(payload: &[u8], mask: Option<MaskKey>, out: &mut impl BufMut) {
    append(Opcode::Binary, payload, mask, out);
}

/// Appends a ping.
///
/// # Panics
///
/// When the payload is longer than [`CONTROL_PAYLOAD`].
pub fn encode_ping(payload: &[u8], mask: Option<MaskKey>, out: &mut impl BufMut) {
    append_control(Opcode::Ping, payload, mask, out);
}

/// Appends a pong, which carries the payload of the ping that it answers.
///
/// # Panics
///
/// When the payload is longer than [`CONTROL_PAYLOAD`]; one that a [`Decoder`](super::Decoder) handed out never is.
pub fn encode_pong(payload: &[u8], mask: Option<MaskKey>, out: &mut impl BufMut) {
    append_control(Opcode::Pong, payload, mask, out);
}

/// Appends a close frame: the last frame that may be sent.
///
/// The reason is cut to the 123 bytes that there is room for, between characters. A code that must not be sent, such as
/// [`CloseCode::NO_STATUS`], gives a close frame without code and reason; so a peer's close frame is answered in kind.
///
/// ```
/// use switchboard_wire::CloseCode;
/// use switchboard_wire::websocket::encode_close;
///
/// let mut out = Vec::new();
/// encode_close(CloseCode::NORMAL, "bye", None, &mut out);
/// assert_eq!(out, [0x88, 5, 0x03, 0xE8, b'b', b'y', b'e']);
///
/// out.clear();
/// encode_close(CloseCode::NO_STATUS, "", None, &mut out);
/// assert_eq!(out, [0x88, 0]);
/// ```
pub fn encode_close(code: CloseCode, reason: &str, mask: Option<MaskKey>, out: &mut impl BufMut) {
    if !may_be_sent(code.get()) {
        return append_control(Opcode::Close, &[], mask, out);
    }
    let mut payload = [0; CONTROL_PAYLOAD];
    let end = 2 + reason.floor_char_boundary(CONTROL_PAYLOAD - 2);
    payload[..2].copy_from_slice(&code.get().to_be_bytes());
    payload[2..end].copy_from_slice(&reason.as_bytes()[..end - 2]);
    append_control(Opcode::Close, &payload[..end], mask, out);
}

fn append_control(opcode: Opcode, payload: &[u8], mask: Option<MaskKey>, out: &mut impl BufMut) {
    let len = payload.len();
    assert!(
        len <= CONTROL_PAYLOAD,
        "a control frame carries at most {CONTROL_PAYLOAD} bytes, not {len}"
    );
    append(opcode, payload, mask, out);
}

fn append(opcode: Opcode, payload: &[u8], mask: Option<MaskKey>, out: &mut impl BufMut) {
    let header = FrameHeader::new(opcode, payload.len());
    match mask {
        None => {
            out.put_slice(&header);
            out.put_slice(payload);
        }
        Some(key) => {
            out.put_slice(&header.with_mask(key));
            let mut masked = [0; MASKING_CHUNK];
            for chunk in payload.chunks(MASKING_CHUNK) {
                let masked = &mut masked[..chunk.len()];
                masked.copy_from_slice(chunk);
                apply_mask(key, masked);
                out.put_slice(masked);
            }
        }
    }
}

/// Bytes that are masked at once, on the stack; a multiple of four, so that each chunk begins with the key's first byte.
const MASKING_CHUNK: usize = 1024;
