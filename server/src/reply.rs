//! What a controller returns, and how values become replies.

use std::any::TypeId;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;
use futures_util::StreamExt;
use serde::Serialize;
use switchboard_wire::{Error, Message, RawPayload, Text};

use crate::mailbox::Mailboxes;
use crate::request::{Request, Shared};
use crate::switchboard::Draft;

mod none;
use none::is_none;

/// What came of one controller.
pub type Outcome = Result<Reply, Error>;

/// What a controller has to say: nothing, one value, or a stream of values.
pub struct Reply(pub(crate) Parts);

pub(crate) enum Parts {
    Nothing,
    One(Part),
    Written(Written),
    Many(Pin<Box<dyn Stream<Item = Result<Option<Part>, Error>> + Send>>),
}

/// One value on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The name that the controller set, if any; the route's otherwise.
    pub(crate) name: Option<Text>,
    pub(crate) payload: Option<RawPayload>,
    /// The mailboxes that the controller returned, if it returned any.
    pub(crate) mailboxes: Option<Mailboxes>,
}

/// A value that stands already in the frame that is to be its answer.
pub(crate) struct Written {
    draft: Draft,
    /// The request that it answers. Somebody may return it for another one.
    request: Arc<Shared>,
}

impl Written {
    #[inline]
    pub(crate) fn is_for(&self, request: &Request) -> bool {
        request.is_answer && Arc::ptr_eq(&self.request, &request.shared)
    }

    #[inline]
    pub(crate) fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }

    pub(crate) fn into_part(self) -> Part {
        Part {
            name: None,
            payload: Some(self.draft.into_payload()),
            mailboxes: None,
        }
    }
}

impl Reply {
    /// Nothing to say; a client that asked is still told that it is done.
    pub fn nothing() -> Self {
        Self(Parts::Nothing)
    }

    /// One value, encoded now, in the formats that this request's recipients speak.
    ///
    /// # Errors
    ///
    /// `internal` where the value cannot be encoded.
    pub fn value<T: Serialize + ?Sized>(value: &T, request: &Request) -> Outcome {
        if let Some(mut draft) = request.draft() {
            draft.write(value).map_err(Error::internal)?;
            let request = Arc::clone(&request.shared);
            return Ok(Self(Parts::Written(Written { draft, request })));
        }
        let payload = RawPayload::encode(value, request.formats()).map_err(Error::internal)?;
        Ok(Self(Parts::One(Part {
            name: None,
            payload: Some(payload),
            mailboxes: None,
        })))
    }

    /// A message: its name and its payload travel, its uid does not.
    pub fn message(message: &Message) -> Self {
        Self(Parts::One(Part {
            name: Some(message.name_text().clone()),
            payload: message.payload().cloned(),
            mailboxes: None,
        }))
    }

    /// The same reply addressed to these mailboxes, for `#[send_to_mailbox]` without `to`.
    #[must_use]
    pub fn to_mailboxes(self, mailboxes: impl Into<Mailboxes>) -> Self {
        let mailboxes = mailboxes.into();
        Self(match self.0 {
            Parts::Nothing => Parts::Nothing,
            Parts::One(part) => Parts::One(Part {
                mailboxes: Some(mailboxes),
                ..part
            }),
            Parts::Written(written) => Parts::One(Part {
                mailboxes: Some(mailboxes),
                ..written.into_part()
            }),
            Parts::Many(stream) => Parts::Many(Box::pin(stream.map(move |part| {
                part.map(|part| {
                    part.map(|part| Part {
                        mailboxes: Some(mailboxes.clone()),
                        ..part
                    })
                })
            }))),
        })
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Parts::Nothing => f.write_str("Reply::nothing()"),
            Parts::One(part) => part.fmt(f),
            Parts::Written(_) => f.write_str("Reply of one part, written"),
            Parts::Many(_) => f.write_str("Reply of many parts"),
        }
    }
}

/// A value that a controller can return.
///
/// Every `T: Serialize` is one (`()` and a `None` say nothing), and so is [`Reply`]; a controller may return [`Message`] and
/// [`Replies`], too. Implement it for a type of your own that is not `Serialize` to decide yourself what travels.
///
/// ```
/// use switchboard_server::{IntoReply, Outcome, Reply, Request};
///
/// struct Celsius(f32);
///
/// impl IntoReply for Celsius {
///     fn into_reply(self, request: &Request) -> Outcome {
///         Reply::value(&format!("{:.1} °C", self.0), request)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a controller",
    label = "cannot be sent",
    note = "derive `serde::Serialize` for it, or return `()`, `Option`, `Result<_, E>` with `E: Into<Error>`, `Message` or `Replies<impl Stream>`"
)]
pub trait IntoReply {
    /// The reply.
    ///
    /// # Errors
    ///
    /// What the sender is told instead.
    fn into_reply(self, request: &Request) -> Outcome;
}

impl<T: Serialize + 'static> IntoReply for T {
    fn into_reply(self, request: &Request) -> Outcome {
        if TypeId::of::<T>() == TypeId::of::<()>() || is_none(&self) {
            return Ok(Reply::nothing());
        }
        Reply::value(&self, request)
    }
}

impl IntoReply for Reply {
    fn into_reply(self, _: &Request) -> Outcome {
        Ok(self)
    }
}

/// An answer in many parts: each item of the stream goes out as it comes, by the rules of the route.
///
/// An item is what a controller may return: a value, a [`Message`], or a `Result` of one. The first error ends the stream.
/// The route's time-out holds for each item. The stream ends with its client.
///
/// ```
/// use futures_util::stream;
/// use switchboard_server::Replies;
///
/// fn countdown(from: u32) -> Replies<impl futures_core::Stream<Item = u32>> {
///     Replies(stream::iter((0..=from).rev()))
/// }
/// # let _ = countdown(3);
/// ```
#[derive(Debug)]
pub struct Replies<S>(pub S);

/// What a controller may return, with `Kind` telling the compiler which of the ways it is.
///
/// `T: IntoReply`, [`Message`], `Result<T, E>` with `E: Into<Error>`, `(value, mailboxes)` and [`Replies`] are; nothing else can be. The
/// parameter is always inferred. Implement [`IntoReply`], not this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a controller",
    label = "cannot be sent",
    note = "derive `serde::Serialize` for it, or return `()`, `Option`, `Result<_, E>` with `E: Into<Error>`, `Message` or `Replies<impl Stream>`"
)]
pub trait IntoOutcome<Kind> {
    /// What came of the controller.
    fn into_outcome(self, request: &Request) -> Outcome;
}

/// The ways in which a type can be an outcome; names for the compiler.
#[doc(hidden)]
#[expect(unreachable_pub, reason = "they stand in public signatures, but are named nowhere")]
pub mod kind {
    use std::marker::PhantomData;

    #[derive(Debug)]
    pub struct Plain;
    #[derive(Debug)]
    pub struct Named;
    #[derive(Debug)]
    pub struct Fallible<K>(PhantomData<K>);
    #[derive(Debug)]
    pub struct Addressed<K>(PhantomData<K>);
    #[derive(Debug)]
    pub struct Many<K>(PhantomData<K>);
}

impl<T: IntoReply> IntoOutcome<kind::Plain> for T {
    fn into_outcome(self, request: &Request) -> Outcome {
        self.into_reply(request)
    }
}

impl IntoOutcome<kind::Named> for Message {
    fn into_outcome(self, _: &Request) -> Outcome {
        Ok(Reply::message(&self))
    }
}

impl<T, E, K> IntoOutcome<kind::Fallible<K>> for Result<T, E>
where
    T: IntoOutcome<K>,
    E: Into<Error>,
{
    fn into_outcome(self, request: &Request) -> Outcome {
        self.map_err(Into::into)?.into_outcome(request)
    }
}

impl<T, M, K> IntoOutcome<kind::Addressed<K>> for (T, M)
where
    T: IntoOutcome<K>,
    M: Into<Mailboxes>,
{
    fn into_outcome(self, request: &Request) -> Outcome {
        let (value, mailboxes) = self;
        Ok(value.into_outcome(request)?.to_mailboxes(mailboxes))
    }
}

impl<S, K> IntoOutcome<kind::Many<K>> for Replies<S>
where
    S: Stream + Send + 'static,
    S::Item: IntoOutcome<K>,
{
    fn into_outcome(self, request: &Request) -> Outcome {
        let request = request.of_item();
        Ok(Reply(Parts::Many(Box::pin(self.0.map(
            move |item| match item.into_outcome(&request)?.0 {
                Parts::Nothing => Ok(None),
                Parts::One(part) => Ok(Some(part)),
                Parts::Written(written) => Ok(Some(written.into_part())),
                Parts::Many(_) => Err(Error::internal("a stream inside of a stream of replies")),
            },
        )))))
    }
}
