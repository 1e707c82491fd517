//! What waits to be taken by one task: bounded, in messages and in bytes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::Limits;

/// A queue between the connection and a stream. Full, it either loses its oldest, or takes nothing more.
pub(crate) struct Channel<T> {
    state: Mutex<State<T>>,
    messages: usize,
    bytes: usize,
}

struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    missed: u64,
    is_over: bool,
    waker: Option<Waker>,
}

/// What a stream takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    Item(T),
    /// So many before the next one were lost.
    Missed(u64),
}

impl<T> Channel<T> {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            state: Mutex::new(State {
                items: VecDeque::new(),
                bytes: 0,
                missed: 0,
                is_over: false,
                waker: None,
            }),
            messages: limits.buffer_messages,
            bytes: limits.buffer_bytes,
        }
    }

    /// Adds an item of so many bytes. False where it is full.
    pub(crate) fn push(&self, item: T, bytes: usize) -> bool {
        let mut state = self.lock();
        if !state.has_room(bytes, self) {
            return false;
        }
        state.add(item, bytes);
        state.wake();
        true
    }

    /// Adds an item of so many bytes, and loses the oldest where there is no room; says how many it lost.
    pub(crate) fn force(&self, item: T, bytes: usize) -> u64 {
        let mut state = self.lock();
        let before = state.missed;
        while !state.has_room(bytes, self)
            && let Some((_, lost)) = state.items.pop_front()
        {
            state.bytes -= lost;
            state.missed += 1;
        }
        state.add(item, bytes);
        let lost = state.missed - before;
        state.wake();
        lost
    }

    /// Nothing more comes, but for this, whether there is room or not.
    pub(crate) fn end(&self, last: Option<T>) {
        let mut state = self.lock();
        if let Some(last) = last {
            state.add(last, 0);
        }
        state.is_over = true;
        state.wake();
    }

    /// The next item; none at the end. One task can wait.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Taken<T>>> {
        let mut state = self.lock();
        if state.missed > 0 {
            return Poll::Ready(Some(Taken::Missed(std::mem::take(&mut state.missed))));
        }
        if let Some((item, bytes)) = state.items.pop_front() {
            state.bytes -= bytes;
            return Poll::Ready(Some(Taken::Item(item)));
        }
        if state.is_over {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn has_room(&self, bytes: usize, channel: &Channel<T>) -> bool {
        self.items.is_empty() || (self.items.len() < channel.messages && self.bytes + bytes <= channel.bytes)
    }

    fn add(&mut self, item: T, bytes: usize) {
        self.bytes += bytes;
        self.items.push_back((item, bytes));
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Channel")
            .field("items", &state.items.len())
            .field("bytes", &state.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel() -> Channel<u8> {
        Channel::new(&Limits {
            buffer_messages: 3,
            buffer_bytes: 10,
            ..Limits::default()
        })
    }

    fn take(channel: &Channel<u8>) -> Poll<Option<Taken<u8>>> {
        channel.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn full_it_takes_nothing_or_loses_the_oldest_and_says_so() {
        let channel = channel();
        assert!(channel.push(1, 100), "a single one is always taken");
        assert!(!channel.push(2, 1));
        assert_eq!(channel.force(2, 4), 1);
        assert!(channel.push(3, 4) && channel.push(4, 1) && !channel.push(5, 0));
        assert_eq!(channel.force(6, 3), 1);
        assert_eq!(take(&channel), Poll::Ready(Some(Taken::Missed(2))));
        for n in [3, 4, 6] {
            assert_eq!(take(&channel), Poll::Ready(Some(Taken::Item(n))));
        }
        assert_eq!(take(&channel), Poll::Pending);
        channel.end(Some(7));
        assert_eq!(take(&channel), Poll::Ready(Some(Taken::Item(7))));
        assert_eq!(take(&channel), Poll::Ready(None));
    }
}
