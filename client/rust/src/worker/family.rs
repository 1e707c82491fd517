//! A process and all that it starts, which end together.

use std::io;
use std::process::ExitStatus;
#[cfg(unix)]
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// A process that was started here, in a group of its own. Dropping it kills the group.
///
/// The group is named by the number of its leader, which nobody else can get before somebody has waited for the leader: so the
/// group is always signalled first, and waited for then.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) child: Child,
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
    #[cfg(unix)]
    ends: tokio::signal::unix::Signal,
    /// Ends the group when this process is gone, however that comes about.
    #[cfg(unix)]
    _guard: Option<Child>,
}

#[cfg(unix)]
impl Family {
    /// Starts it. If this process ends without ending it, it has `stop` from then on.
    pub(super) fn start(command: &mut Command, stop: Duration) -> io::Result<Self> {
        // Before the process, so that its end is not missed.
        let ends = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::child())?;
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let leader = id.and_then(rustix::process::Pid::from_raw);
        let guard = id.map(|id| guard(id, stop)).transpose().unwrap_or_else(|error| {
            tracing::warn!("no `sh` can be started ({error}): the server stays if this process is killed");
            None
        });
        Ok(Self {
            child,
            leader,
            ends,
            _guard: guard,
        })
    }

    /// Waits for the leader's end, by whom ever; the others end with it.
    pub(super) async fn exited(&mut self) -> io::Result<ExitStatus> {
        while !self.has_exited() {
            self.ends.recv().await;
        }
        self.kill();
        self.child.wait().await
    }

    fn has_exited(&self) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};

        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.leader
            .is_none_or(|leader| !matches!(waitid(WaitId::Pid(leader), options), Ok(None)))
    }

    /// Asks the leader to end.
    pub(super) fn terminate(&mut self) {
        if let Some(leader) = self.leader {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(leader, rustix::process::Signal::TERM);
        }
    }

    /// Kills all of them.
    pub(super) fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // All of them may have ended by themselves.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// One more process in the group, which waits for the end of its standard input. That is the end of this process, since nobody
/// else has the other end of it, and no code needs to run here for it.
#[cfg(unix)]
fn guard(group: i32, stop: Duration) -> io::Result<Child> {
    let seconds = stop.as_secs() + u64::from(stop.subsec_nanos() > 0);
    let script = format!("trap '' TERM; read -r _; kill -TERM 0; sleep {seconds}; kill -KILL 0");
    Command::new("/bin/sh")
        .args(["-c", &script])
        .process_group(group)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// Elsewhere only the process itself is ended, and not asked before.
#[cfg(not(unix))]
impl Family {
    pub(super) fn start(command: &mut Command, _: Duration) -> io::Result<Self> {
        let child = command.kill_on_drop(true).spawn()?;
        Ok(Self { child })
    }

    pub(super) async fn exited(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    pub(super) fn terminate(&mut self) {
        self.kill();
    }

    pub(super) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.start_kill();
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.kill();
    }
}
