//! WebSockets: the handshake, and frames.

use std::io;

use switchboard_wire::connection::Stream;
use switchboard_wire::native::{self, SUBPROTOCOL_JSON, SUBPROTOCOL_MESSAGE_PACK};
use switchboard_wire::websocket::{
    Decoder, DecoderLimits, Event, Input, MaskKey, Opening, OpeningError, Role, encode_binary, encode_close,
    encode_ping, encode_pong, encode_text,
};
use switchboard_wire::{CloseCode, Format, Message, Unit};
use tokio::io::AsyncReadExt;

use super::{Broken, Incoming, no_randomness, write_all};
use crate::error::Ended;
use crate::limits::Limits;

pub(super) fn protocol(format: Format) -> &'static str {
    match format {
        Format::Json => SUBPROTOCOL_JSON,
        Format::MessagePack => SUBPROTOCOL_MESSAGE_PACK,
    }
}

/// Shakes hands; gives back what came behind the answer.
pub(super) async fn open(stream: &mut Stream, opening: &Opening) -> Result<Vec<u8>, Ended> {
    write_all(stream, opening.request().as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        let mut bytes = [0; 1024];
        let read = stream.read(&mut bytes).await.map_err(|error| Ended::lost(&error))?;
        answer.extend_from_slice(&bytes[..read]);
        match opening.read(&answer, read == 0) {
            Ok(Some(end)) => return Ok(answer.split_off(end)),
            Ok(None) => {}
            Err(OpeningError::Refused(refused)) => return Err(Ended::Refused(refused)),
            Err(error @ OpeningError::Ended) => return Err(Ended::Lost(error.to_string().into())),
            Err(error) => return Err(Ended::Broken(error.to_string().into())),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Framing {
    decoder: Decoder,
    limits: DecoderLimits,
    format: Format,
    masks: Masks,
    /// A message on its way into a frame.
    unit: Vec<u8>,
}

impl Framing {
    pub(super) fn new(format: Format, limits: &Limits) -> Self {
        Self {
            decoder: Decoder::new(Role::Client),
            limits: DecoderLimits::with_message(limits.received_bytes),
            format,
            masks: Masks::default(),
            unit: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, bytes: &mut [u8], each: &mut dyn FnMut(Incoming<'_>)) -> Result<(), Broken> {
        let mut input = Input::new(bytes);
        loop {
            match self.decoder.next(&mut input, &self.limits) {
                Ok(Some(event)) => each(match event {
                    Event::Text(text) => Incoming::Unit(Unit::Text(text)),
                    Event::Binary(bytes) => Incoming::Unit(Unit::Binary(bytes)),
                    Event::TooLarge { prefix, .. } => Incoming::TooLarge(prefix, &[]),
                    Event::Ping(payload) => Incoming::Ping(payload),
                    Event::Pong(_) => continue,
                    Event::Close(close) => Incoming::Close(close),
                }),
                Ok(None) => return Ok(()),
                Err(error) => {
                    return Err(Broken {
                        code: error.close_code(),
                        reason: error.to_string().into(),
                    });
                }
            }
        }
    }

    pub(super) fn write(&mut self, message: &Message, receipt: bool, out: &mut Vec<u8>) -> io::Result<()> {
        self.unit.clear();
        native::write_message(message, receipt, self.format, &mut self.unit).map_err(io::Error::other)?;
        let mask = Some(self.masks.next()?);
        match self.format {
            Format::Json => encode_text(str::from_utf8(&self.unit).map_err(io::Error::other)?, mask, out),
            Format::MessagePack => encode_binary(&self.unit, mask, out),
        }
        // A long message was an exception.
        self.unit.shrink_to(KEPT);
        Ok(())
    }

    pub(super) fn ping(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        encode_ping(&[], Some(self.masks.next()?), out);
        Ok(())
    }

    pub(super) fn pong(&mut self, payload: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        encode_pong(payload, Some(self.masks.next()?), out);
        Ok(())
    }

    pub(super) fn goodbye(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>) -> io::Result<()> {
        encode_close(code, reason, Some(self.masks.next()?), out);
        Ok(())
    }
}

/// Keys that nobody can predict, asked of the system 64 at a time.
#[derive(Debug)]
struct Masks {
    bytes: Box<[u8; 256]>,
    used: usize,
}

impl Masks {
    fn next(&mut self) -> io::Result<MaskKey> {
        if self.used == self.bytes.len() {
            getrandom::fill(&mut self.bytes[..]).map_err(no_randomness)?;
            self.used = 0;
        }
        let at = self.used;
        self.used += 4;
        Ok([
            self.bytes[at],
            self.bytes[at + 1],
            self.bytes[at + 2],
            self.bytes[at + 3],
        ])
    }
}

impl Default for Masks {
    fn default() -> Self {
        Self {
            bytes: Box::new([0; 256]),
            used: 256,
        }
    }
}

const KEPT: usize = 64 << 10;
