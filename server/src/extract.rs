//! The arguments that controllers take. [`Params`](crate::Params) has a file of its own.

use std::any::type_name;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use switchboard_wire::{Error, Message, RawPayload, code};
use tokio_util::sync::CancellationToken;

use crate::needs::Needs;
use crate::request::{FromRequest, Request};
use crate::switchboard::{Client, Switchboard};

#[cfg(test)]
mod tests;

/// The message's payload as a value of this type.
///
/// A message without a payload reads as an empty object where the type is a struct or a map, as `None` where it is an
/// `Option`, and as `()`. Where the payload is not such a value, the sender is told `bad_payload` with the path inside of
/// the payload, ``"`items[2].level`: invalid type: string \"loud\", expected u8"``, and the controller does not run.
///
/// ```
/// use serde::Deserialize;
/// use switchboard_server::{Controller, Payload, Routes};
///
/// #[derive(Deserialize)]
/// struct Volume { channel: u8, #[serde(default)] level: u8 }
///
/// let set = |Payload(volume): Payload<Volume>| volume.channel + volume.level;
/// let routes = Routes::new().route("mixer/volume", Controller::silent(set));
/// # let _ = routes;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload<T>(pub T);

/// The value of this type that the server was given with [`Server::state`](crate::Server::state).
///
/// All controllers share it, so what changes in it is behind a lock or an atomic. A server without it refuses to start.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use switchboard_server::{Controller, Routes, Server, State};
///
/// #[derive(Default)]
/// struct Visits(AtomicU32);
///
/// let count = |visits: State<Visits>| visits.0.0.fetch_add(1, Ordering::Relaxed) + 1;
/// let routes = Routes::new().route("visits/count", Controller::silent(count));
/// assert!(Server::empty().routes(routes.clone()).check().is_err());
/// assert!(Server::empty().routes(routes).state(Visits::default()).check().is_ok());
/// ```
pub struct State<T>(pub Arc<T>);

impl<T: DeserializeOwned> FromRequest for Payload<T> {
    type Rejection = Error;

    fn from_request(request: &Request) -> Result<Self, Error> {
        let value = match request.message().payload() {
            Some(payload) => payload.decode(),
            None => RawPayload::decode_absent(),
        };
        value
            .map(Self)
            .map_err(|error| Error::new(code::BAD_PAYLOAD, error.to_string()))
    }
}

impl<T> Deref for Payload<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Payload<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Send + Sync + 'static> FromRequest for State<T> {
    type Rejection = Error;

    fn from_request(request: &Request) -> Result<Self, Error> {
        request.state().map(Self).ok_or_else(|| {
            let name = type_name::<T>();
            Error::internal(format!(
                "no state of type `{name}`: a `FromRequest` that takes it must say so in `needs`"
            ))
        })
    }

    fn needs(needs: &mut Needs) {
        needs.state::<T>();
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("State").field(&self.0).finish()
    }
}

macro_rules! always_there {
    ($($type:ty: $request:ident => $value:expr;)*) => {$(
        impl FromRequest for $type {
            type Rejection = Error;

            fn from_request($request: &Request) -> Result<Self, Error> {
                Ok($value)
            }
        }
    )*};
}

always_there! {
    Message: request => request.message().clone();
    Client: request => request.client().clone();
    Switchboard: request => request.switchboard().clone();
    CancellationToken: request => request.cancellation().clone();
    Request: request => request.clone();
}

/// For a controller that handles the rejection itself. What the argument needs before the start, it needs still.
impl<T: FromRequest> FromRequest for Result<T, T::Rejection> {
    type Rejection = Error;

    fn from_request(request: &Request) -> Result<Self, Error> {
        Ok(T::from_request(request))
    }

    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }
}

macro_rules! tuples {
    ($(($($extractor:ident)*))*) => {$(
        impl<$($extractor: FromRequest),*> FromRequest for ($($extractor,)*) {
            type Rejection = Error;

            fn from_request(_request: &Request) -> Result<Self, Error> {
                Ok(($($extractor::from_request(_request).map_err(Into::into)?,)*))
            }

            fn needs(_needs: &mut Needs) {
                $($extractor::needs(_needs);)*
            }
        }
    )*};
}

tuples! {
    ()
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
}
