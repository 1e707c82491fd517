//! What happened that nobody in particular waits for.

use std::fmt;

use switchboard_wire::{Error, Message, Text};

use crate::error::Ended;

/// Something that happened and that no request, subscription or state tells: [`Builder::on_report`](crate::Builder::on_report).
/// It is logged, too.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Report {
    /// A message that asked for no answer was taken, and will not be sent.
    Unsent(Unsent),
    /// The server complains about a message that asked for no answer.
    Complaint {
        /// The name of the message, where it is known.
        name: Option<Text>,
        /// What it says.
        error: Error,
    },
}

/// A message that is given back.
#[derive(Clone, Debug)]
pub struct Unsent {
    /// The message.
    pub message: Message,
    /// Why it will not be sent.
    pub why: UnsentReason,
    /// Whether its first bytes were written when the connection ended. The server cannot have read it.
    pub partly_sent: bool,
}

/// Why a message will not be sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum UnsentReason {
    /// It has waited for as long as [`Limits::queue_age`](crate::Limits::queue_age).
    Old,
    /// The connection that it was for ended, or there will be none any more.
    Ended(Ended),
}

impl Unsent {
    pub(crate) fn old(message: Message) -> Self {
        Self {
            message,
            why: UnsentReason::Old,
            partly_sent: false,
        }
    }

    pub(crate) fn cut(message: Message, why: &Ended) -> Self {
        Self {
            message,
            why: UnsentReason::Ended(why.clone()),
            partly_sent: true,
        }
    }

    /// None for what is ours: it means nothing to a later connection.
    pub(crate) fn closed(message: Message, why: &Ended) -> Option<Self> {
        let is_ours = message.name() == crate::shared::CANCEL;
        (!is_ours).then(|| Self {
            message,
            why: UnsentReason::Ended(why.clone()),
            partly_sent: false,
        })
    }
}

impl Report {
    pub(crate) fn log(&self) {
        match self {
            Self::Unsent(unsent) => {
                tracing::warn!(name = unsent.message.name(), why = %unsent.why, "a message was not sent")
            }
            Self::Complaint { name, error } => {
                let name = name.as_deref().unwrap_or_default();
                tracing::warn!(name, "the server complains: {error}");
            }
        }
    }
}

impl fmt::Display for UnsentReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Old => f.write_str("it waited for too long"),
            Self::Ended(why) => why.fmt(f),
        }
    }
}
