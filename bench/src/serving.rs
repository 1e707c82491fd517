//! What all servers under test do alike.

use std::io::{Read, Write};
use std::net::SocketAddr;

/// Tells whoever started the server where it listens.
///
/// # Errors
///
/// Nobody reads standard output.
pub fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "listening on {address}")?;
    out.flush()
}

/// Ends the process when its standard input ends, so that a server never outlives whoever started it.
///
/// # Errors
///
/// There is no thread to be had.
pub fn end_with_standard_input() -> std::io::Result<()> {
    let wait = || {
        let mut bytes = [0; 64];
        while let Ok(1..) = std::io::stdin().read(&mut bytes) {}
        std::process::exit(0);
    };
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .stack_size(64 << 10)
        .spawn(wait)?;
    Ok(())
}
