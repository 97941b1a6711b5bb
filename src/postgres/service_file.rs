//! Connection service files (`pg_service.conf`), read as libpq does.
//! It never follows a service named inside a service, nor an `ldap://` line.

use std::path::{Path, PathBuf};

use crate::error::{Error, Exit, Result};
use crate::secret::Sealed;

use super::environment::Environment;
use super::parameters::Parameters;

/// Where packages of PostgreSQL keep `pg_service.conf`, for when PGSYSCONFDIR does not say:
/// libpq has one place compiled in (`pg_config --sysconfdir`).
const SYSTEM_DIRECTORIES: [&str; 3] = [
    "/etc/postgresql-common",
    "/etc/sysconfig/pgsql",
    "/usr/local/pgsql/etc",
];

/// Fills the parameters from the service that they or PGSERVICE name, if any.
pub(super) fn fill(parameters: &mut Parameters, environment: &Environment) -> Result<()> {
    let named = parameters.text("service")?;
    let named = named.or_else(|| environment.variable("PGSERVICE").map(str::to_owned));
    let Some(service) = named.filter(|name| !name.is_empty()) else {
        return Ok(());
    };
    let file = parameters.text("servicefile")?;
    let file = file.or_else(|| environment.variable("PGSERVICEFILE").map(str::to_owned));
    for path in places(file.filter(|name| !name.is_empty()), environment) {
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let what = format!("cannot read the service file {}", path.display());
            Error::new(
                Exit::PlanInvalid,
                what,
                "Correct its path or its permissions.",
            )
            .because(error)
        })?;
        if let Some(pairs) = section(&text, &service).map_err(|fault| fault.in_file(&path))? {
            return parameters.fill(&format!("service `{service}`"), pairs);
        }
    }
    let what = format!("the definition of service `{service}` was not found");
    let next = "Define it in ~/.pg_service.conf, or name another file with PGSERVICEFILE.";
    Err(Error::new(Exit::PlanInvalid, what, next).at(parameters.place()))
}

/// The files to look in, in order; one named explicitly must exist.
fn places(explicit: Option<String>, environment: &Environment) -> Vec<PathBuf> {
    let own = match explicit {
        Some(file) => Some(PathBuf::from(file)),
        None => environment
            .at_home(".pg_service.conf")
            .filter(|path| path.exists()),
    };
    let directories = match environment.variable("PGSYSCONFDIR") {
        Some(directory) => vec![directory],
        None => SYSTEM_DIRECTORIES.to_vec(),
    };
    let system = directories
        .iter()
        .map(|directory| Path::new(directory).join("pg_service.conf"));
    own.into_iter()
        .chain(system.filter(|path| path.exists()))
        .collect()
}

/// What is wrong with a line, counted from one.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    line: usize,
    why: &'static str,
}

impl Fault {
    fn in_file(&self, path: &Path) -> Error {
        let what = format!(
            "line {} of the service file {} {}",
            self.line,
            path.display(),
            self.why
        );
        Error::new(
            Exit::PlanInvalid,
            what,
            "Correct that line: `[name]`, `key=value` or `# text`.",
        )
    }
}

type Pairs = Vec<(String, Sealed)>;

/// The pairs of one section; `None` where there is no such section. Of two values for one name
/// the first counts, as in libpq.
fn section(text: &str, service: &str) -> Result<Option<Pairs>, Fault> {
    let mut found: Option<Pairs> = None;
    for (number, line) in text.lines().enumerate() {
        let fault = |why| Fault {
            line: number + 1,
            why,
        };
        let line = line.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            found = header
                .strip_prefix(service)
                .is_some_and(|end| end.starts_with(']'))
                .then(Vec::new);
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        if line.starts_with("ldap") {
            return Err(fault("asks an LDAP server, which is not supported"));
        }
        let (name, value) = line.split_once('=').ok_or_else(|| fault("has no `=`"))?;
        if matches!(name, "service" | "servicefile") {
            return Err(fault("names a service inside a service"));
        }
        pairs.push((name.to_owned(), Sealed::new(value)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read_to_the_next_header_and_values_are_taken_as_they_stand() {
        let text = "# all\n[a]\nhost=x\n[b]\n host=a,b \nport = 1\noptions=-c a='b c'\n[c]\nhost=z";
        let pairs = section(text, "b")
            .expect("no fault")
            .expect("there is a [b]");
        let shown: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_sealed_str()))
            .collect();
        let expected = [("host", "a,b"), ("port ", " 1"), ("options", "-c a='b c'")];
        assert_eq!(shown, expected);
        assert_eq!(section(text, "d"), Ok(None));
    }

    #[test]
    fn a_fault_names_its_line() {
        assert_eq!(
            section("[a]\nhost", "a").map_err(|fault| fault.line),
            Err(2)
        );
        assert_eq!(
            section("[a]\nservice=b", "a").map_err(|fault| fault.line),
            Err(2)
        );
        assert_eq!(section("[b]\nhost\n[a]", "a"), Ok(Some(Vec::new())));
    }
}
