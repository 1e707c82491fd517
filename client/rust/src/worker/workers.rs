//! Workers by key: one for each window, or project.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::handle::Handle;
use super::{Worker, WorkerBuilder};

/// Workers that are shared by all who name the same key.
///
/// A worker is started for the first who asks for its key, and ended when the last handle that was given out is dropped; or,
/// while there are some, when nobody has used it for [`WorkerLimits::idle`](super::WorkerLimits::idle), until the next request.
///
/// ```no_run
/// use switchboard_client::worker::{Command, Worker, Workers};
///
/// # async fn run() -> Result<(), switchboard_client::worker::WorkerError> {
/// let workers: Workers<u32> = Workers::new();
/// let start = || Worker::local(Command::new("jsonserver").args(["--dialect", "native", "--bind", "127.0.0.1:0"]));
/// let window = workers.get(7, start);
/// let other_tab = workers.get(7, start); // the same server
/// let answer: serde_json::Value = other_tab.request("check", &()).await?;
/// # Ok(())
/// # }
/// ```
pub struct Workers<K> {
    workers: Mutex<HashMap<K, Entry>>,
}

struct Entry {
    handle: Weak<Handle>,
    timeout: Duration,
}

impl<K: Eq + Hash> Workers<K> {
    /// None yet.
    pub fn new() -> Self {
        Self {
            workers: Mutex::new(HashMap::new()),
        }
    }

    /// The worker of this key; where there is none, the one that this makes.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, where there is none.
    pub fn get(&self, key: K, start: impl FnOnce() -> WorkerBuilder) -> Worker {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = workers.get(&key).and_then(Entry::worker) {
            return worker;
        }
        workers.retain(|_, entry| entry.handle.strong_count() > 0);
        let worker = start().start();
        workers.insert(key, Entry::of(&worker));
        worker
    }

    /// The worker of this key, if somebody uses it.
    pub fn find(&self, key: &K) -> Option<Worker> {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.get(key).and_then(Entry::worker)
    }

    /// How many workers are in use.
    pub fn len(&self) -> usize {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.values().filter(|entry| entry.handle.strong_count() > 0).count()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Entry {
    fn of(worker: &Worker) -> Self {
        Self {
            handle: Arc::downgrade(worker.handle()),
            timeout: worker.timeout(),
        }
    }

    fn worker(&self) -> Option<Worker> {
        let handle = self.handle.upgrade()?;
        Some(Worker::of(handle, self.timeout))
    }
}

impl<K: Eq + Hash> Default for Workers<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Eq + Hash> fmt::Debug for Workers<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("len", &self.len()).finish()
    }
}
