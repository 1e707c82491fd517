//! Deliveries, for those who want them.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::de::DeserializeOwned;
use switchboard_wire::{NamePattern, PayloadError, RawPayload, Text};

use crate::channel::{Channel, Taken};
use crate::shared::Shared;

/// A message that the server sends without having been asked: somebody's `send_all`, or a mailbox's.
#[derive(Clone, Debug)]
pub struct Delivery {
    name: Text,
    mailbox: Option<Text>,
    payload: Option<RawPayload>,
}

/// The deliveries under the names that were asked for, as they come: [`Client::on`](crate::Client::on). Dropping it ends it.
///
/// It ends when the client is closed, and outlives every connection until then. Deliveries that nobody takes wait up to a bound
/// ([`Limits::buffer_messages`](crate::Limits::buffer_messages)); beyond that the oldest are lost, and the next item says how
/// many.
#[derive(Debug)]
#[must_use = "a subscription ends when it is dropped"]
pub struct Subscription {
    entry: Arc<Entry>,
    channel: Arc<Channel<Delivery>>,
    shared: Arc<Shared>,
}

/// A function that deliveries are given to: [`Client::on_each`](crate::Client::on_each). Dropping it ends it, unless it is
/// [kept](Self::keep).
#[derive(Debug)]
#[must_use = "a function is called no more when this is dropped; see `keep`"]
pub struct Listening {
    entry: Arc<Entry>,
    shared: Arc<Shared>,
    is_kept: bool,
}

/// So many deliveries were lost, because they were not taken in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} deliveries were lost: take them faster, or raise `Limits::buffer_messages`")]
pub struct Missed(pub u64);

/// Everybody who wants deliveries. Copied when somebody comes or goes, so that nothing is locked while they are told.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(Mutex<Arc<Vec<Arc<Entry>>>>);

pub(crate) struct Entry {
    pattern: NamePattern,
    sink: Sink,
}

type Each = Box<dyn FnMut(Delivery) + Send>;

enum Sink {
    Channel(Arc<Channel<Delivery>>),
    Each(Mutex<Each>),
}

impl Delivery {
    pub(crate) fn new(name: Text, mailbox: Option<Text>, payload: Option<RawPayload>) -> Self {
        Self { name, mailbox, payload }
    }

    /// The name that it travels under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The mailbox that it came through; none where it was for everyone.
    pub fn mailbox(&self) -> Option<&str> {
        self.mailbox.as_deref()
    }

    /// The payload as it came; none where there was none.
    pub fn payload(&self) -> Option<&RawPayload> {
        self.payload.as_ref()
    }

    /// The value that its payload is; where there is none, what has fields reads as an empty object.
    ///
    /// # Errors
    ///
    /// Where the payload is no such value, with the path to the first field that is not.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        match &self.payload {
            Some(payload) => payload.decode(),
            None => RawPayload::decode_absent(),
        }
    }

    fn bytes(&self) -> usize {
        self.name.len() + self.payload.as_ref().map_or(0, RawPayload::held_bytes)
    }
}

impl Subscription {
    pub(crate) fn new(shared: Arc<Shared>, pattern: NamePattern) -> Self {
        let channel = Arc::new(Channel::new(&shared.config.limits));
        let entry = Arc::new(Entry {
            pattern,
            sink: Sink::Channel(Arc::clone(&channel)),
        });
        shared.subscribe(&entry);
        Self { entry, channel, shared }
    }

    /// The next delivery; none when the client is closed.
    ///
    /// # Errors
    ///
    /// [`Missed`], once, where deliveries before the next one were lost.
    pub async fn next(&mut self) -> Option<Result<Delivery, Missed>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Missed>>> {
        self.channel.poll(cx).map(|taken| {
            Some(match taken? {
                Taken::Item(delivery) => Ok(delivery),
                Taken::Missed(lost) => Err(Missed(lost)),
            })
        })
    }
}

impl Stream for Subscription {
    type Item = Result<Delivery, Missed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.subscriptions.remove(&self.entry);
    }
}

impl Listening {
    pub(crate) fn new(shared: Arc<Shared>, pattern: NamePattern, each: impl FnMut(Delivery) + Send + 'static) -> Self {
        let entry = Arc::new(Entry {
            pattern,
            sink: Sink::Each(Mutex::new(Box::new(each))),
        });
        shared.subscribe(&entry);
        Self {
            entry,
            shared,
            is_kept: false,
        }
    }

    /// Goes on for as long as the client lives.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if !self.is_kept {
            self.shared.subscriptions.remove(&self.entry);
        }
    }
}

impl Subscriptions {
    pub(crate) fn add(&self, entry: &Arc<Entry>) {
        self.change(|entries| entries.push(Arc::clone(entry)));
    }

    fn remove(&self, entry: &Arc<Entry>) {
        self.change(|entries| entries.retain(|other| !Arc::ptr_eq(other, entry)));
    }

    /// Gives a delivery to all who want it.
    pub(crate) fn tell(&self, delivery: &Delivery, shared: &Shared) {
        let entries = self.snapshot();
        let mut wanted = entries
            .iter()
            .filter(|entry| entry.pattern.matches(delivery.name()))
            .peekable();
        if wanted.peek().is_none() {
            shared.counters.unheard.one();
        }
        for entry in wanted {
            match &entry.sink {
                Sink::Channel(channel) => {
                    let lost = channel.force(delivery.clone(), delivery.bytes());
                    shared.counters.overrun.add(lost);
                }
                Sink::Each(_) => {
                    let (entry, delivery) = (Arc::clone(entry), delivery.clone());
                    shared.call_back(Box::new(move || entry.call(delivery)));
                }
            }
        }
    }

    /// The client is closed. Functions are let go of, with what they hold.
    pub(crate) fn end(&self) {
        let mut ended = Arc::default();
        std::mem::swap(&mut ended, &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for entry in ended.iter() {
            if let Sink::Channel(channel) = &entry.sink {
                channel.end(None);
            }
        }
    }

    fn snapshot(&self) -> Arc<Vec<Arc<Entry>>> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Entry>>)) {
        // What goes is dropped when nothing is locked: a function may hold anything.
        let _old = {
            let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut changed = Vec::clone(&entries);
            change(&mut changed);
            std::mem::replace(&mut *entries, Arc::new(changed))
        };
    }
}

impl Entry {
    pub(crate) fn end(&self) {
        if let Sink::Channel(channel) = &self.sink {
            channel.end(None);
        }
    }

    fn call(&self, delivery: Delivery) {
        if let Sink::Each(each) = &self.sink {
            let mut each = each.lock().unwrap_or_else(PoisonError::into_inner);
            each(delivery);
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.pattern).finish()
    }
}
