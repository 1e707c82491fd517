//! Streams over TLS.

use std::io;

use switchboard_wire::connection::tls::ClientTls;
use switchboard_wire::connection::{Endpoint, Stream};

/// A server that has to prove who it is.
#[derive(Debug)]
pub(super) struct Route {
    endpoint: Endpoint,
    /// Without the brackets of IPv6.
    name: String,
    tls: Option<ClientTls>,
}

impl Route {
    pub(super) fn new(endpoint: Endpoint, host: &str) -> Self {
        Self {
            endpoint,
            name: host.trim_matches(['[', ']']).to_owned(),
            tls: None,
        }
    }

    pub(super) fn believe(&mut self, tls: ClientTls) {
        self.tls = Some(tls);
    }

    pub(super) fn believes(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) async fn connect(&self) -> io::Result<Stream> {
        let stream = self.endpoint.connect().await?;
        match &self.tls {
            Some(tls) => tls.connect(&self.name, stream).await,
            None => Err(io::Error::new(io::ErrorKind::InvalidInput, "nobody is believed")),
        }
    }
}
