//! Functions that are called with an outcome, for programs without `async`: windows, games, plug-ins.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use switchboard_wire::NamePattern;

use crate::client::Client;
use crate::error::RequestError;
use crate::request::{Settled, decode};
use crate::shared::{Shared, Waiter};
use crate::subscription::{Delivery, Listening};
use crate::table::Kind;

/// A call that is to be made.
pub(crate) type Task = Box<dyn FnOnce() + Send>;

/// Where calls are made; on the connection's own task unless the program says otherwise.
#[derive(Clone, Default)]
pub(crate) struct Executor(pub(crate) Option<Arc<dyn Fn(Task) + Send + Sync>>);

impl Client {
    /// Sends a request and calls `then` with its outcome: exactly once, whatever happens, also where the request is refused
    /// at once. What is given back [cancels](Self::cancel) it.
    ///
    /// Functions are called one after the other on the task of the connection, or where
    /// [`Builder::call_on`](crate::Builder::call_on) says. They must not block. One that panics is logged and counted. This one
    /// is called where it is registered if the request is refused.
    ///
    /// ```
    /// # use switchboard_client::{Client, RequestError};
    /// # fn run(client: &Client) {
    /// let call = client.call("mixer/volume_up", &(), |level: Result<u8, RequestError>| match level {
    ///     Ok(level) => println!("now at {level}"),
    ///     Err(error) => println!("it did not work: {error}"),
    /// });
    /// client.cancel(call); // it is called with `RequestError::Cancelled`, unless it has been already
    /// # }
    /// ```
    pub fn call<T: DeserializeOwned>(
        &self,
        name: &str,
        payload: &(impl Serialize + ?Sized),
        then: impl FnOnce(Result<T, RequestError>) + Send + 'static,
    ) -> CallId {
        let then = move |settled: Settled| then(settled.and_then(|payload| decode(payload.as_ref())));
        let waiter = Waiter::Call(Box::new(then));
        CallId(match self.open(name, payload, Kind::One, waiter) {
            Ok(uid) => Some(uid),
            Err((refusal, waiter)) => {
                waiter.settle(Err(refusal.into()), &self.handle.shared);
                None
            }
        })
    }

    /// Gives a call up: its function is called with [`RequestError::Cancelled`], and the server is told. False where it was
    /// called already.
    pub fn cancel(&self, call: CallId) -> bool {
        call.0.is_some_and(|uid| self.handle.shared.cancel(uid))
    }

    /// Calls `each` with every delivery under these names, until the client is closed or what is given back is dropped. As
    /// [`on`](Self::on) otherwise; where it is called, [`call`](Self::call) says.
    ///
    /// ```
    /// # use switchboard_client::Client;
    /// # fn run(client: &Client) -> Result<(), switchboard_client::NotAPattern> {
    /// client.on_each("mixer/*", |delivery| println!("{}", delivery.name()))?.keep();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the pattern is none.
    pub fn on_each(
        &self,
        pattern: &str,
        each: impl FnMut(Delivery) + Send + 'static,
    ) -> Result<Listening, switchboard_wire::NotAPattern> {
        let pattern: NamePattern = pattern.parse()?;
        Ok(Listening::new(Arc::clone(&self.handle.shared), pattern, each))
    }
}

/// Which [call](Client::call) is meant. It means no other one, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(Option<i64>);

impl Shared {
    /// Makes a call where calls are made.
    pub(crate) fn call_back(&self, task: Task) {
        match &self.config.executor.0 {
            Some(executor) => executor(guarded(self, task)),
            None => guarded(self, task)(),
        }
    }
}

fn guarded(shared: &Shared, task: Task) -> Task {
    let counters = Arc::clone(&shared.counters);
    Box::new(move || {
        if catch_unwind(AssertUnwindSafe(task)).is_err() {
            counters.panics.one();
            tracing::error!("a callback panicked");
        }
    })
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Executor").field(&self.0.is_some()).finish()
    }
}
