//! Taking apart what a server sends: only headers are looked at, and payloads skipped by their length.

use crate::frame::Header;

/// What one connection still has from reads that ended within a frame.
#[derive(Debug, Default)]
pub struct Deframer {
    /// The frame whose payload is being skipped, and how much of that is to come.
    skipped: Option<(Header, u64)>,
    /// The beginning of a header, or of a frame short enough to be kept whole.
    partial: Vec<u8>,
}

/// One frame that ended.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its header.
    pub header: Header,
    /// Its payload; none where it is longer than [`KEPT`] and came in several reads.
    pub payload: Option<&'a [u8]>,
}

impl Deframer {
    /// Takes what was read, and tells of each frame that ended with it.
    ///
    /// # Errors
    ///
    /// What was told said so, or the frame is masked, as no server's may be.
    #[inline]
    pub fn feed<E: From<Masked>>(
        &mut self,
        mut bytes: &[u8],
        mut tell: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.skipped.is_some() || !self.partial.is_empty() {
            bytes = self.resume(bytes, &mut tell)?;
        }
        while let Some(header) = Header::parse(bytes) {
            if header.mask.is_some() {
                return Err(Masked.into());
            }
            let (_, payload) = bytes.split_at(header.size);
            let Some((payload, rest)) = split_at(payload, header.length) else {
                if header.length > KEPT {
                    self.skipped = Some((header, header.length - payload.len() as u64));
                    return Ok(());
                }
                break;
            };
            let payload = Some(payload);
            tell(Frame { header, payload })?;
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the frame that the last read was cut in; gives back what comes after it.
    fn resume<'a, E: From<Masked>>(
        &mut self,
        mut bytes: &'a [u8],
        tell: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<&'a [u8], E> {
        while !self.partial.is_empty() {
            let Some(header) = Header::parse(&self.partial) else {
                let Some((&byte, rest)) = bytes.split_first() else {
                    return Ok(bytes);
                };
                self.partial.push(byte);
                bytes = rest;
                continue;
            };
            if header.mask.is_some() {
                return Err(Masked.into());
            }
            let has = self.partial.len() - header.size;
            if header.length > KEPT {
                self.skipped = Some((header, header.length - has as u64));
                self.partial.clear();
                break;
            }
            let lacks = (header.length as usize - has).min(bytes.len());
            let (piece, rest) = bytes.split_at(lacks);
            self.partial.extend_from_slice(piece);
            bytes = rest;
            let payload = &self.partial[header.size..];
            if payload.len() as u64 == header.length {
                let payload = Some(payload);
                tell(Frame { header, payload })?;
                self.partial = Vec::new();
            } else {
                return Ok(bytes);
            }
        }
        if let Some((header, left)) = &mut self.skipped {
            let Some((_, rest)) = split_at(bytes, *left) else {
                *left -= bytes.len() as u64;
                return Ok(&[]);
            };
            bytes = rest;
            let header = *header;
            self.skipped = None;
            tell(Frame { header, payload: None })?;
        }
        Ok(bytes)
    }
}

/// A server masked a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of the server is masked")]
pub struct Masked;

#[inline]
fn split_at(bytes: &[u8], at: u64) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(usize::try_from(at).ok()?)
}

/// The longest payload that is kept over several reads.
pub const KEPT: u64 = 125;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{PING, TEXT, push_unmasked_header};

    fn stream(payloads: &[(u8, usize)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &(opcode, length) in payloads {
            push_unmasked_header(&mut bytes, opcode, length);
            bytes.extend(std::iter::repeat_n(b'x', length));
        }
        bytes
    }

    fn told(pieces: &[&[u8]]) -> Vec<(u8, u64, Option<usize>)> {
        let mut deframer = Deframer::default();
        let mut frames = Vec::new();
        for piece in pieces {
            let end = deframer.feed::<Masked>(piece, |frame| {
                let kept = frame.payload.map(<[u8]>::len);
                frames.push((frame.header.opcode, frame.header.length, kept));
                Ok(())
            });
            assert_eq!(end, Ok(()));
        }
        assert!(deframer.partial.is_empty() && deframer.skipped.is_none());
        frames
    }

    const FRAMES: [(u8, usize); 7] = [
        (TEXT, 0),
        (TEXT, 64),
        (PING, 4),
        (TEXT, 125),
        (TEXT, 126),
        (TEXT, 1024),
        (TEXT, 0x1_0001),
    ];

    #[test]
    fn a_frame_is_told_once_wherever_reads_cut_it() {
        let bytes = stream(&FRAMES);
        let expected = FRAMES.map(|(opcode, length)| (opcode, length as u64));
        let cuts = (0..1500).chain(bytes.len() - 40..bytes.len());
        for cut in cuts {
            let (head, tail) = bytes.split_at(cut);
            let told = told(&[head, tail]);
            assert_eq!(told.iter().map(|told| (told.0, told.1)).collect::<Vec<_>>(), expected);
            for (_, length, kept) in told {
                assert!(kept.is_none_or(|kept| kept as u64 == length));
                assert!(length > KEPT || kept.is_some(), "a short payload is kept, cut at {cut}");
            }
        }
    }

    #[test]
    fn a_frame_is_told_once_in_reads_of_any_size() {
        let bytes = stream(&FRAMES);
        for size in [1, 2, 3, 7, 100, 1000, bytes.len()] {
            let pieces: Vec<_> = bytes.chunks(size).collect();
            let told: Vec<_> = told(&pieces).iter().map(|told| (told.0, told.1)).collect();
            assert_eq!(told, FRAMES.map(|(opcode, length)| (opcode, length as u64)));
        }
    }

    #[test]
    fn a_masked_frame_is_an_error() {
        let frame = crate::frame::masked(TEXT, b"x");
        for cut in [0, 1, frame.len()] {
            let mut deframer = Deframer::default();
            let (head, tail) = frame.split_at(cut);
            let end = deframer
                .feed::<Masked>(head, |_| Ok(()))
                .and_then(|()| deframer.feed::<Masked>(tail, |_| Ok(())));
            assert_eq!(end, Err(Masked));
        }
    }
}
