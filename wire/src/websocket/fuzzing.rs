//! Bodies of the fuzz targets, and of the tests that feed random bytes.

use super::{
    Decoder, DecoderLimits, Event, Input, ProtocolError, Role, encode_binary, encode_close, encode_ping, encode_pong,
    encode_text,
};
use crate::CloseCode;

/// Decodes bytes that anybody may have sent, whole, cut into pieces, and byte by byte.
///
/// The first three bytes choose the role, the limits and the size of the pieces; the rest is the input.
///
/// # Panics
///
/// When the three disagree, when the decoder holds more than it may, or when an event does not survive encoding.
pub fn frames(data: &[u8]) {
    let [role, limits, piece, bytes @ ..] = data else {
        return;
    };
    let role = if role % 2 == 0 { Role::Server } else { Role::Client };
    let limits = match limits % 3 {
        0 => DecoderLimits::default(),
        1 => DecoderLimits {
            message: 40,
            fragments: 4,
            skip: 400,
            prefix: 10,
        },
        _ => DecoderLimits {
            message: 8,
            fragments: 1,
            skip: 300,
            prefix: 20,
        },
    };

    let whole = Outcome::of(role, &limits, bytes, bytes.len().max(1));
    assert_eq!(
        Outcome::of(role, &limits, bytes, usize::from(*piece).max(1)),
        whole,
        "in pieces of {piece}"
    );
    assert_eq!(Outcome::of(role, &limits, bytes, 1), whole, "byte by byte");

    let encoded = whole.encoded(role);
    let again = Outcome::of(role, &DecoderLimits::default(), &encoded, encoded.len().max(1));
    assert_eq!(again.error, None, "encoded again");
    assert_eq!(again.events, whole.encodable(), "encoded again");
}

/// All that came out of one input.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    events: Vec<Owned>,
    error: Option<ProtocolError>,
    is_idle: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owned {
    Text(String),
    Binary(Vec<u8>),
    TooLarge(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(CloseCode, String)>),
}

impl Outcome {
    fn of(role: Role, limits: &DecoderLimits, bytes: &[u8], piece: usize) -> Self {
        let bound = limits.message.max(limits.prefix) + Decoder::OVERHEAD;
        let mut decoder = Decoder::new(role);
        let mut events = Vec::new();
        let mut error = None;
        for piece in bytes.chunks(piece) {
            let mut piece = piece.to_vec();
            let mut input = Input::new(&mut piece);
            loop {
                let is_done = input.is_used_up() && decoder.is_idle();
                match decoder.next(&mut input, limits) {
                    Ok(Some(event)) => {
                        assert!(!is_done, "an event when there was nothing to say");
                        assert!(error.is_none(), "an event after an error");
                        events.push(Owned::from(event));
                    }
                    Ok(None) => break,
                    Err(found) => {
                        assert_eq!(error.replace(found), None, "an error after an error");
                    }
                }
                let held = decoder.held();
                assert!(held <= bound, "{held} bytes are held, {bound} are allowed");
            }
            assert!(input.rest().is_empty(), "input is left over");
            assert!(
                !decoder.is_idle() || decoder.held() == 0,
                "an idle decoder holds memory"
            );
        }
        Self {
            events,
            error,
            is_idle: decoder.is_idle(),
        }
    }

    /// The events that frames exist for.
    fn encodable(&self) -> Vec<Owned> {
        self.events
            .iter()
            .filter(|event| !matches!(event, Owned::TooLarge(_)))
            .cloned()
            .collect()
    }

    /// The same events as a peer of this role would send them.
    fn encoded(&self, role: Role) -> Vec<u8> {
        let mask = (role == Role::Server).then_some([0x5A, 0x00, 0xFF, 0x81]);
        let mut out = Vec::new();
        for event in &self.events {
            match event {
                Owned::Text(text) => encode_text(text, mask, &mut out),
                Owned::Binary(payload) => encode_binary(payload, mask, &mut out),
                Owned::TooLarge(_) => {}
                Owned::Ping(payload) => encode_ping(payload, mask, &mut out),
                Owned::Pong(payload) => encode_pong(payload, mask, &mut out),
                Owned::Close(None) => encode_close(CloseCode::NO_STATUS, "", mask, &mut out),
                Owned::Close(Some((code, reason))) => encode_close(*code, reason, mask, &mut out),
            }
        }
        out
    }
}

impl From<Event<'_>> for Owned {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(payload) => Self::Binary(payload.to_vec()),
            Event::TooLarge { prefix, .. } => Self::TooLarge(prefix.to_vec()),
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(close) => Self::Close(close.map(|close| (close.code, close.reason.to_owned()))),
        }
    }
}
