//! axum's `extract::ws` in the style of axum's chat example: one `tokio::sync::broadcast` channel for everybody, and one
//! for each room. The example gives a connection a task for each direction; here `select!` waits for both in one task,
//! which is as usual, and saves a further channel for the answers.
//!
//! `--read-buffer BYTES` is there to see what one line of tuning does; without it everything is as axum sets it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::serve::ListenerExt;
use peers::{Action, Routes};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{StreamExt, StreamMap};

struct App {
    routes: Routes,
    everybody: broadcast::Sender<Utf8Bytes>,
    rooms: Mutex<HashMap<u32, broadcast::Sender<Utf8Bytes>>>,
    read_buffer: Option<usize>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = peers::listen().await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let read_buffer =
        peers::option("--read-buffer").map(|bytes| bytes.parse().expect("a read buffer is a number of bytes"));
    // Large enough that nobody misses a publication.
    let (everybody, _) = broadcast::channel(1024);
    let app = Arc::new(App {
        routes: Routes::new(),
        everybody,
        rooms: Mutex::default(),
        read_buffer,
    });
    axum::serve(listener, Router::new().fallback(upgrade).with_state(app)).await
}

async fn upgrade(mut upgrade: WebSocketUpgrade, State(app): State<Arc<App>>) -> Response {
    if let Some(bytes) = app.read_buffer {
        upgrade = upgrade.read_buffer_size(bytes);
    }
    upgrade.on_upgrade(|socket| serve(socket, app))
}

async fn serve(mut socket: WebSocket, app: Arc<App>) {
    let mut everybody = app.everybody.subscribe();
    let mut rooms = StreamMap::new();
    loop {
        let outgoing = tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(Message::Text(message))) => app.handle(&message, &mut rooms),
                // A goodbye is answered by reading on until there is nothing more.
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => None,
                Some(Err(_)) | None => break,
            },
            published = everybody.recv() => match published {
                Ok(message) => Some(message),
                Err(RecvError::Lagged(_)) => None,
                Err(RecvError::Closed) => break,
            },
            Some((_, said)) = rooms.next() => said.ok(),
        };
        if let Some(message) = outgoing
            && socket.send(Message::Text(message)).await.is_err()
        {
            break;
        }
    }
}

type Rooms = StreamMap<u32, BroadcastStream<Utf8Bytes>>;

impl App {
    /// Does what a message asks, and returns the answer to its sender.
    fn handle(&self, message: &str, joined: &mut Rooms) -> Option<Utf8Bytes> {
        match self.routes.handle(message) {
            Action::Answer(answer) => Some(answer.into()),
            Action::Publish(message) => {
                let _ = self.everybody.send(message.into());
                None
            }
            Action::Join(room, answer) => {
                joined.insert(room, BroadcastStream::new(self.room(room).subscribe()));
                Some(answer.into())
            }
            Action::Leave(room, answer) => {
                joined.remove(&room);
                Some(answer.into())
            }
            Action::Say(room, message) => {
                let _ = self.room(room).send(message.into());
                None
            }
        }
    }

    fn room(&self, room: u32) -> broadcast::Sender<Utf8Bytes> {
        let mut rooms = self.rooms.lock().expect("nothing panics while it holds the rooms");
        rooms.entry(room).or_insert_with(|| broadcast::channel(100).0).clone()
    }
}
