//! What the generator is asked for.

/// What the generator is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    Echo {
        clients: u64,
        in_flight: u64,
        size: u64,
    },
    Fanout {
        subscribers: u64,
        in_flight: u64,
        size: u64,
        stalled: bool,
    },
    Mailboxes {
        clients: u64,
        rooms: u64,
    },
    Idle {
        clients: u64,
    },
    Churn {
        clients: u64,
    },
}

impl Load {
    /// The same with few clients.
    pub(super) fn small(self) -> Self {
        self.at_most(FEW)
    }

    /// The same with no more than so many clients.
    pub(super) fn at_most(mut self, most: u64) -> Self {
        match &mut self {
            Self::Echo { clients, .. }
            | Self::Fanout {
                subscribers: clients, ..
            }
            | Self::Idle { clients }
            | Self::Churn { clients } => *clients = most.min(*clients),
            Self::Mailboxes { clients, rooms } if *clients > most => {
                // As many to a room as before.
                *rooms = (*rooms * most / *clients).max(1);
                *clients = most;
            }
            Self::Mailboxes { .. } => {}
        }
        self
    }

    /// What the generator is told. Neither it nor the server may have more than so many descriptors.
    pub(super) fn arguments(self, descriptors: u64) -> Vec<String> {
        let line = match self {
            Self::Echo {
                clients,
                in_flight,
                size,
            } => format!("echo --clients {clients} --in-flight {in_flight} --size {size}"),
            Self::Fanout {
                subscribers,
                in_flight,
                size,
                stalled,
            } => {
                let stalled = if stalled { " --stalled 0.1" } else { "" };
                format!("fanout --subscribers {subscribers} --in-flight {in_flight} --size {size}{stalled}")
            }
            Self::Mailboxes { clients, rooms } => {
                let in_flight = rooms.min(ROOMS_AT_A_TIME);
                format!("mailboxes --clients {clients} --rooms {rooms} --in-flight {in_flight}")
            }
            Self::Idle { clients } => {
                let clients = clients.min(descriptors.saturating_sub(RESERVED)).min(MOST_IDLE);
                let processes = clients.div_ceil(IDLE_PER_PROCESS);
                format!("idle --clients {clients} --processes {processes}")
            }
            Self::Churn { clients } => format!("churn --clients {clients}"),
        };
        line.split(' ').map(str::to_owned).collect()
    }

    /// Which of the two bare loops is the limit of it.
    pub(super) fn mode_of_limit(self) -> &'static str {
        match self {
            Self::Fanout { .. } => "fanout",
            _ => "echo",
        }
    }
}

/// Messages to be answered.
pub(super) const fn echo(clients: u64, in_flight: u64, size: u64) -> Load {
    Load::Echo {
        clients,
        in_flight,
        size,
    }
}

/// Short messages to everybody.
pub(super) const fn fanout(subscribers: u64, in_flight: u64) -> Load {
    Load::Fanout {
        subscribers,
        in_flight,
        size: SHORT,
        stalled: false,
    }
}

/// Long messages to everybody, where a tenth may not read.
pub(super) const fn with_long_messages(stalled: bool) -> Load {
    Load::Fanout {
        subscribers: 1000,
        in_flight: 1,
        size: LONG,
        stalled,
    }
}

/// Bytes of a short message.
pub(super) const SHORT: u64 = 64;
/// Bytes of one that soon fills the system's buffer for a socket, which may hold some mebibytes.
const LONG: u64 = 16 << 10;
const ROOMS_AT_A_TIME: u64 = 100;
/// Clients in a quick run.
const FEW: u64 = 50;
/// Descriptors that a process needs for itself, with some to spare.
const RESERVED: u64 = 1000;
const IDLE_PER_PROCESS: u64 = 9000;
/// What our server is told to let in.
const MOST_IDLE: u64 = 90_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_told_what_to_do() {
        let told = |load: Load| load.arguments(20_000).join(" ");
        assert_eq!(told(echo(64, 16, 1024)), "echo --clients 64 --in-flight 16 --size 1024");
        assert_eq!(
            told(echo(64, 16, 1024).small()),
            "echo --clients 50 --in-flight 16 --size 1024"
        );
        assert_eq!(
            told(with_long_messages(true)),
            "fanout --subscribers 1000 --in-flight 1 --size 16384 --stalled 0.1"
        );
        assert_eq!(
            told(Load::Idle { clients: u64::MAX }),
            "idle --clients 19000 --processes 3"
        );
        assert_eq!(
            told(
                Load::Mailboxes {
                    clients: 10_000,
                    rooms: 1000
                }
                .small()
            ),
            "mailboxes --clients 50 --rooms 5 --in-flight 5"
        );
    }
}
