//! One connection, from its first byte to its last.

use std::any::Any;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

use switchboard_wire::connection::{Stream, with_buffer};
use switchboard_wire::native::{Json, MessagePack, ServerFrame};
use switchboard_wire::{CloseCode, Dialect, Format};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::builder::{Boxed, HookError};
use crate::client::{Client, Handle};
use crate::error::Ended;
use crate::out::Out;
use crate::queue::Outgoing;
use crate::shared::Shared;
use crate::state::State;
use crate::transport::{Broken, Connected, Framing, Incoming};

pub(crate) struct Pump<'s> {
    shared: &'s Shared,
    stream: Stream,
    framing: Framing,
    out: Out,
    is_flushed: bool,
    /// The latest ping that is to be answered.
    ping: Option<Vec<u8>>,
    /// What is done before the queue is let out.
    hook: Option<Boxed<Result<(), HookError>>>,
    hook_until: Option<Instant>,
    /// When something was heard last.
    heard: Instant,
    /// When the server was asked for a sign of life, since then.
    asked: Option<Instant>,
    leaving: Leaving,
    alarm: Alarm,
}

/// How far the connection has come to its end.
#[derive(Debug)]
enum Leaving {
    No,
    /// What is queued still goes out, until then.
    Draining(Instant),
    /// We said goodbye, and wait until then for the server to do so.
    Waiting(Instant),
    /// The server said goodbye; it is told so until then.
    Told(Ended, Instant),
}

impl<'s> Pump<'s> {
    pub(crate) fn new(shared: &'s Shared, handle: &Weak<Handle>, connected: Connected) -> Self {
        let Connected { stream, framing, early } = connected;
        let generation = shared.begin();
        let now = Instant::now();
        let mut pump = Self {
            shared,
            stream,
            framing,
            out: Out::default(),
            is_flushed: true,
            ping: None,
            hook: None,
            hook_until: now.checked_add(shared.config.limits.on_connected),
            heard: now,
            asked: None,
            leaving: Leaving::No,
            alarm: Alarm::default(),
        };
        match (&shared.config.on_connected, handle.upgrade()) {
            (Some(on_connected), Some(handle)) => {
                let client = Client::new(handle, Some(generation));
                pump.hook = Some(called(|| on_connected(client)));
            }
            // Everybody has just gone: what was to come behind it is not said without it.
            (Some(_), None) => {}
            (None, _) => pump.opened(),
        }
        let mut early = early;
        if let Err(ended) = pump.take(&mut early) {
            pump.leaving = Leaving::Told(ended, now);
        }
        pump
    }

    /// Keeps the connection going to its end; then nothing of it is left.
    pub(crate) async fn run(mut self) -> Ended {
        let why = poll_fn(|cx| match self.poll(cx) {
            Ok(()) => Poll::Pending,
            Err(why) => Poll::Ready(why),
        })
        .await;
        let (unwritten, cut) = self.out.into_unwritten();
        let cut = cut.filter(|message| message.uid().is_none());
        self.shared.lost(&why, unwritten, cut);
        why
    }

    /// # Errors
    ///
    /// The end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Result<(), Ended> {
        self.shared.watch(cx.waker());
        for _ in 0..ROUNDS {
            let mut is_news = self.read(cx)?;
            is_news |= self.poll_hook(cx)?;
            self.leave();
            self.fill()?;
            is_news |= self.write(cx)?;
            self.end(cx)?;
            let unwritten = self.out.len();
            let next = self.tick(cx, Instant::now())?;
            is_news |= self.out.len() > unwritten;
            is_news |= next.is_some_and(|next| self.alarm.poll(cx, next).is_ready());
            if !is_news {
                return Ok(());
            }
        }
        // Others first.
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Reads once; whether something came.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        if let Leaving::Told(..) = self.leaving {
            return Ok(false);
        }
        with_buffer(|buffer| {
            let mut read = ReadBuf::new(buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
                Poll::Pending => Ok(false),
                Poll::Ready(Err(error)) => Err(self.broke_off(Ended::lost(&error))),
                Poll::Ready(Ok(())) if read.filled().is_empty() => {
                    let why = if self.framing.says_goodbye() {
                        "the server ended it without a close frame"
                    } else {
                        "the server ended it"
                    };
                    Err(self.broke_off(Ended::Lost(why.into())))
                }
                Poll::Ready(Ok(())) => {
                    self.heard = Instant::now();
                    self.asked = None;
                    let taken = self.take(read.filled_mut());
                    if taken.is_err() {
                        self.last_words(cx);
                    }
                    taken.map(|()| true)
                }
            }
        })
    }

    /// Takes what came.
    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Ended> {
        let (shared, ping) = (self.shared, &mut self.ping);
        let mut closed = None;
        let read = self.framing.read(bytes, &mut |incoming| match incoming {
            Incoming::Unit(unit) => match ServerFrame::parse(unit) {
                Ok(frame) => shared.hear(frame),
                Err(error) => shared.malformed(&error),
            },
            Incoming::TooLarge(prefix, suffix) => {
                let ticket = match shared.config.format {
                    Format::Json => Json.read_cut(prefix, suffix).1,
                    Format::MessagePack => MessagePack.read_cut(prefix, suffix).1,
                };
                shared.too_large(ticket.uid());
            }
            Incoming::Malformed(why) => shared.malformed(why),
            Incoming::Ping(payload) => *ping = Some(payload.to_vec()),
            Incoming::Close(close) => {
                closed = Some(match close {
                    Some(close) => (close.code, close.reason.into()),
                    None => (CloseCode::NO_STATUS, Box::default()),
                });
            }
        });
        if let Err(Broken { code, reason }) = read {
            self.say_goodbye(code, &reason);
            return Err(Ended::Broken(reason));
        }
        let Some((code, reason)) = closed else {
            return Ok(());
        };
        if let Leaving::Waiting(_) = self.leaving {
            return Err(Ended::Ours);
        }
        self.hook = None;
        self.say_goodbye(code, "");
        self.leaving = Leaving::Told(Ended::Closed { code, reason }, self.patience());
        Ok(())
    }

    /// Goes on with what is done before the queue is let out.
    fn poll_hook(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        let Some(hook) = &mut self.hook else {
            return Ok(false);
        };
        let polled = catch_unwind(AssertUnwindSafe(|| hook.as_mut().poll(cx)));
        match polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic)))) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(())) => {
                self.hook = None;
                self.opened();
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(self.give_up(cx, Ended::OnConnected(error.to_string().into()))),
        }
    }

    fn opened(&mut self) {
        self.hook_until = None;
        self.shared.opened();
        self.shared.state.send_replace(State::Connected);
        tracing::debug!("connected");
    }

    /// Begins to leave where the client is closed.
    fn leave(&mut self) {
        if matches!(self.leaving, Leaving::No) && self.shared.is_closing() {
            self.hook = None;
            self.hook_until = None;
            self.leaving = Leaving::Draining(self.patience());
        }
        if let Leaving::Draining(until) = self.leaving
            && self.out.is_empty()
            && self.shared.is_drained()
        {
            self.say_goodbye(CloseCode::NORMAL, "");
            self.leaving = Leaving::Waiting(until);
        }
    }

    /// Takes what is to be sent next, once what was taken before is written.
    fn fill(&mut self) -> Result<(), Ended> {
        let framing = &mut self.framing;
        if let Some(ping) = self.ping.take_if(|_| self.out.len() < FILL) {
            append(&mut self.out, |out| framing.pong(&ping, out))?;
        }
        if !self.out.is_empty() || !matches!(self.leaving, Leaving::No | Leaving::Draining(_)) {
            return Ok(());
        }
        let mut is_room = false;
        while self.out.len() < FILL
            && let Some(outgoing) = self.shared.next()
        {
            is_room = true;
            let write = |outgoing: Option<&Outgoing>, out: &mut Vec<u8>| match outgoing {
                Some(Outgoing {
                    message, asks_receipt, ..
                }) => framing.write(message, *asks_receipt, out),
                None => Ok(()),
            };
            self.out
                .append(Some(outgoing), write)
                .map_err(|error| Ended::lost(&error))?;
        }
        if is_room {
            self.shared.room.notify_waiters();
        }
        Ok(())
    }

    /// Writes what the stream takes; whether it took all, and there was some.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        let is_some = !self.out.is_empty();
        while !self.out.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, self.out.rest()) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(0)) => return Err(self.cut(cx, &io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => {
                    self.is_flushed = false;
                    self.out.wrote(n);
                }
                Poll::Ready(Err(error)) => return Err(self.cut(cx, &error)),
            }
        }
        if !self.is_flushed {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(())) => self.is_flushed = true,
                Poll::Ready(Err(error)) => return Err(self.cut(cx, &error)),
            }
        }
        Ok(is_some)
    }

    /// Whether this is the end: all is said.
    fn end(&mut self, cx: &mut Context<'_>) -> Result<(), Ended> {
        let is_said = self.out.is_empty() && self.is_flushed;
        match &self.leaving {
            Leaving::Told(why, _) if is_said => Err(why.clone()),
            // Who is not told otherwise sees it in the end of the stream.
            Leaving::Waiting(_) if is_said && !self.framing.says_goodbye() => {
                match Pin::new(&mut self.stream).poll_shutdown(cx) {
                    Poll::Ready(Err(_)) => Err(Ended::Ours),
                    Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Does what is due; says when that is to be done next.
    fn tick(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<Option<Instant>, Ended> {
        let limits = &self.shared.config.limits;
        let mut next = self.shared.expire(now);
        let mut due = |at: Option<Instant>| {
            next = next.into_iter().chain(at).min();
            at.is_some_and(|at| at <= now)
        };
        match &self.leaving {
            Leaving::Draining(until) | Leaving::Waiting(until) if due(Some(*until)) => return Err(Ended::Ours),
            Leaving::Told(why, until) if due(Some(*until)) => return Err(why.clone()),
            _ => {}
        }
        if due(self.hook_until.filter(|_| self.hook.is_some())) {
            let why = format!("it took longer than {:?}", limits.on_connected);
            return Err(self.give_up(cx, Ended::OnConnected(why.into())));
        }
        match self.asked {
            Some(asked) => {
                if due(asked.checked_add(limits.patience)) {
                    return Err(Ended::Silent(now - self.heard));
                }
            }
            None => {
                if due(self.heard.checked_add(limits.heartbeat)) {
                    let framing = &mut self.framing;
                    append(&mut self.out, |out| framing.ping(out))?;
                    self.asked = Some(now);
                    due(now.checked_add(limits.patience));
                }
            }
        }
        Ok(next)
    }

    fn patience(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.shared.config.limits.close).unwrap_or(now)
    }

    fn say_goodbye(&mut self, code: CloseCode, reason: &str) {
        let framing = &mut self.framing;
        if let Err(error) = append(&mut self.out, |out| framing.goodbye(code, reason, out)) {
            tracing::debug!(%error, "goodbye cannot be said");
        }
    }

    /// Ends the connection, having said so if that can be done at once.
    fn give_up(&mut self, cx: &mut Context<'_>, why: Ended) -> Ended {
        self.say_goodbye(CloseCode::NORMAL, "");
        self.last_words(cx);
        why
    }

    /// Writes what can be written at once. It is over either way.
    fn last_words(&mut self, cx: &mut Context<'_>) {
        let written = Pin::new(&mut self.stream).poll_write(cx, self.out.rest());
        if let Poll::Ready(Ok(n)) = written {
            self.out.wrote(n);
            let _ = Pin::new(&mut self.stream).poll_flush(cx);
        }
    }

    /// Writing failed. What the server said before may tell why.
    fn cut(&mut self, cx: &mut Context<'_>, error: &io::Error) -> Ended {
        loop {
            match self.read(cx) {
                Ok(true) => {}
                Ok(false) => break,
                Err(why @ (Ended::Closed { .. } | Ended::Broken(_) | Ended::Ours)) => return why,
                Err(_) => break,
            }
        }
        self.broke_off(Ended::lost(error))
    }

    /// The stream is at its end, which may have been asked for.
    fn broke_off(&self, why: Ended) -> Ended {
        match &self.leaving {
            Leaving::Waiting(_) => Ended::Ours,
            Leaving::Told(told, _) => told.clone(),
            Leaving::No | Leaving::Draining(_) => why,
        }
    }
}

fn append(out: &mut Out, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<(), Ended> {
    let appended = out.append(None, |_, bytes| write(bytes));
    appended.map_err(|error| Ended::lost(&error))
}

/// A function of the application's, whose panic is an error as any other.
fn called(call: impl FnOnce() -> Boxed<Result<(), HookError>>) -> Boxed<Result<(), HookError>> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(hook) => hook,
        Err(panic) => {
            let error = panicked(&*panic);
            Box::pin(async { Err(error) })
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> HookError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("for no reason")).into()
}

/// Turns before others run.
const ROUNDS: usize = 16;
/// Bytes that are taken out of the queue at a time.
const FILL: usize = 64 << 10;
