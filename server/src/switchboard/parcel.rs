//! What lies in an outbox: one reply, encoded once for all who speak alike.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, OnceLock};

use switchboard_wire::websocket::{FrameHeader, MessageKind, Opcode};
use switchboard_wire::{Dialect, EncodeError, Frame, RawPayload, Text, Written, lines};

use crate::throttle::Throttle;

/// How many encodings a server can speak.
pub(crate) const ENCODINGS: usize = 6;

/// A dialect in the framing of a transport: clients with the same encoding share bytes.
#[derive(Clone, Debug)]
pub(crate) struct Encoding {
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) framing: Framing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    WebSocket,
    Lines,
}

impl Encoding {
    /// Writes one frame as it goes to the socket; it lies at the end of `out`. Empty where the dialect has nothing to write.
    pub(crate) fn encode<'o>(&self, frame: &Frame<'_>, out: &'o mut Vec<u8>) -> Result<&'o [u8], EncodeError> {
        out.clear();
        match self.framing {
            Framing::WebSocket => {
                // The header comes before the payload, whose length it says.
                out.extend_from_slice(&[0; WEBSOCKET_HEADER]);
                let kind = match self.dialect.write(frame, out)? {
                    Written::Text => MessageKind::Text,
                    Written::Binary => MessageKind::Binary,
                    Written::Nothing => return Ok(&[]),
                };
                let start = put_header(kind, out);
                Ok(&out[start..])
            }
            Framing::Lines => {
                if self.dialect.write(frame, out)? == Written::Nothing {
                    return Ok(&[]);
                }
                out.extend_from_slice(lines::END);
                Ok(out)
            }
        }
    }
}

/// Puts the header of a WebSocket frame into the room that was left in front of its payload; says where it begins.
#[inline]
pub(super) fn put_header(kind: MessageKind, out: &mut [u8]) -> usize {
    let opcode = match kind {
        MessageKind::Text => Opcode::Text,
        MessageKind::Binary => Opcode::Binary,
    };
    let header = FrameHeader::new(opcode, out.len() - WEBSOCKET_HEADER);
    // Short ones, which most are, without a call.
    if let &[first, second] = &*header {
        [out[WEBSOCKET_HEADER - 2], out[WEBSOCKET_HEADER - 1]] = [first, second];
        return WEBSOCKET_HEADER - 2;
    }
    let start = WEBSOCKET_HEADER - header.len();
    out[start..WEBSOCKET_HEADER].copy_from_slice(&header);
    start
}

/// The thread's buffer to write a frame in. Taken, not borrowed: a dialect may itself write one.
pub(crate) struct Scratch(pub(crate) Vec<u8>);

impl Scratch {
    #[inline]
    pub(crate) fn take() -> Self {
        Self(SCRATCH.try_with(Cell::take).unwrap_or_default())
    }
}

impl Drop for Scratch {
    #[inline]
    fn drop(&mut self) {
        if self.0.capacity() <= SCRATCH_KEPT {
            let scratch = std::mem::take(&mut self.0);
            let _ = SCRATCH.try_with(|kept| kept.set(scratch));
        }
    }
}

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
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

    /// A frame of the transport.
    pub(crate) fn control(encoding: u8, bytes: Box<[u8]>) -> Arc<Self> {
        Self::encoded(Text::from(""), Kind::Control, encoding, bytes)
    }

    #[cfg(test)]
    pub(crate) fn encoded_delivery(name: Text, encoding: u8, bytes: Box<[u8]>) -> Arc<Self> {
        Self::encoded(name, Kind::Delivery, encoding, bytes)
    }

    fn encoded(name: Text, kind: Kind, encoding: u8, bytes: Box<[u8]>) -> Arc<Self> {
        let parcel = Self {
            name,
            mailbox: None,
            kind,
            payload: None,
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
                match encoding.encode(&frame, &mut Scratch::take().0) {
                    Ok(bytes) => Some(bytes.into()),
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

/// The longest header of a frame that is not masked.
pub(super) const WEBSOCKET_HEADER: usize = 10;
/// A scratch buffer that grew beyond this is given back, so that one large message is not paid for for ever.
const SCRATCH_KEPT: usize = 256 << 10;
