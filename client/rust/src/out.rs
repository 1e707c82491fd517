//! Bytes on their way to the server, and which messages they are of.

use std::collections::VecDeque;

use switchboard_wire::Message;

use crate::queue::Outgoing;

/// What is to be written next. It remembers every message until its last byte is written.
#[derive(Debug, Default)]
pub(crate) struct Out {
    bytes: Vec<u8>,
    written: usize,
    messages: VecDeque<Mark>,
}

#[derive(Debug)]
struct Mark {
    start: usize,
    end: usize,
    outgoing: Outgoing,
}

impl Out {
    /// Appends what `write` appends, of this message or of none. Where it fails, nothing is; the message is kept.
    pub(crate) fn append<E>(
        &mut self,
        outgoing: Option<Outgoing>,
        write: impl FnOnce(Option<&Outgoing>, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        let appended = write(outgoing.as_ref(), &mut self.bytes);
        if appended.is_err() {
            self.bytes.truncate(start);
        }
        if let Some(outgoing) = outgoing {
            let end = self.bytes.len();
            self.messages.push_back(Mark { start, end, outgoing });
        }
        appended
    }

    /// What is not written yet.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// So many more bytes were written.
    pub(crate) fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
        while self.messages.front().is_some_and(|mark| mark.end <= self.written) {
            self.messages.pop_front();
        }
        if self.is_empty() {
            self.written = 0;
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
        }
    }

    /// The messages of which no byte was written, and the one of which some were and not all.
    pub(crate) fn into_unwritten(self) -> (Vec<Outgoing>, Option<Message>) {
        let written = self.written;
        let mut cut = None;
        let mut unwritten = Vec::new();
        for Mark { start, outgoing, .. } in self.messages {
            if start < written {
                cut = Some(outgoing.message);
            } else {
                unwritten.push(outgoing);
            }
        }
        (unwritten, cut)
    }
}

/// What the buffer keeps when it is empty.
const KEPT: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::queue::{Lane, Queue};

    fn outgoing(name: &str) -> Outgoing {
        let mut queue = Queue::default();
        queue.push(Lane::Plain, Message::new(name), Instant::now());
        queue.pop(true).unwrap()
    }

    fn out() -> Out {
        let mut out = Out::default();
        for name in ["aaa", "bbb", "ccc"] {
            let write = |outgoing: Option<&Outgoing>, bytes: &mut Vec<u8>| {
                bytes.extend_from_slice(outgoing.unwrap().message.name().as_bytes());
                Ok::<_, ()>(())
            };
            out.append(Some(outgoing(name)), write).unwrap();
            let dot = |_: Option<&Outgoing>, bytes: &mut Vec<u8>| {
                bytes.push(b'.');
                Ok::<_, ()>(())
            };
            out.append(None, dot).unwrap();
        }
        out
    }

    #[test]
    fn it_knows_at_every_byte_what_was_not_written() {
        for (written, cut, unwritten) in [
            (0, None, vec!["aaa", "bbb", "ccc"]),
            (1, Some("aaa"), vec!["bbb", "ccc"]),
            (3, None, vec!["bbb", "ccc"]),
            (4, None, vec!["bbb", "ccc"]),
            (6, Some("bbb"), vec!["ccc"]),
            (10, Some("ccc"), vec![]),
            (11, None, vec![]),
            (12, None, vec![]),
        ] {
            let mut out = out();
            assert_eq!(out.rest(), b"aaa.bbb.ccc.");
            for _ in 0..written {
                out.wrote(1);
            }
            assert_eq!(out.len(), 12 - written);
            let (left, part) = out.into_unwritten();
            let left: Vec<_> = left.iter().map(|outgoing| outgoing.message.name()).collect();
            assert_eq!(left, unwritten, "{written}");
            assert_eq!(part.as_ref().map(Message::name), cut, "{written}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_not_lost() {
        let mut out = out();
        let failed = out.append(Some(outgoing("ddd")), |_, bytes| {
            bytes.push(b'x');
            Err(())
        });
        assert_eq!((failed, out.len()), (Err(()), 12));
        out.wrote(12);
        assert!(out.is_empty());
    }
}
