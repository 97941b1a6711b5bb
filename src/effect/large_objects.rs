//! Performs the copying of large objects: many at once, under the snapshot, straight from source to
//! target, in one transaction there. It keeps none of them on the way, but for a piece of each.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Row};

use super::Place;
use super::world::{Act, LetThrough, Output, World};
use crate::error::{Error, Result};
use crate::postgres::{quote_identifier, quote_literal};

/// A range of large objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LargeObjects {
    /// The OID of the first.
    pub first: u32,
    /// The last OID that belongs to it.
    pub last: u32,
    /// Whether they keep their owners and privileges.
    pub owners: bool,
    /// Whether errors about owners, privileges, comments and labels are warnings.
    pub allow_errors: bool,
}

/// The next of them, with as much of each as fits into memory 250 times.
const READ: &str = "select oid, pg_get_userbyid(lomowner)::text, lomacl is not null, \
    obj_description(oid, 'pg_largeobject'), lo_get(oid, 0, 65536) \
    from pg_largeobject_metadata where oid between $1 and $2 order by oid limit 250";
/// How much of each that is.
const FIRST_BYTES: usize = 65_536;
/// More of a large one.
const READ_ON: &str = "select lo_get($1, $2, 1048576)";
/// How much that is.
const MORE_BYTES: usize = 1_048_576;
/// Who may do what with them, in the order in which it was granted.
const PRIVILEGES: &str = "select m.oid, pg_get_userbyid(a.grantor)::text, \
    case when a.grantee <> 0 then pg_get_userbyid(a.grantee)::text end, \
    lower(a.privilege_type), a.is_grantable \
    from pg_largeobject_metadata m, aclexplode(m.lomacl) with ordinality a \
    where m.oid = any ($1) order by m.oid, a.ordinality";
/// Their security labels.
const LABELS: &str = "select objoid, provider, label from pg_seclabel \
    where classoid = 'pg_largeobject'::regclass and objoid between $1 and $2 order by 1, 2";
/// Makes many.
const WRITE: &str = "select count(lo_from_bytea(oid, bytes)) \
    from unnest($1::oid[], $2::bytea[]) as object (oid, bytes)";
/// Goes on with a large one.
const WRITE_ON: &str = "select lo_put($1, $2, $3)";

/// What is sent to both sides, once or again and again.
pub(super) fn lines(what: &LargeObjects) -> Vec<String> {
    let LargeObjects {
        first,
        last,
        owners,
        allow_errors: _,
    } = *what;
    let range = |sql: &str| {
        let sql = sql.replace("$1", &first.to_string());
        sql.replace("$2", &last.to_string())
    };
    let mut lines = vec![
        format!("source: {}, and so on", range(READ)),
        format!("source: {READ_ON} for each that is larger"),
        format!("source: {}", range(LABELS)),
        format!("target: {WRITE}"),
        format!("target: {WRITE_ON} for each that is larger"),
        "target: comment on large object, security label on large object for each that has one"
            .to_owned(),
    ];
    if owners {
        lines.insert(3, format!("source: {PRIVILEGES}"));
        lines.push("target: set local role <owner>; revoke, grant as there".to_owned());
    }
    lines
}

/// Copies them.
///
/// # Errors
/// What a server says, that the snapshot is gone, or that it was stopped.
pub(super) async fn copy(world: &World, act: Act<'_>, what: LargeObjects) -> Result<Output> {
    world.performed(act, lines(&what));
    let work = async {
        let source = world.under_snapshot().await?;
        let target = world.open_for(act, Place::Target).await?;
        let mut copying = Copying {
            source: &source,
            target: &target,
            what,
            warnings: Vec::new(),
        };
        target.batch_execute("begin").await?;
        let mut next = Some(what.first);
        while let Some(first) = next {
            let last = copying.some(first).await?;
            next = last.and_then(|last| last.checked_add(1));
            next = next.filter(|next| *next <= what.last);
        }
        copying.labels().await?;
        target.batch_execute("commit").await?;
        let mut output = match copying.warnings.is_empty() {
            true => Output::default(),
            false => Output::of(&LetThrough::SomeErrors),
        };
        output.warnings = copying.warnings;
        Ok(output)
    };
    world.unless_stopped(work).await
}

struct Copying<'a> {
    source: &'a Client,
    target: &'a Client,
    what: LargeObjects,
    warnings: Vec<String>,
}

impl Copying<'_> {
    /// Copies the next ones, and returns the OID of the last.
    async fn some(&mut self, first: u32) -> Result<Option<u32>> {
        let rows = self.source.query(READ, &[&first, &self.what.last]).await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        let mut by_owner: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in &rows {
            let owner = if self.what.owners {
                row.try_get(1)?
            } else {
                ""
            };
            by_owner.entry(owner).or_default().push(row);
        }
        for (owner, objects) in by_owner {
            self.become_role(owner).await?;
            self.write(&objects).await?;
        }
        self.become_role("").await?;
        self.privileges(&rows).await?;
        for row in &rows {
            if let Some(comment) = row.try_get::<_, Option<&str>>(3)? {
                let oid: u32 = row.try_get(0)?;
                let comment = quote_literal(comment);
                self.say(&format!("comment on large object {oid} is {comment}"))
                    .await?;
            }
        }
        Ok(Some(last.try_get(0)?))
    }

    /// Makes what follows belong to a role; to the connected one where it has no name, or where the
    /// target does not let it be that role and the plan lets such errors through.
    async fn become_role(&mut self, role: &str) -> Result<()> {
        // Not to whoever it was before.
        if role.is_empty() || self.what.allow_errors {
            self.target.batch_execute("set local role none").await?;
        }
        if role.is_empty() {
            return Ok(());
        }
        self.say(&format!("set local role {}", quote_identifier(role)))
            .await
    }

    async fn write(&self, objects: &[&Row]) -> Result<()> {
        let mut oids: Vec<u32> = Vec::new();
        let mut contents: Vec<&[u8]> = Vec::new();
        for row in objects {
            oids.push(row.try_get(0)?);
            contents.push(row.try_get(4)?);
        }
        self.target.execute(WRITE, &[&oids, &contents]).await?;
        for (oid, content) in oids.iter().zip(&contents) {
            if content.len() == FIRST_BYTES {
                self.write_on(*oid).await?;
            }
        }
        Ok(())
    }

    /// The rest of a large one, piece by piece.
    async fn write_on(&self, oid: u32) -> Result<()> {
        let mut at = FIRST_BYTES as i64;
        loop {
            let row = self.source.query_one(READ_ON, &[&oid, &at]).await?;
            let bytes: &[u8] = row.try_get(0)?;
            if !bytes.is_empty() {
                self.target.execute(WRITE_ON, &[&oid, &at, &bytes]).await?;
            }
            if bytes.len() < MORE_BYTES {
                return Ok(());
            }
            at += MORE_BYTES as i64;
        }
    }

    /// As they are, and not by what PostgreSQL gives by itself: of an owner's, too, some may have
    /// been revoked.
    async fn privileges(&mut self, rows: &[Row]) -> Result<()> {
        if !self.what.owners {
            return Ok(());
        }
        let mut owners: BTreeMap<u32, &str> = BTreeMap::new();
        for row in rows {
            if row.try_get(2)? {
                owners.insert(row.try_get(0)?, row.try_get(1)?);
            }
        }
        if owners.is_empty() {
            return Ok(());
        }
        for (oid, owner) in &owners {
            let owner_name = quote_identifier(owner);
            self.become_role(owner).await?;
            self.say(&format!(
                "revoke all on large object {oid} from {owner_name}"
            ))
            .await?;
        }
        let oids: Vec<u32> = owners.into_keys().collect();
        for row in self.source.query(PRIVILEGES, &[&oids]).await? {
            let (oid, grantor): (u32, &str) = (row.try_get(0)?, row.try_get(1)?);
            let grantee: Option<&str> = row.try_get(2)?;
            let privilege: &str = row.try_get(3)?;
            let grantee = grantee.map_or_else(|| "public".to_owned(), quote_identifier);
            let option = if row.try_get(4)? {
                " with grant option"
            } else {
                ""
            };
            self.become_role(grantor).await?;
            self.say(&format!(
                "grant {privilege} on large object {oid} to {grantee}{option}"
            ))
            .await?;
        }
        self.become_role("").await
    }

    async fn labels(&mut self) -> Result<()> {
        let range = [self.what.first, self.what.last];
        for row in self.source.query(LABELS, &[&range[0], &range[1]]).await? {
            let (oid, provider): (u32, &str) = (row.try_get(0)?, row.try_get(1)?);
            let (provider, label) = (quote_identifier(provider), quote_literal(row.try_get(2)?));
            self.say(&format!(
                "security label for {provider} on large object {oid} is {label}"
            ))
            .await?;
        }
        Ok(())
    }

    /// Sends what may fail where the plan lets such errors through.
    async fn say(&mut self, sql: &str) -> Result<()> {
        if !self.what.allow_errors {
            return Ok(self.target.batch_execute(sql).await?);
        }
        self.target.batch_execute("savepoint said").await?;
        let Err(error) = self.target.batch_execute(sql).await else {
            return Ok(self.target.batch_execute("release savepoint said").await?);
        };
        let error = Error::from(error);
        self.target
            .batch_execute("rollback to savepoint said")
            .await
            .map_err(|_| error.clone())?;
        self.warnings
            .push(format!("{sql}: {}", error.causes().join("; ")));
        Ok(())
    }
}
