//! A server that is there when it is needed: started here, or connected to elsewhere. Needs the feature `worker`.
//!
//! ```no_run
//! use switchboard_client::worker::{Command, Worker};
//!
//! # #[derive(serde::Deserialize)] struct Checked { message: String }
//! # async fn run() -> Result<(), switchboard_client::worker::WorkerError> {
//! let server = Command::new("jsonserver").args(["--dialect", "native", "--bind", "127.0.0.1:0"]);
//! let worker = Worker::local(server).start();
//! let Checked { message } = worker.request("check", &()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! - [`Worker`]: the handle. [`Worker::local`] and [`Worker::remote`] make one, by a [`WorkerBuilder`];
//! - [`Place`] and [`Command`]: where the server is, and how it is started; [`PathMap`]: what its files are called there;
//! - [`State`], [`Fault`], [`WorkerError`]: what the worker is doing, and what goes wrong;
//! - [`WorkerLimits`]: every bound;
//! - [`Workers`]: one for each window or project.

// `supervisor` is the one task of a worker; `restarts` is what it decides by, without processes; `contact` finds out whether a
// server can be talked to. `server` is a process that runs, made of a `family` of processes and the `lines` that they write.
// `shared` is what handles and task have in common.
mod command;
mod contact;
mod family;
mod handle;
mod limits;
mod lines;
mod paths;
mod place;
mod restarts;
mod server;
mod shared;
mod state;
mod supervisor;
mod workers;

pub use command::Command;
pub use handle::{Worker, WorkerBuilder};
pub use limits::WorkerLimits;
pub use paths::PathMap;
pub use place::Place;
pub use state::{Fault, State, WorkerError};
pub use workers::Workers;
