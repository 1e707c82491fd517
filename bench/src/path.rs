//! The paths that a message can take through the framework, each with who is there to hear what comes of it.

use serde::{Deserialize, Serialize};
use switchboard::prelude::*;
use switchboard::wire::native::{self, SUBPROTOCOL_JSON, SUBPROTOCOL_MESSAGE_PACK};
use switchboard::wire::{Format, Formats};
use switchboard::{RawPayload, Uid};

use crate::frame::{BINARY, TEXT, masked};

/// One path.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// What it is called in the budget of instructions.
    pub name: &'static str,
    /// How messages are written.
    pub(crate) format: Format,
    /// Clients that are connected.
    pub(crate) clients: usize,
    /// How many of them, the sender first, hear of each message. These hold the room.
    pub(crate) hearers: usize,
    /// Messages that are sent in one go.
    pub(crate) batch: usize,
    /// What is in all that is heard, and tells that the path was the one that is meant.
    pub(crate) heard: &'static str,
    /// What the message is called.
    message: &'static str,
    /// Whether it has a uid.
    asks: bool,
    /// Bytes of the whole message where it is JSON; none where there is no payload.
    size: Option<usize>,
}

impl Path {
    /// All of them.
    pub const ALL: &[Self] = &[
        ECHO,
        Self {
            name: "echo-16",
            batch: 16,
            ..ECHO
        },
        Self {
            name: "echo-1k",
            size: Some(1024),
            ..ECHO
        },
        Self {
            name: "echo-msgpack",
            format: Format::MessagePack,
            ..ECHO
        },
        Self {
            name: "two",
            message: "bench/two",
            ..ECHO
        },
        Self {
            name: "ten",
            message: "bench/ten",
            heard: r#""uid":123456}"#,
            ..ECHO
        },
        Self {
            name: "async",
            message: "bench/async",
            ..ECHO
        },
        Self {
            name: "params",
            message: "bench/params/12/kevin",
            size: None,
            heard: r#"[12,"kevin"]"#,
            ..ECHO
        },
        Self {
            name: "regex",
            message: "bench/regex-12-kevin",
            size: None,
            heard: r#"[12,"kevin"]"#,
            ..ECHO
        },
        Self {
            name: "missing",
            message: "bench/nowhere",
            size: None,
            heard: code::NOT_FOUND,
            ..ECHO
        },
        PUBLISH,
        Self {
            name: "publish-16",
            batch: 16,
            ..PUBLISH
        },
        SAY,
        Self {
            name: "say-10",
            hearers: 10,
            ..SAY
        },
    ];

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|path| path.name == name).copied()
    }

    /// The same path, with so many messages sent in one go.
    #[must_use]
    pub fn with_batch(self, batch: usize) -> Self {
        Self { batch, ..self }
    }

    /// How many messages are sent in one go.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// What a client asks to speak when it opens its WebSocket.
    pub(crate) fn subprotocol(&self) -> &'static str {
        match self.format {
            Format::Json => SUBPROTOCOL_JSON,
            Format::MessagePack => SUBPROTOCOL_MESSAGE_PACK,
        }
    }

    /// The frames of one batch.
    pub(crate) fn frames(&self) -> Vec<u8> {
        let uid = self.asks.then_some(Uid::Integer(UID));
        let message = Message::new(self.message).with_uid(uid);
        let message = match self.size {
            None => message,
            Some(size) => {
                let bare = unit(&with_text(message.clone(), ""), Format::Json).len();
                with_text(message, &"x".repeat(size.saturating_sub(bare)))
            }
        };
        frame(&message, self.format).repeat(self.batch)
    }

    /// The frame that lets a client hold the room.
    pub(crate) fn join(&self) -> Vec<u8> {
        frame(
            &Message::new("bench/rooms/lobby/join").with_uid(Some(Uid::Integer(UID))),
            self.format,
        )
    }
}

/// The routes of all paths, among others that nobody asks for.
pub fn routes() -> Routes {
    let echo = |Payload(line): Payload<Line>| line;
    let heed = |Payload(_): Payload<Line>| ();
    let join = |(Params(room), client): (Params<String>, Client)| {
        client.join(format!("rooms/{room}")).map(drop).map_err(Error::from)
    };
    let both = |Params((number, text)): Params<(u32, String)>| (number, text);
    let routes = Routes::new()
        .route("bench/echo", Controller::silent(echo))
        .route("bench/two", Controller::silent(echo))
        .route("bench/two", Controller::silent(heed))
        .route(
            "bench/async",
            Controller::silent(|Payload(line): Payload<Line>| async move { line }),
        )
        .route("bench/params/<int:number>/<text>", Controller::silent(both))
        .regex(r"bench/regex-(?<number>\d+)-(?<text>[a-z]+)", Controller::silent(both))
        .route("bench/publish", Controller::send_all(echo))
        .route("bench/rooms/<room>/join", Controller::silent(join))
        .route(
            "bench/rooms/<room>/say",
            Controller::send_to_mailbox(echo).to("rooms/<room>"),
        );
    let routes = (0..10).fold(routes, |routes, _| routes.route("bench/ten", Controller::silent(heed)));
    (0..100).fold(routes, |routes, n| {
        routes.route(format!("area{n}/command{n}"), Controller::silent(echo))
    })
}

/// What most messages carry.
#[derive(Debug, Deserialize, Serialize)]
struct Line {
    text: String,
}

fn with_text(message: Message, text: &str) -> Message {
    let line = Line { text: text.to_owned() };
    let payload = RawPayload::encode(&line, Formats::JSON | Formats::MESSAGE_PACK);
    message.with_payload(payload.expect("a string has a form in every format"))
}

fn frame(message: &Message, format: Format) -> Vec<u8> {
    let opcode = match format {
        Format::Json => TEXT,
        Format::MessagePack => BINARY,
    };
    masked(opcode, &unit(message, format))
}

fn unit(message: &Message, format: Format) -> Vec<u8> {
    let mut unit = Vec::new();
    native::write_message(message, false, format, &mut unit).expect("the payload is there in every format");
    unit
}

/// A plain function that answers the one who asks.
const ECHO: Path = Path {
    name: "echo",
    format: Format::Json,
    clients: 1,
    hearers: 1,
    batch: 1,
    heard: "xxxx",
    message: "bench/echo",
    asks: true,
    size: Some(64),
};
/// A plain function whose value everybody hears.
const PUBLISH: Path = Path {
    name: "publish",
    clients: 100,
    hearers: 100,
    message: "bench/publish",
    asks: false,
    ..ECHO
};
/// A plain function whose value a mailbox hears.
const SAY: Path = Path {
    name: "say",
    message: "bench/rooms/lobby/say",
    ..PUBLISH
};
const UID: i64 = 123_456;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Header, MASK, xor};

    #[test]
    fn a_message_has_the_size_that_is_asked_for() {
        for (name, size) in [("echo", 64), ("echo-1k", 1024), ("publish", 64), ("two", 64)] {
            let mut frame = Path::of_name(name).unwrap().frames();
            let header = Header::parse(&frame).unwrap();
            assert_eq!(header.length, size, "{name}");
            xor(&mut frame[header.size..], MASK);
            assert!(String::from_utf8_lossy(&frame[header.size..]).ends_with(r#"xxxx"}}"#));
        }
    }

    #[test]
    fn names_are_given_once() {
        for path in Path::ALL {
            assert_eq!(
                Path::ALL.iter().filter(|other| other.name == path.name).count(),
                1,
                "{path:?}"
            );
        }
    }
}
