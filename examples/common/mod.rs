//! What all examples do alike: the command line, the log, the files that their pages share.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use switchboard::prelude::*;
use tracing_subscriber::EnvFilter;

#[derive(Debug, Parser)]
struct Arguments {
    /// Address and port to listen on; port 0 takes a free one, which the log names.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    bind: String,
}

/// Serves until ctrl-c. `RUST_LOG` says how much is logged: `info` unless set.
pub(crate) async fn serve(server: Server) -> ExitCode {
    let Arguments { bind } = Arguments::parse();
    start_log();
    match with_shared_files(server).serve(bind).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stdout().is_terminal())
        .init();
}

fn with_shared_files(server: Server) -> Server {
    server
        .asset("/page.js", "text/javascript; charset=utf-8", include_str!("page.js"))
        .asset("/board.css", "text/css; charset=utf-8", include_str!("board.css"))
        .asset("/icon.svg", "image/svg+xml", include_str!("icon.svg"))
}
