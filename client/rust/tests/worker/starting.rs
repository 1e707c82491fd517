//! How a server starts, fails to, and is started again.

use std::time::Duration;

use switchboard_client::worker::{Command, Fault, State, Worker, WorkerError, WorkerLimits};

use crate::process::{Process, file, patient, processes, program, server, shell, state, within};

fn once() -> WorkerLimits {
    WorkerLimits {
        attempts: 1,
        ..patient()
    }
}

async fn gave_up(worker: &Worker) -> Fault {
    match state(worker, |state| matches!(state, State::GaveUp { .. })).await {
        State::GaveUp { why, .. } => why,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_request_waits_until_the_server_says_that_it_is_ready() {
    for (bind, framing) in [
        ("127.0.0.1:0".to_owned(), "lines"),
        (format!("unix:{}", file("lines.sock")), "lines"),
        ("127.0.0.1:0".to_owned(), "websocket"),
        (format!("unix:{}", file("websocket.sock")), "websocket"),
    ] {
        let command = Command::new(program()).args([&*bind, framing, "first"]);
        let place = switchboard_client::worker::Place::local(command);
        let place = if framing == "websocket" {
            place.over_websocket()
        } else {
            place
        };
        let worker = Worker::at(place).limits(patient()).start();
        assert_eq!(
            within(worker.request::<String>("name", &())).await.unwrap(),
            "first",
            "{bind}"
        );
        assert!(worker.state().is_healthy());
        within(worker.send("double", &1)).await.unwrap();
        let client = within(worker.client()).await.unwrap();
        assert_eq!(within(client.request::<u64>("double", &21)).await.unwrap(), 42);
        within(worker.stop()).await;
    }
}

#[tokio::test]
async fn a_start_that_fails_says_why() {
    let script = "for n in 1 2 3 4; do echo line $n >&2; done; printf 'no such interpreter' >&2; exit 3";
    let limits = WorkerLimits {
        stderr_lines: 2,
        ..once()
    };
    let worker = Worker::local(shell(script)).limits(limits).start();
    let why = gave_up(&worker).await;
    assert_eq!(
        why.to_string(),
        "sh ended before it was ready (exit status: 3); it wrote last:\nline 4\nno such interpreter"
    );
    let error = within(worker.request::<()>("name", &())).await.unwrap_err();
    assert!(
        matches!(&error, WorkerError::GaveUp(Fault::StartFailed { status, .. }) if status.code() == Some(3)),
        "{error}"
    );
    assert!(!error.maybe_delivered());

    let worker = Worker::local(Command::new("/no/such/program")).limits(once()).start();
    let why = gave_up(&worker).await;
    assert!(matches!(&why, Fault::NotStarted { .. }), "{why}");
    assert!(why.to_string().starts_with("/no/such/program cannot be started: "));

    let worker = Worker::local(shell("echo listening on nowhere; sleep 1000"))
        .limits(once())
        .start();
    let why = gave_up(&worker).await;
    assert!(matches!(&why, Fault::Address(_)), "{why}");
}

#[tokio::test]
async fn a_server_that_is_never_ready_is_killed() {
    let limits = WorkerLimits {
        start: Duration::from_millis(300),
        ..once()
    };
    let pid = file("never");
    let script = format!("sleep 1000 & echo $! > {pid}; echo what >&2; trap '' TERM; sleep 1000");
    let worker = Worker::local(shell(&script)).limits(limits).start();
    let why = gave_up(&worker).await;
    assert!(
        matches!(&why, Fault::NeverReady { stderr, .. } if &**stderr == "what"),
        "{why}"
    );
    let pid: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    if rustix::process::test_kill_process(pid).is_ok() {
        Process::of(pid.as_raw_nonzero().get().unsigned_abs()).gone().await;
    }
}

#[tokio::test]
async fn a_request_does_not_wait_for_longer_than_its_time() {
    let limits = WorkerLimits {
        backoff: Duration::from_secs(3600),
        backoff_most: Duration::from_secs(3600),
        ..WorkerLimits::default()
    };
    let worker = Worker::local(shell("exit 3")).limits(limits).start();
    state(&worker, |state| matches!(state, State::Faulty { .. })).await;
    let brief = worker.within(Duration::from_millis(50));
    let error = within(brief.request::<()>("name", &())).await.unwrap_err();
    assert!(
        matches!(
            &error,
            WorkerError::NotReady {
                fault: Some(Fault::StartFailed { .. }),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn it_gives_up_and_is_started_again_by_hand() {
    let config = file("config");
    let script = format!(
        "test -e {config} || {{ echo no configuration >&2; exit 3; }}; exec {} 127.0.0.1:0 lines late",
        program()
    );
    let limits = WorkerLimits {
        attempts: 3,
        ..patient()
    };
    let worker = Worker::local(shell(&script)).limits(limits).start();
    let State::GaveUp { failures, why } = state(&worker, |state| matches!(state, State::GaveUp { .. })).await else {
        panic!("it gives up");
    };
    assert_eq!(failures, 3);
    assert!(why.to_string().contains("no configuration"), "{why}");

    std::fs::write(&config, "").unwrap();
    within(worker.request::<String>("name", &())).await.unwrap_err();
    worker.retry();
    assert_eq!(within(worker.request::<String>("name", &())).await.unwrap(), "late");
}

#[tokio::test]
async fn a_crash_settles_what_was_sent_and_the_server_comes_back() {
    // There is time to see that it is faulty.
    let limits = WorkerLimits {
        backoff: Duration::from_millis(200),
        backoff_most: Duration::from_millis(200),
        ..patient()
    };
    let worker = Worker::local(server("one").args(["child"])).limits(limits).start();
    let (first, child) = processes(&worker).await;
    assert_eq!(worker.process(), Some(first.pid.as_raw_nonzero().get().unsigned_abs()));
    let client = worker.client().await.unwrap();
    let hanging = {
        let worker = worker.clone();
        tokio::spawn(async move { worker.request::<u8>("hang", &()).await })
    };
    // The server has the first when it answers the second.
    while client.open_requests() == 0 {
        tokio::task::yield_now().await;
    }
    worker.request::<u64>("double", &1).await.unwrap();
    let mut states = worker.states();
    let old = first.pid;
    first.kill();
    let error = within(hanging).await.unwrap().unwrap_err();
    assert!(error.maybe_delivered(), "{error}");
    first.gone().await;
    child.unwrap().gone().await;

    let faulty = within(states.wait_for(|state| !state.is_healthy()))
        .await
        .unwrap()
        .clone();
    let State::Faulty { why, .. } = faulty else {
        panic!("{faulty}");
    };
    assert!(
        matches!(&why, Fault::Crashed { .. }) && why.to_string().contains("signal: 9"),
        "{why}"
    );
    assert_ne!(processes(&worker).await.0.pid, old);
}

#[tokio::test]
async fn a_crash_tells_the_last_lines() {
    let worker = Worker::local(server("one")).limits(once()).start();
    within(worker.request::<()>("exit", &7)).await.unwrap_err();
    let why = gave_up(&worker).await.to_string();
    assert!(
        why.contains("exit status: 7") && why.contains("told to exit with 7"),
        "{why}"
    );
}

#[tokio::test]
async fn a_server_that_ends_well_is_started_by_the_next_request() {
    let limits = WorkerLimits {
        stable: Duration::ZERO,
        ..once()
    };
    let worker = Worker::local(server("one")).limits(limits).start();
    within(worker.request::<()>("exit", &0)).await.unwrap_err();
    state(&worker, |state| matches!(state, State::Stopped)).await;
    assert_eq!(within(worker.request::<String>("name", &())).await.unwrap(), "one");
}

#[tokio::test]
async fn a_server_that_is_frozen_is_killed_and_replaced() {
    let limits = WorkerLimits {
        recover: Duration::from_millis(300),
        ..patient()
    };
    let worker = Worker::local(server("one"))
        .limits(limits)
        .client(|builder| {
            builder.random(|| 0.0).limits(switchboard_client::Limits {
                heartbeat: Duration::from_millis(200),
                patience: Duration::from_millis(100),
                ..switchboard_client::Limits::default()
            })
        })
        .start();
    let (first, _) = processes(&worker).await;
    rustix::process::kill_process(first.pid, rustix::process::Signal::STOP).unwrap();
    let old = first.pid;
    first.gone().await;
    assert_ne!(processes(&worker).await.0.pid, old);
}
