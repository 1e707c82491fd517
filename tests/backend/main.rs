//! The HTTP back end on real sockets: what each request comes to, byte by byte.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod connections;
mod documented;
mod guests;
mod http;
mod lines;
mod refusals;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use serde_json::Value;
use switchboard::Running;
use switchboard::prelude::*;

use crate::http::{KEY, Peer, within};

/// A server with a public listener and a back end.
struct House {
    running: Running,
    public: SocketAddr,
    backend: SocketAddr,
}

impl House {
    async fn start(server: Server) -> Self {
        let running = server
            .listen("127.0.0.1:0")
            .listen(Listener::backend("127.0.0.1:0").key(KEY))
            .start()
            .await
            .unwrap();
        let [public, backend] = *running.addresses() else {
            panic!("there are two")
        };
        Self {
            running,
            public,
            backend,
        }
    }

    async fn usual() -> Self {
        Self::start(Server::empty().routes(routes())).await
    }

    async fn connect(&self) -> Peer {
        Peer::connect(self.backend).await
    }

    /// Waits until a counter has come to a number.
    async fn counted(&self, counter: impl Fn(&switchboard::Counters) -> u64, number: u64) {
        let board = self.running.switchboard();
        let counted = async {
            while counter(board.counters()) < number {
                tokio::task::yield_now().await;
            }
        };
        within(counted).await;
        assert_eq!(counter(board.counters()), number);
    }
}

/// Counts that it was dropped.
struct Ended(Arc<AtomicUsize>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits until something was dropped.
async fn has_ended(ended: &AtomicUsize) {
    within(async {
        while ended.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A controller of the back end.
trait OfBackend {
    fn of_backend(self) -> Self;
}

impl OfBackend for Controller {
    fn of_backend(self) -> Self {
        self.registry("backend")
    }
}

fn routes() -> Routes {
    let fail = |Params(code): Params<String>| -> Result<(), Error> { Err(Error::new(code, "as you wish")) };
    let detailed = |()| -> Result<(), Error> { Err(Error::new("taken", "kevin is taken").with_details(["kevin"])) };
    let echo = || Controller::silent(|message: Message| message).of_backend();
    let hang = || {
        Controller::silent(async |()| std::future::pending::<()>().await)
            .timeout(Duration::from_millis(20))
            .of_backend()
    };
    let public = Controller::silent(|()| "for browsers");
    Routes::new()
        .route("public", public)
        .route("echo", echo())
        .route("both/<path:rest>", echo())
        .route("both/fail/<code>", Controller::silent(fail).of_backend())
        .route("fail/<code>", Controller::silent(fail).of_backend())
        .route("detailed", Controller::silent(detailed).of_backend())
        .route(
            "double",
            Controller::silent(|Payload(n): Payload<u8>| n * 2).of_backend(),
        )
        .route("quiet", Controller::silent(|()| ()).of_backend())
        .route("panic", Controller::silent(|()| -> u8 { panic!("a bug") }).of_backend())
        .route("hang", hang())
        .route("hang/<code>", hang())
        .route("hang/<code>", Controller::silent(fail).of_backend())
        .route(
            "count",
            Controller::silent(|Payload(n): Payload<u32>| Replies(stream::iter(0..n))).of_backend(),
        )
        .route(
            "publish",
            Controller::send_all(|Payload(value): Payload<Value>| value)
                .reply("news")
                .of_backend(),
        )
}
