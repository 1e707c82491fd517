//! What ends a server by itself: that nobody asks it for anything, or that the process is gone which it is there for.

use std::fmt;
use std::future::pending;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Server;
use crate::switchboard::Core;

/// When it ends by itself.
impl Server {
    /// Shuts down as a signal would when no controller has run for so long (to a second, or a twentieth of it where that is
    /// less), however many clients are connected: for a server that is started when it is needed. Pings, lines that are no
    /// messages, and clients that only listen do not keep it.
    ///
    /// Only [`serve`](Self::serve) and [`run`](Self::run) see to this.
    pub fn exit_when_idle(mut self, after: Duration) -> Self {
        self.exits.idle = Some(after);
        self
    }

    /// Shuts down as a signal would within a second after the process of this number is gone, at once where it is gone
    /// already. It need not be the one that started this one, and may be of another user.
    ///
    /// On Linux (5.3) another process that gets the number later does not pass for it; on other Unix systems it does. What is
    /// no Unix refuses to start.
    ///
    /// Only [`serve`](Self::serve) and [`run`](Self::run) see to this.
    pub fn exit_with_parent(mut self, process: u32) -> Self {
        self.exits.parent = Some(process);
        self
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exits {
    pub(super) idle: Option<Duration>,
    pub(super) parent: Option<u32>,
}

/// The same, under way.
#[derive(Debug)]
pub(super) struct Exit {
    idle: Option<Duration>,
    parent: Option<Parent>,
}

/// Why a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Idle(Duration),
    Orphaned(u32),
}

impl Exits {
    pub(super) fn watch(self) -> io::Result<Exit> {
        Ok(Exit {
            idle: self.idle,
            parent: self.parent.map(Parent::watch).transpose()?,
        })
    }
}

impl Exit {
    /// Waits until there is a reason to end.
    pub(super) async fn due(&self, core: &Core) -> Reason {
        let idle = async {
            match self.idle {
                Some(after) => idle(core, after).await,
                None => pending().await,
            }
        };
        let orphaned = async {
            match &self.parent {
                Some(parent) => parent.gone().await,
                None => pending().await,
            }
        };
        tokio::select! {
            reason = idle => reason,
            reason = orphaned => reason,
        }
    }
}

/// Looks now and then, so that a message costs nothing.
async fn idle(core: &Core, after: Duration) -> Reason {
    let tick = (after / 20).clamp(FINEST, COARSEST);
    let mut runs = core.counters.runs.get();
    let mut since = Instant::now();
    while since.elapsed() < after {
        sleep(tick).await;
        let now = core.counters.runs.get();
        if now != runs || core.running.load(Ordering::Relaxed) > 0 {
            runs = now;
            since = Instant::now();
        }
    }
    Reason::Idle(after)
}

/// The process that the server is there for.
#[derive(Debug)]
struct Parent {
    id: u32,
    watch: Watch,
}

#[derive(Debug)]
enum Watch {
    Gone,
    /// Stands for this very process, whoever gets its number later.
    #[cfg(target_os = "linux")]
    Handle(std::os::fd::OwnedFd),
    /// For systems without such handles.
    #[cfg(unix)]
    Number(rustix::process::Pid),
}

impl Parent {
    #[cfg(unix)]
    fn watch(id: u32) -> io::Result<Self> {
        let pid = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
        let watch = pid.map_or(Watch::Gone, Watch::new);
        Ok(Self { id, watch })
    }

    #[cfg(not(unix))]
    fn watch(id: u32) -> io::Result<Self> {
        let message = format!("process {id} cannot be watched on this system: leave `exit_with_parent` out");
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }

    async fn gone(&self) -> Reason {
        while self.watch.is_there() {
            sleep(COARSEST).await;
        }
        Reason::Orphaned(self.id)
    }
}

impl Watch {
    #[cfg(target_os = "linux")]
    fn new(pid: rustix::process::Pid) -> Self {
        use rustix::process::{PidfdFlags, pidfd_open};

        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => Self::Handle(handle),
            Err(rustix::io::Errno::SRCH) => Self::Gone,
            // An old kernel, or a sandbox that knows no handles of processes.
            Err(_) => Self::Number(pid),
        }
    }

    #[cfg(all(unix, not(target_os = "linux")))]
    fn new(pid: rustix::process::Pid) -> Self {
        Self::Number(pid)
    }

    fn is_there(&self) -> bool {
        match self {
            Self::Gone => false,
            #[cfg(target_os = "linux")]
            Self::Handle(handle) => !has_ended(handle),
            #[cfg(unix)]
            Self::Number(pid) => is_there(*pid),
        }
    }
}

/// A handle can be read when its process has ended, whether or not somebody has waited for that.
#[cfg(target_os = "linux")]
fn has_ended(handle: &std::os::fd::OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&at_once)) == Ok(1)
}

/// A process of another user is there, too, though it may not be signalled.
#[cfg(unix)]
fn is_there(pid: rustix::process::Pid) -> bool {
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle(after) => write!(f, "nobody has asked for anything for {after:?}"),
            Self::Orphaned(id) => write!(f, "process {id} is gone"),
        }
    }
}

const FINEST: Duration = Duration::from_millis(10);
const COARSEST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
