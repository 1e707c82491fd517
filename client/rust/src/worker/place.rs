//! Where a worker's server is.

use crate::builder::Framing;

use super::{Command, PathMap};

/// A server to be started here, or one that runs elsewhere: what a [`Worker`](super::Worker) is made for, and
/// [switched](super::Worker::switch) to.
///
/// ```
/// use switchboard_client::worker::{Command, PathMap, Place};
///
/// let here = Place::local(Command::new("jsonserver").args(["--dialect", "native", "--bind", "127.0.0.1:0"]));
/// let there = Place::remote("tcp://192.168.33.10:9999")
///     .map_paths(PathMap::new("/home/kevin/app", "/vagrant").fields(["filename"]));
/// assert_ne!(here, there);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) kind: Kind,
    pub(super) framing: Framing,
    pub(super) paths: PathMap,
    /// Where a local server may run already.
    reused: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Local(Command),
    Remote(String),
}

impl Place {
    /// A server that the worker starts, and ends.
    pub fn local(command: Command) -> Self {
        Self::new(Kind::Local(command))
    }

    /// A server that somebody else started. The worker connects to it, and never ends it. The address is as
    /// [`Client::builder`](crate::Client::builder) takes it.
    pub fn remote(address: impl Into<String>) -> Self {
        Self::new(Kind::Remote(address.into()))
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            framing: Framing::Lines,
            paths: PathMap::default(),
            reused: None,
        }
    }

    /// Uses a server that listens here already, whoever started it, and never ends that; the command is started only where none
    /// does. It should make a server that listens here: then all who name the same address share the one that was started
    /// first, and when it goes, one of them starts the next.
    ///
    /// The address is as the server says it, or as [`Client::builder`](crate::Client::builder) takes it. Means nothing for a
    /// remote server, which is never started.
    ///
    /// ```
    /// use switchboard_client::worker::{Command, Place};
    ///
    /// let socket = "unix:/run/user/1000/indexer.sock";
    /// let place = Place::local(Command::new("indexer").args(["--bind", socket])).reuse_at(socket);
    /// ```
    #[must_use]
    pub fn reuse_at(mut self, address: impl Into<String>) -> Self {
        self.reused = Some(address.into().into());
        self
    }

    /// Speaks WebSocket to a local server that says no more than `host:port` or `unix:PATH`. Without this it is lines.
    #[must_use]
    pub fn over_websocket(mut self) -> Self {
        self.framing = Framing::WebSocket;
        self
    }

    /// Changes paths in payloads on their way to the server, and back in its answers.
    #[must_use]
    pub fn map_paths(mut self, paths: PathMap) -> Self {
        self.paths = paths;
        self
    }

    /// Where a server may run already, as an address for a client.
    pub(super) fn reused(&self) -> Option<String> {
        self.reused.as_deref().map(|said| self.address(said))
    }

    /// What a local server says, as an address for a client.
    pub(super) fn address(&self, said: &str) -> String {
        if said.contains("://") || said.starts_with("ws+unix:") {
            return said.to_owned();
        }
        match (self.framing, said.starts_with("unix:")) {
            (Framing::Lines, true) => said.to_owned(),
            (Framing::Lines, false) => format!("tcp://{said}"),
            (Framing::WebSocket, true) => format!("ws+{said}"),
            (Framing::WebSocket, false) => format!("ws://{said}"),
        }
    }
}

impl From<Command> for Place {
    fn from(command: Command) -> Self {
        Self::local(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_made_an_address() {
        let lines = Place::local(Command::new("x"));
        let websocket = lines.clone().over_websocket();
        for (said, over_lines, over_websocket) in [
            ("127.0.0.1:80", "tcp://127.0.0.1:80", "ws://127.0.0.1:80"),
            ("[::1]:80", "tcp://[::1]:80", "ws://[::1]:80"),
            ("unix:/run/a", "unix:/run/a", "ws+unix:/run/a"),
            ("ws+unix:/run/a", "ws+unix:/run/a", "ws+unix:/run/a"),
            ("ws://a/b", "ws://a/b", "ws://a/b"),
        ] {
            assert_eq!(lines.address(said), over_lines);
            assert_eq!(websocket.address(said), over_websocket);
        }
    }
}
