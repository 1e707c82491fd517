//! The message socket: every message is sent, or comes back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accepting;
mod common;
mod ends;
mod files;
mod flow;
mod primitives;
mod properties;
mod sending;
