//! An editor in a terminal, so to say: it offers the words of a file, by the language server of the example `jsonserver`, which
//! it starts, watches and ends. `cargo run --example editor -- --help`; docs/worker.md shows a session.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde::{Deserialize, Serialize};
use switchboard_client::worker::{Command, Place, Worker, WorkerError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

#[derive(Debug, Parser)]
struct Arguments {
    /// The file whose words are offered.
    file: PathBuf,
    /// The language server, in place of the `jsonserver` that lies beside this program.
    #[arg(long, value_name = "PROGRAM", conflicts_with = "connect")]
    server: Option<PathBuf>,
    /// A server that runs already and speaks the native dialect, in place of one of its own: tcp://HOST:PORT or unix:PATH.
    #[arg(long, value_name = "ADDRESS")]
    connect: Option<String>,
}

/// A place in a source, as the server counts: lines from 1, characters of a line from 0.
#[derive(Serialize)]
struct Cursor {
    source: String,
    line: usize,
    offset: usize,
}

/// What is shown and what is inserted, each.
#[derive(Deserialize)]
struct Completions {
    completions: Vec<(String, String)>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match edit(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn edit(arguments: &Arguments) -> io::Result<()> {
    let file = &arguments.file;
    let source = std::fs::read_to_string(file)
        .map_err(|error| io::Error::new(error.kind(), format!("{} cannot be read: {error}", file.display())))?;
    let place = match (&arguments.connect, &arguments.server) {
        (Some(address), _) => Place::remote(address),
        (None, Some(program)) => server(program.clone()),
        (None, None) => server(std::env::current_exe()?.with_file_name("jsonserver")),
    };
    let worker = Worker::at(place).start();
    let mut states = worker.states();
    states.mark_changed();
    let mut lines = typed();
    // Who waits for words sees meanwhile what the server does, and may type on.
    let mut completing = JoinSet::new();
    loop {
        tokio::select! {
            line = lines.recv() => match line.as_deref().map(str::trim) {
                None | Some(":quit") => break,
                Some("") => {}
                Some(":kill") => kill(&worker),
                Some(":stop") => worker.stop().await,
                Some(":retry") => worker.retry(),
                Some(line) => match line.split_once(' ') {
                    Some((":switch", program)) => said_if(!worker.switch(server(program.into())), "that is the server already"),
                    Some((":connect", address)) => {
                        said_if(!worker.switch(Place::remote(address)), "that is the server already");
                    }
                    _ if line.starts_with(':') => say(&format!("there is no command {line}")),
                    _ => drop(completing.spawn(complete(worker.clone(), source.clone(), line.to_owned()))),
                },
            },
            Ok(()) = states.changed() => {
                let state = states.borrow_and_update().clone();
                match worker.process() {
                    Some(process) if state.is_healthy() => say(&format!("server: {state} (process {process})")),
                    _ => say(&format!("server: {state}")),
                }
            }
            Some(Ok(words)) = completing.join_next() => match words {
                Ok(words) => say(&format!("= {}", words.join(" "))),
                Err(error) => say(&format!("no words: {error}")),
            },
        }
    }
    worker.stop().await;
    Ok(())
}

/// It listens where there is room, and goes when this process goes, even if that is killed.
fn server(program: PathBuf) -> Place {
    let command = Command::new(program)
        .args(["--dialect", "native", "--bind", "127.0.0.1:0", "--parent"])
        .args([std::process::id().to_string()]);
    Place::local(command)
}

/// The words of the source that begin so.
async fn complete(worker: Worker, source: String, typed: String) -> Result<Vec<String>, WorkerError> {
    let cursor = Cursor {
        line: source.split('\n').count() + 1,
        offset: typed.chars().count(),
        source: format!("{source}\n{typed}"),
    };
    let answer: Completions = worker.request("jedi/autocomplete", &cursor).await?;
    Ok(answer.completions.into_iter().map(|(_, word)| word).collect())
}

/// Does to the server what a crash would.
#[cfg(unix)]
fn kill(worker: &Worker) {
    use rustix::process::{Pid, Signal, kill_process};

    let process = worker.process().and_then(|id| i32::try_from(id).ok());
    match process.and_then(Pid::from_raw) {
        Some(process) => {
            // It may have ended by itself.
            let _ = kill_process(process, Signal::KILL);
        }
        None => say("no server of this editor runs"),
    }
}

#[cfg(not(unix))]
fn kill(_: &Worker) {
    say("processes cannot be killed from here on this system");
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

fn said_if(is_so: bool, what: &str) {
    if is_so {
        say(what);
    }
}

fn say(what: &str) {
    // Who does not read it does not miss it.
    let _ = writeln!(io::stdout(), "{what}");
}
