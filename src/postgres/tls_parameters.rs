//! What the connection parameters and the files below `~/.postgresql` say about TLS.
//! It never takes a key file that others could read, as libpq does not.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedProtocolVersion};

use crate::error::{Error, Exit, Result};

use super::environment::Environment;
use super::hosts::Host;
use super::parameters::Parameters;
use super::tls::{Identity, Roots, SSL_MODES, SslMode, Tls};

/// Settles everything about TLS for the given servers.
pub(super) fn resolve(
    parameters: &Parameters,
    environment: &Environment,
    hosts: &[Host],
) -> Result<Tls> {
    let files = Files {
        parameters,
        environment,
    };
    let system = parameters.text("sslrootcert")?.as_deref() == Some("system");
    let mode = mode(parameters, system)?;
    let direct = parameters.choice("sslnegotiation", &[("postgres", false), ("direct", true)])?;
    let direct = direct.unwrap_or(false);
    if direct && mode < SslMode::Require {
        let next = "Write sslmode=require, verify-ca or verify-full with it.";
        return Err(parameters.invalid("sslnegotiation", "is direct, but TLS is optional", next));
    }
    let versions = versions(parameters)?;
    let server_name = parameters
        .choice("sslsni", &[("0", false), ("1", true)])?
        .unwrap_or(true);
    if mode == SslMode::Disable || hosts.iter().all(|host| host.socket().is_some()) {
        return Ok(Tls::none());
    }
    if mode == SslMode::VerifyFull {
        hosts
            .iter()
            .try_for_each(|host| checkable(parameters, host))?;
    }
    Ok(Tls {
        mode,
        direct,
        roots: if system {
            Roots::System
        } else {
            files.roots(mode)?
        },
        identity: files.identity()?,
        revoked: files.find("sslcrl", "root.crl")?,
        server_name,
        versions,
    })
}

fn mode(parameters: &Parameters, system: bool) -> Result<SslMode> {
    let default = if system {
        SslMode::VerifyFull
    } else {
        SslMode::Prefer
    };
    let mode = parameters.choice("sslmode", &SSL_MODES)?.unwrap_or(default);
    if system && mode != SslMode::VerifyFull {
        let why = "is weaker than verify-full, which sslrootcert=system demands";
        return Err(parameters.invalid("sslmode", why, "Write sslmode=verify-full."));
    }
    Ok(mode)
}

/// verify-full needs a name that a certificate can hold.
fn checkable(parameters: &Parameters, host: &Host) -> Result<()> {
    if host.socket().is_some() || ServerName::try_from(host.name.as_str()).is_ok() {
        return Ok(());
    }
    let why = "is missing or is no host name, and sslmode=verify-full checks the certificate by it";
    Err(parameters.invalid(
        "host",
        why,
        "Give the name that is in the server's certificate.",
    ))
}

fn versions(parameters: &Parameters) -> Result<Vec<&'static SupportedProtocolVersion>> {
    const WORDS: [(&str, u16); 4] = [
        ("TLSv1", 0x0301),
        ("TLSv1.1", 0x0302),
        ("TLSv1.2", 0x0303),
        ("TLSv1.3", 0x0304),
    ];
    let least = parameters
        .choice("ssl_min_protocol_version", &WORDS)?
        .unwrap_or(0x0303);
    let most = parameters
        .choice("ssl_max_protocol_version", &WORDS)?
        .unwrap_or(u16::MAX);
    let number = |version: ProtocolVersion| u16::from(version);
    let within =
        |it: &&'static SupportedProtocolVersion| (least..=most).contains(&number(it.version));
    let versions: Vec<_> = [&TLS13, &TLS12].into_iter().filter(within).collect();
    if versions.is_empty() {
        let next = "Allow TLSv1.2 or TLSv1.3; older ones are not spoken here.";
        let why = "leaves no version of TLS that can be spoken";
        return Err(parameters.invalid("ssl_max_protocol_version", why, next));
    }
    Ok(versions)
}

/// Looks for the files that TLS needs.
struct Files<'a> {
    parameters: &'a Parameters,
    environment: &'a Environment,
}

impl Files<'_> {
    /// The file that a parameter names, which must then exist, or the default one if it exists.
    /// libpq passes over some named files that are missing; here a typing error is an error.
    fn find(&self, name: &str, default: &str) -> Result<Option<PathBuf>> {
        let Some(path) = self.parameters.text(name)?.map(PathBuf::from) else {
            let default = self
                .environment
                .at_home(Path::new(".postgresql").join(default));
            return Ok(default.filter(|path| path.exists()));
        };
        match std::fs::metadata(&path).and_then(|_| std::path::absolute(&path)) {
            Ok(path) => Ok(Some(path)),
            Err(error) => {
                let what = format!(
                    "`{name}` names a file that cannot be used: {}",
                    path.display()
                );
                let next = "Correct the path, or make the file readable.";
                Err(Error::new(Exit::PlanInvalid, what, next).because(error))
            }
        }
    }

    fn roots(&self, mode: SslMode) -> Result<Roots> {
        match self.find("sslrootcert", "root.crt")? {
            Some(path) => Ok(Roots::File(path)),
            None if mode < SslMode::VerifyCa => Ok(Roots::None),
            None => {
                let why =
                    "demands a check of the certificate, and there is no file of trusted ones";
                let next = "Name the CA's certificate with sslrootcert=FILE, put it into \
                            ~/.postgresql/root.crt, or write sslrootcert=system for the CAs that \
                            the operating system trusts.";
                Err(self.parameters.invalid("sslmode", why, next))
            }
        }
    }

    fn identity(&self) -> Result<Option<Identity>> {
        let words = [
            ("disable", Some(false)),
            ("allow", Some(true)),
            ("require", None),
        ];
        match self
            .parameters
            .choice("sslcertmode", &words)?
            .unwrap_or(Some(true))
        {
            Some(false) => return Ok(None),
            Some(true) => {}
            None => {
                let why = "is require, which cannot be honoured";
                let next = "Write sslcertmode=allow, and let the server's pg_hba.conf demand it.";
                return Err(self.parameters.invalid("sslcertmode", why, next));
            }
        }
        let Some(certificate) = self.find("sslcert", "postgresql.crt")? else {
            return Ok(None);
        };
        let Some(key) = self.find("sslkey", "postgresql.key")? else {
            let what = format!(
                "the client certificate {} has no key",
                certificate.display()
            );
            let next = "Name the key with sslkey=FILE, or write sslcertmode=disable.";
            return Err(Error::new(Exit::PlanInvalid, what, next));
        };
        if !is_private(&key) {
            let what = format!("the private key {} can be read by others", key.display());
            let next = "`chmod 0600` it (0640 if root owns it), as libpq demands.";
            return Err(Error::new(Exit::PlanInvalid, what, next));
        }
        Ok(Some(Identity { certificate, key }))
    }
}

/// The rule of libpq 15 and later: 0600, or 0640 for a key that root owns.
fn is_private(key: &Path) -> bool {
    let forbidden = |file: &Metadata| if file.uid() == 0 { 0o037 } else { 0o077 };
    std::fs::metadata(key).is_ok_and(|file| file.is_file() && file.mode() & forbidden(&file) == 0)
}
