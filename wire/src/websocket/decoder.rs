use std::fmt;

use super::event::{CloseFrame, Event, MessageKind};
use super::header::{Header, LoneText, MAX_HEADER};
use super::partial::{PartialControl, PartialMessage, text};
use super::{DecoderLimits, MaskKey, Opcode, ProtocolError, apply_mask};

/// Turns the bytes of one connection into [`Event`]s.
///
/// It keeps what was cut off at the end of a read: the first bytes of a header, a payload's first part, the fragments of an
/// open message. What it keeps grows with what has arrived, never with what was announced, and is at most the larger of
/// [`DecoderLimits::message`] and [`DecoderLimits::prefix`], plus [`Decoder::OVERHEAD`]. Between messages it owns nothing
/// on the heap.
///
/// The [module's example](super) shows the loop around it. When a slow peer must be waited for, leave the loop and keep
/// [`Input::rest`]. A read that is cut within a message:
///
/// ```
/// use switchboard_wire::websocket::{Decoder, DecoderLimits, Event, Input, Role};
///
/// let limits = DecoderLimits::default();
/// let mut decoder = Decoder::new(Role::Client);
///
/// let mut read = [0x81, 5, b'h', b'e'];
/// assert_eq!(decoder.next(&mut Input::new(&mut read), &limits), Ok(None));
/// assert!(decoder.held() > 0);
///
/// let mut read = [b'l', b'l', b'o'];
/// let mut input = Input::new(&mut read);
/// assert_eq!(decoder.next(&mut input, &limits), Ok(Some(Event::Text("hello"))));
/// assert_eq!(decoder.next(&mut input, &limits), Ok(None));
/// assert_eq!(decoder.held(), 0);
/// ```
#[derive(Debug)]
pub struct Decoder {
    /// The frame whose header was read and whose payload is not complete.
    frame: Option<Frame>,
    message: Option<Box<PartialMessage>>,
    control: Option<Box<PartialControl>>,
    /// The start of a header that was cut off.
    header: [u8; MAX_HEADER],
    header_len: u8,
    role: Role,
    is_closed: bool,
}

/// Which end of the connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We serve: the peer must mask its frames.
    Server,
    /// We connected: the peer must not mask its frames.
    Client,
}

/// The bytes of one read and how far they were decoded. Payloads are unmasked in place.
///
/// ```
/// use switchboard_wire::websocket::{Decoder, DecoderLimits, Event, Input, Role};
///
/// let mut read = [0x81, 1, b'a', 0x81, 1, b'b'];
/// let mut input = Input::new(&mut read);
/// let mut decoder = Decoder::new(Role::Client);
/// assert_eq!(decoder.next(&mut input, &DecoderLimits::default()), Ok(Some(Event::Text("a"))));
/// assert_eq!(input.rest(), [0x81, 1, b'b']);
/// ```
pub struct Input<'b> {
    bytes: &'b mut [u8],
    at: usize,
}

impl Decoder {
    /// What a partial message costs on the heap at most, in bytes, beside its payload.
    pub const OVERHEAD: usize = size_of::<PartialMessage>() + size_of::<PartialControl>();

    /// A decoder at the start of a connection.
    pub const fn new(role: Role) -> Self {
        Self {
            frame: None,
            message: None,
            control: None,
            header: [0; MAX_HEADER],
            header_len: 0,
            role,
            is_closed: false,
        }
    }

    /// The next event of the input. `None` when all of it is used up.
    ///
    /// Call it until it says `None`, or until the input [is used up](Input::is_used_up) by a decoder that is
    /// [idle](Self::is_idle): an event that the decoder itself lent is freed by the next call. After a close frame or
    /// an error the decoder [is closed](Self::is_closed): it ignores what comes, and says `None`.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol. It is told as it arrives: a wrong header at the latest when that is complete, and text
    /// that is not UTF-8 at its first wrong byte.
    #[inline]
    pub fn next<'a>(
        &'a mut self,
        input: &'a mut Input<'_>,
        limits: &DecoderLimits,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        // Nearly all that a server is sent: a masked text in one frame that lies whole in the input. Any other is looked at
        // from its first byte on by the general way, which would say the same of this one.
        if self.role == Role::Server
            && self.is_idle()
            && !self.is_closed
            && let Some(frame) = LoneText::parse(input.rest())
            && frame.len <= limits.message.min(limits.skip)
        {
            input.at += frame.header_len;
            let payload = input.take(frame.len);
            apply_mask(frame.key, payload);
            let event = text(payload);
            if event.is_err() {
                self.close();
            }
            return event.map(Some);
        }
        self.next_of_any(input, limits)
    }

    #[inline(never)]
    fn next_of_any<'a>(
        &'a mut self,
        input: &'a mut Input<'_>,
        limits: &DecoderLimits,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        self.release();
        if self.is_closed {
            input.take(usize::MAX);
            return Ok(None);
        }
        let ready = match self.advance(input, limits) {
            Ok(Some(ready)) => ready,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.close();
                return Err(error);
            }
        };
        match ready {
            Ready::Message => self.message.as_mut().map(|message| message.event()).transpose(),
            Ready::Control(opcode) => {
                self.is_closed = opcode == Opcode::Close;
                let payload = self.control.as_ref().map_or(&[][..], |control| control.payload());
                whole(opcode, payload).map(Some)
            }
            Ready::Whole(opcode, start) => {
                let event = whole(opcode, &input.bytes[start..input.at]);
                if event.is_err() || opcode == Opcode::Close {
                    self.close();
                }
                event.map(Some)
            }
        }
    }

    /// Whether the conversation is over for the peer: it sent a close frame, or broke the protocol.
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether the peer is between messages, with nothing half-sent.
    #[inline]
    pub const fn is_idle(&self) -> bool {
        self.frame.is_none() && self.message.is_none() && self.control.is_none() && self.header_len == 0
    }

    /// How many bytes on the heap the decoder owns now.
    pub fn held(&self) -> usize {
        let message = self.message.as_ref().map_or(0, |message| message.held());
        let control = self.control.as_ref().map_or(0, |_| size_of::<PartialControl>());
        message + control
    }

    /// Goes on until there is an event or the input is used up.
    fn advance(&mut self, input: &mut Input<'_>, limits: &DecoderLimits) -> Result<Option<Ready>, ProtocolError> {
        loop {
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.read_header(input)? {
                    None => return Ok(None),
                    Some(header) => match self.begin_frame(&header, input, limits)? {
                        Begun::Whole(ready) => return Ok(Some(ready)),
                        Begun::Partial(frame) => frame,
                    },
                },
            };
            if let Some(ready) = self.read_payload(frame, input, limits)? {
                return Ok(Some(ready));
            }
            if self.frame.is_some() {
                return Ok(None);
            }
        }
    }

    fn read_header(&mut self, input: &mut Input<'_>) -> Result<Option<Header>, ProtocolError> {
        let kept = usize::from(self.header_len);
        if kept == 0
            && let Some((header, len)) = Header::parse(self.role, input.rest())?
        {
            input.take(len);
            return Ok(Some(header));
        }
        let end = MAX_HEADER.min(kept + input.rest().len());
        self.header[kept..end].copy_from_slice(&input.rest()[..end - kept]);
        if let Some((header, len)) = Header::parse(self.role, &self.header[..end])? {
            input.take(len - kept);
            self.header_len = 0;
            return Ok(Some(header));
        }
        input.take(end - kept);
        self.header_len = end as u8;
        Ok(None)
    }

    /// Checks a frame against those before it. One that lies whole in the input, and is a message of its own, is done.
    fn begin_frame(
        &mut self,
        header: &Header,
        input: &mut Input<'_>,
        limits: &DecoderLimits,
    ) -> Result<Begun, ProtocolError> {
        let kind = match header.opcode {
            Opcode::Text => Some(MessageKind::Text),
            Opcode::Binary => Some(MessageKind::Binary),
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => None,
        };
        match (kind, &self.message) {
            (Some(_), Some(_)) => return Err(ProtocolError::InterruptedMessage),
            (None, None) if header.opcode == Opcode::Continuation => {
                return Err(ProtocolError::LoneContinuation);
            }
            _ => {}
        }

        let is_alone = header.opcode.is_control() || (kind.is_some() && header.is_final);
        let is_taken = header.opcode.is_control() || header.len <= limits.message.min(limits.skip) as u64;
        if is_alone
            && is_taken
            && let Ok(len) = usize::try_from(header.len)
            && len <= input.rest().len()
        {
            let start = input.at;
            let payload = input.take(len);
            if self.role == Role::Server {
                apply_mask(header.key, payload);
            }
            return Ok(Begun::Whole(Ready::Whole(header.opcode, start)));
        }

        if header.opcode.is_control() {
            self.control = Some(Box::new(PartialControl::new()));
        } else {
            if let Some(kind) = kind {
                self.message = Some(Box::new(PartialMessage::new(kind)));
            }
            if let Some(message) = &mut self.message {
                message.begin_frame(header.is_final, header.len, limits)?;
            }
        }
        Ok(Begun::Partial(Frame {
            opcode: header.opcode,
            is_final: header.is_final,
            key: header.key,
            remaining: header.len,
        }))
    }

    /// Takes what the input has of the frame's payload. Puts the frame back if some is still to come.
    fn read_payload(
        &mut self,
        mut frame: Frame,
        input: &mut Input<'_>,
        limits: &DecoderLimits,
    ) -> Result<Option<Ready>, ProtocolError> {
        let chunk = input.take(usize::try_from(frame.remaining).unwrap_or(usize::MAX));
        let len = chunk.len();
        let wanted = match &self.message {
            Some(message) if !frame.opcode.is_control() => message.wanted(len, limits),
            _ => len,
        };
        let chunk = &mut chunk[..wanted];
        if self.role == Role::Server {
            apply_mask(frame.key, chunk);
            frame.key.rotate_left(len % 4);
        }
        frame.remaining -= len as u64;
        let is_complete = frame.remaining == 0;
        if !is_complete {
            self.frame = Some(frame);
        }

        if frame.opcode.is_control() {
            if let Some(control) = &mut self.control {
                control.push(chunk);
            }
            return Ok(is_complete.then_some(Ready::Control(frame.opcode)));
        }
        let Some(message) = &mut self.message else {
            return Ok(None);
        };
        message.push(chunk, limits)?;
        if is_complete && frame.is_final {
            message.finish()?;
        }
        if message.is_ready(limits) {
            return Ok(Some(Ready::Message));
        }
        if !message.release() {
            self.message = None;
        }
        Ok(None)
    }

    /// Frees what the last event lent.
    fn release(&mut self) {
        if self.is_closed {
            return self.close();
        }
        if let Some(message) = &mut self.message
            && !message.release()
        {
            self.message = None;
        }
        let is_control_open = self.frame.is_some_and(|frame| frame.opcode.is_control());
        if !is_control_open {
            self.control = None;
        }
    }

    /// Drops all that is half-received.
    fn close(&mut self) {
        *self = Self {
            is_closed: true,
            ..Self::new(self.role)
        };
    }
}

impl<'b> Input<'b> {
    /// All of what a read brought.
    #[inline]
    pub const fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What was not decoded yet, as it came. To be decoded later it has to be copied and given as a new input.
    #[inline]
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Whether all of it was decoded. Where that is so and the decoder [is idle](Decoder::is_idle), it has nothing more to say,
    /// and nothing of its own lent out: there is no need to ask.
    #[inline]
    pub const fn is_used_up(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The next `len` bytes, or as many as there are.
    #[inline]
    fn take(&mut self, len: usize) -> &mut [u8] {
        let end = self.bytes.len().min(self.at.saturating_add(len));
        let taken = &mut self.bytes[self.at..end];
        self.at = end;
        taken
    }
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("len", &self.bytes.len())
            .field("at", &self.at)
            .finish()
    }
}

/// A frame whose payload is on its way.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    is_final: bool,
    /// Turned so that its first byte is for the next byte of payload.
    key: MaskKey,
    remaining: u64,
}

enum Begun {
    Whole(Ready),
    Partial(Frame),
}

/// Where the next event lies.
enum Ready {
    /// In the partial message.
    Message,
    /// In the partial control frame.
    Control(Opcode),
    /// In the input, from here to the current position, unmasked.
    Whole(Opcode, usize),
}

fn whole(opcode: Opcode, payload: &[u8]) -> Result<Event<'_>, ProtocolError> {
    match opcode {
        Opcode::Text => text(payload),
        Opcode::Binary | Opcode::Continuation => Ok(Event::Binary(payload)),
        Opcode::Close => CloseFrame::parse(payload).map(Event::Close),
        Opcode::Ping => Ok(Event::Ping(payload)),
        Opcode::Pong => Ok(Event::Pong(payload)),
    }
}
