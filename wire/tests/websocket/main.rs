//! WebSocket framing as a peer sees it: which bytes become which events, and which are refused.

mod cuts;
mod encode;
mod limits;
mod opening;
mod rules;

use switchboard_wire::websocket::{Decoder, DecoderLimits, Event, FrameHeader, Input, MaskKey, MessageKind, Role};
use switchboard_wire::websocket::{ProtocolError, apply_mask};

/// An event that can be kept, or the error.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    TooLarge(MessageKind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Error(ProtocolError),
}

impl Seen {
    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(payload) => Self::Binary(payload.to_vec()),
            Event::TooLarge { kind, prefix } => Self::TooLarge(kind, prefix.to_vec()),
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(close) => Self::Close(close.map(|close| (close.code.get(), close.reason.to_owned()))),
        }
    }
}

/// All that one read brings.
fn read(decoder: &mut Decoder, limits: &DecoderLimits, bytes: &[u8]) -> Vec<Seen> {
    let mut bytes = bytes.to_vec();
    let mut input = Input::new(&mut bytes);
    let mut seen = Vec::new();
    loop {
        match decoder.next(&mut input, limits) {
            Ok(Some(event)) => seen.push(event.into()),
            Ok(None) => return seen,
            Err(error) => seen.push(Seen::Error(error)),
        }
    }
}

/// What a new decoder sees in these reads.
fn decode<'a>(role: Role, limits: &DecoderLimits, reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut decoder = Decoder::new(role);
    reads
        .into_iter()
        .flat_map(|bytes| read(&mut decoder, limits, bytes))
        .collect()
}

/// Frames as a server sends them, the last of which may be cut off or wrong, as a client would send them.
fn masked(frames: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = frames;
    let mut key: MaskKey = [0x9A, 0x01, 0xF0, 0x7E];
    while let [first, second, tail @ ..] = rest {
        out.extend([*first, second | 0x80]);
        let width = match second {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if width > 0 && tail.len() <= width {
            // The last byte of a length is where a wrong length shows, before any mask.
            out.extend(tail);
            return out;
        }
        let (wide, tail) = tail.split_at(width);
        out.extend(wide);
        out.extend(key);
        let len = match width {
            0 => usize::from(*second),
            _ => wide.iter().fold(0, |len, &byte| len << 8 | usize::from(byte)),
        };
        let (payload, tail) = tail.split_at(len.min(tail.len()));
        let start = out.len();
        out.extend(payload);
        apply_mask(key, &mut out[start..]);
        key.rotate_left(1);
        rest = tail;
    }
    out.extend(rest);
    out
}

/// The header and the payload of a frame, as a server sends it.
fn frame(header: FrameHeader, payload: &[u8]) -> Vec<u8> {
    [&header, payload].concat()
}
