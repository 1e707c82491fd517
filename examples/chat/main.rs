//! A chat with rooms, private messages and announcements: `cargo run --example chat`, then open the page in two windows.

#[path = "../common/mod.rs"]
mod common;
mod controllers;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let server = controllers::server()
        .page(include_str!("page/index.html"))
        .asset("/chat.css", "text/css; charset=utf-8", include_str!("page/chat.css"))
        .asset(
            "/chat.js",
            "text/javascript; charset=utf-8",
            include_str!("page/chat.js"),
        )
        .asset(
            "/talk.js",
            "text/javascript; charset=utf-8",
            include_str!("page/talk.js"),
        );
    common::serve(server).await
}
