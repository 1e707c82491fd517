//! No message is lost or doubled, whatever happens: they are counted where the bytes leave, and where they come back.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Buf;
use proptest::collection::vec;
use proptest::prelude::*;
use switchboard_wire::Shutdown;
use switchboard_wire::connector::{Connection, Connector, Event, Limits, Reason, Separate};
use tokio::time::timeout;

use super::common::{HEADER, Manner, Parcel, Parcels, Pipe, connector, hush, settle};

#[derive(Clone, Debug)]
enum Step {
    Adopt {
        room: usize,
    },
    /// To nobody: connecting fails.
    Connect,
    Send {
        to: usize,
        size: u16,
        manner: Manner,
    },
    Take {
        from: usize,
        bytes: usize,
    },
    Feed {
        to: usize,
        parcels: u8,
        rest: u8,
    },
    End(usize),
    Cut(usize),
    Disconnect {
        which: usize,
        how: Shutdown,
        deadline: Duration,
    },
    Separate(usize),
    Merge(usize),
    Receive(u8),
    Settle,
    /// Lets the time of some deadlines pass.
    Wait,
}

fn how() -> impl Strategy<Value = Shutdown> {
    prop_oneof![
        Just(Shutdown::Now),
        Just(Shutdown::FinishMessages),
        Just(Shutdown::FinishQueues)
    ]
}

fn deadline() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(Duration::ZERO), Just(DEADLINE), Just(Duration::MAX)]
}

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![
        8 => Just(Manner::Whole),
        3 => (1..9_u16).prop_map(Manner::Pieces),
        3 => Just(Manner::Slow),
        1 => (0..20_u16).prop_map(Manner::Stuck),
        1 => (0..20_u16).prop_map(Manner::Bad),
        1 => (0..20_u16).prop_map(Manner::Panic),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..4_usize;
    prop_oneof![
        2 => (0..200_usize).prop_map(|room| Step::Adopt { room }),
        1 => Just(Step::Connect),
        20 => (which.clone(), 0..40_u16, manner()).prop_map(|(to, size, manner)| Step::Send { to, size, manner }),
        6 => (which.clone(), 0..120_usize).prop_map(|(from, bytes)| Step::Take { from, bytes }),
        4 => (which.clone(), 0..6_u8, 0..9_u8).prop_map(|(to, parcels, rest)| Step::Feed { to, parcels, rest }),
        1 => which.clone().prop_map(Step::End),
        1 => which.clone().prop_map(Step::Cut),
        3 => (which.clone(), how(), deadline()).prop_map(|(which, how, deadline)| Step::Disconnect { which, how, deadline }),
        1 => which.clone().prop_map(Step::Separate),
        1 => which.prop_map(Step::Merge),
        4 => (0..6_u8).prop_map(Step::Receive),
        8 => Just(Step::Settle),
        1 => Just(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_sent_or_comes_back_exactly_once(
        steps in vec(step(), 1..80),
        ending in (how(), deadline(), prop_oneof![Just(0), Just(usize::MAX), 0..200_usize]),
    ) {
        hush();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut run = Run::new();
            for step in steps {
                run.step(step).await;
            }
            run.finish(ending).await;
        });
    }
}

struct Run {
    connector: Connector<Parcels>,
    peers: Vec<Peer>,
    separate: HashMap<Connection, Separate<Parcel>>,
    /// Number of messages that were sent so far.
    sent: u32,
    fed: u32,
}

/// A connection, and what is known of it.
struct Peer {
    connection: Connection,
    /// None where there never was a stream.
    pipe: Option<Pipe>,
    /// What was given to `send`, in order.
    given: Vec<u32>,
    /// What came back, and as what.
    incomplete: Vec<u32>,
    queued: Vec<u32>,
    rejected: Vec<u32>,
    /// Whole messages that were fed to it, in order, before its end.
    fed: Vec<u32>,
    /// Something was fed that is no whole message.
    has_rest: bool,
    received: Vec<u32>,
    connects: usize,
    /// The event of its end, and whether all that was fed had to be received by then.
    ends: Vec<bool>,
}

impl Run {
    fn new() -> Self {
        // Small, so that each bound is met.
        let limits = Limits {
            connections: 4,
            queued: 8,
            queued_bytes: 150,
            received: 4,
            rejected: 3,
            input: 64,
            ..Limits::default()
        };
        Self {
            connector: connector(limits),
            peers: Vec::new(),
            separate: HashMap::new(),
            sent: 0,
            fed: 0,
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Adopt { room } => {
                let pipe = Pipe::with_room(room);
                if let Ok(connection) = self.connector.adopt(pipe.stream()) {
                    self.peers.push(Peer::new(connection, Some(pipe)));
                }
            }
            Step::Connect => {
                if let Ok(connection) = self.connector.connect("unix:/nowhere/at/all") {
                    self.peers.push(Peer::new(connection, None));
                }
            }
            Step::Send { to, size, manner } => self.send(to, size, manner),
            Step::Take { from, bytes } => self.with_pipe(from, |pipe| pipe.take(bytes)),
            Step::Feed { to, parcels, rest } => self.feed(to, parcels, rest),
            Step::End(which) => self.with_pipe(which, Pipe::end),
            Step::Cut(which) => self.with_pipe(which, Pipe::cut),
            Step::Disconnect { which, how, deadline } => {
                if let Some(peer) = pick(&mut self.peers, which) {
                    self.connector.disconnect(peer.connection, how, deadline);
                }
            }
            Step::Separate(which) => {
                if let Some(peer) = pick(&mut self.peers, which)
                    && let Some(separate) = self.connector.separate(peer.connection)
                {
                    self.separate.insert(peer.connection, separate);
                }
            }
            Step::Merge(which) => {
                if let Some(peer) = pick(&mut self.peers, which) {
                    self.separate.remove(&peer.connection);
                }
            }
            Step::Receive(events) => {
                for _ in 0..events {
                    self.receive().await;
                }
            }
            Step::Settle => settle().await,
            Step::Wait => tokio::time::sleep(DEADLINE * 2).await,
        }
    }

    fn with_pipe(&mut self, which: usize, act: impl FnOnce(&Pipe)) {
        if let Some(pipe) = pick(&mut self.peers, which).and_then(|peer| peer.pipe.as_ref()) {
            act(pipe);
        }
    }

    fn send(&mut self, to: usize, size: u16, manner: Manner) {
        let Some(peer) = pick(&mut self.peers, to) else { return };
        self.sent += 1;
        peer.given.push(self.sent);
        let parcel = Parcel::new(self.sent, size).manner(manner);
        if let Err(rejected) = self.connector.send(peer.connection, parcel) {
            assert_eq!(rejected.connection, peer.connection);
            peer.rejected.push(rejected.message.number);
        }
    }

    fn feed(&mut self, to: usize, parcels: u8, rest: u8) {
        let Some(peer) = pick(&mut self.peers, to) else { return };
        let Some(pipe) = peer.pipe.clone().filter(|pipe| !pipe.has_ended()) else {
            return;
        };
        if peer.has_rest {
            return;
        }
        for _ in 0..parcels {
            self.fed += 1;
            let parcel = Parcel::new(self.fed, (self.fed % 30) as u16);
            pipe.feed(&parcel.bytes());
            peer.fed.push(parcel.number);
        }
        if rest > 6 {
            pipe.feed(&[0; HEADER - 1]);
            peer.has_rest = true;
        }
    }

    /// Takes an event from the shared queue and from each separate one, if there is one.
    async fn receive(&mut self) {
        if let Ok(Some(event)) = timeout(Duration::ZERO, self.connector.recv()).await {
            self.note(event);
        }
        let mut events = Vec::new();
        for (connection, separate) in &mut self.separate {
            if let Ok(Some(event)) = timeout(Duration::ZERO, separate.recv()).await {
                assert_eq!(event.connection(), *connection);
                events.push(event);
            }
        }
        events.into_iter().for_each(|event| self.note(event));
    }

    fn note(&mut self, event: Event<Parcel>) {
        let connection = event.connection();
        let peer = self.peers.iter_mut().find(|peer| peer.connection == connection);
        peer.expect("a connection of ours").note(event);
    }

    async fn finish(mut self, (how, deadline, room): (Shutdown, Duration, usize)) {
        // One that is stuck for ever has to be cut off in the end.
        let deadline = deadline.min(DEADLINE);
        self.connector.shutdown(how, deadline);
        self.separate.clear();
        settle().await;
        let pipes = self.peers.iter().filter_map(|peer| peer.pipe.as_ref());
        pipes.for_each(|pipe| pipe.take(room));
        let drain = async {
            while let Some(event) = self.connector.recv().await {
                let connection = event.connection();
                let peer = self.peers.iter_mut().find(|peer| peer.connection == connection);
                peer.expect("a connection of ours").note(event);
            }
        };
        timeout(Duration::from_secs(3600), drain).await.expect("an end");
        for peer in &self.peers {
            peer.check();
        }
    }
}

impl Peer {
    fn new(connection: Connection, pipe: Option<Pipe>) -> Self {
        Self {
            connection,
            pipe,
            given: Vec::new(),
            incomplete: Vec::new(),
            queued: Vec::new(),
            rejected: Vec::new(),
            fed: Vec::new(),
            has_rest: false,
            received: Vec::new(),
            connects: 0,
            ends: Vec::new(),
        }
    }

    fn note(&mut self, event: Event<Parcel>) {
        if !matches!(event, Event::RejectedMessage { .. }) {
            assert!(self.ends.is_empty(), "after its end: {event:?}");
        }
        match event {
            Event::FinishConnect { result, queued, .. } => {
                assert_eq!(self.connects, 0);
                self.connects += 1;
                if result.is_err() {
                    self.queued.extend(queued.iter().map(|parcel| parcel.number));
                    self.ends.push(false);
                } else {
                    assert_eq!(queued, []);
                }
            }
            Event::FinishDisconnect { incomplete, queued, .. } => self.end(incomplete, &queued, false),
            Event::RemoteDisconnect {
                incomplete,
                queued,
                reason,
                ..
            } => self.end(incomplete, &queued, matches!(reason, Reason::Closed)),
            Event::MessageReceived { message, .. } => self.received.push(message.number),
            Event::RejectedMessage { message, .. } => self.rejected.push(message.number),
            Event::RemoteConnect { .. } => panic!("nobody listens"),
        }
    }

    fn end(&mut self, incomplete: Option<Parcel>, queued: &[Parcel], is_closed: bool) {
        assert_eq!(self.connects, 1, "it was connected before");
        self.incomplete.extend(incomplete.map(|parcel| parcel.number));
        self.queued.extend(queued.iter().map(|parcel| parcel.number));
        self.ends.push(is_closed);
    }

    fn check(&self) {
        assert_eq!(self.ends.len(), 1, "{} ends once", self.connection);
        let (sent, rest) = self.sent();
        let mut all: Vec<u32> = [&sent, &self.incomplete, &self.queued, &self.rejected]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        all.sort_unstable();
        assert_eq!(
            all, self.given,
            "each once: sent {sent:?}, incomplete {:?}, queued {:?}, rejected {:?}",
            self.incomplete, self.queued, self.rejected
        );
        assert!(sent.is_sorted() && self.queued.is_sorted(), "in order");
        // What is incomplete is what was sent in part.
        assert_eq!(self.incomplete.len(), usize::from(!rest.is_empty()));
        if rest.len() >= 4 {
            assert_eq!(self.incomplete, [(&rest[..4]).get_u32()]);
        }
        // What was received is what was fed, up to some point; all of it where the peer said that it was all.
        assert!(
            self.fed.starts_with(&self.received),
            "{:?} of {:?}",
            self.received,
            self.fed
        );
        if self.ends == [true] && !self.has_rest {
            assert_eq!(self.received, self.fed, "the peer has closed it after that");
        }
    }

    /// The messages whose last byte has left, and the bytes of one that has not.
    fn sent(&self) -> (Vec<u32>, Vec<u8>) {
        let taken = self.pipe.as_ref().map(Pipe::taken).unwrap_or_default();
        let (mut rest, mut sent) = (&taken[..], Vec::new());
        while rest.len() >= HEADER {
            let size = HEADER + usize::from((&rest[4..6]).get_u16());
            if rest.len() < size {
                break;
            }
            sent.push((&rest[..4]).get_u32());
            rest = &rest[size..];
        }
        (sent, rest.to_vec())
    }
}

fn pick(peers: &mut [Peer], which: usize) -> Option<&mut Peer> {
    // The latest ones: the earliest have ended.
    let first = peers.len().saturating_sub(4);
    peers.get_mut(first + which)
}

const DEADLINE: Duration = Duration::from_secs(1);
