//! The server of these tests, and processes as the system sees them.

use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use switchboard_client::worker::{Command, State, Worker, WorkerLimits};
use tokio::io::{AsyncBufReadExt, BufReader};

/// A process, which nobody else becomes while it is watched.
pub(crate) struct Process {
    pub(crate) pid: Pid,
    handle: OwnedFd,
}

impl Process {
    pub(crate) fn of(id: u32) -> Self {
        let pid = Pid::from_raw(id.try_into().unwrap()).unwrap();
        let handle = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        Self { pid, handle }
    }

    pub(crate) fn kill(&self) {
        // It may have ended by itself.
        let _ = kill_process(self.pid, Signal::KILL);
    }

    /// Waits for its end.
    pub(crate) async fn gone(self) {
        let ended = tokio::task::spawn_blocking(move || {
            let limit = Timespec {
                tv_sec: 120,
                tv_nsec: 0,
            };
            poll(&mut [PollFd::new(&self.handle, PollFlags::IN)], Some(&limit)).unwrap()
        });
        assert_eq!(ended.await.unwrap(), 1, "it ends within two minutes");
    }
}

/// The program, which `cargo test` builds.
pub(crate) fn program() -> String {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/worker_server");
    assert!(
        program.exists(),
        "there is no {}: `cargo build --package switchboard-client --examples` makes it",
        program.display()
    );
    program.to_str().unwrap().to_owned()
}

/// A server of this name, which listens on a free port and speaks in lines.
pub(crate) fn server(name: &str) -> Command {
    Command::new(program()).args(["127.0.0.1:0", "lines", name])
}

/// A server that no worker started, and its address.
pub(crate) async fn elsewhere(bind: &str) -> (tokio::process::Child, String) {
    let mut child = tokio::process::Command::new(program())
        .args([bind, "lines", "elsewhere"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = within(lines.next_line()).await.unwrap().unwrap();
        if let Some(address) = line.strip_prefix("listening on ") {
            let address = match address.starts_with("unix:") {
                true => address.to_owned(),
                false => format!("tcp://{address}"),
            };
            return (child, address);
        }
    }
}

/// What a shell does.
pub(crate) fn shell(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

/// A server that comes back soon, however often it fails.
pub(crate) fn patient() -> WorkerLimits {
    WorkerLimits {
        attempts: u32::MAX,
        backoff: Duration::from_millis(1),
        backoff_most: Duration::from_millis(5),
        start: Duration::from_secs(60),
        ..WorkerLimits::default()
    }
}

/// A file that is not there.
pub(crate) fn file(name: &str) -> String {
    let file = std::env::temp_dir().join(format!("switchboard-worker-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    file.to_str().unwrap().to_owned()
}

/// The server, and its child where it has one.
pub(crate) async fn processes(worker: &Worker) -> (Process, Option<Process>) {
    let [server, child] = worker.request::<[u32; 2]>("pids", &()).await.unwrap();
    (Process::of(server), (child > 0).then(|| Process::of(child)))
}

pub(crate) async fn state(worker: &Worker, wanted: impl FnMut(&State) -> bool) -> State {
    let mut states = worker.states();
    within(states.wait_for(wanted)).await.unwrap().clone()
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, future)
        .await
        .expect("it comes within two minutes")
}
