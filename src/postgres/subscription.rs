//! The connection as a server makes it for a subscription: one text that its own libpq reads.
//! It never leaves the text in the clear: whoever sends it must keep it out of logs and messages.

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Exit, Result};
use crate::secret::{Sealed, seal};

use super::conninfo::Conninfo;
use super::parse;
use super::tls::Roots;

/// What only says what a server's libpq does by itself: words that an older one may not know stay
/// away.
const PLAIN: [(&str, &str); 5] = [
    ("target_session_attrs", "any"),
    ("channel_binding", "prefer"),
    ("connect_timeout", "0"),
    ("keepalives", "1"),
    ("hostaddr", ""),
];

/// What PostgreSQL sets itself for a subscription: the name is the subscription's, the encoding
/// the database's.
const ITS_OWN: [&str; 2] = ["application_name", "client_encoding"];

impl Conninfo {
    /// The connection as `key='value'` pairs for `create subscription … connection`, made by the
    /// other server instead of this process. Files are named by their path here: that the server
    /// has them there, and reaches the address, is for it to say.
    ///
    /// # Errors
    /// Several hosts with a password each ([`Exit::PlanInvalid`]): such a text holds one.
    pub fn for_subscription(&self) -> Result<SecretString> {
        let mut text = String::new();
        let mut parameters = self.child_parameters();
        parameters.retain(|(name, _)| *name != "options");
        parameters.extend(self.settings().map(|settings| ("options", settings)));
        for (name, value) in parameters {
            if !ITS_OWN.contains(&name) && !PLAIN.contains(&(name, value.as_str())) {
                push(&mut text, name, &value);
            }
        }
        if self.tls.roots == Roots::System {
            push(&mut text, "sslrootcert", "system");
        }
        if let Some(password) = self.one_password()? {
            push_password(&mut text, "password", password.reveal()?.expose_secret());
        }
        Ok(SecretString::from(text))
    }

    /// The password, which a subscription has only one of.
    fn one_password(&self) -> Result<Option<Sealed>> {
        let mut passwords = self.hosts.iter().map(|host| self.password_for(host));
        let first = passwords.next().flatten();
        if passwords.all(|other| other == first) {
            return Ok(first);
        }
        Err(Error::new(
            Exit::PlanInvalid,
            format!(
                "the hosts of the {} have a password each, and a subscription holds one",
                self.label
            ),
            format!(
                "Set `online.subscription_{}`: how the other server reaches the {}.",
                self.label, self.label
            ),
        ))
    }
}

/// A connection string as a plan holds it, as `key='value'` pairs for a subscription: only what it
/// says, nothing from around this process. `key` is its key in the plan, for errors.
///
/// # Errors
/// A text that is no connection string ([`Exit::PlanInvalid`]).
pub fn subscription_string(key: &str, written: &Sealed) -> Result<SecretString> {
    let pairs = if written.is_one_secret() {
        parse::parse(key, written.reveal()?.expose_secret())?
    } else {
        parse::parse(key, written.as_sealed_str())?
    };
    let mut text = String::new();
    for (name, value) in pairs {
        let value = value.reveal()?;
        if name == "password" || name == "sslpassword" {
            push_password(&mut text, &name, value.expose_secret());
        } else {
            push(&mut text, &name, value.expose_secret());
        }
    }
    Ok(SecretString::from(text))
}

/// The role that a connection string of a plan logs in as; `None` where it does not say so, or not
/// in plain words.
pub fn subscription_user(written: &Sealed) -> Option<String> {
    let revealed = written
        .is_one_secret()
        .then(|| written.reveal())
        .transpose();
    let revealed = revealed.ok()?;
    let text = match &revealed {
        Some(text) => text.expose_secret(),
        None => written.as_sealed_str(),
    };
    let pairs = parse::parse("subscription", text).ok()?;
    let mut users = pairs.iter().rev().filter(|(name, _)| name == "user");
    let (_, user) = users.next()?;
    (!user.has_secret()).then(|| user.as_sealed_str().to_owned())
}

/// A password, of which every form that is sent is known to be one.
fn push_password(text: &mut String, name: &str, password: &str) {
    seal("password", password);
    seal("password", escaped(password));
    push(text, name, password);
}

fn push(text: &mut String, name: &str, value: &str) {
    let space = if text.is_empty() { "" } else { " " };
    text.push_str(&format!("{space}{name}='{}'", escaped(value)));
}

/// As the manual has it for `'values'`: a quote and a backslash are preceded by a backslash.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\'', "\\'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Environment;

    fn of(text: &str) -> Result<String> {
        let around = Environment::default();
        let conninfo = Conninfo::resolve("source", &Sealed::new(text), &around)?;
        Ok(conninfo.for_subscription()?.expose_secret().to_owned())
    }

    #[test]
    fn what_a_server_needs_is_said_and_what_it_has_itself_is_not() {
        let text =
            r"host=db port=5433 user=app dbname='my shop' password='it\'s\\' sslmode=require";
        assert_eq!(
            of(text).expect("a connection string"),
            "host='db' port='5433' user='app' dbname='my shop' connect_timeout='30' \
             gssencmode='disable' sslmode='require' password='it\\'s\\\\'"
        );
    }

    #[test]
    fn the_role_of_a_plan_s_own_text_is_known_where_it_says_it() {
        let user = |text: &str| subscription_user(&Sealed::new(text));
        let secret = seal("env WHO", "someone");
        assert_eq!(user("postgres://app:x@db/shop").as_deref(), Some("app"));
        assert_eq!(user("host=db user='a b'").as_deref(), Some("a b"));
        assert_eq!(user("host=db dbname=shop"), None);
        assert_eq!(user(&format!("host=db user={secret}")), None);
        let whole = seal("env ALL", "host=db user=hidden");
        assert_eq!(user(&whole).as_deref(), Some("hidden"));
    }

    #[test]
    fn a_plan_s_own_text_says_nothing_more_than_it_says() {
        let secret = seal("env SUBSCRIBE", "p'w @/x");
        let text = Sealed::new(format!(
            "postgres://app:{secret}@10.0.0.5/shop?sslmode=disable"
        ));
        let text = subscription_string("online.subscription_source", &text);
        assert_eq!(
            text.expect("a connection string").expose_secret(),
            "user='app' password='p\\'w @/x' host='10.0.0.5' dbname='shop' sslmode='disable'"
        );
        let shown = crate::secret::redact("bad: password='p\\'w @/x'").into_owned();
        assert_eq!(shown, "bad: password='<password>'");
    }
}
