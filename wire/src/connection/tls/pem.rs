//! Certificates and keys out of PEM files, and everything that can be wrong with them.

use std::fs;
use std::path::Path;

use tokio_rustls::rustls;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::TlsError;

/// A chain of certificates and the key of the first.
pub(super) fn pair(certificates: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let (chain_file, key_file) = match (PemFile::read(certificates), PemFile::read(key)) {
        (Ok(chain_file), Ok(key_file)) => (chain_file, key_file),
        (Err(first), Err(second)) if certificates != key => return Err(TlsError::Many(vec![first, second])),
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    if key_file.is_encrypted {
        return Err(TlsError::EncryptedKey(key.to_owned()));
    }
    if chain_file.certificates.is_empty() && chain_file.has_key() && key_file.key.is_none() {
        return Err(TlsError::Swapped {
            certificates: certificates.to_owned(),
            key: key.to_owned(),
        });
    }
    let chain = chain_file.chain(certificates)?;
    let private = key_file.private_key(key)?;
    let signing = provider.key_provider.load_private_key(private);
    let signing = signing.map_err(|error| TlsError::BadKey {
        file: key.to_owned(),
        reason: reason(&error),
    })?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => Err(match owner(&certified) {
            Some(nth) => TlsError::Order {
                certificates: certificates.to_owned(),
                key: key.to_owned(),
                nth,
            },
            None => TlsError::Mismatch {
                certificates: certificates.to_owned(),
                key: key.to_owned(),
            },
        }),
        Err(error) => Err(error.into()),
    }
}

/// All certificates of a file, at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    PemFile::read(file)?.chain(file)
}

/// What is in a file that is of use here.
#[derive(Default)]
struct PemFile {
    certificates: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
    is_encrypted: bool,
}

impl PemFile {
    fn read(file: &Path) -> Result<Self, TlsError> {
        let text = fs::read(file).map_err(|source| TlsError::Read {
            file: file.to_owned(),
            source,
        })?;
        // Neither way of encrypting a key is one that the parser knows.
        if ENCRYPTED.iter().any(|mark| contains(&text, mark)) {
            return Ok(Self {
                is_encrypted: true,
                ..Self::default()
            });
        }
        let mut found = Self::default();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&text) {
            let (kind, der) = section.map_err(|error| TlsError::Malformed {
                file: file.to_owned(),
                reason: spell(&error),
            })?;
            match kind {
                SectionKind::Certificate => found.certificates.push(der.into()),
                kind if found.key.is_none() => found.key = PrivateKeyDer::from_pem(kind, der),
                _ => {}
            }
        }
        Ok(found)
    }

    fn has_key(&self) -> bool {
        self.is_encrypted || self.key.is_some()
    }

    fn chain(self, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        if self.certificates.is_empty() {
            return Err(TlsError::NoCertificate(file.to_owned()));
        }
        for (at, certificate) in self.certificates.iter().enumerate() {
            ParsedCertificate::try_from(certificate).map_err(|error| TlsError::BadCertificate {
                file: file.to_owned(),
                nth: at + 1,
                reason: reason(&error),
            })?;
        }
        Ok(self.certificates)
    }

    fn private_key(self, file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
        if self.is_encrypted {
            return Err(TlsError::EncryptedKey(file.to_owned()));
        }
        self.key.ok_or_else(|| TlsError::NoKey(file.to_owned()))
    }
}

/// Which certificate of the chain the key belongs to, from 1, where one is.
fn owner(certified: &CertifiedKey) -> Option<usize> {
    let is_own = |certificate: &CertificateDer<'static>| {
        CertifiedKey::new(vec![certificate.clone()], certified.key.clone())
            .keys_match()
            .is_ok()
    };
    certified.cert.iter().position(is_own).map(|at| at + 1)
}

fn contains(text: &[u8], mark: &str) -> bool {
    text.windows(mark.len()).any(|window| window == mark.as_bytes())
}

/// What rustls says, without what it says around it.
fn reason(error: &Error) -> String {
    match error {
        Error::General(reason) => reason.clone(),
        Error::InvalidCertificate(error) => format!("{error:?}"),
        error => error.to_string(),
    }
}

/// A reason that holds no bytes of what may be a key.
fn spell(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section begins with a line that is not whole",
        pem::Error::Base64Decode(_) => "what is between the lines is no base64",
        _ => "it cannot be parsed",
    }
}

/// How a file says that its key is encrypted: PKCS #8, and what OpenSSL wrote before that.
const ENCRYPTED: [&str; 2] = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"];
