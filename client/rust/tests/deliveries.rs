//! Who hears what.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::sync::mpsc;

use common::{WAYS, Way, assert_empty, within};
use serde_json::json;
use switchboard_client::{Limits, Missed, NotAPattern, Report};

#[tokio::test]
async fn subscriptions_hear_what_they_asked_for_over_every_transport() {
    for way in WAYS {
        let (_server, builder) = way.start().await;
        let client = builder.connect().unwrap();
        let mut all = client.on("*").unwrap();
        let mut below = client.on("said/*").unwrap();
        let mut exact = client.on("said/few").unwrap();
        let mut other = client.on("sai/*").unwrap();
        within(client.request::<()>("join", &())).await.unwrap();
        for (name, n) in [("say", 1), ("whisper", 2), ("tell", 3)] {
            within(client.request::<Option<u8>>(name, &n)).await.unwrap();
        }
        for (subscription, expected) in [
            (
                &mut all,
                &[("said/all", None, 1), ("said/few", None, 2), ("tell", Some("room"), 3)][..],
            ),
            (&mut below, &[("said/all", None, 1), ("said/few", None, 2)]),
            (&mut exact, &[("said/few", None, 2)]),
            (&mut other, &[]),
        ] {
            for (name, mailbox, n) in expected {
                let delivery = within(subscription.next()).await.unwrap().unwrap();
                assert_eq!((delivery.name(), delivery.mailbox()), (*name, *mailbox), "{way:?}");
                assert_eq!(delivery.decode::<u8>().unwrap(), *n);
            }
        }
        assert_eq!(client.counters().unheard.get(), 0);
        drop((all, below));
        within(client.request::<()>("say", &4)).await.unwrap();
        assert_eq!(client.counters().unheard.get(), 1, "nobody is there any more");
        client.close();
        assert!(within(exact.next()).await.is_none(), "it ends with the client");
        within(client.closed()).await;
        assert!(within(client.on("*").unwrap().next()).await.is_none());
    }
}

#[tokio::test]
async fn only_what_is_accepted_is_sent_over_every_transport() {
    for way in WAYS {
        let (_server, builder) = way.start().await;
        let client = builder.accept(["said/few"]).connect().unwrap();
        let mut all = client.on("*").unwrap();
        let tell = async |n: u8| {
            within(client.request::<()>("say", &n)).await.unwrap();
            within(client.request::<()>("whisper", &n)).await.unwrap();
        };
        tell(1).await;
        within(client.accept(["said/all"])).await.unwrap();
        tell(2).await;
        within(client.accept([""; 0])).await.unwrap();
        tell(3).await;
        within(client.accept(["*"])).await.unwrap();
        tell(4).await;
        for expected in [("said/few", 1), ("said/all", 2), ("said/all", 4), ("said/few", 4)] {
            let delivery = within(all.next()).await.unwrap().unwrap();
            assert_eq!((delivery.name(), delivery.decode::<u8>().unwrap()), expected, "{way:?}");
        }
        let error = within(client.accept(["a*"])).await.unwrap_err();
        assert_eq!(error.server().unwrap().code(), "bad_payload", "{way:?}");
        assert_empty(&client);
    }
}

#[tokio::test]
async fn patterns_that_are_none_are_refused() {
    let (_server, builder) = Way::Memory.start().await;
    let client = builder.connect().unwrap();
    for pattern in ["", "a//b", "a/*/b", "**", "a*", "*/a", "/", "a/"] {
        assert_eq!(client.on(pattern).unwrap_err(), NotAPattern(pattern.into()));
        assert!(client.on_each(pattern, drop).is_err());
    }
}

#[tokio::test]
async fn a_subscription_that_is_not_read_loses_its_oldest_and_says_how_many() {
    let (_server, builder) = Way::Memory.start().await;
    let limits = Limits {
        buffer_messages: 10,
        ..Limits::default()
    };
    let client = builder.limits(limits).connect().unwrap();
    let mut slow = client.on("*").unwrap();
    let mut quick = client.on("*").unwrap();
    for n in 0..25_u8 {
        within(client.request::<()>("say", &n)).await.unwrap();
        assert_eq!(within(quick.next()).await.unwrap().unwrap().decode::<u8>().unwrap(), n);
    }
    assert_eq!(within(slow.next()).await.unwrap().unwrap_err(), Missed(15));
    for n in 15..25_u8 {
        assert_eq!(within(slow.next()).await.unwrap().unwrap().decode::<u8>().unwrap(), n);
    }
    assert_eq!(client.counters().overrun.get(), 15);
}

#[tokio::test]
async fn complaints_about_messages_without_an_answer_are_reported() {
    let (_server, builder) = Way::Memory.start().await;
    let (sender, receiver) = mpsc::channel();
    let client = builder
        .on_report(move |report| sender.send(report).unwrap())
        .connect()
        .unwrap();
    client.send("fail", &()).unwrap();
    client.send("double", &json!({"n": "many"})).unwrap();
    within(client.request::<()>("nothing", &())).await.unwrap();
    for expected in [("fail", "taken"), ("double", "bad_payload")] {
        let Report::Complaint {
            name: Some(name),
            error,
        } = receiver.try_recv().unwrap()
        else {
            panic!("it is a complaint");
        };
        assert_eq!((&*name, error.code()), expected);
    }
}
