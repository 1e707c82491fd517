//! socketioxide on axum in the style of its documentation: handlers are async functions with the extractors `Data` and
//! `AckSender`, registered on each socket as it connects; `io.emit` reaches everybody, `io.to` a room.

use std::sync::LazyLock;

use axum::Router;
use axum::serve::ListenerExt;
use peers::Text;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, Event, SocketRef, TryData};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = peers::listen().await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", connect);
    axum::serve(listener, Router::new().layer(layer)).await
}

async fn connect(socket: SocketRef) {
    socket.on("bench/echo", echo);
    socket.on("bench/publish", publish);
    for name in OTHERS.iter() {
        socket.on(name.as_str(), done);
    }
    socket.on_fallback(room);
}

async fn echo(Data(text): Data<Text>, ack: AckSender) {
    ack.send(&text).ok();
}

async fn publish(io: SocketIo, Data(text): Data<Text>) {
    io.emit("bench/publish", &text).await.ok();
}

async fn done(ack: AckSender) {
    ack.send(&Value::Null).ok();
}

/// The number of a room is within the name, where no handler can be registered for it; what is no room is unknown.
async fn room(io: SocketIo, socket: SocketRef, Event(name): Event, TryData(text): TryData<Text>, ack: AckSender) {
    match (peers::room_and_verb(&name), text) {
        (Some((room, "join")), _) => {
            socket.join(room.to_string());
            ack.send(&Value::Null).ok();
        }
        (Some((room, "leave")), _) => {
            socket.leave(room.to_string());
            ack.send(&Value::Null).ok();
        }
        (Some((room, "say")), Ok(text)) => {
            io.to(room.to_string()).emit(&name, &text).await.ok();
        }
        _ => {
            ack.send(&json!({ "error": { "code": "unknown_name", "message": "nothing has this name" } }))
                .ok();
        }
    }
}

static OTHERS: LazyLock<Vec<String>> = LazyLock::new(|| (0..99).map(peers::other_name).collect());
