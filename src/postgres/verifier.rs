//! The check of a server's certificate: not at all, its chain (verify-ca), its chain and name
//! (verify-full).
//! It never accepts a name from the certificate's common name, which libpq still does.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, crypto,
};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// How much of the certificate is checked.
#[derive(Debug)]
pub(super) enum Check {
    /// Nothing: whoever answers is believed.
    Nothing,
    /// That a trusted certificate signed it, and that it is neither expired nor revoked.
    Chain(Trust),
    /// Also that it was made for the host's name.
    Full(Trust),
}

/// The trusted certificates, sorted as OpenSSL sorts those of a file: self-signed ones are
/// anchors, the others only help to build a chain.
#[derive(Debug)]
pub(super) struct Trust {
    webpki: Option<Arc<WebPkiServerVerifier>>,
    anchors: Vec<CertificateDer<'static>>,
    others: Vec<CertificateDer<'static>>,
}

impl Check {
    /// The check of verify-ca.
    pub(super) fn chain(
        roots: Vec<CertificateDer<'static>>,
        revoked: Vec<CertificateRevocationListDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        Ok(Self::Chain(Trust::new(roots, revoked, provider)?))
    }

    /// The check of verify-full.
    pub(super) fn full(
        roots: Vec<CertificateDer<'static>>,
        revoked: Vec<CertificateRevocationListDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        Ok(Self::Full(Trust::new(roots, revoked, provider)?))
    }
}

impl Trust {
    fn new(
        roots: Vec<CertificateDer<'static>>,
        revoked: Vec<CertificateRevocationListDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let (anchors, others): (Vec<_>, Vec<_>) = roots.into_iter().partition(is_self_issued);
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(anchors.iter().cloned());
        let webpki = if store.is_empty() {
            None
        } else {
            let builder =
                WebPkiServerVerifier::builder_with_provider(store.into(), Arc::clone(provider))
                    .with_crls(revoked)
                    .enforce_revocation_expiration();
            Some(builder.build()?)
        };
        Ok(Self {
            webpki,
            anchors,
            others,
        })
    }

    fn verify_chain(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        // A server's own self-signed certificate as the root file: common with PostgreSQL, sound,
        // and refused by webpki because such a certificate says that it is a CA.
        if self.anchors.iter().any(|anchor| anchor == certificate) {
            return verify_dates(certificate, now);
        }
        let webpki = self
            .webpki
            .as_ref()
            .ok_or(CertificateError::UnknownIssuer)?;
        let chain: Vec<_> = intermediates.iter().chain(&self.others).cloned().collect();
        match webpki.verify_server_cert(certificate, &chain, name, &[], now) {
            // The name comes last, after the chain has been found good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(()),
            verdict => verdict.map(drop),
        }
    }
}

fn is_self_issued(certificate: &CertificateDer<'static>) -> bool {
    Certificate::from_der(certificate)
        .is_ok_and(|it| it.tbs_certificate.issuer == it.tbs_certificate.subject)
}

fn verify_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let parsed = Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.tbs_certificate.validity;
    let now = Duration::from_secs(now.as_secs());
    if now > validity.not_after.to_unix_duration() {
        return Err(CertificateError::Expired.into());
    }
    if now < validity.not_before.to_unix_duration() {
        return Err(CertificateError::NotValidYet.into());
    }
    Ok(())
}

/// The verifier that rustls asks.
#[derive(Debug)]
pub(super) struct Verifier {
    check: Check,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(check: Check, provider: &Arc<CryptoProvider>) -> Self {
        Self {
            check,
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.check {
            Check::Nothing => {}
            Check::Chain(trust) => trust.verify_chain(certificate, intermediates, name, now)?,
            Check::Full(trust) => {
                trust.verify_chain(certificate, intermediates, name, now)?;
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.check {
            // Without a check of the certificate its key proves nothing, and webpki cannot read
            // the version 1 certificates that many servers have.
            Check::Nothing => Ok(HandshakeSignatureValid::assertion()),
            Check::Chain(_) | Check::Full(_) => {
                crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
            }
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.check {
            Check::Nothing => Ok(HandshakeSignatureValid::assertion()),
            Check::Chain(_) | Check::Full(_) => {
                crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
