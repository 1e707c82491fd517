//! Messages in lines.

use std::io;

use switchboard_wire::lines::{Decoder, END, Event};
use switchboard_wire::native::write_message;
use switchboard_wire::{CloseCode, Format, Message, Unit};

use super::{Broken, Incoming};
use crate::limits::Limits;
use crate::shared::{PING, PING_UID};

#[derive(Debug)]
pub(crate) struct Framing {
    decoder: Decoder,
    limit: usize,
}

impl Framing {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            decoder: Decoder::new(),
            limit: limits.received_bytes,
        }
    }

    pub(super) fn read(&mut self, bytes: &[u8], each: &mut dyn FnMut(Incoming<'_>)) -> Result<(), Broken> {
        let mut input = bytes;
        loop {
            match self.decoder.next(&mut input, self.limit) {
                Ok(Some(Event::Line(line))) => match str::from_utf8(line) {
                    Ok(text) => each(Incoming::Unit(Unit::Text(text))),
                    Err(error) => each(Incoming::Malformed(&error)),
                },
                Ok(Some(Event::TooLarge { prefix, suffix })) => each(Incoming::TooLarge(prefix, suffix)),
                Ok(None) => return Ok(()),
                Err(endless) => {
                    return Err(Broken {
                        code: CloseCode::MESSAGE_TOO_BIG,
                        reason: endless.to_string().into(),
                    });
                }
            }
        }
    }
}

pub(super) fn write(message: &Message, receipt: bool, out: &mut Vec<u8>) -> io::Result<()> {
    let start = out.len();
    if let Err(error) = write_message(message, receipt, Format::Json, out) {
        out.truncate(start);
        return Err(io::Error::other(error));
    }
    out.extend_from_slice(END);
    Ok(())
}

pub(super) fn ping(out: &mut Vec<u8>) -> io::Result<()> {
    write(&Message::new(PING).with_uid(Some(PING_UID)), false, out)
}
