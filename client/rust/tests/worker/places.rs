//! Other commands, and servers that somebody else started.

use serde_json::{Value, json};
use switchboard_client::worker::{Fault, PathMap, Place, State, Worker, WorkerError};

use crate::process::{elsewhere, patient, processes, server, shell, state, within};

#[tokio::test]
async fn a_switch_keeps_the_request_that_came_with_it_and_ends_the_old_server() {
    let worker = Worker::local(server("old").args(["child"])).limits(patient()).start();
    let (old, child) = processes(&worker).await;
    assert!(!worker.switch(server("old").args(["child"])));
    assert!(worker.switch(server("new")));
    assert_eq!(within(worker.request::<String>("name", &())).await.unwrap(), "new");
    old.gone().await;
    child.unwrap().gone().await;

    // From a server that is never ready, and from one that was given up, too.
    worker.switch(shell("sleep 1000"));
    state(&worker, |state| matches!(state, State::Starting { .. })).await;
    worker.switch(server("newer"));
    assert_eq!(within(worker.request::<String>("name", &())).await.unwrap(), "newer");
}

#[tokio::test]
async fn of_many_switches_at_once_the_last_counts() {
    let worker = Worker::local(server("0")).limits(patient()).start();
    for n in 1..20 {
        worker.switch(server(&n.to_string()));
        tokio::task::yield_now().await;
    }
    assert_eq!(within(worker.request::<String>("name", &())).await.unwrap(), "19");
}

#[tokio::test]
async fn a_remote_server_is_never_ended() {
    let (mut there, address) = elsewhere("127.0.0.1:0").await;
    let worker = Worker::remote(&*address).limits(patient()).start();
    assert_eq!(
        within(worker.request::<String>("name", &())).await.unwrap(),
        "elsewhere"
    );
    within(worker.stop()).await;
    assert_eq!(
        within(worker.request::<String>("name", &())).await.unwrap(),
        "elsewhere"
    );
    worker.switch(server("here"));
    assert_eq!(within(worker.request::<String>("name", &())).await.unwrap(), "here");
    let (here, _) = processes(&worker).await;
    worker.switch(Place::remote(&*address));
    assert_eq!(
        within(worker.request::<String>("name", &())).await.unwrap(),
        "elsewhere"
    );
    here.gone().await;
    drop(worker);
    assert_eq!(there.try_wait().unwrap(), None);
    let client = switchboard_client::Client::connect(&address).unwrap();
    assert_eq!(
        within(client.request::<String>("name", &())).await.unwrap(),
        "elsewhere"
    );
}

#[tokio::test]
async fn a_remote_server_that_is_away_is_waited_for() {
    let (mut there, address) = elsewhere("127.0.0.1:0").await;
    let worker = Worker::remote(&*address)
        .client(|builder| builder.random(|| 0.1))
        .start();
    within(worker.request::<String>("name", &())).await.unwrap();
    there.kill().await.unwrap();
    let faulty = state(&worker, |state| matches!(state, State::Faulty { .. })).await;
    assert!(faulty.to_string().contains(&address), "{faulty}");
    let _there = elsewhere(address.strip_prefix("tcp://").unwrap()).await;
    assert_eq!(
        within(worker.request::<String>("name", &())).await.unwrap(),
        "elsewhere"
    );
}

#[tokio::test]
async fn what_is_no_address_is_told() {
    let worker = Worker::remote("nowhere").start();
    let error = within(worker.request::<()>("name", &())).await.unwrap_err();
    assert!(matches!(&error, WorkerError::GaveUp(Fault::Address(_))), "{error}");
}

#[tokio::test]
async fn paths_are_mapped_on_their_way_there_and_back() {
    let (_there, address) = elsewhere("127.0.0.1:0").await;
    let paths = PathMap::new("/home/kevin/app", "/vagrant").fields(["filename"]);
    let worker = Worker::remote(&*address).map_paths(paths).start();
    let payload = json!({"filename": "/home/kevin/app/main.py", "source": "/home/kevin/app"});
    assert_eq!(
        within(worker.request::<String>("text", &payload)).await.unwrap(),
        r#"{"filename":"/vagrant/main.py","source":"/home/kevin/app"}"#
    );
    assert_eq!(
        within(worker.request::<Value>("echo", &payload)).await.unwrap(),
        payload
    );
}
