//! Whether the applications that are fenced off can log in where they are to go: passwords are not
//! migrated. It never fails for that: certificates and peers need none.

use tokio_postgres::error::SqlState;

use super::Follow;
use crate::effect::Place;
use crate::effect::world::{Scene, World};
use crate::error::Result;
use crate::events::Happened;
use crate::postgres::quote_literal;

/// SQL that names those of the roles that have no password; only superusers may ask.
pub(in crate::effect::replication) fn question(roles: &[String]) -> String {
    let roles: Vec<String> = roles.iter().map(|role| quote_literal(role)).collect();
    format!(
        "select rolname::text from pg_authid where rolpassword is null and rolname in ({}) order by 1",
        roles.join(", ")
    )
}

/// Tells who has no password on the target.
///
/// # Errors
/// What the target says, but that we may not look.
pub(super) async fn check(world: &World, scene: Scene<'_>, what: &Follow) -> Result<()> {
    if what.logins.is_empty() {
        return Ok(());
    }
    let target = world.session(Place::Target).await?;
    let without: Vec<String> = match target.query(&question(&what.logins), &[]).await {
        Ok(rows) => {
            let names: Result<Vec<_>, _> = rows.iter().map(|row| row.try_get(0)).collect();
            names?
        }
        // Then at least the roles are known that the migration itself made, without one.
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => what.made.clone(),
        Err(error) => return Err(error.into()),
    };
    if let Some(first) = without.first() {
        let message = format!(
            "{} {} no password on the target: set one there (`\\password {first}` in psql) before you \
             cut over, unless that is not how the application logs in",
            without.join(", "),
            if without.len() == 1 { "has" } else { "have" },
        );
        world.tell(scene, Happened::Warning { message });
    }
    Ok(())
}
