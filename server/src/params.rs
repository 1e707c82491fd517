//! What a route captured, as values of the types that a controller takes.

use std::ops::{Deref, DerefMut};

use serde::de::DeserializeOwned;
use switchboard_router::{Converter, Param, Pattern};
use switchboard_wire::{Error, code};

use crate::needs::Needs;
use crate::request::{FromRequest, Request};

mod fault;
mod probe;
mod shape;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use probe::check;
use shape::Shape;
use values::Captures;

/// The parameters that the route captured, as a value of this type.
///
/// - A scalar (a number, a `bool` written `true` or `false`, a `char`, a `String`, an enum by the names of its variants, a
///   type that is read from a string such as an IP address) takes the only parameter.
/// - A tuple takes them in the order in which the pattern has them, a `Vec` takes all.
/// - A struct or a map takes them by name.
///
/// Parameters that nobody takes are fine. An `Option` is `None` where the pattern has no such parameter, or where it is a
/// group of a regular expression that took no part in the match. Newtype structs are what they hold. A type that looks
/// at the value first (`#[serde(untagged)]`, `serde_json::Value`) is given the only parameter, or a map of several;
/// `<int:…>` is a number to it, and all else a string.
///
/// A value that does not fit is told to the sender as `bad_payload`: ``the parameter `channel` is "300": expected a whole
/// number from 0 to 255``. The server refuses to start where the patterns of a controller cannot fill what it takes.
///
/// ```
/// use serde::Deserialize;
/// use switchboard_server::{Controller, Params, Routes, Server};
///
/// #[derive(Deserialize)]
/// #[serde(rename_all = "lowercase")]
/// enum Direction { Up, Down }
///
/// #[derive(Deserialize)]
/// struct Place { room: String, line: Option<u32> }
///
/// let volume = |Params(direction): Params<Direction>| match direction {
///     Direction::Up => 1,
///     Direction::Down => -1,
/// };
/// let sum = |Params((a, b)): Params<(i64, i64)>| a + b;
/// let place = |place: Params<Place>| format!("{}:{}", place.room, place.line.unwrap_or_default());
///
/// let routes = Routes::new()
///     .regex(r"mixer/volume_(?<direction>up|down)", Controller::silent(volume))
///     .route("math/<int:a>/plus/<int:b>", Controller::silent(sum))
///     .route("rooms/<room>/lines/<int:line>", Controller::silent(place))
///     .route("rooms/<room>/last", Controller::silent(place));
/// assert!(Server::empty().routes(routes).check().is_ok());
///
/// let too_few = Routes::new().route("math/<int:a>/double", Controller::silent(sum));
/// assert!(Server::empty().routes(too_few).check().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params<T>(pub T);

/// One parameter of a pattern, and what a match captured for it.
#[derive(Clone, Copy, Debug)]
struct Capture<'a> {
    name: &'a str,
    converter: Converter,
    value: Option<&'a str>,
}

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Rejection = Error;

    fn from_request(request: &Request) -> Result<Self, Error> {
        read(request.pattern(), request.params())
            .map(Self)
            .map_err(|message| Error::new(code::BAD_PAYLOAD, message))
    }

    fn needs(needs: &mut Needs) {
        needs.params::<T>();
    }
}

impl<T> Deref for Params<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Params<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// The value that is captured; `present` are the parameters of the pattern that took part in the match, in its order.
fn read<'a, T: DeserializeOwned>(
    pattern: &'a Pattern,
    present: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<T, String> {
    let mut present = present.peekable();
    let capture = |param: &'a Param| Capture {
        name: param.name(),
        converter: param.converter(),
        value: present
            .next_if(|(name, _)| *name == param.name())
            .map(|(_, value)| value),
    };
    let captures: Vec<_> = pattern.params().iter().map(capture).collect();
    T::deserialize(Shape(Captures(&captures))).map_err(|fault| match captures[..] {
        [only] => fault.of(only.name, only.value).to_string(),
        _ => fault.to_string(),
    })
}

/// The parameters of a pattern for people: `` `room`, `line` ``.
fn listed(pattern: &Pattern) -> String {
    let names: Vec<_> = pattern
        .params()
        .iter()
        .map(|param| format!("`{}`", param.name()))
        .collect();
    names.join(", ")
}
