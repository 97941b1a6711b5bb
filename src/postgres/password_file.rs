//! Password files (`.pgpass`), read and written as libpq does.
//! It never seals or keeps the passwords of servers that nobody asked about longer than the file
//! is being matched.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::secret::{Sealed, seal};

/// A password file: where it is, what it said, and why it was left out, if it was.
#[derive(Clone, Default)]
pub(super) struct PasswordFile {
    path: PathBuf,
    text: Option<SecretString>,
    remark: Option<String>,
}

/// What a line is matched against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

impl PasswordFile {
    /// Reads the file. One that is missing is no error, and one that others may read is left out
    /// with a remark, as in libpq.
    pub(super) fn read(path: &Path) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        let Ok(metadata) = std::fs::metadata(path) else {
            return file;
        };
        let shown = path.display();
        if !metadata.is_file() {
            file.remark = Some(format!(
                "the password file {shown} was left out: not a plain file"
            ));
        } else if metadata.permissions().mode() & 0o077 != 0 {
            file.remark = Some(format!(
                "the password file {shown} was left out: others may read it; `chmod 0600` it"
            ));
        } else {
            match std::fs::read(path) {
                Ok(bytes) => file.text = Some(String::from_utf8_lossy(&bytes).into_owned().into()),
                Err(error) => {
                    file.remark = Some(format!("the password file {shown} was left out: {error}"));
                }
            }
        }
        file
    }

    /// Why the file was left out, if it was.
    pub(super) fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// The password of the first line that matches, sealed under a label that names the file.
    pub(super) fn password(&self, login: Login<'_>) -> Option<Sealed> {
        let text = self.text.as_ref()?.expose_secret();
        let password = text.lines().find_map(|line| matching(line, login))?;
        Some(Sealed::new(seal(
            &format!("password in {}", self.path.display()),
            password,
        )))
    }
}

impl fmt::Debug for PasswordFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordFile")
            .field("path", &self.path)
            .field("remark", &self.remark)
            .finish_non_exhaustive()
    }
}

/// The password on a line of `host:port:database:user:password`, if the rest of it matches.
fn matching(line: &str, login: Login<'_>) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    for wanted in [
        login.host,
        &login.port.to_string(),
        login.database,
        login.user,
    ] {
        let (field, tail) = field(rest);
        if field != wanted && !rest.starts_with("*:") {
            return None;
        }
        rest = tail?;
    }
    Some(field(rest).0).filter(|password| !password.is_empty())
}

/// A field without its escapes, and what follows the colon that ends it.
fn field(text: &str) -> (String, Option<&str>) {
    let mut field = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => field.extend(characters.next().map(|(_, escaped)| escaped)),
            ':' => return (field, Some(&text[at + 1..])),
            c => field.push(c),
        }
    }
    (field, None)
}

/// A field as it must be written; `None` where no password file can hold it.
pub(super) fn escaped(field: &str) -> Option<String> {
    let impossible = field.is_empty() || field.contains(['\n', '\r', '\0']);
    (!impossible).then(|| field.replace('\\', "\\\\").replace(':', "\\:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: Login<'static> = Login {
        host: "db",
        port: 5433,
        database: "shop",
        user: "a:b",
    };

    #[test]
    fn a_line_matches_by_value_or_star_and_escapes_are_undone() {
        let cases = [
            (r"db:5433:shop:a\:b:secret", Some("secret")),
            (r"*:*:*:*:s\:e\\cret", Some(r"s:e\cret")),
            (r"*:*:*:*:cut:off", Some("cut")),
            (r"\*:*:*:*:secret", None),
            ("db:5432:shop:*:secret", None),
            ("#db:5433:shop:*:secret", None),
            ("*:*:*:*:", None),
            ("*:*:*", None),
        ];
        for (line, expected) in cases {
            assert_eq!(matching(line, LOGIN).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let password = r"a:b\c d'*";
        let line = format!("*:*:*:*:{}", escaped(password).expect("no newline in it"));
        assert_eq!(matching(&line, LOGIN).as_deref(), Some(password));
        assert_eq!(escaped("a\nb"), None);
    }
}
