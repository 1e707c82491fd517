use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, sleep};

use super::{Exits, Reason, idle};
use crate::testing::{TestClient, TestServer};
use crate::{Controller, Routes, Server};

#[tokio::test(start_paused = true)]
async fn a_server_is_idle_when_no_controller_has_run_for_so_long() {
    let server = server(Arc::default());
    let mut client = server.connect().await;
    let (began, idle) = watch(&server);
    for _ in 0..4 {
        sleep(AFTER / 2).await;
        client.request("answer", ()).await.unwrap();
    }
    // Neither of these asks a controller.
    sleep(AFTER / 2).await;
    client.request("switchboard/ping", ()).await.unwrap();
    client.request("nobody/knows", ()).await.unwrap_err();
    client.send_raw("no message").await;
    assert_eq!(idle.await.unwrap(), Reason::Idle(AFTER));
    assert_about(began.elapsed(), AFTER * 3);
}

#[tokio::test(start_paused = true)]
async fn a_server_with_a_controller_under_way_is_not_idle() {
    let go_on = Arc::new(Notify::new());
    let server = server(Arc::clone(&go_on));
    let mut client = server.connect().await;
    let (began, idle) = watch(&server);
    let uid = client.start_request("wait", ()).await;
    sleep(AFTER * 5).await;
    assert!(!idle.is_finished());
    go_on.notify_one();
    client.frames_of(&uid).await;
    assert_eq!(idle.await.unwrap(), Reason::Idle(AFTER));
    assert_about(began.elapsed(), AFTER * 6);
}

#[tokio::test(start_paused = true)]
async fn clients_that_come_and_go_without_a_word_do_not_keep_a_server() {
    let server = server(Arc::default());
    let (began, idle) = watch(&server);
    for _ in 0..10 {
        let client: TestClient = server.connect().await;
        advance(AFTER / 15).await;
        client.close().await;
    }
    assert_eq!(idle.await.unwrap(), Reason::Idle(AFTER));
    assert_about(began.elapsed(), AFTER);
}

#[cfg(unix)]
#[tokio::test]
async fn a_process_that_ends_or_was_never_there_is_gone() {
    use std::process::{Command, Stdio};

    let server = server(Arc::default());
    let core = Arc::clone(server.switchboard().core());
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let watch = |parent| {
        let parent = Some(parent);
        Exits { idle: None, parent }.watch().unwrap()
    };
    let exit = watch(id);
    let (tell, mut told) = tokio::sync::oneshot::channel();
    let gone = tokio::spawn(async move {
        let reason = exit.due(&core).await;
        let _ = tell.send(());
        reason
    });
    tokio::task::yield_now().await;
    assert!(told.try_recv().is_err(), "it is there");
    // It ends by itself when nothing more can come. Nobody has waited for it yet: it counts as gone all the same.
    drop(child.stdin.take());
    assert_eq!(gone.await.unwrap(), Reason::Orphaned(id));
    child.wait().unwrap();

    let core = server.switchboard();
    for nobody in [id, 0, u32::MAX] {
        assert_eq!(watch(nobody).due(core.core()).await, Reason::Orphaned(nobody));
    }
}

#[cfg(unix)]
#[test]
fn a_process_of_another_user_is_there_too() {
    let pid = |id| rustix::process::Pid::from_raw(id).unwrap();
    assert!(super::is_there(pid(1)));
    assert!(!super::is_there(pid(i32::MAX)));
}

fn server(go_on: Arc<Notify>) -> TestServer {
    let wait = move |()| {
        let go_on = Arc::clone(&go_on);
        async move { go_on.notified().await }
    };
    let routes = Routes::new()
        .route("answer", Controller::silent(|()| 42))
        .route("wait", Controller::silent(wait).timeout(AFTER * 100));
    TestServer::start(Server::empty().routes(routes)).unwrap()
}

fn watch(server: &TestServer) -> (Instant, JoinHandle<Reason>) {
    let core = Arc::clone(server.switchboard().core());
    (Instant::now(), tokio::spawn(async move { idle(&core, AFTER).await }))
}

fn assert_about(took: Duration, expected: Duration) {
    let late = took.checked_sub(expected);
    assert!(
        late.is_some_and(|late| late <= AFTER / 10),
        "{took:?}, not {expected:?}"
    );
}

/// Shorter than a client may be silent.
const AFTER: Duration = Duration::from_secs(10);
