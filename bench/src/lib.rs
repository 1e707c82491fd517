//! What the load generator and the servers under test share, and the generator itself.
//!
//! A server under test is a program `X --bind 127.0.0.1:0`: it prints `listening on 127.0.0.1:PORT`, serves, and ends when its
//! standard input does. The generator is told the address and the process, puts one kind of work on it for a bounded time,
//! and prints one line of JSON: how much was done for a second of the *server's* processor time.

pub mod compare;
pub mod deframe;
pub mod frame;
pub mod histogram;
pub mod load;
pub mod message;
pub mod path;
pub mod serving;
pub mod talk;
pub mod watch;
