//! Where connections come in: accepting them, and how many there may be. What is spoken on them is the business of who
//! [serves](Serve) them.

mod accept;
mod door;
mod lines;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls/absent.rs"]
mod tls;

#[cfg(test)]
pub(crate) use accept::Accept;
pub(crate) use accept::{Arrival, Serve, accept};
#[cfg(test)]
pub(crate) use door::Host;
pub(crate) use door::{Door, Full, Permit, Place};
pub(crate) use lines::Lines;
#[cfg(feature = "tls")]
pub use tls::Tls;
#[cfg(not(feature = "tls"))]
pub(crate) use tls::Tls;
pub(crate) use tls::{Secured, ServerTls, reload};
