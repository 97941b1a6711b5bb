//! The parameters that libpq 18 knows, each with its environment variable and what is done with it.
//! It never holds a value: those are in [`super::parameters`].

use crate::error::{Error, Exit};

/// What becomes of a parameter that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    /// Read by [`super::Conninfo`].
    Honoured,
    /// Without effect, as in libpq itself, or only about what is not spoken here.
    Ignored,
    /// Refused, with what to do instead.
    Refused(&'static str),
}

use Support::{Honoured, Ignored, Refused};

/// One parameter.
#[derive(Debug)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) variable: Option<&'static str>,
    pub(super) support: Support,
}

const fn keyword(name: &'static str, variable: &'static str, support: Support) -> Keyword {
    let variable = if variable.is_empty() {
        None
    } else {
        Some(variable)
    };
    Keyword {
        name,
        variable,
        support,
    }
}

const NO_GSSAPI: &str = "Leave it out: GSSAPI is not spoken here. Log in with a password or a \
                         client certificate.";
const NO_OAUTH: &str = "Leave it out: OAuth is not spoken here. Log in with a password or a \
                        client certificate.";
const NOT_YOURS: &str = "Leave it out: replication connections are opened where they are needed.";
const NO_PEER: &str = "Leave it out: the owner of the server process is not checked here. Protect \
                       the socket's directory, or connect over TLS with sslmode=verify-full.";
const NO_REQUIRE_AUTH: &str = "Leave it out: use channel_binding=require or \
                               sslmode=verify-full to be sure of the server.";
const NO_KEY_PASSWORD: &str = "Leave it out, and give an unencrypted key file with mode 0600: \
                               `openssl pkey -in KEY -out NEW_KEY`.";
const NO_CRL_DIRECTORY: &str = "Leave it out, and give the lists in one file: sslcrl=FILE.";
const NO_KEY_LOG: &str = "Leave it out: session keys are never written to a file.";
const NO_SCRAM_KEYS: &str = "Leave it out, and give the password.";

/// Every parameter of libpq 18 (manual, "Parameter Key Words" and "Environment Variables").
pub(super) const KEYWORDS: &[Keyword] = &[
    keyword("host", "PGHOST", Honoured),
    keyword("hostaddr", "PGHOSTADDR", Honoured),
    keyword("port", "PGPORT", Honoured),
    keyword("dbname", "PGDATABASE", Honoured),
    keyword("user", "PGUSER", Honoured),
    keyword("password", "PGPASSWORD", Honoured),
    keyword("passfile", "PGPASSFILE", Honoured),
    keyword("service", "PGSERVICE", Honoured),
    keyword("servicefile", "PGSERVICEFILE", Honoured),
    keyword("connect_timeout", "PGCONNECT_TIMEOUT", Honoured),
    keyword("options", "PGOPTIONS", Honoured),
    keyword("application_name", "PGAPPNAME", Honoured),
    keyword("fallback_application_name", "", Honoured),
    keyword("keepalives", "", Honoured),
    keyword("keepalives_idle", "", Honoured),
    keyword("keepalives_interval", "", Honoured),
    keyword("keepalives_count", "", Honoured),
    keyword("tcp_user_timeout", "", Honoured),
    keyword("sslmode", "PGSSLMODE", Honoured),
    keyword("sslnegotiation", "PGSSLNEGOTIATION", Honoured),
    keyword("sslrootcert", "PGSSLROOTCERT", Honoured),
    keyword("sslcert", "PGSSLCERT", Honoured),
    keyword("sslkey", "PGSSLKEY", Honoured),
    keyword("sslcertmode", "PGSSLCERTMODE", Honoured),
    keyword("sslcrl", "PGSSLCRL", Honoured),
    keyword("sslsni", "PGSSLSNI", Honoured),
    keyword(
        "ssl_min_protocol_version",
        "PGSSLMINPROTOCOLVERSION",
        Honoured,
    ),
    keyword(
        "ssl_max_protocol_version",
        "PGSSLMAXPROTOCOLVERSION",
        Honoured,
    ),
    keyword("channel_binding", "PGCHANNELBINDING", Honoured),
    keyword("target_session_attrs", "PGTARGETSESSIONATTRS", Honoured),
    keyword("load_balance_hosts", "PGLOADBALANCEHOSTS", Honoured),
    keyword("gssencmode", "PGGSSENCMODE", Honoured),
    keyword("client_encoding", "", Honoured),
    keyword("sslcompression", "PGSSLCOMPRESSION", Ignored),
    keyword("min_protocol_version", "", Ignored),
    keyword("max_protocol_version", "", Ignored),
    keyword("krbsrvname", "", Refused(NO_GSSAPI)),
    keyword("gsslib", "", Refused(NO_GSSAPI)),
    keyword("gssdelegation", "", Refused(NO_GSSAPI)),
    keyword("oauth_issuer", "", Refused(NO_OAUTH)),
    keyword("oauth_client_id", "", Refused(NO_OAUTH)),
    keyword("oauth_client_secret", "", Refused(NO_OAUTH)),
    keyword("oauth_scope", "", Refused(NO_OAUTH)),
    keyword("replication", "", Refused(NOT_YOURS)),
    keyword("requirepeer", "PGREQUIREPEER", Refused(NO_PEER)),
    keyword("require_auth", "PGREQUIREAUTH", Refused(NO_REQUIRE_AUTH)),
    keyword("sslpassword", "", Refused(NO_KEY_PASSWORD)),
    keyword("sslcrldir", "PGSSLCRLDIR", Refused(NO_CRL_DIRECTORY)),
    keyword("sslkeylogfile", "", Refused(NO_KEY_LOG)),
    keyword("scram_client_key", "", Refused(NO_SCRAM_KEYS)),
    keyword("scram_server_key", "", Refused(NO_SCRAM_KEYS)),
];

/// Finds a parameter by its exact name.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The refusal of a name that libpq does not know. The name is repeated only when it is close to
/// one that exists: in a badly quoted connection string it may be a piece of the password.
pub(super) fn unknown(place: &str, name: &str) -> Error {
    let honoured = KEYWORDS
        .iter()
        .filter(|keyword| keyword.support == Honoured);
    let near = honoured
        .map(|keyword| {
            (
                strsim::jaro_winkler(keyword.name, &name.to_lowercase()),
                keyword.name,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, known)) => Error::new(
            Exit::PlanInvalid,
            format!("{place} has a parameter `{name}`, which libpq does not know"),
            format!("Did you mean `{known}`?"),
        ),
        None => Error::new(
            Exit::PlanInvalid,
            format!("{place} has a parameter that libpq does not know"),
            "Compare it with the parameter key words in PostgreSQL's manual, and percent-encode \
             (in a URL) or quote (in key=value) special characters in values. The name is not \
             shown because it may be a piece of a password.",
        ),
    }
}
