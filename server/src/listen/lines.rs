//! Messages in lines, straight on the stream.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use switchboard_wire::{Error, Frame, Ticket, code};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Arrival, Full, Place, Serve};
use crate::session::Hello;
use crate::switchboard::Core;

/// Serves a registry in lines.
#[derive(Clone)]
pub(crate) struct Lines {
    pub(crate) core: Arc<Core>,
    pub(crate) registry: Arc<str>,
    /// Which of the server's encodings is spoken.
    pub(crate) encoding: u8,
}

impl Serve for Lines {
    async fn serve(self, arrival: Arrival, place: Place) {
        let Arrival { stream, peer, door, .. } = arrival;
        if let Err(error) = stream.keep_alive(door.limits.idle) {
            tracing::debug!(%error, "a socket does not take SO_KEEPALIVE");
        }
        let hello = Hello {
            encoding: self.encoding,
            registry: self.registry,
            address: peer.map(|peer| SocketAddr::new(peer.ip().to_canonical(), peer.port())),
            limits: Arc::clone(&door.limits),
            permit: place.into(),
        };
        Arc::clone(&door.host).serve(stream, Bytes::new(), hello);
    }

    /// Says so in a line where the dialect can, and waits for the peer to read it: closing a socket with bytes unread would
    /// throw the line away.
    async fn turn_away(self, arrival: Arrival, full: Full) {
        let Arrival {
            mut stream, door, stop, ..
        } = arrival;
        let error = Error::new(code::OVERLOADED, full.to_string());
        let frame = Frame::Failed {
            ticket: &Ticket::default(),
            name: None,
            error: &error,
            end: switchboard_wire::End::Final(None),
        };
        let mut out = Vec::new();
        let line = self.core.encoding(self.encoding).encode(&frame, &mut out);
        let told = async {
            stream.write_all(line.unwrap_or_default()).await?;
            stream.shutdown().await?;
            let mut unread = [0; 512];
            while stream.read(&mut unread).await? > 0 {}
            Ok::<_, std::io::Error>(())
        };
        tokio::select! {
            // It was told, is gone, or does not listen.
            _ = timeout(door.limits.close, told) => {}
            () = stop.cancelled() => {}
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}
