//! Certificates of a test, and a listener that wants them.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// An authority of its own, and what it issued for `localhost` and for one client; in files, until it drops.
#[derive(Debug)]
pub struct TestTls {
    folder: TempDir,
}

impl TestTls {
    /// Makes keys and certificates.
    ///
    /// # Errors
    /// The system gives no folder.
    pub fn new() -> anyhow::Result<Self> {
        let this = Self { folder: tempfile::tempdir()? };
        let mut authority = CertificateParams::new(vec![])?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        std::fs::write(this.authority(), authority.pem())?;
        for (name, host) in [("server", "127.0.0.1"), ("client", "client.example")] {
            let key = KeyPair::generate()?;
            let certificate = CertificateParams::new(vec![host.to_owned()])?.signed_by(&key, &authority)?;
            std::fs::write(this.certificate(name), certificate.pem())?;
            std::fs::write(this.key(name), key.serialize_pem())?;
        }
        Ok(this)
    }

    /// File with the certificate of the authority.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// File with the certificate of `client` or `server`.
    pub fn certificate(&self, of: &str) -> PathBuf {
        self.folder.path().join(format!("{of}.pem"))
    }

    /// File with the key of `client` or `server`.
    pub fn key(&self, of: &str) -> PathBuf {
        self.folder.path().join(format!("{of}.key"))
    }

    pub(super) fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.authority())? {
            roots.add(certificate)?;
        }
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(clients)
            .with_single_cert(
                certificates(&self.certificate("server"))?,
                PrivateKeyDer::from_pem_file(self.key("server"))?,
            )?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path)?.collect::<Result<_, _>>().context("no certificate")
}

/// Takes connections of clients that show a certificate; those of others fail.
pub(super) struct Listener {
    pub(super) listener: TcpListener,
    pub(super) acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
