//! What an envelope says, whoever sends it, in the order in which it is written.

use crate::{End, Error, Frame, Message, RawPayload, Receipt, Ticket, Uid};

/// The envelope's fields; those that are absent are not written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) uid: Option<&'a Uid>,
    /// A client's wish for a receipt.
    pub(super) wish: bool,
    pub(super) mailbox: Option<&'a str>,
    pub(super) payload: Option<&'a RawPayload>,
    pub(super) error: Option<&'a Error>,
    pub(super) more: bool,
    pub(super) receipt: Option<Receipt>,
}

impl<'a> Fields<'a> {
    pub(super) fn of_message(message: &'a Message, wish: bool) -> Self {
        Self {
            name: Some(message.name()),
            uid: message.uid(),
            wish,
            payload: message.payload(),
            ..Self::default()
        }
    }

    #[inline]
    pub(super) fn of_frame(frame: &Frame<'a>) -> Self {
        match *frame {
            Frame::Delivery { name, mailbox, payload } => Self {
                name: Some(name),
                mailbox,
                payload,
                ..Self::default()
            },
            Frame::Answer {
                ticket,
                name,
                payload,
                end,
            } => Self {
                name: Some(name),
                payload,
                ..Self::settling(ticket, end)
            },
            Frame::Done { ticket, name, receipt } => Self {
                name: Some(name),
                ..Self::settling(ticket, End::Final(receipt))
            },
            Frame::Failed {
                ticket,
                name,
                error,
                end,
            } => Self {
                name,
                error: Some(error),
                ..Self::settling(ticket, end)
            },
        }
    }

    /// Where no answer was asked for there is nothing that could go on or be settled.
    #[inline]
    fn settling(ticket: &'a Ticket, end: End) -> Self {
        let is_asked = ticket.wants_answer();
        Self {
            uid: ticket.uid(),
            more: is_asked && end == End::More,
            receipt: match end {
                End::Final(receipt) if is_asked => receipt,
                _ => None,
            },
            ..Self::default()
        }
    }
}
