//! From bytes to dispatch: every message of a read, one after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use switchboard_router::Router;
use switchboard_wire::websocket::{Decoder, DecoderLimits, Event, Input};
use switchboard_wire::{CloseCode, Error, Incoming, Malformed, Message, ReadLimits, Text, Ticket, Unit, code};

use super::inbox::Inbox;
use crate::dispatch::{self, Spare};
use crate::lifecycle::RESERVED;
use crate::request::Sender;
use crate::switchboard::{Client, Core, Shutdown};
use crate::table::RouteId;

/// The way of one client's messages: read, line up, dispatch.
pub(super) struct Lane {
    pub(super) core: Arc<Core>,
    pub(super) client: Client,
    pub(super) sender: Arc<Sender>,
    pub(super) routes: Arc<Router<RouteId>>,
    pub(super) inbox: Inbox,
    /// Given back at the end of each turn.
    pub(super) spare: Spare,
    pub(super) tally: Tally,
    pub(super) decoder_limits: DecoderLimits,
    pub(super) read_limits: ReadLimits,
}

/// What was counted since the counters were told: once a read, not once a message.
#[derive(Debug, Default)]
pub(super) struct Tally {
    messages: u64,
    runs: u64,
}

/// How a read ended.
pub(super) enum Reading {
    All,
    /// The read-ahead is used up; so many bytes were not decoded.
    Full(usize),
    /// The peer said goodbye.
    Goodbye(CloseCode, String),
    /// What still comes means nothing: the peer broke the framing.
    Broken,
}

impl Lane {
    /// Handles every message in these bytes.
    pub(super) fn read(&mut self, decoder: &mut Decoder, bytes: &mut [u8]) -> Reading {
        let reading = self.read_all(decoder, bytes);
        self.count();
        reading
    }

    fn count(&mut self) {
        let Tally { messages, runs } = std::mem::take(&mut self.tally);
        self.core.counters.messages.add(messages);
        self.core.counters.runs.add(runs);
    }

    fn read_all(&mut self, decoder: &mut Decoder, bytes: &mut [u8]) -> Reading {
        let mut input = Input::new(bytes);
        loop {
            if input.is_used_up() && decoder.is_idle() {
                return Reading::All;
            }
            if self.is_full() && !input.rest().is_empty() {
                self.core.counters.read_ahead_full.one();
                return Reading::Full(input.rest().len());
            }
            match decoder.next(&mut input, &self.decoder_limits) {
                Ok(None) => return Reading::All,
                Ok(Some(Event::Text(text))) => self.unit(Unit::Text(text), text.len()),
                Ok(Some(Event::Binary(bytes))) => self.unit(Unit::Binary(bytes), bytes.len()),
                Ok(Some(Event::TooLarge { prefix, .. })) => self.too_large(prefix),
                Ok(Some(Event::Ping(payload))) => {
                    let mut pong = Vec::new();
                    switchboard_wire::websocket::encode_pong(payload, None, &mut pong);
                    self.client.control(pong.into());
                }
                Ok(Some(Event::Pong(_))) => {}
                Ok(Some(Event::Close(close))) => {
                    let (code, reason) = close.map_or((CloseCode::NO_STATUS, ""), |close| (close.code, close.reason));
                    return Reading::Goodbye(code, reason.to_owned());
                }
                Err(error) => {
                    self.core.counters.protocol_errors.one();
                    let code = error.close_code();
                    self.client.shut_down(Shutdown::FinishQueues, code, &error.to_string());
                    return Reading::Broken;
                }
            }
        }
    }

    /// Whether messages have to wait on the other side of the connection.
    pub(super) fn is_full(&self) -> bool {
        self.inbox.is_full(self.client.limits())
    }

    pub(super) fn heard(&self) {
        self.client.hear(self.core.clock.now());
    }

    /// Dispatches messages from the line for as long as nothing holds them back.
    pub(super) fn go_on(&mut self) {
        if self.client.is_closing() {
            self.forget_rest();
        }
        while !self.inbox.is_empty() && (self.is_stopping() || self.is_clear()) {
            if let Some(incoming) = self.inbox.pop() {
                self.next(incoming);
            }
        }
        self.count();
    }

    /// Counts what was read and never had its turn, because the connection ends.
    pub(super) fn forget_rest(&mut self) {
        let unhandled = std::mem::take(&mut self.inbox).len();
        self.core.counters.unhandled.add(unhandled as u64);
    }

    /// Whether a message waits that could have its turn now.
    pub(super) fn has_next(&self) -> bool {
        !self.inbox.is_empty() && (self.is_stopping() || self.is_free())
    }

    /// Whether the client has to read some of what waits for it before it is served on.
    pub(super) fn is_outbox_busy(&self) -> bool {
        self.client.outbox().is_busy()
    }

    /// Runs the controllers of a life-cycle message of ours.
    pub(super) fn event(&self, name: &'static str) {
        let event = Incoming {
            message: Message::new(name),
            ticket: Ticket::default(),
        };
        dispatch::dispatch_event(&self.sender, event, None, &self.routes);
    }

    /// Whether the server stops and nothing of this client is under way.
    pub(super) fn is_done_for_shutdown(&self) -> bool {
        self.is_stopping() && self.inbox.is_empty() && !self.client.is_busy()
    }

    fn unit(&mut self, unit: Unit<'_>, bytes: usize) {
        if self.client.is_closing() {
            return self.core.counters.unhandled.one();
        }
        self.tally.messages += 1;
        let dialect = &self.core.encoding(self.client.encoding()).dialect;
        let incoming = match dialect.read(unit, &self.read_limits) {
            Ok(incoming) => incoming,
            Err(malformed) => {
                self.core.counters.bad_messages.one();
                return {
                    let Malformed { error, name, ticket } = *malformed;
                    self.violation(name.as_ref(), &ticket, error)
                };
            }
        };
        let name = incoming.message.name();
        if let Err(error) = switchboard_router::check_name(name, self.client.limits().name_bytes) {
            self.core.counters.bad_messages.one();
            let error = Error::new(code::BAD_MESSAGE, format!("`name` is no name: {error}"));
            return self.violation(None, &incoming.ticket, error);
        }
        if name.starts_with(RESERVED) && self.control(&incoming) {
            return;
        }
        if self.inbox.is_empty() && self.is_clear() {
            self.next(incoming);
        } else {
            self.inbox.push(incoming, bytes);
        }
    }

    fn next(&mut self, incoming: Incoming) {
        if self.is_stopping() {
            let error = Error::new(code::UNAVAILABLE, "the server shuts down; connect again");
            return self.refuse(Some(incoming.message.name_text()), &incoming.ticket, error);
        }
        if incoming.message.name().starts_with(RESERVED) {
            return self.accept(&incoming);
        }
        let runs = dispatch::dispatch(&self.sender, incoming, &self.routes, &mut self.spare);
        self.tally.runs += runs as u64;
    }

    fn too_large(&mut self, prefix: &[u8]) {
        if self.client.is_closing() {
            return self.core.counters.unhandled.one();
        }
        self.tally.messages += 1;
        self.core.counters.too_large.one();
        let dialect = &self.core.encoding(self.client.encoding()).dialect;
        let (name, ticket) = dialect.read_prefix(prefix);
        let limit = self.client.limits().message_bytes;
        let error = Error::new(code::TOO_LARGE, format!("a message may have {limit} bytes"));
        self.violation(name.as_ref(), &ticket, error);
    }

    /// Answers a message that breaks the rules, of which a client may send only so many.
    fn violation(&self, name: Option<&Text>, ticket: &Ticket, error: Error) {
        self.refuse(name, ticket, error);
        if self.client.violate(self.client.limits().violations) {
            self.core.counters.violations.one();
            let reason = "too many messages that cannot be read";
            self.client
                .shut_down(Shutdown::FinishQueues, CloseCode::VIOLATIONS, reason);
        }
    }

    /// Settles a message that is not dispatched.
    pub(super) fn refuse(&self, name: Option<&Text>, ticket: &Ticket, error: Error) {
        match name {
            Some(name) => self.sender.refuse(ticket, name, error),
            None => self.sender.refuse(ticket, &Text::from(""), error),
        }
    }

    /// Whether the next message may be dispatched.
    fn is_clear(&self) -> bool {
        let is_free = self.is_free();
        if !is_free && self.client.is_at_bound(self.client.limits().running_per_client) {
            self.core.counters.running_per_client_full.one();
        }
        is_free
    }

    fn is_free(&self) -> bool {
        self.client.holding().load(Ordering::Acquire) == 0
            && !self.client.is_at_bound(self.client.limits().running_per_client)
            && !self.is_outbox_busy()
    }

    fn is_stopping(&self) -> bool {
        self.core.is_stopping()
    }
}
