//! What a server says about itself when it starts.

use switchboard_wire::connection::Endpoint;

use super::{Offer, Protocol};
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

pub(super) fn listener(endpoint: &Endpoint, offer: &Offer) {
    let registry = &*offer.registry;
    let at = match (&offer.protocol, endpoint, &offer.tls) {
        (Protocol::Http | Protocol::Backend(_), Endpoint::Tcp(address), None) => format!("http://{address}"),
        (Protocol::Http | Protocol::Backend(_), Endpoint::Tcp(address), Some(_)) => format!("https://{address}"),
        (Protocol::Lines, Endpoint::Tcp(address), None) => format!("tcp://{address}"),
        (Protocol::Lines, Endpoint::Tcp(address), Some(_)) => format!("tls://{address}"),
        (_, Endpoint::Unix(_), None) => endpoint.to_string(),
        (_, Endpoint::Unix(_), Some(_)) => format!("{endpoint}, over TLS"),
    };
    if tracing::dispatcher::has_been_set() {
        tracing::info!(address = %endpoint, registry, "listening on {at}");
    } else {
        eprintln!("listening on {at} ({registry})");
    }
}
