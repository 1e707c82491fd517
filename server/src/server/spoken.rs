//! What a server speaks, over all its listeners.

use std::any::Any;
use std::sync::Arc;

use switchboard_wire::{Dialect, Format, native};

use super::{Protocol, ServerError};
use crate::http::Encodings;
use crate::switchboard::{ENCODINGS, Encoding, Framing};

/// The encodings that listeners ask for; the native ones of WebSockets come first.
pub(super) struct Spoken {
    encodings: Vec<Encoding>,
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
            (Protocol::Lines, None) => Encodings::Only(self.add(Arc::new(native::Json), Framing::Lines)),
            (Protocol::Lines, Some(dialect)) => {
                self.has_bytes_in_lines |= dialect.format() == Format::MessagePack;
                Encodings::Only(self.add(dialect, Framing::Lines))
            }
        }
    }

    fn add(&mut self, dialect: Arc<dyn Dialect>, framing: Framing) -> u8 {
        let is_it = |other: &Encoding| other.framing == framing && is_same(&*other.dialect, &*dialect);
        if let Some(known) = self.encodings.iter().position(is_it) {
            return u8::try_from(known).unwrap_or(u8::MAX);
        }
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

/// Whether two dialects write alike, as far as that can be told: they are of one type, which has nothing to differ in.
fn is_same(one: &dyn Dialect, other: &dyn Dialect) -> bool {
    let type_of = |dialect: &dyn Dialect| (dialect as &dyn Any).type_id();
    type_of(one) == type_of(other) && size_of_val(one) == 0
}
