//! The chat, driven by clients in Rust while its process is restarted three times: every request is settled, everyone is back in
//! their rooms, and no line is heard twice.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "others need more of it")]
#[path = "common/process.rs"]
mod process;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use process::{Pipe, Process, example};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use switchboard_client::{Client, Fate, RequestError};
use tokio::sync::watch;

#[derive(Debug, Serialize, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    text: String,
}

#[derive(Debug, Deserialize)]
struct Room {
    members: Vec<String>,
}

/// What everyone together heard and was told.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// By listener: the lines, as often as they were heard.
    heard: HashMap<usize, HashMap<String, usize>>,
    answered: HashSet<String>,
    not_sent: HashSet<String>,
    lost: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyone_is_back_after_each_restart_and_no_line_is_heard_twice() {
    let mut server = Process::start(example("chat").args(["--bind", "127.0.0.1:0"]), Pipe::Out);
    let address = server.address();
    let record = Record::default();
    let clients: Vec<Client> = (0..PEOPLE)
        .map(|n| person(n, &format!("ws://{address}"), &record))
        .collect();
    all_in_their_rooms(&clients).await;

    let (stop, stopped) = watch::channel(false);
    let talking: Vec<_> = clients
        .iter()
        .enumerate()
        .map(|(n, client)| tokio::spawn(talk(n, client.clone(), record.clone(), stopped.clone())))
        .collect();
    // However it ends: told to, or killed in the middle of whatever it does.
    for signal in ["TERM", "KILL", "TERM"] {
        talked(&record, 40).await;
        server.signal(signal);
        server.end().await;
        server = Process::start(example("chat").args(["--bind", &address.to_string()]), Pipe::Out);
        all_in_their_rooms(&clients).await;
    }
    talked(&record, 40).await;
    stop.send(true).unwrap();
    for task in talking {
        within(task).await.unwrap();
    }

    // A last line, behind which nothing more comes.
    for (n, client) in clients.iter().enumerate() {
        say(n, client, "the last").await.unwrap();
    }
    within(async {
        while !(0..PEOPLE).all(|n| record.0.lock().unwrap().has_heard_the_last(n)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let kept = std::mem::take(&mut *record.0.lock().unwrap());
    for (listener, heard) in &kept.heard {
        for (text, times) in heard.iter().filter(|(text, _)| *text != "the last") {
            assert_eq!(*times, 1, "{listener} heard {text:?} again");
            assert!(!kept.not_sent.contains(text), "{text:?} was said not to have been sent");
        }
        // Who said it heard it, too: the line comes before the answer.
        for text in kept
            .answered
            .iter()
            .filter(|text| text.starts_with(&format!("{listener}: ")))
        {
            assert!(heard.contains_key(text), "{listener} did not hear {text:?}");
        }
    }
    eprintln!(
        "{} answered, {} lost, {} not sent",
        kept.answered.len(),
        kept.lost,
        kept.not_sent.len()
    );
    for client in &clients {
        assert_eq!(client.open_requests(), 0, "every request is settled");
        assert!(client.counters().connections.get() >= 4, "{:?}", client.counters());
        assert_eq!(client.counters().late.get() + client.counters().malformed.get(), 0);
    }
}

/// Somebody in the chat, who is in the same room on each connection.
fn person(n: usize, address: &str, record: &Record) -> Client {
    let client = Client::builder(address)
        .on_connected(move |client| async move {
            client
                .request::<IgnoredAny>("accounts/login", &Named { name: name(n) })
                .await?;
            client.request::<Room>(&format!("{}/join", room(n)), &()).await?;
            Ok(())
        })
        .connect()
        .unwrap();
    let record = record.clone();
    let hears = move |delivery: switchboard_client::Delivery| {
        let Line { text } = delivery.decode().unwrap();
        let mut kept = record.0.lock().unwrap();
        *kept.heard.entry(n).or_default().entry(text).or_default() += 1;
    };
    client.on_each(&format!("{}/say", room(n)), hears).unwrap().keep();
    client
}

/// Says one line after the other, and writes down what became of each.
async fn talk(n: usize, client: Client, record: Record, stopped: watch::Receiver<bool>) {
    for line in 0.. {
        if *stopped.borrow() {
            return;
        }
        let text = format!("{n}: line {line}");
        let outcome = say(n, &client, &text).await;
        let mut kept = record.0.lock().unwrap();
        match outcome {
            Ok(()) => drop(kept.answered.insert(text)),
            Err(error) if !error.maybe_delivered() => drop(kept.not_sent.insert(text)),
            Err(RequestError::Lost {
                fate: Fate::MaybeDelivered,
                ..
            }) => kept.lost += 1,
            // What it had read when it was told to end.
            Err(RequestError::Failed(error)) if error.code() == "unavailable" => kept.lost += 1,
            Err(error) => panic!("{text}: {error}"),
        }
    }
}

async fn say(n: usize, client: &Client, text: &str) -> Result<(), RequestError> {
    client
        .request(&format!("{}/say", room(n)), &Line { text: text.to_owned() })
        .await
}

/// Waits until everyone is where they belong, as everyone sees it.
async fn all_in_their_rooms(clients: &[Client]) {
    within(async {
        for (n, client) in clients.iter().enumerate() {
            let expected: Vec<String> = (0..PEOPLE).filter(|other| room(*other) == room(n)).map(name).collect();
            loop {
                client.connected().await.unwrap();
                // To join again is to look who is there.
                if let Ok(Room { members }) = client.request::<Room>(&format!("{}/join", room(n)), &()).await
                    && members == expected
                {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    })
    .await;
}

/// Waits until so many more lines were answered.
async fn talked(record: &Record, lines: usize) {
    let answered = || record.0.lock().unwrap().answered.len();
    let before = answered();
    within(async {
        while answered() < before + lines {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

impl Kept {
    fn has_heard_the_last(&self, n: usize) -> bool {
        let last = self.heard.get(&n).and_then(|heard| heard.get("the last"));
        let speakers = (0..PEOPLE).filter(|other| room(*other) == room(n)).count();
        last.is_some_and(|times| *times == speakers)
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future)
        .await
        .expect("it comes within a minute")
}

fn name(n: usize) -> String {
    format!("person {n}")
}

fn room(n: usize) -> &'static str {
    ["rooms/lobby", "rooms/garden"][n % 2]
}

const PEOPLE: usize = 6;
