//! An application that knows `switchboard` as `board`. Every macro is told with `crate = …`.
#![forbid(unsafe_code)]

use board::prelude::*;

/// The framework at a path of this crate.
pub mod reexported {
    pub use board::*;
}

/// Told by the name of the dependency; one of the decorators is enough.
#[silent("renamed/name", crate = board)]
#[send_all("renamed/name", except_sender, reply = "renamed/told")]
pub fn by_name(Payload(n): Payload<u8>) -> u8 {
    n + 1
}

/// Told by an absolute path.
#[silent("renamed/absolute", crate = ::board)]
pub async fn by_absolute_path(Payload(n): Payload<u8>) -> Result<u8, Error> {
    Ok(n + 2)
}

/// Told by a path in this crate.
#[silent("renamed/reexported", crate = crate::reexported, blocking)]
pub fn by_reexport(Payload(n): Payload<u8>) -> Option<u8> {
    Some(n + 3)
}

/// A table.
pub fn urls() -> Routes {
    routes! {
        crate = board;
        "table/name" => by_name,
        regex r"table/(?:absolute|relative)" => (by_absolute_path, by_reexport),
    }
}

/// A service, whose methods need not be told again.
#[derive(Debug)]
pub struct Counter;

#[service("counter", crate = board)]
impl Counter {
    /// A route.
    #[silent("next")]
    pub async fn next(&self, Payload(n): Payload<u8>) -> u8 {
        n + 4
    }
}
