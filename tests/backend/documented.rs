//! The commands of docs/backend.md do what is written beneath them.

use std::process::Command;

use switchboard::prelude::*;
use switchboard::testing::TestClient;

use crate::http::KEY;

#[path = "program.rs"]
#[allow(dead_code, reason = "its main is the documentation's")]
mod program;

const PAGE: &str = include_str!("../../docs/backend.md");

#[test]
fn the_program_is_the_one_that_is_tested() {
    let program = include_str!("program.rs");
    assert_eq!(blocks("rust")[0].trim_end(), program.trim_end());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_answer_what_is_written() {
    if Command::new("curl").arg("--version").output().is_err() {
        return eprintln!("skipped: there is no curl; install the package `curl`");
    }
    let server = Server::empty().discover(concat!(module_path!(), "::program"));
    let house = crate::House::start(server).await;
    let _kevin = TestClient::connect(house.public).await.unwrap();
    let address = house.backend.to_string();
    let commands = blocks("sh");
    assert!(commands.len() >= 5, "{commands:?}");
    for (command, expected) in commands.iter().zip(blocks("text")) {
        let script = command.replace("127.0.0.1:9000", &address);
        let run = move || {
            Command::new("sh")
                .args(["-c", &script])
                .env("BACKEND_KEY", KEY)
                .output()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, expected, "{command}{errors}");
    }
}

/// The code blocks of the page in this language.
fn blocks(language: &str) -> Vec<String> {
    let opening = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        if line == opening {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n") + "\n");
        }
    }
    blocks
}
