//! The connection for child programs (pg_dump, pg_restore, psql): the same one, in private files.
//! It never puts a secret into an argument or an environment variable.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use secrecy::ExposeSecret;
use tokio_postgres::config::ChannelBinding;
use x509_cert::der::pem::{LineEnding, encode_string};

use crate::error::{Error, Exit, Result};

use super::conninfo::Conninfo;
use super::hosts::Host;
use super::password_file::escaped;
use super::tls::{Roots, SSL_MODES, SslMode, system_certificates};

/// What a child keeps of this process's environment; nothing in it speaks of connections.
const KEPT: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "TMPDIR", "TZ"];

/// What libpq up to 15 takes for a line of a service file.
const LONGEST_LINE: usize = 1022;

/// The files that tell a child program how to connect; removed when this is dropped.
#[derive(Debug)]
pub struct ChildFiles {
    service: String,
    directory: PathBuf,
    files: Vec<PathBuf>,
}

impl ChildFiles {
    /// The connection string for the child: `service=source`.
    pub fn argument(&self) -> String {
        format!("service={}", self.service)
    }

    /// The whole environment for the child: it should inherit nothing else. Messages come in
    /// English, and the home directory is the private one, so that no file of the user's says
    /// something else.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let kept = KEPT
            .iter()
            .filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        let own = [
            ("HOME", self.directory.clone().into()),
            ("LC_ALL", "C".into()),
            ("PGSERVICEFILE", self.path("conf").into()),
            ("PGPASSFILE", self.path("pass").into()),
        ];
        kept.chain(own.map(|(name, value): (&str, OsString)| (name.into(), value)))
            .collect()
    }

    fn path(&self, extension: &str) -> PathBuf {
        self.directory.join(format!("{}.{extension}", self.service))
    }

    fn write(&mut self, extension: &str, text: &str) -> Result<()> {
        let path = self.path(extension);
        self.files.push(path.clone());
        write_private(&path, text).map_err(|error| {
            let what = format!("cannot write the private file {}", path.display());
            Error::failed(
                what,
                "Make room and permission there, then run the same command again.",
            )
            .because(error)
        })
    }
}

impl Drop for ChildFiles {
    fn drop(&mut self) {
        for path in &self.files {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!("cannot remove {}: {error}", path.display());
            }
        }
    }
}

/// Writes a file that never was readable for others, not even for a moment.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

impl Conninfo {
    /// Writes a service file and a password file for child programs into a private directory.
    /// Every parameter is written out, so that a child connects as this process does.
    ///
    /// # Errors
    /// A value that such a file cannot hold, such as a password with a line break
    /// ([`Exit::PlanInvalid`]); a directory that cannot be written to.
    pub fn child_files(&self, directory: &Path, service: &str) -> Result<ChildFiles> {
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        let mut files = ChildFiles {
            service: service.to_owned(),
            directory,
            files: Vec::new(),
        };
        let passwords = self.password_lines()?;
        files.write("pass", &passwords)?;
        let mut parameters = self.child_parameters();
        parameters.push(("passfile", files.path("pass").display().to_string()));
        if self.tls.roots == Roots::System {
            // Before libpq 16, `system` would be the name of a file.
            files.write("pem", &pem(&system_certificates()?))?;
            parameters.push(("sslrootcert", files.path("pem").display().to_string()));
        }
        let mut text = format!("[{service}]\n");
        for (name, value) in &parameters {
            text.push_str(&self.service_line(name, value)?);
        }
        files.write("conf", &text)?;
        Ok(files)
    }

    /// Every parameter, in the words that libpq has known since 13; younger words only where they
    /// say something.
    pub(super) fn child_parameters(&self) -> Vec<(&'static str, String)> {
        let each =
            |of: fn(&Host) -> String| self.hosts.iter().map(of).collect::<Vec<_>>().join(",");
        let mut parameters = vec![
            ("host", each(|host| host.name.clone())),
            ("port", each(|host| host.port.to_string())),
            ("user", self.user.clone()),
            ("dbname", self.database.clone()),
            ("application_name", self.application_name.clone()),
            ("target_session_attrs", self.session_attrs.word().to_owned()),
            (
                "channel_binding",
                channel_binding(self.channel_binding).to_owned(),
            ),
            (
                "connect_timeout",
                self.timeout.map_or(0, |limit| limit.as_secs()).to_string(),
            ),
            ("gssencmode", "disable".to_owned()),
            ("client_encoding", "UTF8".to_owned()),
        ];
        if self.hosts.iter().any(|host| host.address.is_some()) {
            let address = |host: &Host| host.address.map(|ip| ip.to_string()).unwrap_or_default();
            parameters.push(("hostaddr", each(address)));
        }
        if let Some(options) = &self.options {
            parameters.push(("options", options.clone()));
        }
        self.push_keepalive(&mut parameters);
        self.push_tls(&mut parameters);
        parameters
    }

    fn push_keepalive(&self, parameters: &mut Vec<(&'static str, String)>) {
        let keepalive = &self.keepalive;
        let seconds = |time: std::time::Duration| time.as_secs().to_string();
        parameters.push(("keepalives", u8::from(keepalive.on).to_string()));
        let numbers = [
            ("keepalives_idle", keepalive.idle.map(seconds)),
            ("keepalives_interval", keepalive.interval.map(seconds)),
            (
                "keepalives_count",
                keepalive.count.map(|count| count.to_string()),
            ),
            (
                "tcp_user_timeout",
                keepalive.user_timeout_ms.map(|limit| limit.to_string()),
            ),
        ];
        parameters.extend(
            numbers
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    }

    fn push_tls(&self, parameters: &mut Vec<(&'static str, String)>) {
        let tls = &self.tls;
        let mode = SSL_MODES.iter().find(|(_, mode)| *mode == tls.mode);
        let (word, _) = mode.expect("every mode has its word");
        parameters.push(("sslmode", (*word).to_owned()));
        if tls.mode == SslMode::Disable {
            return;
        }
        let mut file = |name, path: &Path| parameters.push((name, path.display().to_string()));
        if let Roots::File(path) = &tls.roots {
            file("sslrootcert", path);
        }
        if let Some(path) = &tls.revoked {
            file("sslcrl", path);
        }
        if let Some(identity) = &tls.identity {
            file("sslcert", &identity.certificate);
            file("sslkey", &identity.key);
        }
        if tls.direct {
            parameters.push(("sslnegotiation", "direct".to_owned()));
        }
        if !tls.server_name {
            parameters.push(("sslsni", "0".to_owned()));
        }
        let speaks = |version| tls.versions.iter().any(|known| known.version == version);
        if !speaks(rustls::ProtocolVersion::TLSv1_2) {
            parameters.push(("ssl_min_protocol_version", "TLSv1.3".to_owned()));
        }
        if !speaks(rustls::ProtocolVersion::TLSv1_3) {
            parameters.push(("ssl_max_protocol_version", "TLSv1.2".to_owned()));
        }
    }

    fn service_line(&self, name: &str, value: &str) -> Result<String> {
        let line = format!("{name}={value}\n");
        let holds = !value.contains(['\n', '\0']) && value.trim_end() == value;
        if holds && line.len() <= LONGEST_LINE {
            return Ok(line);
        }
        Err(self.inexpressible(name))
    }

    /// One line for all servers, or one for each where a password file told them apart.
    fn password_lines(&self) -> Result<String> {
        let mut text = String::new();
        let mut push = |place: &str, password: &str| -> Result<()> {
            let password = escaped(password).ok_or_else(|| self.inexpressible("password"))?;
            text.push_str(&format!("{place}:{password}\n"));
            Ok(())
        };
        if let Some(password) = &self.password {
            push("*:*:*:*", password.reveal()?.expose_secret())?;
            return Ok(text);
        }
        for host in &self.hosts {
            let Some(password) = self.password_for(host) else {
                continue;
            };
            // Both names: whether a socket directory is `localhost` depends on libpq's build.
            for name in [host.in_password_file(), host.name.clone()] {
                let Some(name) = escaped(&name) else { continue };
                let place = format!("{name}:{}:*:*", host.port);
                push(&place, password.reveal()?.expose_secret())?;
            }
        }
        Ok(text)
    }

    fn inexpressible(&self, name: &str) -> Error {
        Error::new(
            Exit::PlanInvalid,
            format!(
                "the {name} for the {} cannot be handed to child programs: libpq's files cannot \
                 hold it",
                self.label
            ),
            "Choose a value without line breaks, without white space at its end, and shorter than \
             1000 bytes.",
        )
    }
}

fn channel_binding(wanted: ChannelBinding) -> &'static str {
    match wanted {
        ChannelBinding::Disable => "disable",
        ChannelBinding::Require => "require",
        _ => "prefer",
    }
}

/// The certificates in the form in which libpq reads them.
fn pem(certificates: &[CertificateDer<'_>]) -> String {
    let block = |certificate: &CertificateDer<'_>| {
        encode_string("CERTIFICATE", LineEnding::LF, certificate)
            .expect("a certificate is far smaller than memory")
    };
    certificates.iter().map(block).collect()
}
