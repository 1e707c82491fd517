//! The reserved names, and what an application learns when a client is gone.

use serde::{Serialize, Serializer};
use switchboard_router::Pattern;
use switchboard_wire::{CloseCode, Error, RawPayload, Text};

use crate::mailbox::Mailbox;
use crate::needs::Needs;
use crate::request::{FromRequest, Request};

/// The prefix of the names that are Switchboard's own.
pub(crate) const RESERVED: &str = "switchboard/";
/// What controllers run for before a client's first message is dispatched.
pub(crate) const CONNECTED: &str = "switchboard/connected";
/// What controllers run for after a client's last controller has ended.
pub(crate) const DISCONNECTED: &str = "switchboard/disconnected";
/// A client says which names it wants deliveries of.
pub(crate) const ACCEPT: &str = "switchboard/accept";
/// A client gives up a request.
pub(crate) const CANCEL: &str = "switchboard/cancel";
/// A client asks whether the server is there.
pub(crate) const PING: &str = "switchboard/ping";
/// A client asks who it is and what the bounds are.
pub(crate) const HELLO: &str = "switchboard/hello";

/// How a client left: what controllers of `switchboard/disconnected` take.
///
/// They run once, after the client's last controller; by then it is in no mailbox any more. The server refuses to start
/// where a controller of another name takes this. The message's payload says the same to whoever wants to pass it on:
/// `{"mailboxes":["client/…","rooms/lobby"],"code":1001,"reason":"","unsent":[{"name":"chat/line","mailbox":"rooms/lobby","kind":"delivery"}]}`.
///
/// ```
/// use switchboard_server::{Controller, Disconnected, Mailbox, Mailboxes, Routes};
///
/// // Whoever shared a room with the client is told.
/// let left = |gone: Disconnected| -> (&'static str, Mailboxes) {
///     let is_room = |mailbox: &Mailbox| mailbox.name().starts_with("rooms/");
///     ("somebody left", gone.mailboxes.into_iter().filter(is_room).collect())
/// };
/// let routes = Routes::new()
///     .route("switchboard/disconnected", Controller::send_to_mailbox(left).reply("rooms/left"));
/// # assert_eq!(routes.len(), 1);
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Disconnected {
    /// The mailboxes that the client held when it left, its own first.
    #[serde(serialize_with = "mailboxes")]
    pub mailboxes: Vec<Mailbox>,
    /// Why the connection ended, as a close code: the client's where it closed, ours where we did.
    #[serde(serialize_with = "close_code")]
    pub code: CloseCode,
    /// The reason that came with the code; often empty. A client's own words, of at most 123 bytes.
    pub reason: String,
    /// What lay in the client's outbox and did not reach it, the oldest first.
    pub unsent: Vec<Unsent>,
}

/// A reply that was still in the outbox of a client when it left.
///
/// What is not listed was given to the system; whether the client read it, nobody knows.
///
/// ```
/// use switchboard_server::{Disconnected, UnsentKind};
///
/// fn lost_deliveries(gone: &Disconnected) -> usize {
///     gone.unsent.iter().filter(|unsent| unsent.kind == UnsentKind::Delivery).count()
/// }
/// # let _ = lost_deliveries;
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Unsent {
    /// The name that it would have travelled under.
    #[serde(serialize_with = "text")]
    pub name: Text,
    /// The mailbox that it was sent to, where it was sent to one.
    #[serde(serialize_with = "mailbox")]
    pub mailbox: Option<Mailbox>,
    /// An answer to the client's own request, or a delivery.
    pub kind: UnsentKind,
    /// The payload; none where there was none.
    #[serde(skip)]
    pub payload: Option<RawPayload>,
    /// Whether a part of it was given to the system before the connection ended.
    #[serde(skip)]
    pub partly_sent: bool,
}

/// What an unsent reply was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsentKind {
    /// The answer to a request of the client's own.
    Answer,
    /// Somebody's `send_all`, or a mailbox's.
    Delivery,
}

impl FromRequest for Disconnected {
    type Rejection = Error;

    fn from_request(request: &Request) -> Result<Self, Error> {
        match &request.shared.disconnected {
            Some(disconnected) => Ok((**disconnected).clone()),
            None => Err(Error::internal(format!(
                "`Disconnected` is taken by a controller of `{}`: only those of `{DISCONNECTED}` have it",
                request.pattern()
            ))),
        }
    }

    fn needs(needs: &mut Needs) {
        needs.pattern("Disconnected", |pattern: &Pattern| {
            if !pattern.is_regex() && pattern.source() == DISCONNECTED {
                return Ok(());
            }
            Err(format!(
                "only controllers of `{DISCONNECTED}` have it: give it that route, or take something else"
            ))
        });
    }
}

fn mailboxes<S: Serializer>(mailboxes: &[Mailbox], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(mailboxes.iter().map(Mailbox::name))
}

#[expect(clippy::ref_option, reason = "serde gives the field by reference")]
fn mailbox<S: Serializer>(mailbox: &Option<Mailbox>, serializer: S) -> Result<S::Ok, S::Error> {
    mailbox.as_ref().map(Mailbox::name).serialize(serializer)
}

fn close_code<S: Serializer>(code: &CloseCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(code.get())
}

fn text<S: Serializer>(text: &Text, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_as_json() {
        let gone = Disconnected {
            mailboxes: vec![Mailbox::new("client/1"), Mailbox::new("rooms/lobby")],
            code: CloseCode::SLOW_CONSUMER,
            reason: "too slow".to_owned(),
            unsent: vec![
                Unsent {
                    name: Text::from("chat/line"),
                    mailbox: Some(Mailbox::new("rooms/lobby")),
                    kind: UnsentKind::Delivery,
                    payload: None,
                    partly_sent: true,
                },
                Unsent {
                    name: Text::from("chat/say"),
                    mailbox: None,
                    kind: UnsentKind::Answer,
                    payload: None,
                    partly_sent: false,
                },
            ],
        };
        assert_eq!(
            serde_json::to_string(&gone).unwrap(),
            r#"{"mailboxes":["client/1","rooms/lobby"],"code":4001,"reason":"too slow","unsent":[{"name":"chat/line","mailbox":"rooms/lobby","kind":"delivery"},{"name":"chat/say","mailbox":null,"kind":"answer"}]}"#
        );
    }

    #[test]
    fn it_is_refused_on_any_other_pattern() {
        let mut needs = Needs::default();
        Disconnected::needs(&mut needs);
        let check = needs.patterns[0].check;
        assert_eq!(check(&Pattern::path(DISCONNECTED).unwrap()), Ok(()));
        for other in [
            Pattern::path(CONNECTED).unwrap(),
            Pattern::path("chat/say").unwrap(),
            Pattern::regex(DISCONNECTED).unwrap(),
        ] {
            assert!(
                check(&other)
                    .unwrap_err()
                    .contains("only controllers of `switchboard/disconnected`")
            );
        }
    }
}
