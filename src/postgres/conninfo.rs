//! A connection as libpq would make it, with every parameter resolved.
//! It never holds a password in the clear: the one it has is a placeholder until it is used.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio_postgres::config::ChannelBinding;

use crate::error::{Error, Exit, Result};
use crate::secret::{Sealed, redact, seal};

use super::environment::Environment;
use super::hosts::{self, Host};
use super::parameters::Parameters;
use super::password_file::{Login, PasswordFile};
use super::session_attrs::SessionAttrs;
use super::stream::Keepalive;
use super::tls::Tls;
use super::{parse, service_file, tls_parameters};

/// How long one address of a server is tried when nothing says otherwise. libpq waits for ever,
/// which here must be asked for with `connect_timeout=0`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// What a connection calls itself in `pg_stat_activity`, unless it is told otherwise.
const APPLICATION_NAME: &str = "pg_dbmigrator";

/// Everything needed to connect to one side of a migration.
#[derive(Clone)]
pub struct Conninfo {
    pub(super) label: String,
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) database: String,
    /// The password for every server; without it, each one's is in the password file.
    pub(super) password: Option<Sealed>,
    pub(super) password_file: PasswordFile,
    pub(super) options: Option<String>,
    /// Whether sessions fire no event trigger, as far as the server has it.
    pub(super) past_event_triggers: bool,
    pub(super) application_name: String,
    /// Whether sessions are a walsender's.
    pub(super) replication: bool,
    /// Where the rows are counted that COPY sends.
    pub(super) rows: Arc<AtomicU64>,
    pub(super) session_attrs: SessionAttrs,
    pub(super) channel_binding: ChannelBinding,
    /// The limit for one address; `None` waits for ever.
    pub(super) timeout: Option<Duration>,
    pub(super) keepalive: Keepalive,
    pub(super) tls: Tls,
}

impl Conninfo {
    /// Resolves a connection string as libpq does: what it says, then its service, then the
    /// `PG*` variables, then the defaults and the password file. `label` is `source` or `target`.
    ///
    /// # Errors
    /// Whatever libpq would refuse, parameters that cannot be honoured, and files that are named
    /// but missing ([`Exit::PlanInvalid`]).
    pub fn resolve(label: &str, text: &Sealed, environment: &Environment) -> Result<Self> {
        let mut parameters = parameters_of(label, text)?;
        service_file::fill(&mut parameters, environment)?;
        parameters.fill_from(environment)?;
        refuse_what_is_not_spoken(&parameters)?;

        let hosts = hosts::resolve(&parameters)?;
        let user = user(&parameters, environment)?;
        let database = parameters.text("dbname")?.unwrap_or_else(|| user.clone());
        let password = password(label, &parameters)?;
        let password_file = match &password {
            Some(_) => PasswordFile::default(),
            None => password_file(&parameters, environment)?,
        };
        let application_name = parameters.text("application_name")?;
        let fallback = parameters.text("fallback_application_name")?;
        let name = application_name.or(fallback);
        let channel_binding = parameters.choice(
            "channel_binding",
            &[
                ("disable", ChannelBinding::Disable),
                ("prefer", ChannelBinding::Prefer),
                ("require", ChannelBinding::Require),
            ],
        )?;
        Ok(Self {
            label: label.to_owned(),
            tls: tls_parameters::resolve(&parameters, environment, &hosts)?,
            hosts,
            user,
            database,
            password,
            password_file,
            options: parameters.text("options")?,
            past_event_triggers: false,
            application_name: name.unwrap_or_else(|| APPLICATION_NAME.to_owned()),
            replication: false,
            rows: Arc::default(),
            session_attrs: SessionAttrs::resolve(&parameters)?,
            channel_binding: channel_binding.unwrap_or(ChannelBinding::Prefer),
            timeout: timeout(&parameters)?,
            keepalive: keepalive(&parameters)?,
        })
    }

    /// A connection over the unix socket in a directory, for servers this process started itself:
    /// nothing around it is asked.
    pub fn socket(label: &str, directory: &Path, port: u16, login: (&str, &str)) -> Self {
        let (user, database) = login;
        let name = directory.display().to_string();
        Self {
            label: label.to_owned(),
            hosts: vec![Host {
                name,
                address: None,
                port,
            }],
            user: user.to_owned(),
            database: database.to_owned(),
            password: None,
            password_file: PasswordFile::default(),
            options: None,
            past_event_triggers: false,
            application_name: APPLICATION_NAME.to_owned(),
            replication: false,
            rows: Arc::default(),
            session_attrs: SessionAttrs::Any,
            channel_binding: ChannelBinding::Prefer,
            timeout: Some(CONNECT_TIMEOUT),
            keepalive: Keepalive::default(),
            tls: Tls::none(),
        }
    }

    /// What its sessions are called.
    pub(crate) fn application_name(&self) -> &str {
        &self.application_name
    }

    /// The database that is connected to.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The role that logs in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Where the server is, for humans: `old.example:5432`, several separated by commas. Never a
    /// secret.
    pub fn place(&self) -> String {
        let places: Vec<_> = self.hosts.iter().map(Host::place).collect();
        redact(&places.join(", ")).into_owned()
    }

    /// The same connection to another database of the server.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self {
            database: name.to_owned(),
            ..self.clone()
        }
    }

    /// The same connection, whose sessions begin with a setting of the server's at `value`.
    #[must_use]
    pub(crate) fn with_option(&self, setting: &str, value: &str) -> Self {
        let given = self.options.iter().map(String::as_str);
        let option = format!("-c {setting}={value}");
        let options = given.chain([option.as_str()]).collect::<Vec<_>>();
        Self {
            options: Some(options.join(" ")),
            ..self.clone()
        }
    }

    /// The same connection, whose sessions fire no event trigger, one for logins (17) least of all, or
    /// do. For superusers alone.
    #[must_use]
    pub(crate) fn past_event_triggers(&self, past: bool) -> Self {
        Self {
            past_event_triggers: past,
            ..self.clone()
        }
    }

    /// What the server's own settings are at the start of a session.
    pub(super) fn settings(&self) -> Option<String> {
        match self.past_event_triggers {
            true => self.with_option("event_triggers", "off").options,
            false => self.options.clone(),
        }
    }

    /// The same connection under another name in `pg_stat_activity`.
    #[must_use]
    pub fn with_application_name(&self, name: &str) -> Self {
        Self {
            application_name: name.to_owned(),
            ..self.clone()
        }
    }

    /// The same, but adding the rows that COPY sends to `rows`, as they arrive. Each is a message;
    /// the binary form has one more at its end.
    pub(crate) fn counting(&self, rows: &Arc<AtomicU64>) -> Self {
        Self {
            rows: Arc::clone(rows),
            ..self.clone()
        }
    }

    /// The password for one of the servers.
    pub(super) fn password_for(&self, host: &Host) -> Option<Sealed> {
        let name = host.in_password_file();
        let (database, user) = (self.database.as_str(), self.user.as_str());
        let login = Login {
            host: &name,
            port: host.port,
            database,
            user,
        };
        self.password
            .clone()
            .or_else(|| self.password_file.password(login))
    }
}

impl fmt::Debug for Conninfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conninfo")
            .field("label", &self.label)
            .field("place", &self.place())
            .field("user", &redact(&self.user))
            .field("database", &redact(&self.database))
            .field("tls", &self.tls.mode)
            .finish_non_exhaustive()
    }
}

fn parameters_of(label: &str, text: &Sealed) -> Result<Parameters> {
    let place = format!("{label}.url");
    let pairs = if text.is_one_secret() {
        parse::parse(&place, text.reveal()?.expose_secret())?
    } else {
        parse::parse(&place, text.as_sealed_str())?
    };
    // Before anything else can fail: from here on an error may quote a value.
    for (name, value) in &pairs {
        if name == "password" || name == "sslpassword" || name == "oauth_client_secret" {
            sealed_whole(label, value)?;
        }
    }
    Parameters::of_text(&place, pairs)
}

/// Makes a password one secret, so that it is redacted wherever it turns up.
fn sealed_whole(label: &str, password: &Sealed) -> Result<Sealed> {
    if password.is_one_secret() {
        return Ok(password.clone());
    }
    let label = format!("{label} password");
    Ok(Sealed::new(seal(
        &label,
        password.reveal()?.expose_secret(),
    )))
}

fn password(label: &str, parameters: &Parameters) -> Result<Option<Sealed>> {
    let Some(text) = parameters.text("password")? else {
        return Ok(None);
    };
    let sealed = parameters.sealed("password").filter(|_| !text.is_empty());
    sealed
        .map(|password| sealed_whole(label, password))
        .transpose()
}

fn password_file(parameters: &Parameters, environment: &Environment) -> Result<PasswordFile> {
    let named = parameters.text("passfile")?.map(Into::into);
    let path = named.or_else(|| environment.at_home(".pgpass"));
    Ok(path
        .map(|path| PasswordFile::read(&path))
        .unwrap_or_default())
}

fn user(parameters: &Parameters, environment: &Environment) -> Result<String> {
    let user = parameters.text("user")?;
    user.or_else(|| environment.user().map(str::to_owned))
        .ok_or_else(|| {
            let what = format!(
                "{} names no user, and the operating system knows none",
                parameters.place()
            );
            Error::new(
                Exit::PlanInvalid,
                what,
                "Name the role that logs in: `user=…`, or in the URL.",
            )
        })
}

fn timeout(parameters: &Parameters) -> Result<Option<Duration>> {
    let seconds = parameters.number::<i64>("connect_timeout")?;
    Ok(match seconds {
        None => Some(CONNECT_TIMEOUT),
        Some(seconds) => u64::try_from(seconds)
            .ok()
            .filter(|s| *s > 0)
            .map(Duration::from_secs),
    })
}

fn keepalive(parameters: &Parameters) -> Result<Keepalive> {
    let number = |name| -> Result<Option<u32>> {
        let number = parameters.number::<i32>(name)?;
        Ok(number.map(|number| u32::try_from(number).unwrap_or(0)))
    };
    let seconds = |name| -> Result<Option<Duration>> {
        Ok(number(name)?.map(|seconds| Duration::from_secs(seconds.into())))
    };
    Ok(Keepalive {
        on: number("keepalives")? != Some(0),
        idle: seconds("keepalives_idle")?,
        interval: seconds("keepalives_interval")?,
        count: number("keepalives_count")?,
        user_timeout_ms: number("tcp_user_timeout")?,
    })
}

/// Refuses the values that would mean something other than what is done here.
fn refuse_what_is_not_spoken(parameters: &Parameters) -> Result<()> {
    let words = [("disable", false), ("prefer", false), ("require", true)];
    if parameters.choice("gssencmode", &words)? == Some(true) {
        let next = "Leave it out, and encrypt with sslmode=verify-full.";
        return Err(parameters.invalid(
            "gssencmode",
            "is require: GSSAPI is not spoken here",
            next,
        ));
    }
    let words = [("disable", false), ("random", true)];
    if parameters.choice("load_balance_hosts", &words)? == Some(true) {
        let next = "Leave it out: a migration must know which server it speaks to.";
        return Err(parameters.invalid("load_balance_hosts", "is random", next));
    }
    let encoding = parameters
        .text("client_encoding")?
        .unwrap_or_default()
        .to_lowercase();
    if !matches!(
        encoding.as_str(),
        "" | "auto" | "utf8" | "utf-8" | "unicode"
    ) {
        let next = "Leave it out: both servers convert from and to UTF8 themselves.";
        return Err(parameters.invalid("client_encoding", "is not UTF8", next));
    }
    Ok(())
}
