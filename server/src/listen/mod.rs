//! Where connections come in: accepting them, and how many there may be. What is spoken on them is the business of who
//! [serves](Serve) them.

mod accept;
mod door;
mod lines;

#[cfg(test)]
pub(crate) use accept::Accept;
pub(crate) use accept::{Arrival, Serve, accept};
#[cfg(test)]
pub(crate) use door::Host;
pub(crate) use door::{Door, Full, Permit, Place};
pub(crate) use lines::Lines;
