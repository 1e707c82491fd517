use super::{CONTROL_PAYLOAD, DecoderLimits, Event, MessageKind, ProtocolError};

/// A message of which some is still to come, or that is lent out from here and gone with the next call.
#[derive(Debug)]
pub(super) struct PartialMessage {
    kind: MessageKind,
    /// What arrived and is kept: all of it, or the prefix of a message that is skipped.
    data: Vec<u8>,
    /// How many bytes of `data` are known to be UTF-8; unused for binary messages.
    checked: usize,
    /// The length as far as it was announced.
    announced: u64,
    fragments: usize,
    /// Whether the last frame of the message has begun.
    is_last: bool,
    skip: Skip,
    is_done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    No,
    /// Too large; the prefix is not complete.
    Untold,
    Told,
}

impl PartialMessage {
    pub(super) const fn new(kind: MessageKind) -> Self {
        Self {
            kind,
            data: Vec::new(),
            checked: 0,
            announced: 0,
            fragments: 0,
            is_last: false,
            skip: Skip::No,
            is_done: false,
        }
    }

    /// Takes a frame's header into account.
    pub(super) fn begin_frame(
        &mut self,
        is_final: bool,
        len: u64,
        limits: &DecoderLimits,
    ) -> Result<(), ProtocolError> {
        self.fragments += 1;
        if self.fragments > limits.fragments && self.fragments > 1 {
            return Err(ProtocolError::TooManyFragments(limits.fragments));
        }
        self.announced = self.announced.saturating_add(len);
        self.is_last = is_final;
        if self.announced > limits.skip as u64 {
            return Err(ProtocolError::MessageTooBig(limits.skip));
        }
        if self.announced > limits.message as u64 && self.skip == Skip::No {
            self.skip = Skip::Untold;
            self.data.truncate(limits.prefix);
        }
        Ok(())
    }

    /// How much of a chunk of payload [`push`](Self::push) will look at; the rest need not be unmasked.
    pub(super) fn wanted(&self, chunk: usize, limits: &DecoderLimits) -> usize {
        match self.skip {
            Skip::No => chunk,
            Skip::Untold => chunk.min(limits.prefix.saturating_sub(self.data.len())),
            Skip::Told => 0,
        }
    }

    /// Keeps a chunk of payload, and checks it if it is text.
    pub(super) fn push(&mut self, chunk: &[u8], limits: &DecoderLimits) -> Result<(), ProtocolError> {
        let needed = self.data.len() + chunk.len();
        if needed > self.data.capacity() {
            // Twice what has arrived, so that a dribbling sender costs no copy per byte, but never more than can still come.
            let most = match (self.skip, self.is_last) {
                (Skip::No, true) => usize::try_from(self.announced).unwrap_or(limits.message),
                (Skip::No, false) => limits.message,
                (Skip::Untold | Skip::Told, _) => limits.prefix,
            };
            let doubled = (2 * self.data.capacity()).max(SMALLEST).min(most);
            self.data.reserve_exact(doubled.max(needed) - self.data.len());
        }
        self.data.extend_from_slice(chunk);

        if self.kind == MessageKind::Text && self.skip == Skip::No {
            match simdutf8::compat::from_utf8(&self.data[self.checked..]) {
                Ok(_) => self.checked = self.data.len(),
                Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
                Err(_) => return Err(ProtocolError::InvalidUtf8),
            }
        }
        Ok(())
    }

    /// Called when the payload of the message's last frame has come.
    pub(super) const fn finish(&mut self) -> Result<(), ProtocolError> {
        self.is_done = true;
        let is_text = matches!(self.kind, MessageKind::Text) && matches!(self.skip, Skip::No);
        if is_text && self.checked < self.data.len() {
            Err(ProtocolError::InvalidUtf8)
        } else {
            Ok(())
        }
    }

    /// Whether [`event`](Self::event) has something to say now.
    pub(super) fn is_ready(&self, limits: &DecoderLimits) -> bool {
        match self.skip {
            Skip::No => self.is_done,
            Skip::Untold => self.is_done || self.data.len() >= limits.prefix,
            Skip::Told => false,
        }
    }

    /// The whole message, or that it is too large.
    pub(super) fn event(&mut self) -> Result<Event<'_>, ProtocolError> {
        if self.skip != Skip::No {
            self.skip = Skip::Told;
            return Ok(Event::TooLarge {
                kind: self.kind,
                prefix: &self.data,
            });
        }
        match self.kind {
            MessageKind::Binary => Ok(Event::Binary(&self.data)),
            MessageKind::Text => text(&self.data),
        }
    }

    /// Frees what the last event lent. False when nothing of the message is left to come.
    pub(super) fn release(&mut self) -> bool {
        if self.skip == Skip::Told {
            self.data = Vec::new();
        }
        !self.is_done
    }

    pub(super) const fn held(&self) -> usize {
        size_of::<Self>() + self.data.capacity()
    }
}

/// A ping, pong or close frame of which some is still to come, or that is lent out from here.
#[derive(Debug)]
pub(super) struct PartialControl {
    bytes: [u8; CONTROL_PAYLOAD],
    len: u8,
}

impl PartialControl {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; CONTROL_PAYLOAD],
            len: 0,
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + chunk.len()].copy_from_slice(chunk);
        self.len += chunk.len() as u8;
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[inline]
pub(super) fn text(bytes: &[u8]) -> Result<Event<'_>, ProtocolError> {
    simdutf8::basic::from_utf8(bytes)
        .map(Event::Text)
        .map_err(|_| ProtocolError::InvalidUtf8)
}

/// The first room for data that comes in pieces, in bytes.
const SMALLEST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise a sender that always cuts within a character has its whole message read again for each piece.
    #[test]
    fn no_character_is_checked_twice_when_pieces_end_within_one() {
        let limits = DecoderLimits::default();
        let text = "€".repeat(1000);
        let mut message = PartialMessage::new(MessageKind::Text);
        assert_eq!(message.begin_frame(true, 3000, &limits), Ok(()));
        let (first, rest) = text.as_bytes().split_at(2);
        for piece in [first].into_iter().chain(rest.chunks(3)) {
            assert_eq!(message.push(piece, &limits), Ok(()));
            assert!(message.data.len() - message.checked < 4);
        }
        assert_eq!(message.finish(), Ok(()));
        assert_eq!(message.event(), Ok(Event::Text(&text)));
    }
}
