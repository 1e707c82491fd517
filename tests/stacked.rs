//! Several decorators on one function: one run where they share a pattern, and each with its own say in who hears it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use switchboard::Slow;
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};

/// Controllers that a server of these tests runs.
mod controllers {
    use futures_util::stream::{self, Stream};
    use switchboard::prelude::*;

    #[silent("join")]
    fn join(Payload(room): Payload<String>, client: Client) -> Result<bool, Error> {
        Ok(client.join(room)?)
    }

    #[silent("both/<n>")]
    #[send_all("both/<n>")]
    fn both(Params(n): Params<u32>) -> u32 {
        n
    }

    #[send_all("upside/down")]
    #[silent("upside/down")]
    fn upside_down() -> &'static str {
        "same"
    }

    #[silent("ask/<n>", reply = "ask/<n>/answer")]
    #[send_all("ask/<n>", except_sender, reply = "asked/<n>")]
    fn ask(Params(n): Params<u32>) -> u32 {
        n
    }

    #[silent("either/<word>")]
    #[send_all(regex = r"either/\d+", reply = "told")]
    fn either() -> &'static str {
        "ran"
    }

    #[silent("three/<room>")]
    #[send_all("three/<room>", except_sender, reply = "everyone")]
    #[send_to_mailbox("three/<room>", to = "rooms/<room>", reply = "rooms/<room>/news")]
    async fn three(Params(room): Params<String>) -> String {
        room
    }

    #[silent("some/<n>")]
    #[send_all("some/<n>")]
    fn some(Params(n): Params<u32>) -> Result<Option<u32>, Error> {
        match n {
            0 => Ok(None),
            1 => Ok(Some(1)),
            _ => Err(Error::new("too_many", "at most 1")),
        }
    }

    #[send_to_mailbox("rooms/<room>/say", to = "rooms/<room>", except_sender)]
    fn say(Payload(line): Payload<String>) -> String {
        line
    }

    #[silent("rooms/<room>/count")]
    #[send_to_mailbox("rooms/<room>/count", to = "rooms/<room>", reply = "rooms/<room>/number")]
    fn count(Payload(n): Payload<u32>) -> Replies<impl Stream<Item = u32>> {
        Replies(stream::iter(0..n))
    }

    #[send_all("flood/patient", except_sender, slow = drop_newest)]
    fn patient(Payload(n): Payload<u32>) -> u32 {
        n
    }

    #[send_all("flood/strict", except_sender, slow = close)]
    fn strict(Payload(n): Payload<u32>) -> u32 {
        n
    }

    #[silent("rooms/<room>/<int:line>", reply = "rooms/<room>/lines/<line>")]
    fn line(Params((room, line)): Params<(String, u32)>) -> String {
        format!("line {line} of {room}")
    }
}

fn start() -> TestServer {
    TestServer::start(Server::empty().discover("stacked::controllers")).unwrap()
}

fn runs(server: &TestServer) -> u64 {
    server.switchboard().counters().runs.get()
}

/// What was delivered to a client, as `name=payload`, sorted: rules have no order between them.
async fn deliveries(client: &mut TestClient, n: usize) -> Vec<String> {
    let mut heard = Vec::new();
    for _ in 0..n {
        let frame = client.expect_frame().await;
        assert!(frame.error.is_none(), "{frame:?}");
        heard.push(format!(
            "{}={}",
            frame.name.unwrap(),
            frame.payload.unwrap().json().unwrap()
        ));
    }
    client.expect_silence().await;
    heard.sort();
    heard
}

#[tokio::test(start_paused = true)]
async fn one_pattern_is_one_run_whose_value_is_delivered_and_answered() {
    let server = start();
    let (mut sender, mut other) = (server.connect().await, server.connect().await);
    sender.send_raw(r#"{"name":"both/7","uid":1,"receipt":true}"#).await;
    assert_eq!(sender.receive_text().await, r#"{"name":"both/7","payload":7}"#);
    assert_eq!(
        sender.receive_text().await,
        r#"{"name":"both/7","uid":1,"payload":7,"receipt":{"matched":1,"failed":0,"delivered":2,"dropped":0}}"#
    );
    sender.expect_silence().await;
    assert_eq!(other.receive_text().await, r#"{"name":"both/7","payload":7}"#);
    other.expect_silence().await;
    assert_eq!(runs(&server), 1);
}

#[tokio::test(start_paused = true)]
async fn the_order_of_the_decorators_changes_nothing() {
    let server = start();
    let mut sender = server.connect().await;
    sender.send_raw(r#"{"name":"upside/down","uid":1}"#).await;
    assert_eq!(
        sender.receive_text().await,
        r#"{"name":"upside/down","payload":"same"}"#
    );
    assert_eq!(
        sender.receive_text().await,
        r#"{"name":"upside/down","uid":1,"payload":"same"}"#
    );
    assert_eq!(runs(&server), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_uid_the_sender_still_gets_both() {
    let server = start();
    let mut sender = server.connect().await;
    sender.send_raw(r#"{"name":"both/7"}"#).await;
    assert_eq!(deliveries(&mut sender, 2).await, ["both/7=7", "both/7=7"]);
}

#[tokio::test(start_paused = true)]
async fn each_decorator_has_its_own_reply() {
    let server = start();
    let (mut sender, mut other) = (server.connect().await, server.connect().await);
    sender.send_raw(r#"{"name":"ask/3","uid":1}"#).await;
    assert_eq!(
        sender.receive_text().await,
        r#"{"name":"ask/3/answer","uid":1,"payload":3}"#
    );
    sender.expect_silence().await;
    assert_eq!(deliveries(&mut other, 1).await, ["asked/3=3"]);
    assert_eq!(runs(&server), 1);
}

#[tokio::test(start_paused = true)]
async fn two_patterns_that_both_match_are_two_runs() {
    let server = start();
    let (mut sender, mut other) = (server.connect().await, server.connect().await);
    let frames = sender.request_frames("either/12", ()).await;
    assert_eq!(runs(&server), 2);
    assert_eq!(frames.len(), 1, "one run answers, the other delivers");
    let receipt = frames[0].receipt.unwrap();
    assert_eq!((receipt.matched, receipt.delivered), (2, 2));
    for client in [&mut sender, &mut other] {
        assert_eq!(deliveries(client, 1).await, [r#"told="ran""#]);
    }

    let frames = sender.request_frames("either/twelve", ()).await;
    assert_eq!(runs(&server), 3, "only the path matches");
    let receipt = frames[0].receipt.unwrap();
    assert_eq!((receipt.matched, receipt.delivered), (1, 0));
    other.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn three_decorators_share_one_run() {
    let server = start();
    let (mut sender, mut holder, mut other) = (server.connect().await, server.connect().await, server.connect().await);
    holder.request("join", "rooms/a").await.unwrap();
    let before = runs(&server);
    let frames = sender.request_frames("three/a", ()).await;
    assert_eq!(runs(&server) - before, 1);
    assert_eq!(frames[0].payload.as_ref().unwrap().decode::<String>().unwrap(), "a");
    let receipt = frames[0].receipt.unwrap();
    assert_eq!((receipt.matched, receipt.delivered), (1, 3));
    sender.expect_silence().await;
    assert_eq!(
        deliveries(&mut holder, 2).await,
        [r#"everyone="a""#, r#"rooms/a/news="a""#]
    );
    assert_eq!(deliveries(&mut other, 1).await, [r#"everyone="a""#]);
}

#[tokio::test(start_paused = true)]
async fn nothing_and_an_error_are_heard_by_no_other() {
    let server = start();
    let (mut sender, mut other) = (server.connect().await, server.connect().await);
    sender.send_raw(r#"{"name":"some/0","uid":1}"#).await;
    assert_eq!(sender.receive_text().await, r#"{"name":"some/0","uid":1}"#);
    sender.send_raw(r#"{"name":"some/2","uid":2,"receipt":true}"#).await;
    assert_eq!(
        sender.receive_text().await,
        r#"{"name":"some/2","uid":2,"error":{"code":"too_many","message":"at most 1"},"receipt":{"matched":1,"failed":1,"delivered":0,"dropped":0}}"#,
        "once, though two decorators stand there"
    );
    sender.expect_silence().await;
    other.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_may_leave_its_sender_out() {
    let server = start();
    let (mut sender, mut holder, mut other) = (server.connect().await, server.connect().await, server.connect().await);
    for client in [&mut sender, &mut holder] {
        client.request("join", "rooms/a").await.unwrap();
    }
    other.request("join", "rooms/b").await.unwrap();
    let frames = sender.request_frames("rooms/a/say", "hi").await;
    assert_eq!(frames[0].receipt.unwrap().delivered, 1);
    sender.expect_silence().await;
    assert_eq!(
        holder.receive_text().await,
        r#"{"name":"rooms/a/say","mailbox":"rooms/a","payload":"hi"}"#
    );
    other.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn each_part_of_many_is_delivered_and_answered() {
    let server = start();
    let (mut sender, mut holder) = (server.connect().await, server.connect().await);
    holder.request("join", "rooms/a").await.unwrap();
    sender
        .send_raw(r#"{"name":"rooms/a/count","uid":1,"payload":2,"receipt":true}"#)
        .await;
    for expected in [
        r#"{"name":"rooms/a/count","uid":1,"payload":0,"more":true}"#,
        r#"{"name":"rooms/a/count","uid":1,"payload":1,"more":true}"#,
        r#"{"name":"rooms/a/count","uid":1,"receipt":{"matched":1,"failed":0,"delivered":2,"dropped":0}}"#,
    ] {
        assert_eq!(sender.receive_text().await, expected);
    }
    for n in 0..2 {
        assert_eq!(
            holder.receive_text().await,
            format!(r#"{{"name":"rooms/a/number","mailbox":"rooms/a","payload":{n}}}"#)
        );
    }
    holder.expect_silence().await;
    sender.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_decorator_says_what_happens_to_who_reads_slowly() {
    for (name, is_closed, slow) in [
        ("flood/patient", false, Slow::Close),
        ("flood/strict", true, Slow::DropNewest),
    ] {
        let limits = Limits {
            outbox_messages: 4,
            slow,
            ..Limits::default()
        };
        let server = Server::empty().discover("stacked::controllers").limits(limits);
        let server = TestServer::start(server).unwrap();
        let (mut sender, mut narrow) = (server.connect().await, server.connect_narrow(16).await);
        let mut dropped = 0;
        for n in 0..20 {
            dropped += sender.request_frames(name, n).await[0].receipt.unwrap().dropped;
        }
        let board = server.switchboard();
        assert!(dropped > 0, "{name}");
        assert_eq!(board.counters().slow_consumers.get(), u64::from(is_closed), "{name}");
        assert_eq!(narrow.expect(name).await, 0, "{name}: what is half-sent is finished");
        if is_closed {
            assert_eq!(narrow.closed().await.0, CloseCode::SLOW_CONSUMER);
        } else {
            assert_eq!(narrow.expect(name).await, 1, "what was queued first is kept");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_takes_its_params_from_the_route() {
    let server = start();
    let mut client = server.connect().await;
    client.send_raw(r#"{"name":"rooms/den/12","uid":1}"#).await;
    assert_eq!(
        client.receive_text().await,
        r#"{"name":"rooms/den/lines/12","uid":1,"payload":"line 12 of den"}"#
    );
}

#[test]
fn a_stacked_function_stays_a_function() {
    #[silent]
    #[send_all]
    fn plain(n: Payload<u32>) -> u32 {
        n.0 + 1
    }
    assert_eq!(plain(Payload(1)), 2);
}
