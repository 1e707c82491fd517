//! The works that are put on the servers.

use super::load::{Load, SHORT, echo, fanout, with_long_messages};
use super::programs::{AXUM, LIMIT, ONE_CORE, OURS, TWO_CORES};

/// One kind of work: a section of the page.
#[derive(Debug)]
pub(super) struct Work {
    /// Its name on the command line, in the samples, and of its chart.
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    /// What happens in it, for who reads the page.
    pub(super) about: &'static str,
    /// What is put on each program, one after the other in each round.
    pub(super) variants: &'static [Variant],
    /// The keys of the programs that take part, in the order of the table.
    pub(super) programs: &'static [&'static str],
    pub(super) figure: Figure,
}

/// A load, and what it is called where a work has several.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) key: &'static str,
    pub(super) load: Load,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    /// How many of these there are for a second of the server's processor time.
    PerCpuSecond(&'static str),
    /// The latency that 99 % do not exceed, all reading and with some that do not.
    Tail,
    /// What a client takes of the server's own memory.
    Memory,
    /// How many of these there are for a second on the clock, with one core and with two.
    PerSecond(&'static str),
}

pub(super) const WORKS: &[Work] = &[
    Work {
        key: ECHO_64X1,
        title: "Echo, 64 clients, 1 in flight",
        about: "Each client sends the next message of 64 bytes when the answer to the one before has come.",
        variants: &[only(echo(64, 1, SHORT))],
        programs: EVERYBODY,
        figure: Figure::PerCpuSecond("answers"),
    },
    Work {
        key: ECHO_64X16,
        title: "Echo, 64 clients, 16 in flight",
        about: "Each client keeps 16 messages of 64 bytes unanswered. Switchboard also with other numbers of routes than 100.",
        variants: &[only(echo(64, 16, SHORT))],
        programs: &[
            LIMIT,
            OURS,
            "ours-10",
            "ours-1000",
            "ours-100000",
            AXUM,
            "axum-4k",
            "tungstenite",
            "tokio-websockets",
            "socketioxide",
            "ws",
            "socketio",
            "channels",
        ],
        figure: Figure::PerCpuSecond("answers"),
    },
    Work {
        key: "echo-1k",
        title: "Echo, 64 clients, 16 in flight, 1 KiB",
        about: "The same with messages of 1,024 bytes.",
        variants: &[only(echo(64, 16, 1024))],
        programs: EVERYBODY,
        figure: Figure::PerCpuSecond("answers"),
    },
    Work {
        key: ECHO_1000X1,
        title: "Echo, 1,000 clients, 1 in flight",
        about: "Each client sends the next message of 64 bytes when the answer to the one before has come.",
        variants: &[only(echo(1000, 1, SHORT))],
        programs: EVERYBODY,
        figure: Figure::PerCpuSecond("answers"),
    },
    Work {
        key: FANOUT_1000X1,
        title: "Fan-out to 1,000, 1 in flight",
        about: "One client publishes 64 bytes to all 1,000, and again when everybody has them.",
        variants: &[only(fanout(1000, 1))],
        programs: EVERYBODY,
        figure: Figure::PerCpuSecond("deliveries"),
    },
    Work {
        key: FANOUT_1000X16,
        title: "Fan-out to 1,000, 16 in flight",
        about: "One client keeps 16 publications of 64 bytes on their way to all 1,000.",
        variants: &[only(fanout(1000, 16))],
        programs: EVERYBODY,
        figure: Figure::PerCpuSecond("deliveries"),
    },
    Work {
        key: FANOUT_10000X1,
        title: "Fan-out to 10,000, 1 in flight",
        about: "One client publishes 64 bytes to all 10,000, and again when everybody has them. Channels is left out: its \
                layer in memory takes time with the square of the number.",
        variants: &[only(fanout(10_000, 1))],
        programs: &[
            LIMIT,
            OURS,
            AXUM,
            "axum-4k",
            "tungstenite",
            "tokio-websockets",
            "socketioxide",
            "ws",
            "socketio",
        ],
        figure: Figure::PerCpuSecond("deliveries"),
    },
    Work {
        key: STALLED,
        title: "Fan-out to 1,000, some of whom do not read",
        about: "One client publishes 16 KiB to all 1,000, and again when all who read have them: first all read, then a tenth \
                never does. With messages of this size the sockets of those are full before anything is counted. The figure \
                is how long a delivery to those who read takes at most, but for one in a hundred.",
        variants: &[
            Variant {
                key: READING,
                load: with_long_messages(false),
            },
            Variant {
                key: NOT_READING,
                load: with_long_messages(true),
            },
        ],
        programs: &[OURS, AXUM, "axum-4k", "tungstenite", "tokio-websockets", "socketioxide"],
        figure: Figure::Tail,
    },
    Work {
        key: "mailboxes",
        title: "Mailboxes, 10,000 clients in 1,000 rooms",
        about: "In 100 rooms at a time somebody says 64 bytes to the ten who are in it; then it is another room's turn. \
                The limit knows no rooms, the program with tokio-websockets has none, and Channels' layer in memory \
                lets in too few clients.",
        variants: &[only(Load::Mailboxes {
            clients: 10_000,
            rooms: 1000,
        })],
        programs: &[OURS, AXUM, "axum-4k", "tungstenite", "socketioxide", "ws", "socketio"],
        figure: Figure::PerCpuSecond("deliveries"),
    },
    Work {
        key: IDLE,
        title: "An idle client, of 10,000",
        about: "Each client had a message echoed and joined a room, and says nothing more. The figure is the server's own \
                memory for each, what the kernel keeps for a connection apart. The program with tokio-websockets has no \
                rooms. Channels is given 1,000 clients, as 10,000 are too many for its layer in memory.",
        variants: &[only(Load::Idle { clients: 10_000 })],
        programs: WITH_ROOMS,
        figure: Figure::Memory,
    },
    Work {
        key: "idle-most",
        title: "An idle client, of as many as there can be",
        about: "The same with as many clients as one process is allowed descriptors, less a thousand.",
        variants: &[only(Load::Idle { clients: u64::MAX })],
        programs: &[OURS],
        figure: Figure::Memory,
    },
    Work {
        key: "churn",
        title: "Clients that come and go",
        about: "64 at a time connect, join a room, have a message echoed, leave the room, say goodbye and are closed.",
        variants: &[only(Load::Churn { clients: 64 })],
        programs: WITH_ROOMS,
        figure: Figure::PerCpuSecond("connections"),
    },
    Work {
        key: "cores-echo",
        title: "Two cores and one: echo, 64 clients, 16 in flight",
        about: TWO_CORES_ABOUT,
        variants: &[only(echo(64, 16, SHORT))],
        programs: &[ONE_CORE, TWO_CORES],
        figure: Figure::PerSecond("answers"),
    },
    Work {
        key: "cores-fanout",
        title: "Two cores and one: fan-out to 1,000, 16 in flight",
        about: TWO_CORES_ABOUT,
        variants: &[only(fanout(1000, 16))],
        programs: &[ONE_CORE, TWO_CORES],
        figure: Figure::PerSecond("deliveries"),
    },
];

impl Work {
    /// The one with this key.
    pub(super) fn find(key: &str) -> Option<&'static Self> {
        WORKS.iter().find(|work| work.key == key)
    }
}

impl Figure {
    /// Seconds that it takes, beside the usual warm-up, until there is something to measure.
    pub(super) fn settles_in(self) -> f64 {
        match self {
            Self::Tail => 4.0,
            Self::PerCpuSecond(_) | Self::Memory | Self::PerSecond(_) => 0.0,
        }
    }
}

const fn only(load: Load) -> Variant {
    Variant { key: "", load }
}

pub(super) const ECHO_64X1: &str = "echo-64x1";
pub(super) const ECHO_64X16: &str = "echo-64x16";
pub(super) const ECHO_1000X1: &str = "echo-1000x1";
pub(super) const FANOUT_1000X1: &str = "fanout-1000x1";
pub(super) const FANOUT_1000X16: &str = "fanout-1000x16";
pub(super) const FANOUT_10000X1: &str = "fanout-10000x1";
pub(super) const STALLED: &str = "stalled";
pub(super) const IDLE: &str = "idle";

/// The variants of [`STALLED`].
pub(super) const READING: &str = "reading";
pub(super) const NOT_READING: &str = "not reading";

const EVERYBODY: &[&str] = &[
    LIMIT,
    OURS,
    AXUM,
    "axum-4k",
    "tungstenite",
    "tokio-websockets",
    "socketioxide",
    "ws",
    "socketio",
    "channels",
];
const WITH_ROOMS: &[&str] = &[
    OURS,
    AXUM,
    "axum-4k",
    "tungstenite",
    "socketioxide",
    "ws",
    "socketio",
    "channels",
];
const TWO_CORES_ABOUT: &str = "Unlike everywhere else, the generator may use both cores, which it shares with the server: on two \
     cores the two are in each other's way, and what a second on the clock brings is less than the server could do alone. \
     A second of processor time tells whether a message costs more with two threads than with one.";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::compare::programs::Program;

    #[test]
    fn every_program_of_a_work_is_there() {
        for work in WORKS {
            assert!(!work.variants.is_empty());
            for key in work.programs {
                assert!(Program::find(key).is_some(), "{}: {key}", work.key);
            }
        }
    }

    #[test]
    fn no_key_is_used_twice() {
        let keys: HashSet<_> = WORKS.iter().map(|work| work.key).collect();
        assert_eq!(keys.len(), WORKS.len());
    }
}
