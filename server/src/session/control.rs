//! The names under `switchboard/` that clients may send.

use serde::{Deserialize, Serialize};
use switchboard_wire::{End, Error, Formats, Incoming, RawPayload, Receipt, Uid, code};

use super::reader::Lane;
use crate::dispatch::{Saying, Word};
use crate::lifecycle::{ACCEPT, CANCEL, HELLO, PING};
use crate::switchboard::{Accepts, Client, ClientId};

#[derive(Deserialize)]
struct Cancel {
    uid: CancelledUid,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CancelledUid {
    Integer(i64),
    Text(String),
}

#[derive(Deserialize)]
struct Accept {
    names: Vec<String>,
}

/// What `switchboard/hello` answers.
#[derive(Serialize)]
struct Greeting {
    id: ClientId,
    /// Milliseconds of silence after which the server pings.
    heartbeat: u64,
    limits: GreetingLimits,
}

#[derive(Serialize)]
struct GreetingLimits {
    message_bytes: usize,
    name_bytes: usize,
    depth: usize,
    read_ahead_messages: usize,
    mailboxes: usize,
    accepted_names: usize,
}

impl Lane {
    /// Handles what goes ahead of the line. False for what has to wait its turn.
    pub(super) fn control(&mut self, incoming: &Incoming) -> bool {
        match incoming.message.name() {
            PING => self.done(incoming),
            CANCEL => self.cancel(incoming),
            HELLO => self.hello(incoming),
            // It changes what is heard, so it takes effect between the messages around it.
            ACCEPT => return false,
            name => {
                self.core.counters.forbidden.one();
                let error = Error::new(
                    code::FORBIDDEN,
                    format!(
                        "{name:?} is reserved: clients may send only {PING}, {HELLO}, {ACCEPT} and {CANCEL} under switchboard/"
                    ),
                );
                self.refuse(Some(incoming.message.name_text()), &incoming.ticket, error);
            }
        }
        true
    }

    /// Replaces the set of names that the client hears.
    pub(super) fn accept(&self, incoming: &Incoming) {
        let limits = self.client.limits();
        let accepts = payload::<Accept>(incoming, r#"{"names":["mixer/*"]}"#).and_then(|accept| {
            if accept.names.len() > limits.accepted_names {
                self.core.counters.too_large.one();
                let limit = limits.accepted_names;
                return Err(Error::new(
                    code::TOO_LARGE,
                    format!("a client may accept {limit} names; use `prefix/*`"),
                ));
            }
            Accepts::new(&accept.names, limits.name_bytes).map_err(|error| Error::new(code::BAD_PAYLOAD, error))
        });
        match accepts {
            Ok(accepts) => {
                self.client.outbox().set_accepts(accepts);
                self.done(incoming);
            }
            Err(error) => self.refuse(Some(incoming.message.name_text()), &incoming.ticket, error),
        }
    }

    fn cancel(&mut self, incoming: &Incoming) {
        let uid = match payload::<Cancel>(incoming, r#"{"uid":14}"#) {
            Ok(Cancel {
                uid: CancelledUid::Integer(uid),
            }) => Uid::Integer(uid),
            Ok(Cancel {
                uid: CancelledUid::Text(uid),
            }) => Uid::Text(uid.into()),
            Err(error) => return self.refuse(Some(incoming.message.name_text()), &incoming.ticket, error),
        };
        let error = || Error::new(code::CANCELLED, "cancelled, as you asked");
        for waiting in self.inbox.take(&uid) {
            self.core.counters.cancelled.one();
            self.refuse(Some(waiting.message.name_text()), &waiting.ticket, error());
        }
        let mut open = self.client.open_requests().clone();
        open.retain(|shared| shared.ticket.uid() == Some(&uid));
        for shared in open {
            if shared.abort(error()) {
                self.core.counters.cancelled.one();
            }
        }
        self.done(incoming);
    }

    fn hello(&self, incoming: &Incoming) {
        self.say(incoming, greet(&self.client));
    }

    fn done(&self, incoming: &Incoming) {
        self.say(incoming, Saying::Done(Receipt::default()));
    }

    fn say(&self, incoming: &Incoming, saying: Saying) {
        self.sender.say(&incoming.ticket, incoming.message.name_text(), saying);
    }
}

/// What a client is answered that says hello.
pub(crate) fn greet(client: &Client) -> Saying {
    let limits = client.limits();
    let greeting = Greeting {
        id: client.id(),
        heartbeat: limits.heartbeat.as_millis() as u64,
        limits: GreetingLimits {
            message_bytes: limits.message_bytes,
            name_bytes: limits.name_bytes,
            depth: limits.depth,
            read_ahead_messages: limits.read_ahead_messages,
            mailboxes: limits.mailboxes_per_client,
            accepted_names: limits.accepted_names,
        },
    };
    let word = match RawPayload::encode(&greeting, Formats::from(client.format())) {
        Ok(payload) => Word::Answer {
            name: None,
            payload: Some(payload),
        },
        Err(error) => Word::Failed(Error::internal(error)),
    };
    Saying::Word(word, End::Final(Some(Receipt::default())))
}

/// The payload of a message that has to be of the form of `example`.
fn payload<T: for<'de> Deserialize<'de>>(incoming: &Incoming, example: &str) -> Result<T, Error> {
    let payload = match incoming.message.payload() {
        Some(payload) => payload.decode(),
        None => RawPayload::decode_absent(),
    };
    payload.map_err(|_| {
        let name = incoming.message.name();
        Error::new(
            code::BAD_PAYLOAD,
            format!("the payload of {name} has the form {example}"),
        )
    })
}
