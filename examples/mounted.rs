//! A switchboard beside routes of one's own in an axum application: `cargo run --example mounted`.
//!
//! What is posted to `/notices` reaches every open page: `curl --data 'Tea is ready' http://127.0.0.1:8000/notices`.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State as AxumState;
use axum::response::Html;
use axum::routing::{get, post};
use clap::Parser;
use serde::Serialize;
use switchboard::Shutdown;
use switchboard::prelude::*;
use tokio::net::TcpListener;

#[derive(Debug, Parser)]
struct Arguments {
    /// Address and port to listen on; port 0 takes a free one, which is printed.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    bind: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let Arguments { bind } = Arguments::parse();
    let (board, running) = Server::new().mount()?;
    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/notices", post(notify))
        .with_state(running.switchboard())
        .merge(board);

    let listener = TcpListener::bind(&bind).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // With the addresses of its clients the server can tell them apart in its log and limits.
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(interrupted())
        .await?;
    running.shut_down(Shutdown::FinishQueues, Duration::from_secs(10)).await;
    Ok(())
}

/// An HTTP handler that sends a message: a notice for all who are connected.
async fn notify(AxumState(board): AxumState<Switchboard>, text: String) -> String {
    match board.send_all("notices", &Notice { text }) {
        Ok(sent) => format!("{} heard it\n", sent.delivered),
        Err(error) => format!("nobody heard it: {error}\n"),
    }
}

/// A controller as ever: how many are connected.
#[silent("audience")]
async fn audience(board: Switchboard) -> usize {
    board.count().await
}

#[derive(Serialize)]
struct Notice {
    text: String,
}

async fn interrupted() {
    // Where the signal cannot be waited for, the server runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Notices</title>
<h1>Notices</h1>
<p>Here now: <output id="audience">nobody</output></p>
<ul id="notices" aria-live="polite"></ul>
<script type="module">
  import { connect } from "/switchboard.js";
  const board = connect();
  board.on("notices", ({ text }) => {
    const line = document.createElement("li");
    line.textContent = text;
    document.getElementById("notices").append(line);
  });
  document.getElementById("audience").textContent = await board.request("audience");
</script>
</html>
"#;
