//! Certificates made for a test, in a folder of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use switchboard::Tls;
use switchboard::wire::connection::tls::ClientTls;

/// A folder with `ca.pem`, an authority; `cert.pem`, a certificate of it for localhost; and `key.pem`, the key of that.
/// Removed with this.
pub(crate) struct Certificates(PathBuf);

/// A certificate in PEM, its key, and the certificate of who vouches for it.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) authority: String,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let n = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("switchboard-tls-{}-{n}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let certificates = Self(folder);
        certificates.renew();
        certificates
    }

    /// Puts a pair of another authority in the place of the one that is there.
    pub(crate) fn renew(&self) {
        let pair = Pair::new(|_| {});
        self.write("ca.pem", &pair.authority);
        self.write("cert.pem", &pair.certificate);
        self.write("key.pem", &pair.key);
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls::from_pem_files(self.path("cert.pem"), self.path("key.pem"))
    }

    /// A client that believes the authority that is there now.
    pub(crate) fn client(&self) -> ClientTls {
        ClientTls::from_pem_file(self.path("ca.pem")).unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(file);
        fs::write(&path, text).unwrap();
        path
    }
}

/// A pair that only somebody in between vouches for, whom the root does.
pub(crate) struct Chain {
    pub(crate) root: String,
    pub(crate) between: String,
    pub(crate) pair: Pair,
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

impl Pair {
    /// A pair of an authority of its own.
    pub(crate) fn new(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let authority = CertifiedIssuer::self_signed(authority("root"), KeyPair::generate().unwrap());
        Self::of(&authority.unwrap(), change)
    }

    fn of(authority: &Issuer, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.signed_by(&key, authority).unwrap().pem(),
            key: key.serialize_pem(),
            authority: authority.pem(),
        }
    }
}

impl Chain {
    pub(crate) fn new() -> Self {
        let root = CertifiedIssuer::self_signed(authority("root"), KeyPair::generate().unwrap()).unwrap();
        let between = CertifiedIssuer::signed_by(authority("between"), KeyPair::generate().unwrap(), &root).unwrap();
        Self {
            root: root.pem(),
            between: between.pem(),
            pair: Pair::of(&between, |_| {}),
        }
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Drop for Certificates {
    fn drop(&mut self) {
        // A folder that is left behind is in nobody's way.
        let _ = fs::remove_dir_all(&self.0);
    }
}
