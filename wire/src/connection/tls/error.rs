//! What can be wrong with certificates and keys.

use std::io;
use std::path::PathBuf;

/// Why a certificate or a key cannot be used.
///
/// ```
/// use switchboard_wire::connection::tls::ServerTls;
///
/// let error = ServerTls::from_pem_files("nowhere/cert.pem", "nowhere/key.pem").unwrap_err();
/// assert!(error.to_string().starts_with("cannot read nowhere/cert.pem: "));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("cannot read {}: {source}; {}", file.display(), remedy(source))]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that is cut off or garbled.
    #[error("{} is no proper PEM file: {reason}; get it anew, from -----BEGIN to -----END", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Where reading stopped.
        reason: &'static str,
    },
    /// A file that should hold certificates and holds none.
    #[error("there is no certificate in {}: give the file that has -----BEGIN CERTIFICATE-----", .0.display())]
    NoCertificate(PathBuf),
    /// A file that should hold a private key and holds none.
    #[error("there is no private key in {}: give the file that has -----BEGIN PRIVATE KEY-----", .0.display())]
    NoKey(PathBuf),
    /// The file for certificates holds the key, and the other way round.
    #[error(
        "{} holds a private key and {} a certificate: the two are swapped, the certificates come first",
        certificates.display(),
        key.display()
    )]
    Swapped {
        /// The file that was given for certificates.
        certificates: PathBuf,
        /// The file that was given for the key.
        key: PathBuf,
    },
    /// A private key that needs a password.
    #[error(
        "the private key in {} is encrypted, and a server cannot be asked for its password; decrypt it with \
         `openssl pkey -in {} -out plain.pem` and let only the server's user read the result",
        .0.display(),
        .0.display()
    )]
    EncryptedKey(PathBuf),
    /// A certificate that is none.
    #[error("certificate {nth} in {} cannot be read: {reason}; get it anew from who issued it", file.display())]
    BadCertificate {
        /// The file.
        file: PathBuf,
        /// Which of those in the file, from 1.
        nth: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A private key that is none, or of a kind that is not known here.
    #[error(
        "the private key in {} cannot be used: {reason}; RSA with 2048 to 4096 bits, ECDSA on P-256 or P-384, and Ed25519 \
         can",
        file.display()
    )]
    BadKey {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key and a certificate that were not made for each other.
    #[error(
        "the private key in {} does not belong to the certificate in {}: give two files that were made together",
        key.display(),
        certificates.display()
    )]
    Mismatch {
        /// The file with the certificates.
        certificates: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The server's own certificate is not the first one.
    #[error(
        "the private key in {} belongs to certificate {nth} in {}: put that one first, and behind it the ones that vouch for it",
        key.display(),
        certificates.display()
    )]
    Order {
        /// The file with the certificates.
        certificates: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// Which certificate the key belongs to, from 1.
        nth: usize,
    },
    /// Several of these, all that were found.
    #[error("{}", list(.0))]
    Many(Vec<Self>),
    /// What rustls refuses for another reason.
    #[error("TLS cannot be set up: {0}")]
    Other(#[from] tokio_rustls::rustls::Error),
}

fn list(errors: &[TlsError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "check the path, which is taken from where the program is started",
        io::ErrorKind::PermissionDenied => "let the user that the program runs as read it",
        _ => "give a PEM file",
    }
}
