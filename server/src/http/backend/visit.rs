//! One request's time on the server: who asks, what for, and how long it may take.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use switchboard_router::Router;
use switchboard_wire::{Dialect, Error, Incoming, Malformed, ReadLimits, Receipt, Text, Ticket, Unit, code};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};

use super::desk::{Desk, Said, Style};
use crate::dispatch::{self, Saying};
use crate::lifecycle::{HELLO, PING, RESERVED};
use crate::limits::Limits;
use crate::listen::Permit;
use crate::request::Sender;
use crate::session;
use crate::switchboard::{Client, Core, Switchboard, turn};
use crate::table::RouteId;

/// A client that is here for one request. When it is dropped the client leaves: its streams end, its controllers run on.
pub(super) struct Visit {
    core: Arc<Core>,
    sender: Arc<Sender>,
    desk: Arc<Desk>,
    /// When the shutdown waits no longer.
    last_call: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// How long streams may go on where one answer is wanted.
    patience: Interval,
    _permit: Permit,
}

/// What is known of who asks.
pub(super) struct Visitor {
    pub(super) address: Option<SocketAddr>,
    pub(super) limits: Arc<Limits>,
    /// Which of the server's encodings it is answered in.
    pub(super) encoding: u8,
    pub(super) permit: Permit,
}

impl Visit {
    pub(super) fn begin(core: &Arc<Core>, visitor: Visitor, style: Style) -> Result<Self, getrandom::Error> {
        let Visitor {
            address,
            limits,
            encoding,
            permit,
        } = visitor;
        let client = Client::guest(core, Arc::clone(&limits), address, encoding)?;
        let desk = Desk::new(client.clone(), style);
        core.guests.add(&client);
        let sender = Sender {
            client,
            switchboard: Switchboard::from(Arc::clone(core)),
            answers: Box::new(Arc::clone(&desk)),
        };
        Ok(Self {
            sender: Arc::new(sender),
            desk,
            last_call: Box::pin(last_call(Arc::clone(core), limits.close)),
            patience: patience(limits.controller),
            core: Arc::clone(core),
            _permit: permit,
        })
    }

    /// Reads the message and has its controllers run.
    pub(super) fn ask(&self, dialect: &dyn Dialect, unit: Unit<'_>, routes: &Router<RouteId>) {
        self.core.counters.messages.one();
        let limits = self.client().limits();
        let incoming = match dialect.read(unit, &ReadLimits { depth: limits.depth }) {
            Ok(incoming) => incoming,
            Err(malformed) => {
                let Malformed { error, name, ticket } = *malformed;
                self.core.counters.bad_messages.one();
                return self.refuse(ticket, name, error);
            }
        };
        let Incoming { message, ticket } = incoming;
        let incoming = Incoming {
            message,
            ticket: ticket.asking(),
        };
        let name = incoming.message.name();
        if let Err(error) = switchboard_router::check_name(name, limits.name_bytes) {
            self.core.counters.bad_messages.one();
            let error = Error::new(code::BAD_MESSAGE, format!("`name` is no name: {error}"));
            return self.refuse(incoming.ticket, None, error);
        }
        if name.starts_with(RESERVED) {
            return self.control(&incoming);
        }
        if self.core.is_stopping() {
            let name = incoming.message.name_text().clone();
            return self.refuse(incoming.ticket, Some(name), unavailable());
        }
        turn::run(|| {
            let runs = dispatch::dispatch(&self.sender, incoming, routes, &mut None);
            self.core.counters.runs.add(runs as u64);
        });
    }

    /// Settles a message that was not read to its end.
    pub(super) fn too_large(&self, dialect: &dyn Dialect, prefix: &[u8]) {
        self.core.counters.messages.one();
        self.core.counters.too_large.one();
        let (name, ticket) = dialect.read_prefix(prefix);
        let limit = self.client().limits().message_bytes;
        let error = Error::new(code::TOO_LARGE, format!("a message may have {limit} bytes"));
        self.refuse(ticket, name, error);
    }

    /// Settles a body that is no unit of the dialect.
    pub(super) fn unreadable(&self, message: &'static str) {
        self.core.counters.messages.one();
        self.core.counters.bad_messages.one();
        self.refuse(Ticket::default(), None, Error::new(code::BAD_MESSAGE, message));
    }

    /// The next piece of the response; none when it is whole.
    pub(super) async fn next(&mut self) -> Option<Said> {
        loop {
            tokio::select! {
                biased;
                said = self.desk.take() => return said,
                () = &mut self.last_call => {
                    self.last_call = Box::pin(std::future::pending());
                    self.close_all();
                }
                _ = self.patience.tick(), if self.desk.style() == Style::Result => self.end_streams(),
            }
        }
    }

    fn client(&self) -> &Client {
        &self.sender.client
    }

    fn refuse(&self, ticket: Ticket, name: Option<Text>, error: Error) {
        let name = name.unwrap_or_else(|| Text::from(""));
        self.sender.refuse(&ticket.asking(), &name, error);
    }

    /// The names under `switchboard/`, most of which are about a connection, which there is none of.
    fn control(&self, incoming: &Incoming) {
        let name = incoming.message.name_text();
        let saying = match &**name {
            PING => Saying::Done(Receipt::default()),
            HELLO => session::greet(self.client()),
            _ => {
                self.core.counters.forbidden.one();
                let error = format!(
                    "{name:?} is reserved: who asks over HTTP may send only {PING} and {HELLO} under {RESERVED}"
                );
                let error = Error::new(code::FORBIDDEN, error);
                return self.refuse(incoming.ticket.clone(), Some(name.clone()), error);
            }
        };
        self.sender.say(&incoming.ticket, name, saying);
    }

    /// Where only streams go on, and one answer is wanted, they have had their time.
    fn end_streams(&self) {
        if self.client().has_running() {
            return;
        }
        let seconds = self.client().limits().controller.as_secs_f32();
        let open = self.client().open_requests().clone();
        for shared in open {
            let error = format!(
                "the stream took longer than the {seconds} s that it may take where one answer is asked for; ask with \
                 \"Accept: application/x-ndjson\" for all of it"
            );
            if shared.abort(Error::new(code::TIMEOUT, error)) {
                self.core.counters.timeouts.one();
            }
        }
    }

    /// The server shuts down and has waited. What runs may still end, but it is not waited for.
    fn close_all(&self) {
        let open = self.client().open_requests().clone();
        for shared in open {
            shared.close(unavailable());
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.core.guests.remove(self.client());
        self.client().end();
    }
}

fn unavailable() -> Error {
    Error::new(code::UNAVAILABLE, "the server shuts down; ask again")
}

/// Ends when the server has been stopping for so long that what is said later could not be written any more.
async fn last_call(core: Arc<Core>, close: Duration) {
    core.stopping.cancelled().await;
    sleep(close.mul_f32(LAST_CALL)).await;
}

fn patience(limit: Duration) -> Interval {
    let limit = limit.max(Duration::from_millis(1));
    let mut patience = interval_at(Instant::now() + limit, limit);
    patience.set_missed_tick_behavior(MissedTickBehavior::Delay);
    patience
}

/// The part of [`Limits::close`] that a request has at a shutdown; the rest is for its answer to be written.
const LAST_CALL: f32 = 0.8;
