//! From bytes to dispatch: every message of a read, one after the other.

use std::str::Utf8Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use switchboard_router::Router;
use switchboard_wire::lines;
use switchboard_wire::websocket::{self, DecoderLimits, Event, Input, Role};
use switchboard_wire::{CloseCode, Error, Incoming, Malformed, Message, ReadLimits, Text, Ticket, Unit, code};

use super::inbox::Inbox;
use crate::dispatch::{self, Spare};
use crate::lifecycle::RESERVED;
use crate::request::Sender;
use crate::switchboard::{Client, Core, Framing, Shutdown};
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
    /// A message has begun, and the sweeper knows.
    pub(super) is_partial: bool,
    pub(super) decoder_limits: DecoderLimits,
    pub(super) read_limits: ReadLimits,
}

/// What was counted since the counters were told: once a read, not once a message.
#[derive(Debug, Default)]
pub(super) struct Tally {
    messages: u64,
    runs: u64,
}

/// What bytes are cut into messages by.
pub(super) enum Decoder {
    WebSocket(websocket::Decoder),
    Lines(lines::Decoder),
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

impl Decoder {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::WebSocket => Self::WebSocket(websocket::Decoder::new(Role::Server)),
            Framing::Lines => Self::Lines(lines::Decoder::new()),
        }
    }

    /// Whether no message has begun.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::WebSocket(decoder) => decoder.is_idle(),
            Self::Lines(decoder) => decoder.is_idle(),
        }
    }

    /// Whether who closes says so first.
    pub(super) fn says_goodbye(&self) -> bool {
        matches!(self, Self::WebSocket(_))
    }
}

impl Lane {
    /// Handles every message in these bytes.
    pub(super) fn read(&mut self, decoder: &mut Decoder, bytes: &mut [u8]) -> Reading {
        let reading = match decoder {
            Decoder::WebSocket(decoder) => self.read_frames(decoder, bytes),
            Decoder::Lines(decoder) => self.read_lines(decoder, bytes),
        };
        let has_finished = self.tally.messages > 0;
        self.count();
        let is_partial = !decoder.is_idle();
        if is_partial != self.is_partial || is_partial && has_finished {
            self.is_partial = is_partial;
            self.client.await_rest(is_partial.then(|| self.core.clock.now()));
        }
        reading
    }

    /// Settles what a client that sends nothing more still waits for, because it was waited for long enough.
    pub(super) fn give_up(&mut self) {
        let error = || Error::new(code::TIMEOUT, "not answered before the end of the connection");
        while let Some(waiting) = self.inbox.pop() {
            self.core.counters.unhandled.one();
            self.refuse(Some(waiting.message.name_text()), &waiting.ticket, error());
        }
        let open = self.client.open_requests().clone();
        for shared in open {
            if shared.abort(error()) {
                self.core.counters.timeouts.one();
            }
        }
    }

    /// Notes that nothing more will come, and that the last message did not come to its end.
    pub(super) fn ended(&self, is_cut: bool) {
        if is_cut {
            self.core.counters.unhandled.one();
        }
        self.client.set_ended();
    }

    fn count(&mut self) {
        let Tally { messages, runs } = std::mem::take(&mut self.tally);
        self.core.counters.messages.add(messages);
        self.core.counters.runs.add(runs);
    }

    fn read_frames(&mut self, decoder: &mut websocket::Decoder, bytes: &mut [u8]) -> Reading {
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
                Ok(Some(Event::TooLarge { prefix, .. })) => self.too_large(prefix, &[]),
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
                Err(error) => return self.broken(error.close_code(), &error),
            }
        }
    }

    fn read_lines(&mut self, decoder: &mut lines::Decoder, bytes: &[u8]) -> Reading {
        let mut input = bytes;
        loop {
            if self.is_full() && !input.is_empty() {
                self.core.counters.read_ahead_full.one();
                return Reading::Full(input.len());
            }
            match decoder.next(&mut input, self.client.limits().message_bytes) {
                Ok(None) => return Reading::All,
                Ok(Some(lines::Event::Line(line))) => match std::str::from_utf8(line) {
                    Ok(text) => self.unit(Unit::Text(text), text.len()),
                    Err(error) => self.not_text(line, error),
                },
                Ok(Some(lines::Event::TooLarge { prefix, suffix })) => self.too_large(prefix, suffix),
                Err(error) => {
                    self.too_large(decoder.prefix(), &[]);
                    return self.broken(CloseCode::MESSAGE_TOO_BIG, &error);
                }
            }
        }
    }

    /// Ends the connection because nothing in what still comes can be told apart.
    fn broken(&self, code: CloseCode, error: &dyn std::error::Error) -> Reading {
        if !self.client.is_closing() {
            self.core.counters.protocol_errors.one();
            self.client.shut_down(Shutdown::FinishQueues, code, &error.to_string());
        }
        Reading::Broken
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
        let read = dialect.read(unit, &self.read_limits);
        // Looked at where it lies, and moved once, to where its controllers find it.
        let incoming = match &read {
            Ok(incoming) => incoming,
            Err(malformed) => {
                let Malformed { error, name, ticket } = &**malformed;
                return self.bad_message(name.as_ref(), ticket, error.clone());
            }
        };
        let name = incoming.message.name();
        if let Err(error) = switchboard_router::check_name(name, self.client.limits().name_bytes) {
            let error = Error::new(code::BAD_MESSAGE, format!("`name` is no name: {error}"));
            return self.bad_message(None, &incoming.ticket, error);
        }
        if name.starts_with(RESERVED) && self.control(incoming) {
            return;
        }
        let has_its_turn = self.inbox.is_empty() && self.is_clear();
        if let Ok(incoming) = read {
            if has_its_turn {
                self.next(incoming);
            } else {
                self.inbox.push(incoming, bytes);
            }
        }
    }

    #[cold]
    fn bad_message(&self, name: Option<&Text>, ticket: &Ticket, error: Error) {
        self.core.counters.bad_messages.one();
        self.violation(name, ticket, error);
    }

    /// Inlined, so that the message is not moved once more on its way.
    #[inline(always)]
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

    fn not_text(&mut self, line: &[u8], error: Utf8Error) {
        if self.client.is_closing() {
            return self.core.counters.unhandled.one();
        }
        self.tally.messages += 1;
        self.core.counters.bad_messages.one();
        let dialect = &self.core.encoding(self.client.encoding()).dialect;
        let at = error.valid_up_to();
        let behind = error.error_len().map_or(line.len(), |len| at + len);
        let (name, ticket) = dialect.read_cut(&line[..at], &line[behind..]);
        let error = Error::new(code::BAD_MESSAGE, format!("not UTF-8 at byte {at}"));
        self.violation(name.as_ref(), &ticket, error);
    }

    fn too_large(&mut self, prefix: &[u8], suffix: &[u8]) {
        if self.client.is_closing() {
            return self.core.counters.unhandled.one();
        }
        self.tally.messages += 1;
        self.core.counters.too_large.one();
        let dialect = &self.core.encoding(self.client.encoding()).dialect;
        let (name, ticket) = dialect.read_cut(prefix, suffix);
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
