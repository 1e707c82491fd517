//! The chat from a terminal: `cargo run --example chatter -- --name Ada`, beside `cargo run --example chat`.
//!
//! A line that is typed is said in the room; `/who` shows who is there, and the end of the input leaves. It comes back by itself,
//! into its room and under its name, when the server was gone.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use switchboard_client::{Client, Delivery, HookError, RequestError, State};
use tokio::sync::mpsc;

#[derive(Debug, Parser)]
struct Arguments {
    /// What you are called.
    #[arg(long)]
    name: String,
    /// The room to talk in.
    #[arg(long, default_value = "lobby")]
    room: String,
    /// Where the chat is.
    #[arg(long, value_name = "ADDRESS", default_value = "ws://127.0.0.1:8000")]
    server: String,
}

#[derive(Deserialize, Serialize)]
struct Named {
    name: String,
}

#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
}

#[derive(Deserialize)]
struct Said {
    from: String,
    text: String,
}

#[derive(Deserialize)]
struct Room {
    members: Vec<String>,
}

/// Somebody in a room, on whatever connection.
struct Person {
    name: String,
    room: String,
    has_been_in: AtomicBool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match chat(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn chat(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { name, room, server } = arguments;
    let person = Arc::new(Person {
        name,
        room: format!("rooms/{room}"),
        has_been_in: AtomicBool::new(false),
    });
    let names = format!("{}/*", person.room);
    let (say, who) = (format!("{}/say", person.room), format!("{}/join", person.room));
    let client = Client::builder(&server)
        .accept([names.clone()])
        .on_connected(move |client| come_in(client, Arc::clone(&person)))
        .connect()?;
    client.on_each(&names, |delivery| show(&delivery))?.keep();

    let mut states = client.states();
    states.mark_changed();
    let mut lines = typed();
    loop {
        tokio::select! {
            Ok(()) = states.changed() => match &*states.borrow_and_update() {
                State::Connecting => {}
                State::Connected => print("* you are in"),
                State::Waiting { why, .. } => print(&format!("* not connected: {why}")),
                State::Closed(why) => return Err(why.clone().into()),
            },
            line = lines.recv() => match line.as_deref().map(str::trim) {
                None => break,
                Some("") => {}
                // To join again is to look who is there.
                Some("/who") => match client.request::<Room>(&who, &()).await {
                    Ok(Room { members }) => print(&format!("* here: {}", members.join(", "))),
                    Err(error) => print(&format!("! cannot look: {error}")),
                },
                Some(text) => match client.request::<IgnoredAny>(&say, &Line { text }).await {
                    // The room hears it, and so does who says it.
                    Ok(_) => {}
                    Err(error) if error.maybe_delivered() => print(&format!("! perhaps not said: {text}: {error}")),
                    Err(error) => print(&format!("! not said: {text}: {error}")),
                },
            },
        }
    }
    client.close();
    client.closed().await;
    Ok(())
}

/// What each connection begins with.
async fn come_in(client: Client, person: Arc<Person>) -> Result<(), HookError> {
    loop {
        let named = Named {
            name: person.name.clone(),
        };
        match client.request::<IgnoredAny>("accounts/login", &named).await {
            // The server holds the name until it finds the old connection dead.
            Err(RequestError::Failed(error))
                if error.code() == "name_taken" && person.has_been_in.load(Ordering::Relaxed) =>
            {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            // Nothing changes that by itself.
            Err(RequestError::Failed(error)) if ["name_taken", "bad_name"].contains(&error.code()) => {
                eprintln!("{}", error.message());
                client.close();
                return Ok(());
            }
            login => {
                login?;
                break;
            }
        }
    }
    client.request::<Room>(&format!("{}/join", person.room), &()).await?;
    person.has_been_in.store(true, Ordering::Relaxed);
    Ok(())
}

fn show(delivery: &Delivery) {
    let what = delivery.name().rsplit('/').next().unwrap_or_default();
    match what {
        "say" => {
            if let Ok(Said { from, text }) = delivery.decode() {
                print(&format!("{from}: {text}"));
            }
        }
        "joined" | "left" => {
            if let Ok(Named { name }) = delivery.decode() {
                print(&format!("* {name} {what}"));
            }
        }
        _ => {}
    }
}

/// The lines of standard input. A thread reads them, which nothing waits for at the end.
fn typed() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn print(what: &str) {
    // Who does not read it does not miss it.
    let _ = writeln!(io::stdout(), "{what}");
}
