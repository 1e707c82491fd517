//! The client's side of TLS.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use super::{TlsError, alpn, pem, provider};
use crate::connection::Stream;

/// Whom a client believes. Clones share it, and what they remember of servers.
#[derive(Clone)]
pub struct ClientTls(Arc<ClientConfig>);

impl ClientTls {
    /// Believes servers that a certificate in this file vouches for, and no others.
    ///
    /// Blocks while it reads.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: a file that cannot be read, or holds no certificates.
    pub fn from_pem_file(roots: impl AsRef<Path>) -> Result<Self, TlsError> {
        let file = roots.as_ref();
        let mut roots = RootCertStore::empty();
        for (at, root) in pem::certificates(file)?.into_iter().enumerate() {
            roots.add(root).map_err(|error| TlsError::BadCertificate {
                file: file.to_owned(),
                nth: at + 1,
                reason: error.to_string(),
            })?;
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// Takes a configuration as it is: for the roots of the platform (`rustls-platform-verifier`) or of browsers
    /// (`webpki-roots`), or for client certificates.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use switchboard_wire::connection::tls::{ClientTls, rustls};
    ///
    /// # fn run() -> Result<ClientTls, rustls::Error> {
    /// let roots = rustls::RootCertStore::empty(); // or `webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()`
    /// let provider = Arc::new(rustls::crypto::ring::default_provider());
    /// let config = rustls::ClientConfig::builder_with_provider(provider)
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(roots)
    ///     .with_no_client_auth();
    /// Ok(ClientTls::from_config(Arc::new(config)))
    /// # }
    /// # run().unwrap();
    /// ```
    pub fn from_config(config: Arc<ClientConfig>) -> Self {
        Self(config)
    }

    /// Asks the server for one of these protocols (ALPN), in place of what was said before: `"http/1.1"` for a WebSocket.
    #[must_use]
    pub fn alpn(self, protocols: &[&str]) -> Self {
        let mut config = (*self.0).clone();
        config.alpn_protocols = alpn(protocols);
        Self(Arc::new(config))
    }

    /// Shakes hands over a stream that is connected to the server of this name, a domain or an IP address. How long that
    /// may take is the caller's to say (`tokio::time::timeout`); dropping it gives up.
    ///
    /// # Errors
    ///
    /// That the server cannot be believed, or is gone; `InvalidInput` for what is no name.
    pub async fn connect(&self, name: &str, stream: Stream) -> io::Result<Stream> {
        let server = ServerName::try_from(name.to_owned()).map_err(|_| {
            let what = format!("{name:?} is no name of a server: give a domain or an IP address, without a port");
            io::Error::new(io::ErrorKind::InvalidInput, what)
        })?;
        let connector = TlsConnector::from(Arc::clone(&self.0));
        Ok(Stream::new(connector.connect(server, stream).await?))
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTls")
    }
}
