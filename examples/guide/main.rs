//! The server that the guide to the browser's client (docs/browser.md) talks to, and that the client's tests cut off:
//! `cargo run --example guide`. Its page is a bare one, for a console to work in.

#![allow(clippy::needless_pass_by_value, reason = "a controller is given what it takes")]

#[path = "../common/mod.rs"]
mod common;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use switchboard::Binary;
use switchboard::prelude::*;

/// Says who the client is: on every connection anew.
#[silent("accounts/login")]
fn login(Payload(account): Payload<Account>, client: Client) -> Account {
    client.set_session(account.clone());
    account
}

/// Lets a client into a room, once it has said who it is.
#[silent("rooms/<room>/join")]
fn join(Params(room): Params<String>, client: Client) -> Result<Room, Error> {
    who(&client)?;
    client.join(format!("rooms/{room}"))?;
    Ok(Room { room })
}

/// A line for everybody in the room.
#[send_to_mailbox("rooms/<room>/say", to = "rooms/<room>")]
fn say(Payload(line): Payload<Line>, client: Client) -> Result<Said, Error> {
    let from = who(&client)?.name.clone();
    Ok(Said { from, text: line.text })
}

/// Turns a channel up: the answer goes to who asked, and the same value moves everyone else's slider.
#[silent("mixer/volume_up")]
#[send_all("mixer/volume_up", except_sender, reply = "mixer/level")]
fn volume_up(Payload(Channel { channel }): Payload<Channel>, desk: State<Desk>) -> Result<Level, Error> {
    let Some(level) = desk.levels.get(channel) else {
        return Err(Error::new("no_such_channel", format!("there is no channel {channel}")).with_details(channel));
    };
    let louder = |level: u8| level.saturating_add(5).min(100);
    let before = level.update(Ordering::Relaxed, Ordering::Relaxed, louder);
    Ok(Level {
        channel,
        level: louder(before),
    })
}

/// The files with this ending, one by one.
#[silent("files/find")]
fn find(Payload(wanted): Payload<Ending>) -> Replies<impl Stream<Item = &'static str>> {
    let found = FILES.into_iter().filter(move |file| file.ends_with(&wanted.ending));
    Replies(stream::iter(found))
}

/// How large a file is: bytes in MessagePack, a base64 string in JSON.
#[silent("files/size")]
fn size(Payload(file): Payload<File>) -> usize {
    file.data.len()
}

/// Counts, until it is cancelled or its client is gone.
#[silent("clock/ticks")]
fn ticks(desk: State<Desk>) -> Replies<impl Stream<Item = u64>> {
    let running = Running::begin(&desk.clocks);
    Replies(stream::unfold((0, running), async |(tick, running)| {
        tokio::time::sleep(TICK).await;
        Some((tick, (tick + 1, running)))
    }))
}

/// How many clocks run.
#[silent("clock/running")]
fn running(desk: State<Desk>) -> usize {
    desk.clocks.load(Ordering::Relaxed)
}

/// Answers with what came, after so many milliseconds.
#[silent("echo/<int:milliseconds>", unordered)]
async fn echo(Params(milliseconds): Params<u64>, message: Message) -> Message {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    message
}

/// Tells everyone.
#[send_all("news")]
fn news(message: Message) -> Message {
    message
}

#[tokio::main]
async fn main() -> ExitCode {
    let server = Server::new().state(Desk::default()).page(PAGE).asset(
        "/worker.js",
        "text/javascript; charset=utf-8",
        include_str!("worker.js"),
    );
    common::serve(server).await
}

fn who(client: &Client) -> Result<Arc<Account>, Error> {
    client
        .session::<Account>()
        .ok_or_else(|| Error::new(code::UNAUTHENTICATED, "say who you are first: accounts/login"))
}

/// What all clients share.
#[derive(Debug, Default)]
struct Desk {
    levels: [AtomicU8; 4],
    clocks: Arc<AtomicUsize>,
}

/// Counts for as long as it lives.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Deserialize, Serialize)]
struct Account {
    name: String,
}

#[derive(Serialize)]
struct Room {
    room: String,
}

#[derive(Deserialize)]
struct Line {
    text: String,
}

#[derive(Serialize)]
struct Said {
    from: String,
    text: String,
}

#[derive(Deserialize)]
struct Channel {
    channel: usize,
}

#[derive(Serialize)]
struct Level {
    channel: usize,
    level: u8,
}

#[derive(Deserialize)]
struct Ending {
    ending: String,
}

#[derive(Deserialize)]
struct File {
    data: Binary,
}

const FILES: [&str; 4] = ["main.rs", "page.html", "page.js", "worker.js"];
const TICK: Duration = Duration::from_millis(10);
const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><link rel=\"icon\" href=\"/icon.svg\"><title>Guide</title>\n";
