//! What decorators write down, as the server gets it: every argument as it is written, one definition a function.

use std::time::Duration;

use serde_json::json;
use switchboard::__private::{Decorated, Decorator, Definition, Spelling, StaticCall, inventory};
use switchboard::Slow;
use switchboard::prelude::*;
use switchboard::testing::TestServer;

#[silent(
    "arguments/<n>",
    regex = r"arguments/(?<n>\d+)/more",
    "arguments/<n>/last",
    reply = "arguments/<n>/answer"
)]
#[send_to_mailbox(
    "arguments/<n>",
    to = "numbers/<n>",
    except_sender,
    slow = drop_oldest,
    registry = "backend",
    timeout = "250ms",
    unordered
)]
async fn arguments() -> u8 {
    1
}

#[silent]
#[send_all(slow = drop_newest, reply = "told")]
fn without_route() -> u8 {
    1
}

mod outer {
    pub(crate) mod inner {
        use switchboard::silent;

        #[silent("nested", blocking, timeout = "2m")]
        pub(crate) fn r#type() -> &'static str {
            "inner"
        }
    }
}

/// Controllers that a server of these tests runs.
mod answering {
    use futures_util::stream::{self, Stream, StreamExt};
    use switchboard::prelude::*;

    #[derive(Debug, serde::Serialize)]
    pub(crate) struct Refused(pub(crate) u8);

    impl From<Refused> for Error {
        fn from(refused: Refused) -> Self {
            Self::new("refused", "not this one").with_details(refused)
        }
    }

    #[silent("answers/<n>")]
    pub(crate) async fn answers(Params(n): Params<u8>) -> Result<Option<u8>, Refused> {
        match n {
            0 => Ok(None),
            1 => Ok(Some(1)),
            _ => Err(Refused(n)),
        }
    }

    #[silent("many")]
    fn many() -> Replies<impl Stream<Item = Result<Option<u8>, Refused>>> {
        Replies(stream::iter([Ok(Some(1)), Ok(None), Err(Refused(3))]))
    }

    #[silent("wrapped")]
    fn wrapped() -> Option<Result<u8, Refused>> {
        Some(Err(Refused(4)))
    }

    #[send_to_mailbox("rooms/<room>/say")]
    fn say(Params(room): Params<String>, line: Payload<Option<String>>) -> Option<(String, Mailbox)> {
        Some((line.0?, Mailbox::new(format!("rooms/{room}"))))
    }

    #[send_to_mailbox("rooms/<room>/count")]
    fn count(Params(room): Params<String>) -> Replies<impl Stream<Item = (u8, [Mailbox; 1])>> {
        let room = Mailbox::new(format!("rooms/{room}"));
        Replies(stream::iter([1, 2]).map(move |n| (n, [room.clone()])))
    }

    #[silent("rooms/<room>/join")]
    fn join(Params(room): Params<String>, client: Client) -> Result<(), Error> {
        client.join(format!("rooms/{room}"))?;
        Ok(())
    }
}

fn registered(function: &str) -> Vec<&'static Definition> {
    inventory::iter::<&'static Definition>()
        .copied()
        .filter(|definition| definition.function == function)
        .collect()
}

fn start() -> TestServer {
    TestServer::start(Server::empty().discover("macros::answering")).expect("the routes are right")
}

#[test]
fn arguments_arrive_as_they_are_written() {
    let [definition] = registered("arguments")[..] else {
        panic!("one definition for all decorators of a function")
    };
    assert_eq!((definition.module, definition.file), ("macros", file!()));
    assert_eq!(definition.options.timeout, Some(Duration::from_millis(250)));
    assert!(definition.options.unordered);
    assert!(matches!(definition.call, StaticCall::Async(_)));

    let [silent, to_mailbox] = definition.rules else {
        panic!("one rule a decorator, from the outermost")
    };
    assert_eq!(
        (silent.decorator, to_mailbox.decorator),
        (Decorator::Silent, Decorator::SendToMailbox)
    );
    assert_eq!(
        silent.patterns,
        [
            Spelling::Path("arguments/<n>"),
            Spelling::Regex(r"arguments/(?<n>\d+)/more"),
            Spelling::Path("arguments/<n>/last")
        ]
    );
    assert_eq!(silent.reply, Some("arguments/<n>/answer"));
    assert_eq!(
        (silent.to, silent.except_sender, silent.slow, silent.registry),
        (None, false, None, None)
    );
    assert_eq!(to_mailbox.patterns, [Spelling::Path("arguments/<n>")]);
    assert_eq!((to_mailbox.reply, to_mailbox.to), (None, Some("numbers/<n>")));
    assert_eq!(
        (to_mailbox.except_sender, to_mailbox.slow),
        (true, Some(Slow::DropOldest))
    );
    assert_eq!(to_mailbox.registry, Some("backend"));
    assert_eq!(definition.line, silent.line);
}

#[test]
fn without_a_route_a_function_is_not_registered() {
    assert!(registered("without_route").is_empty());
    let definition = without_route::DEFINITION;
    assert!(matches!(definition.call, StaticCall::Inline(_)));
    assert_eq!(
        definition.rules.iter().map(|rule| rule.patterns.len()).sum::<usize>(),
        0
    );
    assert_eq!(
        (definition.rules[1].slow, definition.rules[1].reply),
        (Some(Slow::DropNewest), Some("told"))
    );
    assert_eq!(definition.rules[1].line, definition.line + 1);
    assert_eq!(without_route(), 1);
}

#[test]
fn modules_and_raw_names_are_told() {
    let [definition] = registered("type")[..] else {
        panic!("registered once, without `r#`")
    };
    assert_eq!(definition.module, "macros::outer::inner");
    assert!(matches!(definition.call, StaticCall::Blocking(_)));
    assert_eq!(definition.options.timeout, Some(Duration::from_secs(120)));
    assert_eq!(outer::inner::r#type(), "inner");
}

#[tokio::test]
async fn functions_stay_functions() {
    assert_eq!(answering::answers(Params(1)).await.unwrap(), Some(1));
    assert_eq!(answering::answers(Params(9)).await.unwrap_err().0, 9);
}

#[tokio::test(start_paused = true)]
async fn results_and_options_are_looked_into() {
    let server = start();
    let mut client = server.connect().await;
    assert_eq!(client.request("answers/1", ()).await.unwrap(), 1);
    assert_eq!(client.request("answers/0", ()).await.unwrap(), json!(null));
    // The error is `Serialize` too; it is told as an error, not as `{"Err": …}`.
    let error = client.request("answers/7", ()).await.unwrap_err();
    assert_eq!((error.code(), error.details()), ("refused", Some(&json!(7))));
    assert_eq!(client.request("wrapped", ()).await.unwrap_err().code(), "refused");
    // A value and the error, which settles; the `None` between says nothing.
    assert_eq!(client.request_frames("many", ()).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_cannot_be_taken_answers_for_the_controller() {
    let mut client = start().connect().await;
    let error = client.request("rooms/lobby/say", 5).await.unwrap_err();
    assert_eq!(error.code(), "bad_payload");
}

#[tokio::test(start_paused = true)]
async fn returned_mailboxes_get_the_value() {
    let server = start();
    let (mut kevin, mut julia) = (server.connect().await, server.connect().await);
    julia.request("rooms/lobby/join", ()).await.unwrap();
    kevin.send("rooms/lobby/say", "hello").await;
    assert_eq!(julia.expect("rooms/lobby/say").await, "hello");
    kevin.send("rooms/lobby/count", ()).await;
    assert_eq!(julia.expect("rooms/lobby/count").await, 1);
    assert_eq!(julia.expect("rooms/lobby/count").await, 2);
    kevin.send("rooms/lobby/say", ()).await;
    julia.expect_silence().await;
}
