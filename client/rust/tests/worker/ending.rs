//! How a server that a worker started ends.

use std::process::Stdio;
use std::time::Duration;

use switchboard_client::worker::{State, Worker, WorkerError, WorkerLimits, Workers};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::process::{Process, patient, processes, program, server, shell, state, within};

#[tokio::test]
async fn dropping_the_last_handle_ends_the_server_and_its_children() {
    let worker = Worker::local(server("one").args(["child"])).limits(patient()).start();
    let (server, child) = processes(&worker).await;
    let mut states = worker.states();
    let other = worker.clone();
    drop(worker);
    assert_eq!(within(other.request::<u64>("double", &4)).await.unwrap(), 8);
    drop(other);
    server.gone().await;
    child.unwrap().gone().await;
    within(states.wait_for(|state| matches!(state, State::Stopped)))
        .await
        .unwrap();
}

#[test]
fn the_end_of_the_runtime_ends_the_server_and_its_children() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let first = runtime();
    let (worker, server, child) = first.block_on(async {
        let worker = Worker::local(server("one").args(["child"])).limits(patient()).start();
        let (server, child) = processes(&worker).await;
        (worker, server, child.unwrap())
    });
    drop(first);
    runtime().block_on(async {
        server.gone().await;
        child.gone().await;
        assert!(matches!(worker.state(), State::Stopped));
        let brief = worker.within(Duration::from_millis(1));
        within(brief.request::<()>("name", &())).await.unwrap_err();
    });
}

#[tokio::test]
async fn the_end_of_the_process_ends_the_server_and_its_children_however_it_comes_about() {
    for signal in ["KILL", "INT", ""] {
        let mut owner = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ending::have_a_server_for_another_test", "--nocapture"])
            .env(OWNER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
        let processes = loop {
            let line = within(lines.next_line()).await.unwrap().unwrap();
            if let Some((_, processes)) = line.split_once("processes ") {
                break processes.to_owned();
            }
        };
        let processes: Vec<Process> = processes
            .split(' ')
            .map(|id| Process::of(id.parse().unwrap()))
            .collect();
        assert_eq!(processes.len(), 2);
        if signal.is_empty() {
            // It calls `std::process::exit` then.
            drop(owner.stdin.take());
        } else {
            let (kill, id) = (format!("-{signal}"), owner.id().unwrap().to_string());
            let status = tokio::process::Command::new("kill").args([kill, id]).status();
            assert!(within(status).await.unwrap().success());
        }
        within(owner.wait()).await.unwrap();
        for process in processes {
            process.gone().await;
        }
    }
}

/// The owner of a server in the test above: nothing to test here, so that the harness passes it by.
#[tokio::test]
async fn have_a_server_for_another_test() {
    if std::env::var_os(OWNER).is_none() {
        return;
    }
    let worker = Worker::local(server("one").args(["child"])).limits(patient()).start();
    let [server, child] = worker.request::<[u32; 2]>("pids", &()).await.unwrap();
    println!("processes {server} {child}");
    let mut end = String::new();
    std::io::stdin().read_line(&mut end).unwrap();
    std::process::exit(0);
}

const OWNER: &str = "SWITCHBOARD_TEST_OWNER";

#[tokio::test]
async fn a_server_that_does_not_end_when_asked_is_killed() {
    // The shell stays, and does not listen to signals.
    let script = format!("trap '' TERM; {} 127.0.0.1:0 lines one; sleep 1000", program());
    let limits = WorkerLimits {
        stop: Duration::from_millis(100),
        ..patient()
    };
    let worker = Worker::local(shell(&script)).limits(limits).start();
    let (server, _) = processes(&worker).await;
    within(worker.stop()).await;
    server.gone().await;
    assert!(matches!(worker.state(), State::Stopped));
}

#[tokio::test]
async fn a_stopped_worker_starts_again_with_the_next_request() {
    let worker = Worker::local(server("one")).limits(patient()).start();
    let (first, _) = processes(&worker).await;
    let old = first.pid;
    within(worker.stop()).await;
    first.gone().await;
    assert_ne!(processes(&worker).await.0.pid, old);
}

#[tokio::test]
async fn a_stop_settles_who_waits_for_a_server() {
    let worker = Worker::local(shell("sleep 1000")).limits(patient()).start();
    let waiting = {
        let worker = worker.clone();
        tokio::spawn(async move { worker.request::<()>("name", &()).await })
    };
    tokio::task::yield_now().await;
    within(worker.stop()).await;
    let error = within(waiting).await.unwrap().unwrap_err();
    assert!(matches!(error, WorkerError::Stopped), "{error}");
}

#[tokio::test]
async fn a_server_that_nobody_uses_is_stopped_until_the_next_request() {
    let limits = WorkerLimits {
        idle: Some(Duration::from_millis(300)),
        ..patient()
    };
    let worker = Worker::local(server("one")).limits(limits).start();
    let (first, _) = processes(&worker).await;
    let hanging = worker.within(Duration::from_secs(1));
    // An open request is use, for longer than the time.
    let error = within(hanging.request::<u8>("hang", &())).await.unwrap_err();
    assert!(error.to_string().starts_with("not answered within"), "{error}");
    assert!(worker.state().is_healthy());
    state(&worker, |state| matches!(state, State::Stopped)).await;
    first.gone().await;
    assert_eq!(within(worker.request::<String>("name", &())).await.unwrap(), "one");
}

#[tokio::test]
async fn workers_are_shared_by_key_and_end_with_their_last_user() {
    let workers: Workers<&str> = Workers::new();
    let get = |key| workers.get(key, || Worker::local(server(key)).limits(patient()));
    let (left, again, right) = (get("left"), get("left"), get("right"));
    let (server, _) = processes(&left).await;
    assert_eq!(processes(&again).await.0.pid, server.pid);
    assert_ne!(processes(&right).await.0.pid, server.pid);
    assert_eq!(within(right.request::<String>("name", &())).await.unwrap(), "right");
    assert_eq!(workers.len(), 2);
    drop(left);
    assert_eq!(within(again.request::<String>("name", &())).await.unwrap(), "left");
    drop(again);
    let old = server.pid;
    server.gone().await;
    assert!(workers.find(&"left").is_none() && workers.find(&"right").is_some());
    assert_eq!(workers.len(), 1);
    let Process { pid, .. } = processes(&get("left")).await.0;
    assert_ne!(pid, old);
}
