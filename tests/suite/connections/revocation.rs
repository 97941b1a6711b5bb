//! A certificate authority that revokes.
//! Never used outside the tests of connections.

use crate::support::certificates::{Authority, Pair};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::fs;
use std::path::{Path, PathBuf};

/// A server's certificate and three revocation lists of its authority.
pub(super) struct Revocation {
    pub(super) root: PathBuf,
    pub(super) server: Pair,
    pub(super) clients: Authority,
    /// A current list that names another certificate.
    pub(super) without: PathBuf,
    /// A current list that names the server's.
    pub(super) with: PathBuf,
    /// A list that is no longer current.
    pub(super) old: PathBuf,
}

impl Revocation {
    pub(super) fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "revoking");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("ring makes keys");
        let root = write(
            folder,
            "revoking.crt",
            &params.self_signed(&key).expect("it is complete").pem(),
        );
        let issuer = Issuer::new(params, key);

        let mut params =
            CertificateParams::new(vec!["localhost".to_owned()]).expect("a valid name");
        params.serial_number = Some(SerialNumber::from(7));
        let key = KeyPair::generate().expect("ring makes keys");
        let signed = params.signed_by(&key, &issuer).expect("it is complete");
        let server = Pair {
            certificate: write(folder, "revocable.crt", &signed.pem()),
            key: write(folder, "revocable.key", &key.serialize_pem()),
        };
        Self {
            root,
            server,
            clients: Authority::new(folder, "clients"),
            without: write(folder, "without.crl", &list(&issuer, 8, 2999)),
            with: write(folder, "with.crl", &list(&issuer, 7, 2999)),
            old: write(folder, "old.crl", &list(&issuer, 8, 2021)),
        }
    }
}

fn list(issuer: &Issuer<'_, KeyPair>, serial: u64, year: i32) -> String {
    let revoked = RevokedCertParams {
        serial_number: SerialNumber::from(serial),
        revocation_time: date_time_ymd(2020, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 2),
        next_update: date_time_ymd(year, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = params.signed_by(issuer).expect("it is complete");
    list.pem().expect("it has a PEM form")
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("the folder takes files");
    path
}
