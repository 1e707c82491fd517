//! A worker and the processes that it starts.

#![cfg(all(feature = "worker", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ending;
mod killed;
mod places;
mod process;
mod shared;
mod starting;
