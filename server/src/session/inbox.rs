//! Messages read ahead of the one that is being handled.

use std::collections::VecDeque;

use switchboard_wire::{Incoming, Uid};

use crate::limits::Limits;

/// A bounded queue; nothing is on the heap while it is empty.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    queue: VecDeque<(Incoming, usize)>,
    bytes: usize,
}

impl Inbox {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_full(&self, limits: &Limits) -> bool {
        self.queue.len() >= limits.read_ahead_messages || self.bytes >= limits.read_ahead_bytes
    }

    pub(super) fn push(&mut self, incoming: Incoming, bytes: usize) {
        self.bytes += bytes;
        self.queue.push_back((incoming, bytes));
    }

    pub(super) fn pop(&mut self) -> Option<Incoming> {
        let (incoming, bytes) = self.queue.pop_front()?;
        self.bytes -= bytes;
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        Some(incoming)
    }

    /// Takes out the messages that this uid was given to.
    pub(super) fn take(&mut self, uid: &Uid) -> Vec<Incoming> {
        let mut taken = Vec::new();
        for (incoming, bytes) in std::mem::take(&mut self.queue) {
            if incoming.ticket.uid() == Some(uid) {
                self.bytes -= bytes;
                taken.push(incoming);
            } else {
                self.queue.push_back((incoming, bytes));
            }
        }
        taken
    }
}
