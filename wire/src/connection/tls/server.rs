//! The server's side of TLS.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::Ticketer;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::SingleCertAndKey;
use rustls::{CertificateError, Error, RootCertStore, ServerConfig};

use super::{TlsError, alpn, pem, provider};
use crate::connection::Stream;

/// What a server proves with who it is. Clones share it: one that is [reloaded](Self::reload) reloads all.
///
/// TLS 1.2 and 1.3 are spoken. A client that comes back does not have to shake hands in full again, until the files are
/// reloaded.
#[derive(Clone)]
pub struct ServerTls(Arc<Shared>);

struct Shared {
    /// None where a configuration was given.
    files: Option<Files>,
    protocols: Vec<Vec<u8>>,
    current: RwLock<Current>,
}

#[derive(Clone)]
struct Files {
    certificates: PathBuf,
    key: PathBuf,
}

#[derive(Clone)]
struct Current {
    config: Arc<ServerConfig>,
    /// The server's own certificate, where it is known.
    certificate: Option<CertificateDer<'static>>,
}

/// Whether a certificate can be believed at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It can be, as far as its dates go.
    Current,
    /// Its time was over so long ago.
    Expired(Duration),
    /// Its time begins so much later.
    NotYet(Duration),
}

impl ServerTls {
    /// Reads a chain of certificates, the server's own first, and the private key of that one. Both may be in one file.
    ///
    /// Blocks while it reads.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: a file that cannot be read or holds something else, or two that do not belong together.
    pub fn from_pem_files(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let files = Files {
            certificates: certificates.into(),
            key: key.into(),
        };
        let current = files.read(&[])?;
        Ok(Self::of(Some(files), Vec::new(), current))
    }

    /// Takes a configuration as it is: for client certificates, several names, or keys that are in no file.
    pub fn from_config(config: Arc<ServerConfig>) -> Self {
        let protocols = config.alpn_protocols.clone();
        let certificate = None;
        Self::of(None, protocols, Current { config, certificate })
    }

    /// Agrees with clients on one of these protocols (ALPN), in place of what was said before. A client that asks for
    /// others only is refused; one that asks for none is served. What is shared with earlier clones ends here.
    #[must_use]
    pub fn alpn(self, protocols: &[&str]) -> Self {
        let mut current = self.current();
        let protocols = alpn(protocols);
        let mut config = (*current.config).clone();
        config.alpn_protocols.clone_from(&protocols);
        current.config = Arc::new(config);
        Self::of(self.0.files.clone(), protocols, current)
    }

    /// The files that it was read from, the certificates' first; none where a configuration was given.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        let Files { certificates, key } = self.0.files.as_ref()?;
        Some((certificates, key))
    }

    /// Reads the files anew: who connects from now on sees what is in them. Connections that stand go on. Does nothing
    /// where a configuration was given.
    ///
    /// Blocks while it reads.
    ///
    /// # Errors
    ///
    /// As [`from_pem_files`](Self::from_pem_files); what was read before stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        if let Some(files) = &self.0.files {
            let current = files.read(&self.0.protocols)?;
            *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        }
        Ok(())
    }

    /// Whether clients can believe the certificate now; `Current` where a configuration was given, whose certificates
    /// nobody knows.
    pub fn validity(&self) -> Validity {
        self.current()
            .certificate
            .map_or(Validity::Current, |certificate| Validity::of(&certificate))
    }

    /// Shakes hands over a stream that was accepted. How long that may take is the caller's to say
    /// (`tokio::time::timeout`); dropping it gives up.
    ///
    /// # Errors
    ///
    /// What the peer did wrong, or that it is gone.
    pub async fn accept(&self, stream: Stream) -> io::Result<Stream> {
        let acceptor = TlsAcceptor::from(self.current().config);
        Ok(Stream::new(acceptor.accept(stream).await?))
    }

    fn of(files: Option<Files>, protocols: Vec<Vec<u8>>, current: Current) -> Self {
        Self(Arc::new(Shared {
            files,
            protocols,
            current: RwLock::new(current),
        }))
    }

    fn current(&self) -> Current {
        let current = self.0.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Files {
    /// A whole configuration each time: what the last one remembers of clients ends with its certificate.
    fn read(&self, protocols: &[Vec<u8>]) -> Result<Current, TlsError> {
        let provider = provider();
        let pair = pem::pair(&self.certificates, &self.key, &provider)?;
        let certificate = pair.cert.first().cloned();
        let config = config(SingleCertAndKey::from(pair), provider, protocols)?;
        Ok(Current {
            config: Arc::new(config),
            certificate,
        })
    }
}

fn config(pair: SingleCertAndKey, provider: Arc<CryptoProvider>, protocols: &[Vec<u8>]) -> Result<ServerConfig, Error> {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(pair));
    config.alpn_protocols = protocols.to_vec();
    // Clients carry what is to be remembered of them, so that any number of them can come back at a time.
    config.ticketer = Ticketer::new()?;
    Ok(config)
}

impl Validity {
    /// Dates are looked at before anything else is: that nobody vouches for the certificate here does not matter.
    fn of(certificate: &CertificateDer<'_>) -> Self {
        let Ok(parsed) = ParsedCertificate::try_from(certificate) else {
            return Self::Current;
        };
        let algorithms = provider().signature_verification_algorithms.all;
        let nobody = RootCertStore::empty();
        let now = UnixTime::now();
        let since = |later: UnixTime, earlier: UnixTime| Duration::from_secs(later.as_secs() - earlier.as_secs());
        match verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], now, algorithms) {
            Err(Error::InvalidCertificate(CertificateError::ExpiredContext { time, not_after })) => {
                Self::Expired(since(time, not_after))
            }
            Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { time, not_before })) => {
                Self::NotYet(since(not_before, time))
            }
            _ => Self::Current,
        }
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("files", &self.files())
            .finish_non_exhaustive()
    }
}
