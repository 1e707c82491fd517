//! Servers that may run already, whoever started them.

use std::time::Duration;

use switchboard_client::RequestError;
use switchboard_client::worker::{Command, Fault, Place, State, Worker, WorkerBuilder, WorkerError, WorkerLimits};

use crate::process::{Process, elsewhere, file, patient, processes, program, server, shell, state, within};

/// A worker whose server listens here, and may run already.
fn at(address: &str, name: &str) -> WorkerBuilder {
    let command = Command::new(program()).args([address, "lines", name]);
    Worker::local(command).reuse_at(address).limits(patient())
}

async fn name(worker: &Worker) -> String {
    within(worker.request::<String>("name", &())).await.unwrap()
}

fn unix(name: &str) -> String {
    format!("unix:{}", file(name))
}

/// A port that nobody has, for now.
fn port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_server_that_runs_is_used_and_never_ended() {
    for bind in [unix("runs.sock"), "127.0.0.1:0".to_owned()] {
        let (mut there, address) = elsewhere(&bind).await;
        let said = address.trim_start_matches("tcp://").to_owned();
        let worker = at(&said, "mine").start();
        assert_eq!(name(&worker).await, "elsewhere");
        assert!(worker.state().is_healthy() && worker.process().is_none());

        within(worker.stop()).await;
        assert_eq!(name(&worker).await, "elsewhere");
        worker.retry();
        assert_eq!(name(&worker).await, "elsewhere");
        assert!(worker.switch(server("other")));
        assert_eq!(name(&worker).await, "other");
        let (other, _) = processes(&worker).await;
        // The same place in another spelling of its address.
        let command = Command::new("/no/such/program");
        assert!(worker.switch(Place::local(command).reuse_at(&*address)));
        assert_eq!(name(&worker).await, "elsewhere");
        other.gone().await;

        let mut states = worker.states();
        drop(worker);
        within(states.wait_for(|state| matches!(state, State::Stopped)))
            .await
            .unwrap();
        assert_eq!(there.try_wait().unwrap(), None);
        let client = switchboard_client::Client::connect(&address).unwrap();
        assert_eq!(
            within(client.request::<String>("name", &())).await.unwrap(),
            "elsewhere"
        );
    }
}

#[tokio::test]
async fn the_first_starts_it_the_others_share_it_and_when_it_goes_one_of_them_starts_the_next() {
    let address = unix("passed.sock");
    let first = at(&address, "first").start();
    assert_eq!(name(&first).await, "first");
    let (started, _) = processes(&first).await;
    let (second, third) = (at(&address, "second").start(), at(&address, "third").start());
    assert_eq!((&*name(&second).await, &*name(&third).await), ("first", "first"));
    assert_eq!((second.process(), third.process()), (None, None));
    drop(first);
    started.gone().await;

    let heirs = [next_name(&second, "first").await, next_name(&third, "first").await];
    assert!(
        heirs[0] == heirs[1] && ["second", "third"].contains(&&*heirs[0]),
        "{heirs:?}"
    );
    assert_eq!(
        u8::from(second.process().is_some()) + u8::from(third.process().is_some()),
        1
    );
}

/// The name of the server behind the one of this name.
async fn next_name(worker: &Worker, old: &str) -> String {
    loop {
        match within(worker.request::<String>("name", &())).await {
            Ok(name) if name != old => return name,
            // The old one had time for it, or no more.
            Ok(_) | Err(WorkerError::Request(RequestError::Lost { .. })) => {}
            Err(WorkerError::Request(RequestError::Failed(error))) if error.code() == "unavailable" => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_start_at_once_one_starts_a_server_and_all_use_it() {
    for round in 0..10 {
        let address = if round % 2 == 0 { unix("race.sock") } else { port() };
        // What a server leaves that was killed.
        if round % 4 == 0 {
            drop(std::os::unix::net::UnixListener::bind(address.trim_start_matches("unix:")).unwrap());
        }
        let workers: Vec<Worker> = (0..4).map(|n| at(&address, &n.to_string()).start()).collect();
        let mut names = Vec::new();
        for worker in &workers {
            names.push(name(worker).await);
        }
        assert!(names.iter().all(|name| *name == names[0]), "{address}: {names:?}");
        let started = workers.iter().filter(|worker| worker.process().is_some()).count();
        assert_eq!(started, 1, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_is_replaced_by_one_for_all() {
    let address = unix("killed.sock");
    let workers: Vec<Worker> = (0..3).map(|n| at(&address, &n.to_string()).start()).collect();
    let mut old = 0;
    for _ in 0..10 {
        let mut processes = Vec::new();
        for worker in &workers {
            processes.push(next_process(worker, old).await);
        }
        assert!(
            processes.iter().all(|process| *process == processes[0]),
            "{processes:?}"
        );
        old = processes[0];
        Process::of(old).kill();
    }
}

/// The server's process, once it is another one.
async fn next_process(worker: &Worker, old: u32) -> u32 {
    loop {
        match within(worker.request::<[u32; 2]>("pids", &())).await {
            Ok([process, _]) if process != old => return process,
            Ok(_) | Err(WorkerError::Request(RequestError::Lost { .. })) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn where_somebody_listens_who_cannot_be_talked_to_nothing_is_started() {
    let limits = WorkerLimits {
        start: Duration::from_millis(200),
        attempts: 2,
        ..patient()
    };
    let (socket, mark) = (file("mute.sock"), file("started"));
    let mute = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let script = format!("echo > {mark}; exec {} unix:{socket} lines mine", program());
    let worker = Worker::local(shell(&script))
        .reuse_at(format!("unix:{socket}"))
        .limits(limits)
        .start();
    let State::GaveUp { why, failures } = state(&worker, |state| matches!(state, State::GaveUp { .. })).await else {
        panic!("it gives up");
    };
    assert_eq!(failures, 2);
    assert!(
        matches!(&why, Fault::Unreachable { address, .. } if address.contains(&socket)),
        "{why}"
    );
    assert!(!std::path::Path::new(&mark).exists());

    // Who made room for it.
    drop(mute);
    let worker = at(&format!("unix:{socket}"), "mine").start();
    assert_eq!(name(&worker).await, "mine");
    assert!(worker.process().is_some());
}

#[tokio::test]
async fn what_is_no_address_is_told() {
    let limits = WorkerLimits {
        attempts: 1,
        ..patient()
    };
    let worker = Worker::local(server("one")).reuse_at("nowhere").limits(limits).start();
    let error = within(worker.request::<()>("name", &())).await.unwrap_err();
    assert!(matches!(&error, WorkerError::GaveUp(Fault::Address(_))), "{error}");
}

#[tokio::test]
async fn a_server_that_is_used_by_nobody_is_left_alone_until_the_next_request() {
    let (mut there, address) = elsewhere(&unix("idle.sock")).await;
    let limits = WorkerLimits {
        idle: Some(Duration::from_millis(100)),
        ..patient()
    };
    let worker = at(&address, "mine").limits(limits).start();
    assert_eq!(name(&worker).await, "elsewhere");
    state(&worker, |state| matches!(state, State::Stopped)).await;
    assert_eq!(there.try_wait().unwrap(), None);
    assert_eq!(name(&worker).await, "elsewhere");
}
