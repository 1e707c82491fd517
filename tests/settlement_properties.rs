//! The promise of one final frame, against random sets of controllers and clients that leave midway.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;
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
    ]
}

#[derive(Clone, Debug)]
struct Plan {
    /// The controllers of three routes.
    routes: [Vec<Behaviour>; 3],
    /// Which routes are asked, in order; 3 is nowhere.
    requests: Vec<usize>,
    unordered: bool,
    /// After how many milliseconds the client cancels its even requests.
    cancel_after: u64,
    leave_after: Option<u64>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let route = || prop::collection::vec(behaviour(), 1..4);
    (
        [route(), route(), route()],
        prop::collection::vec(0..4_usize, 1..12),
        any::<bool>(),
        0..3_000_u64,
        prop::option::of(0..4_000_u64),
    )
        .prop_map(|(routes, requests, unordered, cancel_after, leave_after)| Plan {
            routes,
            requests,
            unordered,
            cancel_after,
            leave_after,
        })
}

async fn run(plan: Plan) {
    let gone = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&gone);
    let mut routes = Routes::new().route(
        "switchboard/disconnected",
        Controller::silent(move |()| {
            count.fetch_add(1, Ordering::SeqCst);
        }),
    );
    for (name, behaviours) in ["r/0", "r/1", "r/2"].into_iter().zip(&plan.routes) {
        for behaviour in behaviours {
            let controller = behaviour.controller();
            routes = routes.route(
                name,
                if plan.unordered {
                    controller.unordered()
                } else {
                    controller
                },
            );
        }
    }
    let server = TestServer::start(Server::empty().routes(routes)).unwrap();
    let mut client = server.connect().await;
    let mut uids = Vec::new();
    for route in &plan.requests {
        uids.push(client.start_request(&format!("r/{route}"), ()).await);
    }
    if let Some(ms) = plan.leave_after {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        drop(client);
    } else {
        tokio::time::sleep(Duration::from_millis(plan.cancel_after)).await;
        for uid in 1..=uids.len() {
            client
                .send("switchboard/cancel", serde_json::json!({ "uid": uid }))
                .await;
        }
        let mut finals = HashMap::new();
        for uid in &uids {
            let frames = client.frames_of(uid).await;
            finals.insert(uid.clone(), frames.len());
        }
        client.expect_silence().await;
        assert_eq!(finals.len(), uids.len());
        assert_eq!(client.kept().count(), 0, "nothing after a final frame");
        drop(client);
    }
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
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

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
