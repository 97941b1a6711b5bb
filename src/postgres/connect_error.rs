//! Why a connection was not had, and what to do about it.
//! It never repeats a password: every text goes through [`crate::error::Error`].

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use rustls::CertificateError;
use tokio_postgres::error::SqlState;

use crate::error::Error;

use super::conninfo::Conninfo;
use super::stream::StreamError;

/// Why one try failed.
#[derive(Debug)]
pub(super) enum Cause {
    /// The name service does not know the host.
    Unknown(io::Error),
    /// Nothing was decided within this time.
    Timeout(Duration),
    /// No stream was had.
    Stream(StreamError),
    /// The server, or the client library on hearing it, refused.
    Server {
        error: tokio_postgres::Error,
        encrypted: bool,
    },
    /// The session is not of the kind that `target_session_attrs` wants.
    Unsuited(&'static str),
    /// The password could not be revealed.
    Secret(Error),
}

/// One failed try at one server.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) place: String,
    pub(super) cause: Cause,
}

impl Refusal {
    /// Whether the other servers are left alone: as in libpq, when this one was reached and said
    /// no for any other reason than that it does not accept connections now.
    pub(super) fn ends_the_search(&self) -> bool {
        match &self.cause {
            Cause::Unknown(_) | Cause::Timeout(_) | Cause::Unsuited(_) => false,
            Cause::Stream(StreamError::Unreachable(_)) => false,
            Cause::Stream(_) | Cause::Secret(_) => true,
            Cause::Server { .. } => self.cause.sqlstate() != Some("57P03"),
        }
    }
}

impl Cause {
    pub(super) fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Server { error, .. } => error.code().map(SqlState::code),
            _ => None,
        }
    }

    /// Whether a trigger for logins (17) may have refused a session that the server had let in: one
    /// that writes a row does so wherever a database is closed to writers. What it raises may be
    /// anything but what is raised before. A session that is `past` them may have been refused for
    /// just that, by a server that does not know it, or by a connection pool.
    pub(super) fn may_be_for_event_triggers(&self, past: bool) -> bool {
        const BEFORE: [&str; 5] = ["08", "28", "3D", "53", "57"];
        const FOR_THE_OPTION: [&str; 3] = ["08P01", "42501", "42704"];
        let any = |codes: &[&str], code: &str| codes.iter().any(|some| code.starts_with(some));
        self.sqlstate().is_some_and(|code| match past {
            true => any(&FOR_THE_OPTION, code),
            false => !any(&BEFORE, code),
        })
    }

    fn certificate_error(&self) -> Option<&CertificateError> {
        let Self::Stream(StreamError::Handshake(error)) = self else {
            return None;
        };
        match error.get_ref()?.downcast_ref()? {
            rustls::Error::InvalidCertificate(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the server wanted a password and there was none: the client library says so in
    /// its own words only.
    fn lacks_password(&self) -> bool {
        let Self::Server { error, .. } = self else {
            return false;
        };
        error
            .source()
            .is_some_and(|source| source.to_string() == "password missing")
    }

    fn told(&self) -> String {
        match self {
            Self::Unknown(error) => format!("the host name cannot be resolved: {error}"),
            Self::Timeout(limit) => format!("no answer within {} s", limit.as_secs()),
            Self::Stream(StreamError::Unreachable(error)) => error.to_string(),
            Self::Stream(StreamError::NoTls) => "the server does not support TLS".to_owned(),
            Self::Stream(StreamError::Broken(error)) => format!("asking for TLS: {error}"),
            Self::Stream(StreamError::Handshake(error)) => self.told_of_handshake(error),
            Self::Server { error, encrypted } => {
                let how = if *encrypted { " (with TLS)" } else { "" };
                format!("{}{how}", told_of_server(error))
            }
            Self::Unsuited(word) => format!("the session is not {word}"),
            Self::Secret(error) => error.what().to_owned(),
        }
    }

    fn told_of_handshake(&self, error: &io::Error) -> String {
        match self.certificate_error() {
            Some(CertificateError::NotValidForNameContext { presented, .. })
                if presented.is_empty() =>
            {
                "the server's certificate names its host in the common name (CN) alone, which is \
                 not accepted"
                    .to_owned()
            }
            _ => format!("the TLS handshake failed: {error}"),
        }
    }

    fn next(&self, to: &Conninfo) -> String {
        let label = &to.label;
        match self {
            Self::Unknown(_) => format!("Correct the host in {label}.url, or give hostaddr."),
            Self::Timeout(_) => format!(
                "Check that a firewall lets this machine reach {}, or raise connect_timeout.",
                to.place()
            ),
            Self::Stream(StreamError::Unreachable(_)) => format!(
                "Start the server, or correct host and port in {label}.url; listen_addresses on \
                 the server must include that address."
            ),
            Self::Stream(StreamError::NoTls) => format!(
                "Switch `ssl = on` on the server, or write sslmode=prefer in {label}.url if the \
                 network between is trusted."
            ),
            Self::Stream(StreamError::Broken(_)) => {
                "Check that a PostgreSQL server listens at that port, and read its log.".to_owned()
            }
            Self::Stream(StreamError::Handshake(_)) => self.next_after_handshake(label),
            Self::Server { .. } if self.lacks_password() => format!(
                "Give the password in {label}.url with `{{{{ env('…') }}}}`, in PGPASSWORD, or in \
                 a password file with mode 0600."
            ),
            Self::Server { .. } => next_after_sqlstate(self.sqlstate(), to),
            Self::Unsuited(_) => format!(
                "Name the server that is meant in {label}.url, or change target_session_attrs."
            ),
            Self::Secret(error) => error.next().to_owned(),
        }
    }

    fn next_after_handshake(&self, label: &str) -> String {
        let Some(error) = self.certificate_error() else {
            return format!(
                "Compare the TLS settings in {label}.url with the server's (versions, client \
                 certificate), and read the server's log."
            );
        };
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "Renew the server's certificate; check this machine's clock.".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "Check the clocks of this machine and of the one that made the certificate."
                    .to_owned()
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
                "Name the certificate of the CA that signed the server's with sslrootcert=FILE in \
                 {label}.url."
            ),
            CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
                "Have the certificate made again with a subjectAltName for the host, or write \
                 sslmode=verify-ca, which does not check the name."
                    .to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!(
                    "Write the host in {label}.url as the certificate names it, with hostaddr=… \
                     for the address."
                )
            }
            CertificateError::Revoked => {
                "Give the server a certificate that is not revoked.".into()
            }
            CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. } => {
                "Bring the file that sslcrl names up to date: every CA of the chain needs a \
                 current list in it."
                    .to_owned()
            }
            _ => "Have the server's certificate made again as X.509 version 3, with a \
                  subjectAltName."
                .to_owned(),
        }
    }
}

fn told_of_server(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        let more = [("detail", db.detail()), ("hint", db.hint())];
        let more = more
            .iter()
            .filter_map(|(label, text)| Some(format!("\n{label}: {}", (*text)?)));
        return format!(
            "{} (SQLSTATE {}){}",
            db.message(),
            db.code().code(),
            more.collect::<String>()
        );
    }
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        source = cause.source();
    }
    told
}

fn next_after_sqlstate(sqlstate: Option<&str>, to: &Conninfo) -> String {
    let Conninfo {
        label,
        user,
        database,
        ..
    } = to;
    match sqlstate.unwrap_or_default() {
        "28P01" => format!(
            "Give the password of role {user} where {label}.url takes it from; on the server, \
             `\\password {user}` in psql sets it."
        ),
        "28000" => format!(
            "Add a line to the server's pg_hba.conf that lets {user} into {database} from this \
             machine, then `select pg_reload_conf()`; or log in as another role."
        ),
        "3D000" => format!("Correct the database in {label}.url, or create {database} there."),
        "42501" => format!("`grant connect on database` {database} to {user}."),
        "53300" => format!(
            "Close sessions on the {label}, or raise max_connections or the limit of role {user}."
        ),
        "57P03" => {
            "Wait until the server accepts connections, then run the same command again.".to_owned()
        }
        "55000" => format!("Name a database in {label}.url that accepts connections."),
        _ => "Read the server's log, mend the cause, then run the same command again.".to_owned(),
    }
}

impl Conninfo {
    /// The error for a search that found no server.
    pub(super) fn connect_error(&self, refusals: &[Refusal]) -> Error {
        let what = format!(
            "cannot connect to the {}: database {} at {} as user {}",
            self.label,
            self.database,
            self.place(),
            self.user
        );
        let next = refusals
            .last()
            .map(|refusal| refusal.cause.next(self))
            .unwrap_or_default();
        let alone = self.hosts.len() == 1;
        let told = |error: Error, refusal: &Refusal| {
            let told = refusal.cause.told();
            let error = error.because(if alone {
                told
            } else {
                format!("{}: {told}", refusal.place)
            });
            let code = refusal.cause.sqlstate();
            code.into_iter().fold(error, Error::with_sqlstate)
        };
        let none = Error::failed(what, next).of_lost_connection();
        let error = refusals.iter().fold(none, told);
        let wants_password = |refusal: &Refusal| {
            refusal.cause.lacks_password() || refusal.cause.sqlstate() == Some("28P01")
        };
        match self.password_file.remark() {
            Some(remark) if refusals.iter().any(wants_password) => error.because(remark),
            _ => error,
        }
    }
}
