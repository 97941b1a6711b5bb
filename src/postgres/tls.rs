//! What a connection wants of TLS, and the rustls configuration that gives it exactly that.
//! It never falls back to weaker checks: a file that was named and cannot be used is an error.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::{ClientConfig, SupportedProtocolVersion};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Exit, Result};

use super::verifier::{Check, Verifier};

/// The six modes of libpq (manual, "SSL Support").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// The modes as they are written, in one place.
pub(super) const SSL_MODES: [(&str, SslMode); 6] = [
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

/// Which certificates are trusted to sign the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// None: the server's certificate is not checked.
    None,
    /// Those in a PEM file.
    File(PathBuf),
    /// Those of the operating system (`sslrootcert=system`).
    System,
}

/// A client certificate with its private key, both PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Everything a connection wants of TLS.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    pub(super) mode: SslMode,
    /// TLS from the first byte (`sslnegotiation=direct`, servers from 17).
    pub(super) direct: bool,
    pub(super) roots: Roots,
    pub(super) identity: Option<Identity>,
    pub(super) revoked: Option<PathBuf>,
    /// Whether the host's name is sent in the clear for proxies to route by.
    pub(super) server_name: bool,
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
}

impl Tls {
    /// No TLS at all, as on unix sockets.
    pub(super) fn none() -> Self {
        Self {
            mode: SslMode::Disable,
            direct: false,
            roots: Roots::None,
            identity: None,
            revoked: None,
            server_name: true,
            versions: rustls::ALL_VERSIONS.to_vec(),
        }
    }

    /// Makes what performs the handshake.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let check = self.check(&provider)?;
        let verifier = Arc::new(Verifier::new(check, &provider));
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions)
            .map_err(|error| unusable("the range of TLS versions", &error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.read()?;
                let what = format!("the client certificate {}", identity.certificate.display());
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|e| unusable(&what, &e))?
            }
        };
        config.enable_sni = self.server_name;
        // What libpq 17 sends, and a server demands for direct negotiation.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(MakeRustlsConnect::new(config))
    }

    /// As in libpq, trusted certificates are enough for the chain to be checked in every mode;
    /// the name is checked by verify-full alone.
    fn check(&self, provider: &Arc<CryptoProvider>) -> Result<Check> {
        let roots = match &self.roots {
            Roots::None => return Ok(Check::Nothing),
            Roots::File(path) => read_certificates(path)?,
            Roots::System => system_certificates()?,
        };
        let revoked = match &self.revoked {
            None => Vec::new(),
            Some(path) => read_revocations(path)?,
        };
        let check = if self.mode == SslMode::VerifyFull {
            Check::full
        } else {
            Check::chain
        };
        check(roots, revoked, provider)
            .map_err(|error| unusable("the trusted certificates", &error))
    }
}

impl Identity {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| {
            let next = "Give an unencrypted PEM key: `openssl pkey -in KEY -out NEW_KEY`, and \
                        `chmod 0600` it.";
            unreadable("private key", &self.key, &error).with_next(next)
        })?;
        Ok((read_certificates(&self.certificate)?, key))
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable("certificate", path, &error))?;
    if certificates.is_empty() {
        let what = format!(
            "the certificate file {} holds no certificate",
            path.display()
        );
        return Err(Error::new(
            Exit::PlanInvalid,
            what,
            "Give a file in PEM form.",
        ));
    }
    Ok(certificates)
}

fn read_revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>> {
    CertificateRevocationListDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable("certificate revocation list", path, &error))
}

/// The certificates that the operating system trusts.
pub(super) fn system_certificates() -> Result<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    if !found.certs.is_empty() {
        return Ok(found.certs);
    }
    let error = Error::new(
        Exit::Failed,
        "sslrootcert=system, but this machine has no trusted certificates",
        "Install the operating system's package of CA certificates, or name a file with \
         sslrootcert.",
    );
    Err(found.errors.iter().fold(error, Error::because))
}

fn unreadable(kind: &str, path: &Path, error: &rustls::pki_types::pem::Error) -> Error {
    let what = format!("cannot read the {kind} file {}", path.display());
    let next = "Correct its path, its permissions or its contents; it must be in PEM form.";
    Error::new(Exit::PlanInvalid, what, next).because(error)
}

fn unusable(what: &str, error: &dyn std::fmt::Display) -> Error {
    let next = "Replace the file or the setting that is named.";
    Error::new(Exit::PlanInvalid, format!("cannot use {what}"), next).because(error)
}
