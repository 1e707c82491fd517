//! What the programs of this package have in common: where they listen, and what they do with a message. So they differ
//! in the library, and in how a message reaches the other connections, and in nothing else.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpListener;

/// Listens where `--bind` says, prints where that is, and ends the process when standard input does, so that no program
/// outlives the benchmark that started it.
pub async fn listen() -> io::Result<TcpListener> {
    let address = option("--bind");
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    println!("listening on {}", listener.local_addr()?);
    std::thread::spawn(|| {
        let mut ignored = [0; 64];
        while matches!(io::stdin().read(&mut ignored), Ok(1..)) {}
        std::process::exit(0);
    });
    Ok(listener)
}

/// What follows a name on the command line.
pub fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

/// What is echoed, published and said.
#[derive(Debug, Serialize, Deserialize)]
pub struct Text {
    pub text: String,
}

/// The name of a trivial handler: `n` is 0 to 98.
pub fn other_name(n: usize) -> String {
    format!("area{n}/command{n}")
}

/// The room and the verb of `bench/rooms/<n>/<verb>`.
pub fn room_and_verb(name: &str) -> Option<(u32, &str)> {
    let (room, verb) = name.strip_prefix("bench/rooms/")?.split_once('/')?;
    Some((room.parse().ok()?, verb))
}

/// What a message asks of the connection that received it; the strings are JSON, ready to be sent.
#[derive(Debug)]
pub enum Action {
    Answer(String),
    Publish(String),
    Join(u32, String),
    Leave(u32, String),
    Say(u32, String),
}

/// The handlers by name.
#[derive(Debug)]
pub struct Routes(HashMap<String, Handler>);

impl Routes {
    /// `bench/echo`, `bench/publish` and 99 others.
    #[expect(clippy::new_without_default, reason = "a table with 101 entries is no default")]
    pub fn new() -> Self {
        let mut handlers: HashMap<String, Handler> = (0..99).map(|n| (other_name(n), done as Handler)).collect();
        handlers.insert("bench/echo".to_owned(), echo);
        handlers.insert("bench/publish".to_owned(), publish);
        Self(handlers)
    }

    /// Parses a message and calls its handler.
    pub fn handle(&self, message: &str) -> Action {
        let request: Request<'_> = match serde_json::from_str(message) {
            Ok(request) => request,
            Err(error) => return Action::Answer(refusal("", None, "malformed", &error.to_string())),
        };
        let handled = match self.0.get(request.name.as_ref()) {
            Some(handler) => handler(&request),
            None => room(&request),
        };
        handled.unwrap_or_else(|error| {
            Action::Answer(refusal(
                &request.name,
                request.uid,
                "invalid_payload",
                &error.to_string(),
            ))
        })
    }
}

/// The payload is left as it stands, for the handler to read as what it needs.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    uid: Option<u64>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl Request<'_> {
    fn text(&self) -> serde_json::Result<Text> {
        serde_json::from_str(self.payload.map_or("null", RawValue::get))
    }

    fn reply<T: Serialize>(&self, uid: Option<u64>, payload: Option<T>) -> serde_json::Result<String> {
        serde_json::to_string(&Reply {
            name: &self.name,
            uid,
            payload,
            error: None,
        })
    }
}

#[derive(Serialize)]
struct Reply<'a, T> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Refusal<'a>>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    code: &'a str,
    message: &'a str,
}

type Handler = fn(&Request<'_>) -> serde_json::Result<Action>;

fn echo(request: &Request<'_>) -> serde_json::Result<Action> {
    Ok(Action::Answer(request.reply(request.uid, Some(request.text()?))?))
}

fn publish(request: &Request<'_>) -> serde_json::Result<Action> {
    Ok(Action::Publish(request.reply(None, Some(request.text()?))?))
}

fn done(request: &Request<'_>) -> serde_json::Result<Action> {
    Ok(Action::Answer(request.reply(request.uid, None::<()>)?))
}

fn room(request: &Request<'_>) -> serde_json::Result<Action> {
    Ok(match room_and_verb(&request.name) {
        Some((room, "join")) => Action::Join(room, request.reply(request.uid, None::<()>)?),
        Some((room, "leave")) => Action::Leave(room, request.reply(request.uid, None::<()>)?),
        Some((room, "say")) => Action::Say(room, request.reply(None, Some(request.text()?))?),
        _ => Action::Answer(refusal(
            &request.name,
            request.uid,
            "unknown_name",
            "nothing has this name",
        )),
    })
}

fn refusal(name: &str, uid: Option<u64>, code: &str, message: &str) -> String {
    let error = Some(Refusal { code, message });
    serde_json::to_string(&Reply::<()> {
        name,
        uid,
        payload: None,
        error,
    })
    .expect("strings and numbers are JSON")
}
