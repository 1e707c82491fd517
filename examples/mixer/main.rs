//! A mixing desk that several windows share: `cargo run --example mixer`, then open the page in two windows.

#[path = "../common/mod.rs"]
mod common;
mod controllers;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let server = controllers::server()
        .page(include_str!("page/index.html"))
        .asset("/mixer.css", "text/css; charset=utf-8", include_str!("page/mixer.css"))
        .asset(
            "/mixer.js",
            "text/javascript; charset=utf-8",
            include_str!("page/mixer.js"),
        );
    common::serve(server).await
}
