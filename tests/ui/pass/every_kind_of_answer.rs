use switchboard::prelude::*;

use futures_util::stream::{self, Stream};
use switchboard::{Outcome, Reply, Request};

#[derive(Debug, serde::Serialize)]
struct Refused;

impl From<Refused> for Error {
    fn from(_: Refused) -> Self {
        Error::new("refused", "no")
    }
}

struct Celsius(f32);

impl IntoReply for Celsius {
    fn into_reply(self, request: &Request) -> Outcome {
        Reply::value(&self.0, request)
    }
}

#[silent("nothing")]
fn nothing() {}

#[silent("value")]
fn value() -> (u8, &'static str) {
    (1, "one")
}

#[silent("own")]
fn own() -> Option<Celsius> {
    Some(Celsius(20.0))
}

#[silent("message")]
async fn message(message: Message) -> Result<Option<Message>, Error> {
    Ok(Some(message))
}

// The error serialises too, and is an error all the same.
#[silent("result")]
async fn result() -> Result<u8, Refused> {
    Err(Refused)
}

#[silent("optional")]
fn optional() -> Option<Result<u8, Refused>> {
    None
}

#[silent("never")]
fn never() -> ! {
    panic!("on purpose")
}

#[silent("many")]
async fn many() -> Option<Replies<impl Stream<Item = Result<u8, Refused>>>> {
    Some(Replies(stream::iter([Ok(1), Err(Refused)])))
}

#[send_all("messages")]
fn messages(message: Message) -> Replies<impl Stream<Item = Message>> {
    Replies(stream::iter([message.clone(), message]))
}

#[send_to_mailbox("addressed")]
async fn addressed() -> Result<Option<(u8, Mailbox)>, Refused> {
    Ok(None)
}

#[send_to_mailbox("two")]
fn two(message: Message) -> (Message, [Mailbox; 2]) {
    (message, ["a".into(), "b".into()])
}

#[send_to_mailbox("each")]
fn each() -> Replies<impl Stream<Item = Result<(u8, &'static str), Refused>>> {
    Replies(stream::iter([Ok((1, "rooms/a"))]))
}

#[send_to_mailbox("all")]
fn all() -> (Replies<impl Stream<Item = u8>>, Mailbox) {
    (Replies(stream::iter([1])), "rooms/a".into())
}

#[send_to_mailbox("nobody")]
fn nobody() {}

#[silent("mixed")]
#[send_to_mailbox("mixed")]
fn mixed() -> (u8, Mailboxes) {
    (1, Mailboxes::default())
}

fn main() {}
