//! A client of rustls's own, to see what the handshake agreed on.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use switchboard::wire::connection::tls::rustls;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore, SupportedProtocolVersion};

/// What a client asks for.
pub(crate) struct Hello(ClientConfig);

/// What it saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) version: ProtocolVersion,
    pub(crate) kind: HandshakeKind,
    pub(crate) protocol: Option<String>,
    pub(crate) certificate: CertificateDer<'static>,
}

impl Hello {
    /// A client that believes this authority.
    pub(crate) fn new(authority: &Path, versions: &[&'static SupportedProtocolVersion], protocols: &[&str]) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Self(config)
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::new(self.0.clone())
    }

    /// Shakes hands, and asks for the page, so that what the server remembers of us has come, too.
    pub(crate) async fn say(&self, address: SocketAddr) -> Result<Seen, String> {
        let config = self.config();
        let saying = tokio::task::spawn_blocking(move || say(address, config));
        saying.await.unwrap().map_err(|error| error.to_string())
    }
}

fn say(address: SocketAddr, config: Arc<ClientConfig>) -> std::io::Result<Seen> {
    let mut socket = TcpStream::connect(address)?;
    let mut connection = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    connection
        .writer()
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut stream = rustls::Stream::new(&mut connection, &mut socket);
    std::io::Read::read_to_end(&mut stream, &mut answer)?;
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    Ok(Seen {
        version: connection.protocol_version().unwrap(),
        kind: connection.handshake_kind().unwrap(),
        protocol: connection
            .alpn_protocol()
            .map(|protocol| String::from_utf8(protocol.to_vec()).unwrap()),
        certificate: connection.peer_certificates().unwrap()[0].clone().into_owned(),
    })
}
