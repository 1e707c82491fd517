//! tokio-websockets in the style of the broadcast chat in Google's "Comprehensive Rust", where many meet it first: a
//! `tokio::sync::broadcast` channel, and one task per connection that waits with `select!` for its socket and for the
//! channel. It has no rooms: they would be those of the program for axum over again.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use peers::{Action, Routes};
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_websockets::{Error, Message, ServerBuilder};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = peers::listen().await?;
    let routes = Arc::new(Routes::new());
    // Large enough that nobody misses a publication.
    let (everybody, _) = broadcast::channel(1024);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, routes.clone(), everybody.clone()));
    }
}

async fn serve(stream: TcpStream, routes: Arc<Routes>, everybody: broadcast::Sender<Message>) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let (_request, mut socket) = ServerBuilder::new().accept(stream).await?;
    let mut published = everybody.subscribe();
    loop {
        tokio::select! {
            incoming = socket.next() => match incoming {
                Some(message) => {
                    if let Some(text) = message?.as_text() {
                        match routes.handle(text) {
                            Action::Answer(answer) => socket.send(Message::text(answer)).await?,
                            Action::Publish(text) => {
                                let _ = everybody.send(Message::text(text));
                            }
                            Action::Join(..) | Action::Leave(..) | Action::Say(..) => {
                                socket.send(Message::text(NO_ROOMS)).await?;
                            }
                        }
                    }
                }
                None => return Ok(()),
            },
            message = published.recv() => match message {
                Ok(message) => socket.send(message).await?,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

const NO_ROOMS: &str = r#"{"name":"bench/rooms","error":{"code":"unknown_name","message":"there are no rooms here"}}"#;
