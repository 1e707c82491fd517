//! What a server speaks, over all its listeners.

use std::sync::Arc;

use switchboard_wire::{Dialect, Format, native};

use super::{Protocol, ServerError};
use crate::http::Encodings;
use crate::switchboard::{ENCODINGS, Encoding, Framing};

/// The encodings that listeners ask for; the native ones of WebSockets come first.
pub(super) struct Spoken {
    encodings: Vec<Encoding>,
    /// The native dialect in lines, where somebody speaks it.
    native_lines: Option<u8>,
    /// A dialect of bytes was given to a listener of lines.
    has_bytes_in_lines: bool,
}

impl Default for Spoken {
    fn default() -> Self {
        let websocket = |dialect| Encoding {
            dialect,
            framing: Framing::WebSocket,
        };
        Self {
            encodings: vec![
                websocket(Arc::new(native::Json)),
                websocket(Arc::new(native::MessagePack)),
            ],
            native_lines: None,
            has_bytes_in_lines: false,
        }
    }
}

impl Spoken {
    /// What a listener of this protocol offers, with a dialect of its own or without.
    pub(super) fn offer(&mut self, protocol: &Protocol, dialect: Option<Arc<dyn Dialect>>) -> Encodings {
        match (protocol, dialect) {
            (Protocol::Http | Protocol::Backend(_), None) => Encodings::Native,
            (Protocol::Http | Protocol::Backend(_), Some(dialect)) => {
                Encodings::Only(self.add(dialect, Framing::WebSocket))
            }
            (Protocol::Lines, None) => {
                let native = self
                    .native_lines
                    .unwrap_or_else(|| self.add(Arc::new(native::Json), Framing::Lines));
                self.native_lines = Some(native);
                Encodings::Only(native)
            }
            (Protocol::Lines, Some(dialect)) => {
                self.has_bytes_in_lines |= dialect.format() == Format::MessagePack;
                Encodings::Only(self.add(dialect, Framing::Lines))
            }
        }
    }

    fn add(&mut self, dialect: Arc<dyn Dialect>, framing: Framing) -> u8 {
        self.encodings.push(Encoding { dialect, framing });
        u8::try_from(self.encodings.len() - 1).unwrap_or(u8::MAX)
    }

    pub(super) fn finish(self) -> Result<Vec<Encoding>, ServerError> {
        if self.has_bytes_in_lines {
            return Err(ServerError::Config(
                "a dialect of MessagePack was given to a listener of lines: these carry JSON text".to_owned(),
            ));
        }
        if self.encodings.len() > ENCODINGS {
            return Err(ServerError::Config(format!(
                "{} dialects beside the native one are too many: a server can speak {}",
                self.encodings.len() - 2,
                ENCODINGS - 2
            )));
        }
        Ok(self.encodings)
    }
}
