//! A turn: all that one poll, or one call from outside, has to say, written at its end with one system call a recipient.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::client::Client;
use super::outbox::Flushed;

thread_local! {
    static TURN: RefCell<Turn> = RefCell::new(Turn::new());
}

struct Turn {
    depth: usize,
    id: u64,
    dirty: Vec<Client>,
}

impl Turn {
    fn new() -> Self {
        static THREADS: AtomicU64 = AtomicU64::new(1);
        // Unique without being shared: the thread's number above, its turns below.
        let id = THREADS.fetch_add(1, Ordering::Relaxed) << 40;
        Self {
            depth: 0,
            id,
            dirty: Vec::new(),
        }
    }
}

/// Recipients whose outboxes still have to be flushed, in batches.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    clients: Vec<Client>,
    flushed: usize,
}

impl Backlog {
    /// Flushes one batch. True while more is left.
    #[inline]
    pub(crate) fn flush_batch(&mut self) -> bool {
        self.is_left() && self.flush_some()
    }

    fn flush_some(&mut self) -> bool {
        let end = self.clients.len().min(self.flushed + BATCH);
        for client in &self.clients[self.flushed..end] {
            flush(client);
        }
        self.flushed = end;
        if end == self.clients.len() {
            let mut clients = std::mem::take(self).clients;
            clients.clear();
            give_back(clients);
        }
        self.is_left()
    }

    pub(crate) fn is_left(&self) -> bool {
        !self.clients.is_empty()
    }
}

/// Keeps the room for the thread's next turn.
fn give_back(clients: Vec<Client>) {
    if clients.capacity() <= KEPT {
        TURN.with_borrow_mut(|turn| {
            if turn.dirty.capacity() == 0 {
                turn.dirty = clients;
            }
        });
    }
}

/// Runs `f` as one turn, or as a part of the turn that is under way on this thread; gives back whose outboxes are still to
/// be flushed.
pub(crate) fn collect<R>(f: impl FnOnce() -> R) -> (R, Backlog) {
    let guard = Guard::enter();
    let result = f();
    (result, guard.leave())
}

/// Runs `f` as one turn and flushes what came of it: a first batch at once, a large rest on a task of its own, so that
/// nobody waits for a large fan-out.
pub(crate) fn run<R>(f: impl FnOnce() -> R) -> R {
    let (result, mut backlog) = collect(f);
    if backlog.flush_batch() {
        let tasks = backlog.clients.first().and_then(Client::tasks);
        match (tasks, tokio::runtime::Handle::try_current()) {
            (Some(tasks), Ok(runtime)) => {
                let flushing = async move {
                    while backlog.flush_batch() {
                        tokio::task::yield_now().await;
                    }
                };
                tasks.spawn_on(flushing, &runtime);
            }
            _ => while backlog.flush_batch() {},
        }
    }
    result
}

/// The number of the turn that is under way on this thread.
#[inline]
pub(crate) fn current() -> u64 {
    TURN.with_borrow_mut(|turn| {
        // Outside of a turn each push is one of its own.
        turn.id += u64::from(turn.depth == 0);
        turn.id
    })
}

/// Has this client's outbox flushed at the end of the turn; at once where none is under way.
pub(super) fn touch(client: &Client) {
    let is_noted = TURN.with_borrow_mut(|turn| {
        if turn.depth > 0 {
            turn.dirty.push(client.clone());
        }
        turn.depth > 0
    });
    if !is_noted {
        flush(client);
    }
}

fn flush(client: &Client) {
    match client.outbox().flush() {
        Flushed::Waiting => client.wake(),
        Flushed::Empty => client.tell_drained(),
        Flushed::Known => {}
    }
}

/// Ends the turn also where `f` panics, so that nothing stays unwritten.
struct Guard;

impl Guard {
    fn enter() -> Self {
        TURN.with_borrow_mut(|turn| turn.depth += 1);
        Self
    }

    fn leave(self) -> Backlog {
        let backlog = Self::end();
        std::mem::forget(self);
        backlog
    }

    fn end() -> Backlog {
        TURN.with_borrow_mut(|turn| {
            turn.depth -= 1;
            if turn.depth > 0 {
                return Backlog::default();
            }
            turn.id += 1;
            // Where nothing was said the room stays.
            let clients = match turn.dirty.is_empty() {
                true => Vec::new(),
                false => std::mem::take(&mut turn.dirty),
            };
            Backlog { clients, flushed: 0 }
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut backlog = Self::end();
        while backlog.flush_batch() {}
    }
}

/// The most recipients that a thread keeps room for.
const KEPT: usize = 1024;
/// Outboxes that are flushed before others get their turn.
const BATCH: usize = 256;
