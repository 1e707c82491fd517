//! A server for WebSocket test suites: it echoes whatever comes, text as text and bytes as bytes, with its limits raised.
//!
//! It shows what a dialect of one's own takes: units that are no envelopes at all reach an ordinary controller.
//!
//! ```sh
//! cargo run --example autobahn -- --bind 127.0.0.1:9001
//! ```

use std::time::Duration;

use clap::Parser;
use switchboard::prelude::*;
use switchboard::wire::{
    Binary, Dialect, EncodeError, Format, Formats, Frame, Incoming, Malformed, RawPayload, ReadLimits, Text, Ticket,
    Uid, Unit, Written,
};

#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9001")]
    bind: String,
}

/// Every unit is the payload of a message `echo`, and every answer is its payload alone.
#[derive(Debug)]
struct Plain;

impl Dialect for Plain {
    fn read(&self, unit: Unit<'_>, _: &ReadLimits) -> Result<Incoming, Box<Malformed>> {
        let payload = match unit {
            Unit::Text(text) => RawPayload::encode(text, Formats::JSON),
            Unit::Binary(bytes) => RawPayload::encode(&Binary::from(bytes.to_vec()), Formats::MESSAGE_PACK),
        };
        let ticket = Ticket::new(Uid::integer(0), false);
        match payload {
            Ok(payload) => Ok(Incoming {
                message: Message::new("echo").with_payload(payload),
                ticket,
            }),
            Err(error) => Err(Box::new(Malformed {
                error: Error::internal(error),
                name: None,
                ticket,
            })),
        }
    }

    fn read_prefix(&self, _: &[u8]) -> (Option<Text>, Ticket) {
        (None, Ticket::default())
    }

    fn write(&self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<Written, EncodeError> {
        let Frame::Answer {
            payload: Some(payload), ..
        } = frame
        else {
            out.extend_from_slice(format!("{frame:?}").as_bytes());
            return Ok(Written::Text);
        };
        if let Ok(bytes) = payload.decode::<Binary>()
            && payload.message_pack().is_some()
        {
            out.extend_from_slice(&bytes);
            return Ok(Written::Binary);
        }
        let text: String = payload.decode().unwrap_or_default();
        out.extend_from_slice(text.as_bytes());
        Ok(Written::Text)
    }

    fn format(&self) -> Format {
        Format::Json
    }
}

/// Gives back what it got.
#[silent("echo")]
fn echo(message: Message) -> Message {
    message
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ServerError> {
    let arguments = Arguments::parse();
    let limits = Limits {
        message_bytes: 32 << 20,
        fragments: 1 << 20,
        outbox_bytes: 256 << 20,
        outbox_messages: 1 << 20,
        read_ahead_bytes: 256 << 20,
        heartbeat: Duration::from_secs(3600),
        idle: Duration::from_secs(7200),
        ..Limits::default()
    };
    let listener = Listener::from(arguments.bind).dialect(Plain);
    Server::new().limits(limits).path("/").serve(listener).await
}
