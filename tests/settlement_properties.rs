//! The promise of one final frame, against random sets of controllers and clients that leave midway.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use proptest::prelude::*;
use switchboard::prelude::*;
use switchboard::testing::TestServer;

#[derive(Clone, Debug)]
enum Behaviour {
    Answer,
    Nothing,
    Fail,
    Panic,
    Hang,
    Later(u64),
    LaterPanic(u64),
    Stream(u8, u64),
    StreamFail(u8),
    StreamForever,
    Blocking,
    BlockingPanic,
    Broadcast,
    LaterBroadcast(u64),
    Mailbox,
}

impl Behaviour {
    fn controller(&self) -> Controller {
        let pause = |milliseconds| tokio::time::sleep(Duration::from_millis(milliseconds));
        match *self {
            Self::Answer => Controller::silent(|()| 1),
            Self::Nothing => Controller::send_all(|()| ()),
            Self::Fail => Controller::silent(|()| Err::<(), _>(Error::new("failed", ""))),
            Self::Panic => Controller::silent(|()| -> i32 { panic!("on purpose") }),
            Self::Hang => Controller::silent(|()| std::future::pending::<()>()),
            Self::Later(ms) => Controller::silent(move |()| async move {
                pause(ms).await;
                2
            }),
            Self::LaterPanic(ms) => Controller::silent(move |()| async move {
                pause(ms).await;
                assert_eq!(ms, u64::MAX, "on purpose");
            }),
            Self::Stream(items, ms) => Controller::silent(move |()| {
                Replies(stream::unfold(0, move |n| async move {
                    pause(ms).await;
                    (n < items).then_some((n, n + 1))
                }))
            }),
            Self::StreamFail(items) => Controller::silent(move |()| {
                let end = stream::iter([Err(Error::new("failed", ""))]);
                Replies(futures_util::StreamExt::chain(stream::iter((0..items).map(Ok)), end))
            }),
            Self::StreamForever => Controller::silent(move |()| {
                Replies(stream::unfold((), move |()| async move {
                    pause(100).await;
                    Some((1, ()))
                }))
            }),
            Self::Blocking => Controller::silent(|()| 3).blocking(),
            Self::BlockingPanic => Controller::silent(|()| -> i32 { panic!("on purpose") }).blocking(),
            Self::Broadcast => Controller::send_all(|()| 4),
            Self::LaterBroadcast(ms) => Controller::send_all(move |()| async move {
                pause(ms).await;
                5
            }),
            Self::Mailbox => Controller::send_to_mailbox(|client: Client| (6, client.mailbox())),
        }
        .timeout(Duration::from_secs(5))
    }
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        Just(Behaviour::Answer),
        Just(Behaviour::Nothing),
        Just(Behaviour::Fail),
        Just(Behaviour::Panic),
        Just(Behaviour::Hang),
        (0..2_000_u64).prop_map(Behaviour::Later),
        (0..2_000_u64).prop_map(Behaviour::LaterPanic),
        (0..4_u8, 0..900_u64).prop_map(|(items, ms)| Behaviour::Stream(items, ms)),
        (0..4_u8).prop_map(Behaviour::StreamFail),
        Just(Behaviour::StreamForever),
        Just(Behaviour::Blocking),
        Just(Behaviour::BlockingPanic),
        Just(Behaviour::Broadcast),
        (0..2_000_u64).prop_map(Behaviour::LaterBroadcast),
        Just(Behaviour::Mailbox),
    ]
}

#[derive(Clone, Debug)]
struct Plan {
    /// The controllers of three routes, and whether each is unordered.
    routes: [Vec<(Behaviour, bool)>; 3],
    /// Which routes are asked, in order, and whether under a uid; 3 is nowhere.
    requests: Vec<(usize, bool)>,
    is_message_pack: bool,
    /// How many controllers may run in all, and for the client.
    running: Option<(usize, usize)>,
    /// After how many milliseconds the client cancels all that it asked.
    cancel_after: u64,
    leave_after: Option<u64>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let route = || prop::collection::vec((behaviour(), any::<bool>()), 1..4);
    (
        [route(), route(), route()],
        prop::collection::vec((0..4_usize, prop::bool::weighted(0.75)), 1..12),
        any::<bool>(),
        prop::option::of((1..6_usize, 1..4_usize)),
        0..3_000_u64,
        prop::option::of(0..4_000_u64),
    )
        .prop_map(
            |(routes, requests, is_message_pack, running, cancel_after, leave_after)| Plan {
                routes,
                requests,
                is_message_pack,
                running,
                cancel_after,
                leave_after,
            },
        )
}

fn server(plan: &Plan, gone: &Arc<AtomicUsize>) -> TestServer {
    let count = Arc::clone(gone);
    let mut routes = Routes::new().route(
        "switchboard/disconnected",
        Controller::silent(move |()| {
            count.fetch_add(1, Ordering::SeqCst);
        }),
    );
    for (name, behaviours) in ["r/0", "r/1", "r/2"].into_iter().zip(&plan.routes) {
        for (behaviour, is_unordered) in behaviours {
            let controller = behaviour.controller();
            let controller = if *is_unordered {
                controller.unordered()
            } else {
                controller
            };
            routes = routes.route(name, controller);
        }
    }
    let mut limits = Limits::default();
    if let Some((running, running_per_client)) = plan.running {
        (limits.running, limits.running_per_client) = (running, running_per_client);
    }
    TestServer::start(Server::empty().routes(routes).limits(limits)).unwrap()
}

async fn run(plan: Plan) {
    let gone = Arc::new(AtomicUsize::new(0));
    let server = server(&plan, &gone);
    let mut client = if plan.is_message_pack {
        server.connect_message_pack().await
    } else {
        server.connect().await
    };
    let mut uids = Vec::new();
    for (route, has_uid) in &plan.requests {
        let name = format!("r/{route}");
        if *has_uid {
            uids.push(client.start_request(&name, ()).await);
        } else {
            client.send(&name, ()).await;
        }
    }
    if let Some(ms) = plan.leave_after {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    } else {
        tokio::time::sleep(Duration::from_millis(plan.cancel_after)).await;
        for uid in 1..=uids.len() {
            client
                .send("switchboard/cancel", serde_json::json!({ "uid": uid }))
                .await;
        }
        for uid in &uids {
            client.frames_of(uid).await;
        }
        // Longer than anything may run; streams that nobody can cancel go on meanwhile.
        tokio::time::sleep(Duration::from_secs(6)).await;
        client.request("switchboard/ping", ()).await.unwrap();
        let late = client.kept().find(|frame| frame.uid.is_some());
        assert!(late.is_none(), "after a final frame came {late:?}");
    }
    drop(client);
    while gone.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let is_in_time = server
        .shut_down(switchboard::Shutdown::FinishQueues, Duration::from_secs(60))
        .await;
    assert!(is_in_time, "nothing is left running");
    assert_eq!(gone.load(Ordering::SeqCst), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn each_request_is_settled_once(plan in plan()) {
        // Panics are what some controllers are for; their reports would only hide those of the test.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let result = std::panic::catch_unwind(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(run(plan));
        });
        std::panic::set_hook(hook);
        if let Err(panic) = result {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            prop_assert!(false, "{}", text.unwrap_or_default());
        }
    }
}
