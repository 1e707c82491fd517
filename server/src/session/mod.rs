//! One client's life: what is read, in which order it is dispatched, and how it ends.
//!
//! A session is one task. Each turn of it reads what is there into the thread's buffer, handles every message in it, and
//! then writes once.

mod control;
mod homes;
mod inbox;
mod io;
mod leave;
mod reader;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use switchboard_router::Router;
use switchboard_wire::connection::{self, Reader, Stream};
use switchboard_wire::websocket::DecoderLimits;
use switchboard_wire::{CloseCode, ReadLimits};
use tokio::time::Sleep;

pub(crate) use control::greet;
pub(crate) use homes::Homes;
use reader::{Decoder, Lane, Reading};

use crate::lifecycle::CONNECTED;
use crate::limits::Limits;
use crate::listen::Permit;
use crate::request::Sender;
use crate::switchboard::turn::{self, Backlog};
use crate::switchboard::{Client, Core, Flushed, Shutdown, Stage, Status, Switchboard};
use crate::table::RouteId;

/// What a listener knows of a connection that it hands over.
#[derive(Debug)]
pub(crate) struct Hello {
    /// Which of the server's encodings was agreed.
    pub(crate) encoding: u8,
    /// The registry that the listener serves.
    pub(crate) registry: Arc<str>,
    /// Where it comes from, where that is known.
    pub(crate) address: Option<SocketAddr>,
    /// The listener's.
    pub(crate) limits: Arc<Limits>,
    /// The connection's place within the limits, given back at the end.
    pub(crate) permit: Permit,
}

/// Serves one connection to its end, and until its last controller has run. `early` are bytes that came with the handshake.
pub(crate) async fn run(core: Arc<Core>, stream: Stream, early: Bytes, hello: Hello) {
    let Hello {
        encoding,
        registry,
        address,
        limits,
        permit,
    } = hello;
    let Some(routes) = core.table.registry(&registry).cloned() else {
        return tracing::error!(%registry, "a listener serves a registry that has no routes");
    };
    let (reader, writer) = stream.split();
    let client = match Client::new(&core, limits, address, encoding, writer) {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "a client was refused: the system gives no random numbers"),
    };
    let sender = Arc::new(Sender {
        switchboard: Switchboard::from(Arc::clone(&core)),
        answers: Box::new(client.clone()),
        client,
    });
    let leaving = leave::Leaving::enter(Arc::clone(&core), Arc::clone(&sender), Arc::clone(&routes));
    let mut session = Session {
        reader,
        decoder: Decoder::new(core.encoding(encoding).framing),
        lane: Lane::new(core, sender, routes),
        stash: Stash::from(early.to_vec()),
        backlog: Backlog::default(),
        is_reading: true,
        is_broken: false,
        is_flushed: true,
        goodbye: None,
        patience: None,
    };
    session.begin();
    std::future::poll_fn(|cx| {
        let end = session.poll(cx);
        if end.is_ready() {
            io::part(&mut session.reader, cx);
        }
        end
    })
    .await;
    let mut backlog = std::mem::take(&mut session.backlog);
    session.lane.forget_rest();
    drop(session);
    // The place is free before the last controllers are waited for: the connection is closed.
    drop(permit);
    // What it sent last still goes to everybody.
    while backlog.flush_batch() {
        tokio::task::yield_now().await;
    }
    leaving.leave().await;
}

struct Session {
    reader: Reader,
    decoder: Decoder,
    lane: Lane,
    stash: Stash,
    /// Recipients of this client's messages that are still to be written to, before more is read.
    backlog: Backlog,
    /// Whether there can be more to read.
    is_reading: bool,
    /// The peer broke the framing: it is told, and not asked to say goodbye.
    is_broken: bool,
    /// Whether the stream has passed on all that it took.
    is_flushed: bool,
    /// The peer said goodbye; it is answered when what it sent before has had its turn.
    goodbye: Option<(CloseCode, String)>,
    /// How long the end of the connection is waited for; only then there is a timer.
    patience: Option<Pin<Box<Sleep>>>,
}

/// Bytes that were read but not decoded, because the read-ahead is used up.
#[derive(Default)]
struct Stash {
    bytes: Vec<u8>,
    decoded: usize,
}

/// Whether a step got anywhere.
enum Step {
    Again,
    Wait,
}

impl Session {
    fn begin(&mut self) {
        turn::run(|| self.lane.event(CONNECTED));
    }

    /// Not inlined, so that a profiler can tell the server's work from what is around it.
    #[inline(never)]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.lane.client.waker().register(cx.waker());
        for _ in 0..STEPS {
            if self.backlog.is_left() && self.backlog.flush_batch() {
                break;
            }
            let (step, backlog) = turn::collect(|| self.step(cx));
            self.backlog = backlog;
            let is_left = self.backlog.flush_batch();
            if let Step::Wait = step
                && !is_left
            {
                return self.poll_out(cx);
            }
        }
        // Others first, then on with what is left.
        cx.waker().wake_by_ref();
        self.poll_out(cx)
    }

    /// Dispatches what is next in line, and reads once.
    fn step(&mut self, cx: &mut Context<'_>) -> Step {
        if self.lane.client.outbox().is_closed() {
            return Step::Wait;
        }
        self.lane.go_on();
        if let Some(how) = self.lane.client.asked_to_end() {
            self.lane.client.shut_down(how, CloseCode::SHUTDOWN, SHUTDOWN_REASON);
        }
        let is_full = self.lane.is_full();
        // A client whose own answers wait for it to read is not held back by us.
        self.lane.client.hold(is_full && !self.lane.is_outbox_busy());
        if is_full {
            return Step::Wait;
        }
        if !self.stash.is_empty() {
            let mut stash = std::mem::take(&mut self.stash);
            let left = self.feed(&mut stash.bytes[stash.decoded..]);
            stash.decoded = stash.bytes.len() - left;
            if left > 0 {
                self.stash = stash;
            }
            return Step::Again;
        }
        if !self.is_reading {
            return Step::Wait;
        }
        connection::with_buffer(|buffer| match self.reader.poll_read(cx, buffer) {
            Poll::Pending => Step::Wait,
            Poll::Ready(Ok(0)) => {
                self.ended();
                Step::Wait
            }
            Poll::Ready(Ok(n)) => {
                self.lane.heard();
                let left = self.feed(&mut buffer[..n]);
                self.stash = Stash::from(buffer[n - left..n].to_vec());
                Step::Again
            }
            Poll::Ready(Err(error)) => {
                self.lost(&error.to_string());
                Step::Wait
            }
        })
    }

    /// Handles what can be handled now; gives back how many bytes are left.
    fn feed(&mut self, bytes: &mut [u8]) -> usize {
        match self.lane.read(&mut self.decoder, bytes) {
            Reading::All => return 0,
            Reading::Full(left) => return left,
            Reading::Goodbye(code, reason) => {
                self.is_reading = false;
                self.goodbye = Some((code, reason));
            }
            Reading::Broken => self.is_broken = true,
        }
        0
    }

    /// The peer sends nothing more. Where nobody says goodbye it may still wait for what it asked for.
    fn ended(&mut self) {
        if self.decoder.says_goodbye() {
            return self.lost("closed without a close frame");
        }
        self.is_reading = false;
        self.lane.ended(!self.decoder.is_idle());
        self.goodbye = Some((CloseCode::NORMAL, String::new()));
    }

    fn lost(&mut self, reason: &str) {
        self.is_reading = false;
        self.lane.client.outbox().lose(CloseCode::ABNORMAL, reason);
    }

    /// Writes what only this task can write, and sees whether this is the end.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.lane.spare = None;
        let client = &self.lane.client;
        let Status { flushed, stage } = io::poll_write(&mut self.reader, cx, client.outbox());
        self.is_flushed = flushed == Flushed::Empty;
        if !client.outbox().is_busy() {
            client.tell_drained();
            if self.lane.has_next() {
                cx.waker().wake_by_ref();
            }
        }
        match stage {
            Stage::Open => self.poll_open(cx),
            // It is to end at once; what the stream did not take is lost.
            Stage::Closing { is_cut: true, .. } | Stage::Closed => Poll::Ready(()),
            Stage::Closing { is_written, .. } if is_written && self.is_flushed => {
                if !self.is_reading || self.is_broken || !self.decoder.says_goodbye() {
                    // Our end is closed first. What still comes is read: bytes left unread would cut off the reason.
                    let is_hung_up = io::hang_up(&mut self.reader, cx, self.lane.client.outbox()).is_ready();
                    if is_hung_up && !self.is_reading {
                        return Poll::Ready(());
                    }
                }
                self.poll_patience(cx)
            }
            Stage::Closing { .. } => self.poll_patience(cx),
        }
    }

    /// Ends what is open where nothing is left to be done: the peer said goodbye, or the server stops.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_handled = self.stash.is_empty() && self.lane.inbox.is_empty();
        if let Some((code, reason)) = self.goodbye.clone() {
            let is_answered = self.decoder.says_goodbye() || !self.lane.client.is_busy();
            if is_handled && is_answered || self.poll_patience(cx).is_ready() {
                self.patience = None;
                if !self.decoder.says_goodbye() {
                    turn::run(|| self.lane.give_up());
                }
                self.lane.client.shut_down(Shutdown::FinishQueues, code, &reason);
            }
        } else if is_handled && self.lane.is_done_for_shutdown() {
            let client = &self.lane.client;
            client.shut_down(Shutdown::FinishQueues, CloseCode::SHUTDOWN, SHUTDOWN_REASON);
        }
        Poll::Pending
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.lane.client.limits().close;
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        patience.as_mut().poll(cx)
    }
}

impl Stash {
    fn is_empty(&self) -> bool {
        self.decoded == self.bytes.len()
    }
}

impl From<Vec<u8>> for Stash {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, decoded: 0 }
    }
}

/// Turns that one session takes before it lets others run.
const STEPS: usize = 4;
pub(crate) const SHUTDOWN_REASON: &str = "the server shuts down";

impl Lane {
    fn new(core: Arc<Core>, sender: Arc<Sender>, routes: Arc<Router<RouteId>>) -> Self {
        let limits = sender.client.limits();
        Self {
            decoder_limits: DecoderLimits {
                fragments: limits.fragments,
                ..DecoderLimits::with_message(limits.message_bytes)
            },
            read_limits: ReadLimits { depth: limits.depth },
            inbox: inbox::Inbox::default(),
            core,
            client: sender.client.clone(),
            sender,
            routes,
            spare: None,
            tally: reader::Tally::default(),
            is_partial: false,
        }
    }
}
