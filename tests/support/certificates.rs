//! Certificates for tests of TLS, made afresh by every test that wants some.
//! Never used outside tests: the keys lie about unprotected.

use super::settings::Tls;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A certificate authority that keeps its files in one folder.
pub(crate) struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// The authority's own certificate: what `sslrootcert` names.
    pub(crate) certificate: PathBuf,
}

/// A certificate and its key, each the path of a PEM file; the key is readable by its owner only.
pub(crate) struct Pair {
    /// The certificate.
    pub(crate) certificate: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
}

impl Authority {
    /// Makes an authority called `name`, with its files in `folder`.
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = common_name(name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("ring makes keys");
        let signed = params
            .self_signed(&key)
            .expect("the parameters are complete");
        let certificate = folder.join(format!("{name}.crt"));
        fs::write(&certificate, signed.pem()).expect("the folder takes files");
        Self {
            folder: folder.to_owned(),
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    /// Signs a certificate with this common name, and with these alternative names: host names or
    /// addresses for a server, none for a client.
    pub(crate) fn sign(&self, name: &str, alternatives: &[&str]) -> Pair {
        let alternatives: Vec<String> = alternatives.iter().map(|a| (*a).to_owned()).collect();
        let mut params = CertificateParams::new(alternatives).expect("the names are valid");
        params.distinguished_name = common_name(name);
        let key = KeyPair::generate().expect("ring makes keys");
        let signed = params
            .signed_by(&key, &self.issuer)
            .expect("the parameters are complete");
        let pair = Pair {
            certificate: self.folder.join(format!("{name}.signed.crt")),
            key: self.folder.join(format!("{name}.signed.key")),
        };
        fs::write(&pair.certificate, signed.pem()).expect("the folder takes files");
        fs::write(&pair.key, key.serialize_pem()).expect("the folder takes files");
        // libpq refuses a key that others may read.
        fs::set_permissions(&pair.key, fs::Permissions::from_mode(0o600)).expect("it is ours");
        pair
    }
}

impl Pair {
    /// What a server needs to show this certificate, and to accept clients of `authority`, if any.
    pub(crate) fn for_server(&self, authority: Option<&Authority>) -> Tls {
        Tls {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            client_authority: authority.map(|a| a.certificate.clone()),
        }
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
