//! What lies in an outbox: one reply, encoded once for all who speak alike.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, OnceLock};

use switchboard_wire::websocket::{FrameHeader, MessageKind, Opcode};
use switchboard_wire::{Dialect, EncodeError, Frame, RawPayload, Text};

use crate::throttle::Throttle;

/// How many encodings a server can speak.
pub(crate) const ENCODINGS: usize = 4;

/// A dialect in the framing of a transport: clients with the same encoding share bytes.
#[derive(Clone, Debug)]
pub(crate) struct Encoding {
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) framing: Framing,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    WebSocket,
}

impl Encoding {
    /// The bytes of one frame, as they go to the socket.
    pub(crate) fn encode(&self, frame: &Frame<'_>) -> Result<Box<[u8]>, EncodeError> {
        thread_local! {
            static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        SCRATCH.with_borrow_mut(|unit| {
            unit.clear();
            let kind = self.dialect.write(frame, unit)?;
            let bytes = match self.framing {
                Framing::WebSocket => websocket_frame(kind, unit),
            };
            if unit.capacity() > SCRATCH_KEPT {
                *unit = Vec::new();
            }
            Ok(bytes)
        })
    }
}

fn websocket_frame(kind: MessageKind, payload: &[u8]) -> Box<[u8]> {
    let opcode = match kind {
        MessageKind::Text => Opcode::Text,
        MessageKind::Binary => Opcode::Binary,
    };
    let header = FrameHeader::new(opcode, payload.len());
    let mut frame = Vec::with_capacity(header.len() + payload.len());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(payload);
    frame.into_boxed_slice()
}

/// One reply on its way to one client or to many.
pub(crate) struct Parcel {
    pub(crate) name: Text,
    pub(crate) mailbox: Option<Text>,
    pub(crate) kind: Kind,
    pub(crate) payload: Option<RawPayload>,
    frames: [OnceLock<Option<Box<[u8]>>>; ENCODINGS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Answer,
    Delivery,
    /// Pings, pongs and close frames: of the transport, never handed back.
    Control,
}

impl Parcel {
    /// A delivery, to be encoded when the first recipient of an encoding comes.
    pub(crate) fn delivery(name: Text, mailbox: Option<Text>, payload: Option<RawPayload>) -> Arc<Self> {
        Arc::new(Self {
            name,
            mailbox,
            kind: Kind::Delivery,
            payload,
            frames: Default::default(),
        })
    }

    /// An answer, encoded already.
    pub(crate) fn answer(name: Text, payload: Option<RawPayload>, encoding: u8, bytes: Box<[u8]>) -> Arc<Self> {
        Self::encoded(name, payload, Kind::Answer, encoding, bytes)
    }

    /// A frame of the transport.
    pub(crate) fn control(encoding: u8, bytes: Box<[u8]>) -> Arc<Self> {
        Self::encoded(Text::from(""), None, Kind::Control, encoding, bytes)
    }

    #[cfg(test)]
    pub(crate) fn encoded_delivery(name: Text, encoding: u8, bytes: Box<[u8]>) -> Arc<Self> {
        Self::encoded(name, None, Kind::Delivery, encoding, bytes)
    }

    fn encoded(name: Text, payload: Option<RawPayload>, kind: Kind, encoding: u8, bytes: Box<[u8]>) -> Arc<Self> {
        let parcel = Self {
            name,
            mailbox: None,
            kind,
            payload,
            frames: Default::default(),
        };
        if let Some(frame) = parcel.frames.get(usize::from(encoding)) {
            frame.get_or_init(|| Some(bytes));
        }
        Arc::new(parcel)
    }

    /// The bytes for this encoding, made at the first call for it; none where the payload cannot be written in it.
    pub(crate) fn prepare(&self, index: u8, encoding: &Encoding, told: &Throttle) -> Option<&[u8]> {
        let frame = self.frames.get(usize::from(index))?;
        frame
            .get_or_init(|| {
                let frame = Frame::Delivery {
                    name: &self.name,
                    mailbox: self.mailbox.as_deref(),
                    payload: self.payload.as_ref(),
                };
                match encoding.encode(&frame) {
                    Ok(bytes) => Some(bytes),
                    Err(error) => {
                        if told.may_tell() {
                            tracing::warn!(name = %self.name, %error, "a delivery cannot be written in a recipient's format (told once a minute)");
                        }
                        None
                    }
                }
            })
            .as_deref()
    }

    /// The bytes for this encoding where they were [prepared](Self::prepare).
    pub(crate) fn bytes(&self, index: u8) -> &[u8] {
        self.frames
            .get(usize::from(index))
            .and_then(OnceLock::get)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("name", &self.name)
            .field("mailbox", &self.mailbox)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A scratch buffer that grew beyond this is given back, so that one large message is not paid for for ever.
const SCRATCH_KEPT: usize = 256 << 10;
