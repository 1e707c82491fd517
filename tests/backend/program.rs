use futures_util::{Stream, stream};
use switchboard::prelude::*;

/// A line for everybody who is connected.
#[send_all("news/publish", reply = "news", registry = "backend")]
fn publish(Payload(line): Payload<String>) -> Result<String, Error> {
    if line.is_empty() {
        return Err(Error::new("empty", "say something"));
    }
    Ok(line)
}

/// How many are connected.
#[silent("audience", registry = "backend")]
async fn audience(board: Switchboard) -> usize {
    board.count().await
}

/// An answer in many parts.
#[silent("countdown", registry = "backend")]
fn countdown(Payload(from): Payload<u8>) -> Replies<impl Stream<Item = u8>> {
    Replies(stream::iter((0..=from).rev()))
}

/// What browsers may ask, who do not reach what is above.
#[silent("echo")]
fn echo(Payload(line): Payload<String>) -> String {
    line
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    Server::new()
        .listen("127.0.0.1:8000")
        .listen(Listener::backend("127.0.0.1:9000").key(std::env::var("BACKEND_KEY")?))
        .run()
        .await?;
    Ok(())
}
