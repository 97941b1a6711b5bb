//! Whether the target database is still as this migration found it, made it or left it: somebody else
//! may have been there between two runs. It changes nothing.

use super::Ends;
use crate::effect::MARKS;
use crate::effect::replication::READ_ONLY;
use crate::error::{Error, Exit, Result};
use crate::inspect::{Facts, Target};
use crate::postgres::quote_identifier;
use crate::report::{counted, some_of};
use crate::side::Side;

/// Whether sessions of a database that is there may write without saying so.
const IS_OPEN: &str = "select exists (select from pg_database where datname = $1) and not exists \
    (select from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase \
    where s.setrole = 0 and d.datname = $1 \
    and 'default_transaction_read_only=on' = any (s.setconfig))";

impl Ends {
    /// Checks that these are the databases that the plan was made for: the servers may well be.
    ///
    /// # Errors
    /// [`Exit::Refused`] when one of them is another.
    pub(crate) fn are_the_databases_of(&self, facts: &Facts) -> Result<()> {
        let names = [
            (Side::Source, &facts.source.database.name, &self.source),
            (Side::Target, &facts.target.database_name, &self.target),
        ];
        let other = names
            .into_iter()
            .find(|(_, was, now)| *was != now.database());
        let Some((side, was, now)) = other else {
            return Ok(());
        };
        Err(Error::refused(
            format!("the {side} is another database than the one this migration began with"),
            "Undo the edit, then run the same command again.",
        )
        .because(format!("was: {was}\nnow: {}", now.database())))
    }

    /// Checks that nobody has made or filled the target database since the plan was made; `emptied`
    /// says that this migration may have removed what was in it.
    ///
    /// # Errors
    /// [`Exit::Refused`] when somebody has.
    pub(crate) async fn target_still_is_as_found(
        &self,
        known: &Target,
        emptied: bool,
    ) -> Result<()> {
        let found = self.target_facts().await?;
        let (was, is) = (content(known), content(&found));
        if was == is || emptied && is_emptied(known, &found) {
            return Ok(());
        }
        let what = format!(
            "the target database {} was changed since this migration began, and not by it",
            known.database_name
        );
        let next = "Put it back as it was, or start over with `pg_dbmigrator abort`, which leaves \
                    it as it is now.";
        Err(Error::refused(what, next).because(format!("was: {was}\nnow: {is}")))
    }

    /// Checks that the target database is the one that was found when the migration began, or the
    /// one that it made: somebody may have dropped that one and made another of the same name.
    ///
    /// # Errors
    /// [`Exit::Undecided`] when it is somebody else's.
    pub(crate) async fn target_is_ours(&self, known: &Target, made: Option<&str>) -> Result<()> {
        let Some(is) = self.target_facts().await?.database else {
            return Ok(());
        };
        let found = known.database.as_ref().is_some_and(|was| was.oid == is.oid);
        let ours = made.map_or(is.object_count == 0, |oid| oid == is.oid.to_string());
        if found || ours {
            return Ok(());
        }
        Err(Error::new(
            Exit::Undecided,
            format!(
                "the target database {} is not the one that this migration made",
                known.database_name
            ),
            format!(
                "Somebody made another of the same name. Rename or drop it yourself if nobody needs \
                 it, then run the same command again. It holds: {}",
                some_of(
                    &is.objects.iter().map(String::as_str).collect::<Vec<_>>(),
                    5
                )
            ),
        ))
    }

    /// Checks that the target database is still closed to writers, as this migration left it: another
    /// copy of its state may have made the switch, and then what is there is nowhere else.
    ///
    /// # Errors
    /// [`Exit::Undecided`] when it is open.
    pub(crate) async fn target_is_still_closed(&self, known: &Target) -> Result<()> {
        let name = &known.database_name;
        let client = self.maintenance.connect().await?;
        if !client.query_one(IS_OPEN, &[name]).await?.try_get(0)? {
            return Ok(());
        }
        let database = quote_identifier(name);
        Err(Error::new(
            Exit::Undecided,
            format!(
                "the target database {name} was opened since this migration closed it: \
                 applications may have written to it"
            ),
            format!(
                "Where another copy of this state directory made the switch, go on with that one. \
                 If nobody wrote there, run `alter database {database} set {READ_ONLY} = on` on the \
                 target, then the same command again."
            ),
        ))
    }

    /// Checks that the marks are there which a streamed copy leaves on the target until it is whole.
    ///
    /// # Errors
    /// [`Exit::Undecided`] when they are gone: nobody can tell any more which rows are there, and another
    /// copy of the state may have brought all of them, and applications theirs since.
    pub(crate) async fn marks_are_there(&self, known: &Target) -> Result<()> {
        let name = &known.database_name;
        let sql = format!("select to_regclass('{MARKS}.done') is not null");
        let client = self.target.connect().await?;
        if client.query_one(&sql, &[]).await?.try_get(0)? {
            return Ok(());
        }
        Err(Error::new(
            Exit::Undecided,
            format!("the schema {MARKS} is gone from the target database {name}"),
            "Where another copy of this state directory finished the migration, keep the database, and \
             remove this directory. If nobody did, drop the database yourself, or all that is in it; \
             then run `pg_dbmigrator abort`, and `pg_dbmigrator apply`.",
        )
        .because(
            "it says which rows are there, until all are: the copy was finished by somebody else, or \
             somebody dropped it, or the journal has lost its end"
                .to_owned(),
        ))
    }

    /// The same, unless nothing is there that could be lost.
    ///
    /// # Errors
    /// Those of [`Ends::marks_are_there`].
    pub(crate) async fn marks_or_nothing_is_there(&self, known: &Target) -> Result<()> {
        match self.target_facts().await?.database {
            Some(there) if there.object_count > 0 => self.marks_are_there(known).await,
            _ => Ok(()),
        }
    }
}

/// Whether nothing is there that was not: of a database that held something, no row is left.
fn is_emptied(known: &Target, found: &Target) -> bool {
    let Some(was) = &known.database else {
        return false;
    };
    match &found.database {
        None => was.object_count > 0,
        Some(is) => {
            let objects = [0, was.object_count];
            objects.contains(&is.object_count) && is.tables.iter().all(|table| table.empty)
        }
    }
}

/// What is in the target database, for people and to be compared.
fn content(target: &Target) -> String {
    let Some(database) = &target.database else {
        return "there is no such database".to_owned();
    };
    let filled = database.tables.iter().filter(|table| !table.empty).count() as u64;
    format!(
        "{}; rows in {}",
        counted(database.object_count, "object"),
        counted(filled, "table")
    )
}
