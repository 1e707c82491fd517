//! A crate that denies nearly all that can be denied.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unused, nonstandard_style)]
#![deny(rust_2018_idioms, future_incompatible, elided_lifetimes_in_paths, unused_qualifications)]

use switchboard::prelude::*;

/// A controller.
#[silent("a/<n>")]
#[send_all("a/<n>", reply = "b/<n>")]
pub fn with_all(Params(n): Params<u8>, _message: Message, mut text: Payload<String>) -> Result<Option<String>, Error> {
    text.0.push_str(&n.to_string());
    Ok(Some(text.0))
}

/// Another, for nothing.
#[must_use]
#[deprecated]
#[send_to_mailbox("c")]
pub(crate) async fn deprecated() -> (u8, Mailbox) {
    (1, Mailbox::new("rooms/a"))
}

/// A service.
#[derive(Debug)]
pub struct Service;

#[service("service")]
impl Service {
    /// A method.
    #[silent("d")]
    pub async fn method(&self) {}
}

fn main() {}
