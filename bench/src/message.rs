//! What is said to a server under test.

use clap::ValueEnum;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Ours: `{"name","uid","payload"}`.
    Native,
    /// Socket.IO's, version 5 of its protocol over version 4 of Engine.IO's.
    #[value(name = "socketio")]
    SocketIo,
}

impl Dialect {
    /// Where the WebSocket is opened.
    pub fn path(self) -> &'static str {
        match self {
            Self::Native => "/switchboard",
            Self::SocketIo => "/socket.io/?EIO=4&transport=websocket",
        }
    }

    /// A request whose answer is its own payload. The whole has `size` bytes, or as few as can be.
    pub fn echo(self, uid: usize, size: usize) -> String {
        self.request("bench/echo", uid, Some(size))
    }

    /// A message for everybody.
    pub fn publish(self, size: usize) -> String {
        self.message("bench/publish", size)
    }

    /// A request to be let into a room.
    pub fn join(self, room: usize, uid: usize) -> String {
        self.request(&format!("bench/rooms/{}/join", room_name(room)), uid, None)
    }

    /// A request to be let out of it.
    pub fn leave(self, room: usize, uid: usize) -> String {
        self.request(&format!("bench/rooms/{}/leave", room_name(room)), uid, None)
    }

    /// A message for everybody in a room.
    pub fn say(self, room: usize, size: usize) -> String {
        self.message(&format!("bench/rooms/{}/say", room_name(room)), size)
    }

    fn request(self, name: &str, uid: usize, size: Option<usize>) -> String {
        let uid = uid + FIRST_UID;
        match (self, size) {
            (Self::Native, None) => format!(r#"{{"name":"{name}","uid":{uid}}}"#),
            (Self::Native, Some(size)) => padded(
                &format!(r#"{{"name":"{name}","uid":{uid},"payload":{{"text":""#),
                r#""}}"#,
                size,
            ),
            (Self::SocketIo, None) => format!(r#"42{uid}["{name}"]"#),
            (Self::SocketIo, Some(size)) => padded(&format!(r#"42{uid}["{name}",{{"text":""#), r#""}]"#, size),
        }
    }

    fn message(self, name: &str, size: usize) -> String {
        match self {
            Self::Native => padded(&format!(r#"{{"name":"{name}","payload":{{"text":""#), r#""}}"#, size),
            Self::SocketIo => padded(&format!(r#"42["{name}",{{"text":""#), r#""}]"#, size),
        }
    }
}

/// Rooms and uids have names of one length, so that all messages of a kind have.
fn room_name(room: usize) -> usize {
    room + FIRST_ROOM
}

fn padded(head: &str, tail: &str, size: usize) -> String {
    let pad = size.saturating_sub(head.len() + tail.len()).max(SHORTEST_TEXT);
    format!("{head}{}{tail}", "x".repeat(pad))
}

/// What every text begins with, and so what an answer with the text has in it.
pub const TEXT_BEGINS: &str = "\"xxxx";
/// Requests of one client that can wait for their answers at a time.
pub const MOST_UIDS: usize = 900;
/// Rooms that there can be.
pub const MOST_ROOMS: usize = 9000;
const FIRST_UID: usize = 100;
const FIRST_ROOM: usize = 1000;
const SHORTEST_TEXT: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_size_that_is_asked_for() {
        for size in [64, 1024] {
            for dialect in [Dialect::Native, Dialect::SocketIo] {
                assert_eq!(dialect.echo(0, size).len(), size);
                assert_eq!(dialect.echo(MOST_UIDS - 1, size).len(), size);
                assert_eq!(dialect.publish(size).len(), size);
                assert_eq!(dialect.say(0, size).len(), size);
                assert!(dialect.echo(0, size).contains(TEXT_BEGINS));
            }
        }
    }

    #[test]
    fn a_message_is_written_as_its_dialect_says() {
        assert_eq!(
            Dialect::Native.echo(1, 55),
            r#"{"name":"bench/echo","uid":101,"payload":{"text":"xxxx"}}"#
        );
        assert_eq!(
            Dialect::Native.join(2, 3),
            r#"{"name":"bench/rooms/1002/join","uid":103}"#
        );
        assert_eq!(Dialect::SocketIo.echo(1, 0), r#"42101["bench/echo",{"text":"xxxx"}]"#);
        assert_eq!(Dialect::SocketIo.publish(0), r#"42["bench/publish",{"text":"xxxx"}]"#);
    }
}
