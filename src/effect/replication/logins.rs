//! Whether the applications that are fenced off can log in where they are to go: passwords are not
//! migrated. It never fails for that: certificates and peers need none.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::Logins;
use crate::error::Result;
use crate::postgres::quote_literal;

/// SQL that names those of the roles that have no password; only superusers may ask.
pub(super) fn question(logins: &Logins) -> String {
    let roles: Vec<String> = logins.roles.iter().map(|r| quote_literal(r)).collect();
    format!(
        "select rolname::text from pg_authid where rolpassword is null and rolname in ({}) order by 1",
        roles.join(", ")
    )
}

/// What to tell of those who have no password on the target; `None` where all have one.
///
/// # Errors
/// What the target says, but that we may not look.
pub(super) async fn warning(target: &Client, logins: &Logins) -> Result<Option<String>> {
    if logins.roles.is_empty() {
        return Ok(None);
    }
    let without: Vec<String> = match target.query(&question(logins), &[]).await {
        Ok(rows) => {
            let names: Result<Vec<_>, _> = rows.iter().map(|row| row.try_get(0)).collect();
            names?
        }
        // Then at least the roles are known that the migration itself made, without one.
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            logins.made.clone()
        }
        Err(error) => return Err(error.into()),
    };
    Ok(without.first().map(|first| {
        format!(
            "{} {} no password on the target: set one there (`\\password {first}` in psql) before \
             the application comes, unless that is not how it logs in",
            without.join(", "),
            if without.len() == 1 { "has" } else { "have" },
        )
    }))
}
