//! TLS over any [`Stream`], by rustls. Needs the feature `tls`.
//!
//! [`ServerTls`] and [`ClientTls`] make a [`Stream`] of the stream under it, which is written and read as any other. What
//! they do not offer, a configuration of [`rustls`]'s own does: both take one.
//!
//! ```no_run
//! use switchboard_wire::connection::Endpoint;
//! use switchboard_wire::connection::tls::{ClientTls, ServerTls};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let server = ServerTls::from_pem_files("cert.pem", "key.pem")?;
//! let listener = Endpoint::from("127.0.0.1:8443").bind().await?;
//! let client = ClientTls::from_pem_file("ca.pem")?;
//! let stream = listener.endpoint().connect().await?;
//!
//! let accepted = async { server.accept(listener.accept().await?.0).await };
//! let (_theirs, _ours) = tokio::try_join!(accepted, client.connect("localhost", stream))?;
//! # Ok(())
//! # }
//! ```

mod client;
mod error;
mod pem;
mod server;

use std::sync::Arc;

pub use client::ClientTls;
pub use error::TlsError;
pub use server::{ServerTls, Validity};
pub use tokio_rustls::rustls;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;

#[cfg(doc)]
use super::Stream;

/// Named, so that nothing depends on what else the program makes rustls's default.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

/// The names of protocols, as ALPN has them.
fn alpn(protocols: &[&str]) -> Vec<Vec<u8>> {
    protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect()
}
