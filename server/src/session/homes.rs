//! Where sessions live: a task for each worker of the runtime, each with a part of the clients.
//!
//! Were each session a task, a runtime of several workers would move them to and fro, and let some wait for many rounds of
//! the others once more of them are ready than a worker's queue holds. In a home all that are ready have their turn before
//! one has its second, and the runtime sees a thousand ready clients as one ready task.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use indexmap::IndexMap;
use tokio::runtime::Handle;
use tokio::task::coop;

/// The homes of one server. They are built when the first client moves in, and end with the server.
#[derive(Default)]
pub(crate) struct Homes(OnceLock<Vec<Arc<Home>>>);

impl Homes {
    /// Runs a session to its end, in the home that has the fewest.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as `tokio::spawn` does.
    pub(crate) fn take_in(&self, session: impl Future<Output = ()> + Send + 'static) {
        let homes = self.0.get_or_init(build);
        let emptiest = homes.iter().min_by_key(|home| home.sessions.load(Ordering::Relaxed));
        let session: Session = Box::pin(session);
        let refused = match emptiest {
            Some(home) => home.take_in(session).err(),
            None => Some(session),
        };
        // The homes' runtime has ended, and this one has not.
        if let Some(session) = refused {
            tokio::spawn(session);
        }
    }
}

impl fmt::Debug for Homes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let homes = self.0.get().into_iter().flatten();
        f.debug_list()
            .entries(homes.map(|home| home.sessions.load(Ordering::Relaxed)))
            .finish()
    }
}

impl Drop for Homes {
    fn drop(&mut self) {
        for home in self.0.get().into_iter().flatten() {
            home.is_left.store(true, Ordering::Release);
            home.waker.wake();
        }
    }
}

fn build() -> Vec<Arc<Home>> {
    let home = |_| {
        let home = Arc::new(Home::default());
        tokio::spawn(Housekeeping {
            home: Arc::clone(&home),
        });
        home
    };
    (0..Handle::current().metrics().num_workers()).map(home).collect()
}

type Session = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
struct Home {
    /// Whose turn it is, in order.
    ready: Mutex<VecDeque<Arc<Resident>>>,
    /// All who live here.
    residents: Mutex<IndexMap<u64, Arc<Resident>>>,
    sessions: AtomicUsize,
    names: AtomicU64,
    /// Wakes the task.
    waker: AtomicWaker,
    /// The server is gone.
    is_left: AtomicBool,
    /// The task has ended. Changed under the lock of the residents.
    has_ended: AtomicBool,
}

/// A session in its home.
struct Resident {
    number: u64,
    home: Arc<Home>,
    is_ready: AtomicBool,
    /// None when it is over.
    session: Mutex<Option<Session>>,
}

impl Home {
    /// Lets a session in, unless the task has ended.
    fn take_in(self: &Arc<Self>, session: Session) -> Result<(), Session> {
        let mut residents = lock(&self.residents);
        if self.has_ended.load(Ordering::Acquire) {
            return Err(session);
        }
        let resident = Arc::new(Resident {
            number: self.names.fetch_add(1, Ordering::Relaxed),
            home: Arc::clone(self),
            is_ready: AtomicBool::new(false),
            session: Mutex::new(Some(session)),
        });
        residents.insert(resident.number, Arc::clone(&resident));
        self.sessions.fetch_add(1, Ordering::Relaxed);
        drop(residents);
        resident.wake();
        Ok(())
    }

    /// Runs the next session once. False where none is ready.
    fn run_one(&self) -> bool {
        let Some(resident) = lock(&self.ready).pop_front() else {
            return false;
        };
        resident.is_ready.store(false, Ordering::Release);
        let mut session = lock(&resident.session);
        let Some(running) = &mut *session else { return true };
        let waker = Waker::from(Arc::clone(&resident));
        let poll = catch_unwind(AssertUnwindSafe(|| {
            running.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        match poll {
            // What the runtime's budget cut short goes on in the next round.
            Ok(Poll::Pending) if !coop::has_budget_remaining() => waker.wake(),
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(())) => self.move_out(&resident, session),
            Err(_) => {
                // Controllers are caught where they run, so this is our own mistake: it costs this client alone.
                tracing::error!("a session panicked; its client is gone");
                self.move_out(&resident, session);
            }
        }
        true
    }

    fn move_out(&self, resident: &Resident, mut session: MutexGuard<'_, Option<Session>>) {
        drop_caught(session.take());
        drop(session);
        lock(&self.residents).swap_remove(&resident.number);
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Wake for Resident {
    fn wake(self: Arc<Self>) {
        if !self.is_ready.swap(true, Ordering::AcqRel) {
            let home = Arc::clone(&self.home);
            lock(&home.ready).push_back(self);
            home.waker.wake();
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_ready.swap(true, Ordering::AcqRel) {
            lock(&self.home.ready).push_back(Arc::clone(self));
            self.home.waker.wake();
        }
    }
}

/// The task of a home.
struct Housekeeping {
    home: Arc<Home>,
}

impl Future for Housekeeping {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let home = &self.home;
        home.waker.register(cx.waker());
        for _ in 0..TURNS {
            if !home.run_one() {
                let is_over = home.is_left.load(Ordering::Acquire) && home.sessions.load(Ordering::Relaxed) == 0;
                return if is_over { Poll::Ready(()) } else { Poll::Pending };
            }
            if !coop::has_budget_remaining() {
                break;
            }
        }
        // Others first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Housekeeping {
    /// The runtime ends: so do the sessions, which know of each other's wakers and would never be dropped otherwise.
    fn drop(&mut self) {
        let residents = {
            let mut residents = lock(&self.home.residents);
            self.home.has_ended.store(true, Ordering::Release);
            std::mem::take(&mut *residents)
        };
        for resident in residents.into_values() {
            let session = lock(&resident.session).take();
            drop_caught(session);
        }
        lock(&self.home.ready).clear();
    }
}

fn drop_caught(session: Option<Session>) {
    if catch_unwind(AssertUnwindSafe(|| drop(session))).is_err() {
        tracing::error!("a session panicked at its end");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sessions that have their turn before other tasks of the worker do.
const TURNS: usize = 64;

#[cfg(test)]
mod tests;
