//! The body of a request, which is one message: as much of it as may be read, in as long as that may take.

use std::sync::Arc;

use axum::body::{Body, BodyDataStream, HttpBody as _};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::HeaderMap;
use http::header::EXPECT;
use tokio::time::timeout;

use super::refusal::Refusal;
use crate::limits::Limits;
use crate::switchboard::Core;

/// What was read.
#[derive(Debug)]
pub(super) enum Content {
    Message(Vec<u8>),
    /// It is over the limit, and begins with this.
    TooLarge(Vec<u8>),
}

/// A body that is read at most once. What nobody reads of it is skipped, in bounds: a connection that is closed with bytes
/// unread would take the answer along.
pub(super) struct Posted {
    body: BodyDataStream,
    declared: u64,
    has_more: bool,
    /// The client sends the body only if it is asked to.
    is_on_hold: bool,
    core: Arc<Core>,
    limits: Arc<Limits>,
}

impl Posted {
    pub(super) fn new(body: Body, headers: &HeaderMap, core: &Arc<Core>, limits: &Arc<Limits>) -> Self {
        Self {
            declared: body.size_hint().lower(),
            has_more: !body.is_end_stream(),
            is_on_hold: headers.contains_key(EXPECT),
            body: body.into_data_stream(),
            core: Arc::clone(core),
            limits: Arc::clone(limits),
        }
    }

    /// Reads it to its end, or until it is too large, in the time that a request has to arrive.
    pub(super) async fn read(&mut self) -> Result<Content, Refusal> {
        let limit = self.limits.handshake;
        let read = timeout(limit, self.read_some()).await;
        read.unwrap_or_else(|_| {
            self.has_more = false;
            Err(Refusal::Slow(limit))
        })
    }

    async fn read_some(&mut self) -> Result<Content, Refusal> {
        let limit = self.limits.message_bytes;
        if self.is_on_hold && self.declared > limit as u64 {
            return Ok(Content::TooLarge(Vec::new()));
        }
        self.is_on_hold = false;
        let mut read = Vec::new();
        while let Some(bytes) = self.next().await? {
            read.extend_from_slice(&bytes);
            if read.len() > limit {
                read.truncate(limit);
                return Ok(Content::TooLarge(read));
            }
        }
        Ok(Content::Message(read))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        match self.body.next().await {
            Some(Ok(bytes)) => Ok(Some(bytes)),
            Some(Err(_)) => {
                self.has_more = false;
                Err(Refusal::Cut)
            }
            None => {
                self.has_more = false;
                Ok(None)
            }
        }
    }

    /// Skips what was not read, beside the answer.
    pub(super) fn skip_rest(self) {
        if !self.has_more || self.is_on_hold {
            return;
        }
        let Self {
            mut body, core, limits, ..
        } = self;
        let most = limits.message_bytes.saturating_mul(SKIPPED);
        let stopping = core.stopping.clone();
        let skipping = async move {
            let mut skipped = 0;
            while let Some(Ok(bytes)) = body.next().await {
                skipped += bytes.len();
                if skipped > most {
                    break;
                }
            }
        };
        let limit = limits.handshake;
        core.tasks.spawn(async move {
            tokio::select! {
                _ = timeout(limit, skipping) => {}
                () = stopping.cancelled() => {}
            }
        });
    }
}

/// How many times the largest message is skipped; a connection that brings more is closed.
const SKIPPED: usize = 16;
