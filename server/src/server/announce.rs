//! What a server says about itself when it starts.

use std::net::SocketAddr;

use crate::table::RouteTable;

/// Registration is implicit, so what came of it is shown: in the log, or on standard error where nobody listens to that.
pub(super) fn table(table: &RouteTable) {
    if tracing::dispatcher::has_been_set() {
        tracing::info!("{} routes\n{table}", table.routes().len());
    } else {
        eprintln!("{table}");
        eprintln!("errors are logged nowhere: set a tracing subscriber, such as `tracing_subscriber::fmt::init()`");
    }
}

pub(super) fn address(address: SocketAddr, registry: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::info!(%address, registry, "listening on http://{address}");
    } else {
        eprintln!("listening on http://{address} ({registry})");
    }
}
