//! The three ways to end a server: what each client reads, and what is handed back of what it does not read.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};
use switchboard::{Shutdown, Unsent, UnsentKind};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

const MODES: [Shutdown; 3] = [Shutdown::Now, Shutdown::FinishMessages, Shutdown::FinishQueues];
const DEADLINE: Duration = Duration::from_secs(3);

/// A server with one narrow client, for which lie: a half-sent delivery, three queued ones, a request that runs and one that
/// waits behind it.
struct Scene {
    server: TestServer,
    client: TestClient,
    gone: mpsc::UnboundedReceiver<Disconnected>,
}

/// What became of a client.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fate {
    deliveries: usize,
    /// The requests that were answered with an error, by name and code.
    failed: Vec<(String, String)>,
    answered: Vec<String>,
}

fn server(routes: Routes) -> (TestServer, mpsc::UnboundedReceiver<Disconnected>) {
    let (send, gone) = mpsc::unbounded_channel();
    let routes = routes.route(
        "switchboard/disconnected",
        Controller::silent(move |disconnected: Disconnected| {
            let _ = send.send(disconnected);
        }),
    );
    (TestServer::start(Server::empty().routes(routes)).unwrap(), gone)
}

/// The request that runs ends after `work`, or never.
async fn scene(work: Option<Duration>) -> Scene {
    let routes = Routes::new()
        .route(
            "prepare",
            Controller::silent(|client: Client| {
                client.join("room").unwrap();
                for n in 0..4 {
                    client
                        .send("news", &format!("{n} is longer than what is on its way"))
                        .unwrap();
                }
            }),
        )
        .route(
            "runs",
            Controller::silent(move |()| async move {
                match work {
                    Some(work) => sleep(work).await,
                    None => std::future::pending().await,
                }
                "done"
            }),
        )
        .route("waits", Controller::silent(|()| "never begun"));
    let (server, gone) = server(routes);
    let mut client = server.connect_narrow(32).await;
    client.send("prepare", ()).await;
    client.start_request("runs", ()).await;
    client.start_request("waits", ()).await;
    while server.switchboard().counters().messages.get() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.switchboard().counters().runs.get(), 2);
    assert_eq!(server.switchboard().count_mailboxes().await, 1);
    Scene { server, client, gone }
}

fn fate(client: &TestClient) -> Fate {
    let mut fate = Fate::default();
    for frame in client.kept() {
        let name = frame.name.as_deref().unwrap().to_owned();
        match &frame.error {
            _ if frame.uid.is_none() => fate.deliveries += 1,
            Some(error) => fate.failed.push((name, error.code().to_owned())),
            None => fate.answered.push(name),
        }
    }
    fate.failed.sort();
    fate
}

/// The names of the answers that were handed back, sorted.
fn unsent_answers(unsent: &[Unsent]) -> Vec<&str> {
    let answers = unsent.iter().filter(|unsent| unsent.kind == UnsentKind::Answer);
    let mut names: Vec<_> = answers.map(|unsent| &*unsent.name).collect();
    names.sort_unstable();
    names
}

fn unsent_deliveries(unsent: &[Unsent]) -> Vec<String> {
    unsent
        .iter()
        .filter(|unsent| unsent.kind == UnsentKind::Delivery)
        .map(|unsent| unsent.payload.as_ref().unwrap().decode::<String>().unwrap()[..1].to_owned())
        .collect()
}

fn unavailable(names: &[&str]) -> Vec<(String, String)> {
    let failed = names.iter().map(|name| ((*name).to_owned(), "unavailable".to_owned()));
    failed.collect()
}

async fn nothing_is_left(board: &Switchboard) {
    assert_eq!((board.count().await, board.count_mailboxes().await), (0, 0));
    assert_eq!(board.counters().left.get(), board.counters().accepted.get());
}

#[tokio::test(start_paused = true)]
async fn now_cuts_what_is_half_sent_and_hands_the_rest_back() {
    let Scene {
        server,
        mut client,
        mut gone,
    } = scene(None).await;
    let board = server.switchboard();
    let shutdown = tokio::spawn(server.shut_down(Shutdown::Now, DEADLINE));
    let (code, _) = client.closed().await;
    assert_eq!(
        code,
        CloseCode::ABNORMAL,
        "no close frame fits into a half-sent message"
    );
    assert!(shutdown.await.unwrap(), "what ran was dropped, so all ended in time");
    assert_eq!(fate(&client), Fate::default());

    let gone = gone.recv().await.unwrap();
    assert_eq!((gone.code, gone.mailboxes.len()), (CloseCode::SHUTDOWN, 2));
    assert_eq!(unsent_deliveries(&gone.unsent), ["0", "1", "2", "3"]);
    assert!(gone.unsent[0].partly_sent && gone.unsent[1..].iter().all(|unsent| !unsent.partly_sent));
    assert_eq!(
        unsent_answers(&gone.unsent),
        ["runs", "waits"],
        "each request is settled"
    );
    nothing_is_left(&board).await;
}

#[tokio::test(start_paused = true)]
async fn now_still_says_goodbye_where_nothing_is_half_sent() {
    let (server, mut gone) = server(Routes::new().route("echo", Controller::silent(|()| 1)));
    let mut client = server.connect().await;
    client.request("echo", ()).await.unwrap();
    let board = server.switchboard();
    let shutdown = tokio::spawn(server.shut_down(Shutdown::Now, DEADLINE));
    let (code, reason) = client.closed().await;
    assert_eq!((code, reason.is_empty()), (CloseCode::SHUTDOWN, false));
    drop(client);
    assert!(shutdown.await.unwrap());
    let gone = gone.recv().await.unwrap();
    assert_eq!((gone.code, gone.unsent.len()), (CloseCode::SHUTDOWN, 0));
    nothing_is_left(&board).await;
}

#[tokio::test(start_paused = true)]
async fn finish_messages_finishes_the_half_sent_one_and_hands_the_rest_back() {
    let Scene {
        server,
        mut client,
        mut gone,
    } = scene(None).await;
    let board = server.switchboard();
    let shutdown = tokio::spawn(server.shut_down(Shutdown::FinishMessages, DEADLINE));
    assert_eq!(client.closed().await.0, CloseCode::SHUTDOWN);
    let read = fate(&client);
    drop(client);
    assert!(shutdown.await.unwrap());
    assert_eq!(read.deliveries, 1, "the half-sent one and no other");
    assert!(read.answered.is_empty());

    let gone = gone.recv().await.unwrap();
    assert_eq!(gone.code, CloseCode::SHUTDOWN);
    assert_eq!(unsent_deliveries(&gone.unsent), ["1", "2", "3"]);
    assert!(gone.unsent.iter().all(|unsent| !unsent.partly_sent));
    let mut settled = unsent_answers(&gone.unsent);
    settled.extend(read.failed.iter().map(|(name, _)| name.as_str()));
    settled.sort_unstable();
    assert_eq!(settled, ["runs", "waits"], "sent or handed back, each once");
    nothing_is_left(&board).await;
}

#[tokio::test(start_paused = true)]
async fn finish_queues_sends_all_and_lets_what_runs_end() {
    let Scene {
        server,
        mut client,
        mut gone,
    } = scene(Some(Duration::from_secs(2))).await;
    let board = server.switchboard();
    let shutdown = tokio::spawn(server.shut_down(Shutdown::FinishQueues, DEADLINE));
    assert_eq!(client.closed().await.0, CloseCode::SHUTDOWN);
    let expected = Fate {
        deliveries: 4,
        failed: unavailable(&["waits"]),
        answered: vec!["runs".to_owned()],
    };
    assert_eq!(fate(&client), expected);
    drop(client);
    assert!(shutdown.await.unwrap());
    let gone = gone.recv().await.unwrap();
    assert_eq!((gone.code, gone.unsent.len()), (CloseCode::SHUTDOWN, 0));
    nothing_is_left(&board).await;
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_finish_queues_settles_what_still_runs() {
    let Scene {
        server,
        mut client,
        mut gone,
    } = scene(None).await;
    let board = server.switchboard();
    let shutdown = tokio::spawn(server.shut_down(Shutdown::FinishQueues, DEADLINE));
    assert_eq!(client.closed().await.0, CloseCode::SHUTDOWN);
    let expected = Fate {
        deliveries: 4,
        failed: unavailable(&["runs", "waits"]),
        answered: Vec::new(),
    };
    assert_eq!(fate(&client), expected, "a client that reads hears of every request");
    drop(client);
    assert!(!shutdown.await.unwrap(), "not in time");
    let gone = gone.recv().await.unwrap();
    assert_eq!((gone.code, gone.unsent.len()), (CloseCode::SHUTDOWN, 0));
    nothing_is_left(&board).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_at_the_deadline_and_all_is_handed_back() {
    let Scene {
        server,
        mut client,
        mut gone,
    } = scene(None).await;
    let board = server.switchboard();
    assert!(!server.shut_down(Shutdown::FinishQueues, DEADLINE).await);
    let gone = gone.recv().await.unwrap();
    assert_eq!(gone.code, CloseCode::SHUTDOWN);
    assert_eq!(unsent_deliveries(&gone.unsent), ["0", "1", "2", "3"]);
    assert!(gone.unsent[0].partly_sent);
    assert_eq!(unsent_answers(&gone.unsent), ["runs", "waits"]);
    assert_eq!(board.counters().unsent.get(), gone.unsent.len() as u64);
    nothing_is_left(&board).await;
    assert_eq!(client.closed().await.0, CloseCode::ABNORMAL);
    assert_eq!(client.kept().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_comes_during_a_shutdown_is_unavailable() {
    let Scene { server, mut client, .. } = scene(Some(Duration::from_secs(2))).await;
    let shutdown = tokio::spawn(server.shut_down(Shutdown::FinishQueues, DEADLINE));
    tokio::task::yield_now().await;
    let error = client.request("waits", ()).await.unwrap_err();
    assert_eq!(error.code(), "unavailable");
    assert_eq!(client.closed().await.0, CloseCode::SHUTDOWN);
    drop(client);
    assert!(shutdown.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn many_clients_are_told_a_thousand_at_a_time() {
    let (server, _gone) = server(Routes::new());
    let board = server.switchboard();
    for _ in 0..2_001 {
        let mut client = server.connect_narrow(256).await;
        tokio::spawn(async move {
            assert_eq!(client.closed().await.0, CloseCode::SHUTDOWN);
        });
    }
    // Who is at work when the server stops sees that by itself.
    sleep(Duration::from_millis(1)).await;
    let left = || board.counters().left.get();
    let shutdown = tokio::spawn(server.shut_down(Shutdown::FinishQueues, Duration::from_secs(10)));
    sleep(Duration::from_millis(50)).await;
    assert_eq!(left(), 1_000);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(left(), 2_000);
    sleep(Duration::from_millis(850)).await;
    assert_eq!(left(), 2_001);
    assert!(shutdown.await.unwrap());
    nothing_is_left(&board).await;
}

#[tokio::test(start_paused = true)]
async fn with_nobody_connected_it_ends_at_once() {
    for how in MODES {
        let (server, _gone) = server(Routes::new());
        let board = server.switchboard();
        let began = Instant::now();
        assert!(server.shut_down(how, Duration::from_secs(10)).await);
        assert_eq!(began.elapsed(), Duration::ZERO, "{how:?}");
        nothing_is_left(&board).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_left_before_is_nobodys_concern() {
    for how in MODES {
        let (server, mut gone) = server(Routes::new());
        server.connect().await.close().await;
        gone.recv().await.unwrap();
        let board = server.switchboard();
        assert!(server.shut_down(how, DEADLINE).await);
        assert!(gone.try_recv().is_err(), "{how:?}: told once");
        nothing_is_left(&board).await;
    }
}
