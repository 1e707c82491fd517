//! What the language server does. `handler` and `method` of a line are the route: `jedi/autocomplete`.
//!
//! Editors match answers by uid and ask for much at once, so that no controller holds back the next message.

#![allow(clippy::needless_pass_by_value, reason = "a controller is given what it takes")]

mod command;
mod complete;
mod format;
mod lint;
mod rules;
mod scan;

use serde::Serialize;
use switchboard::prelude::*;

pub(crate) use lint::Linter;

/// The language server, before it is told where to listen.
pub(crate) fn server(linter: Linter) -> Server {
    Server::new().state(linter)
}

/// Tells that the server is well: Anaconda's own way to ask.
#[silent("check")]
fn check() -> Checked {
    Checked { message: "Ok" }
}

#[derive(Serialize)]
struct Checked {
    message: &'static str,
}
