//! Performs the reading of what a fence will change, and the opening of the fence.
//! It never closes one: that is plain SQL in the plan, after what was there before is known.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Fence, connect};
use crate::effect::Side;
use crate::effect::world::{Act, Output, World};
use crate::error::{Error, Exit, Result};
use crate::plan::StepId;
use crate::postgres::{quote_identifier, quote_literal};

/// The setting by which new sessions cannot write unless they say so.
pub(crate) const READ_ONLY: &str = "default_transaction_read_only";

/// Sessions of this migration other than the one that asks and the one with the lock.
const IN_FLIGHT: &str = "select pg_terminate_backend(pid) from pg_stat_activity \
    where application_name = current_setting('application_name') and pid <> pg_backend_pid() \
    and pid not in (select pid from pg_locks where locktype = 'advisory')";

/// Between two looks for them.
const PAUSE: Duration = Duration::from_millis(5);

/// What was there before the fence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    /// Roles of the fence that could log in.
    pub logins: Vec<String>,
    /// What the database said of [`READ_ONLY`].
    pub read_only: Option<String>,
    /// Who could connect to the database.
    #[serde(default)]
    pub connect: Vec<connect::Grant>,
}

impl Before {
    /// What is taken to have been there where nobody knows.
    pub(super) fn usual(fence: &Fence) -> Self {
        Self {
            logins: fence.roles.clone(),
            read_only: None,
            connect: vec![connect::Grant::PUBLIC],
        }
    }
}

/// What is asked, as far as the fence changes it: the roles that can log in, the grants of CONNECT,
/// and, always, the database's own setting.
pub(super) fn questions(fence: &Fence) -> Vec<String> {
    let connect = closes_connect(fence).then(|| connect::question(&fence.database));
    let questions = logins(fence).into_iter().chain(connect);
    questions.chain([setting(fence)]).collect()
}

fn closes_connect(fence: &Fence) -> bool {
    !fence.connect_only.is_empty()
}

fn logins(fence: &Fence) -> Option<String> {
    let roles: Vec<String> = fence.roles.iter().map(|role| quote_literal(role)).collect();
    let roles = roles.join(", ");
    (!roles.is_empty()).then(|| {
        format!(
            "select rolname from pg_roles where rolcanlogin and rolname in ({roles}) order by 1"
        )
    })
}

fn setting(fence: &Fence) -> String {
    format!(
        "select split_part(setting, '=', 2) from pg_db_role_setting, unnest(setconfig) setting \
         where setrole = 0 and setdatabase = (select oid from pg_database where datname = {}) \
         and setting like '{READ_ONLY}=%'",
        quote_literal(&fence.database)
    )
}

/// Reads what was there before.
///
/// # Errors
/// What the server says.
pub(super) async fn read(world: &World, act: Act<'_>, fence: &Fence) -> Result<Output> {
    let client = world.session_for(act, fence.side.into()).await?;
    let texts = async |sql: String| -> Result<Vec<String>> {
        let rows = client.query(&sql, &[]).await?;
        let texts: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        Ok(texts?)
    };
    let mut before = Before {
        read_only: texts(setting(fence)).await?.pop(),
        ..Before::default()
    };
    if let Some(sql) = logins(fence) {
        before.logins = texts(sql).await?;
    }
    if closes_connect(fence) {
        let grants = texts(connect::question(&fence.database)).await?;
        let read = |text: &String| serde_json::from_str(text).expect("the question makes them so");
        before.connect = grants.iter().map(read).collect();
    }
    Ok(Output::of(&before))
}

/// Ends what this process still has under way on a side, over sessions that it gave up: a statement
/// that was sent and not answered could close the fence after it was opened. The session with the
/// lock on the target stays.
///
/// # Errors
/// What the server says.
pub(crate) async fn end_in_flight(world: &World, side: Side) -> Result<()> {
    let client = world.session(side.into()).await?;
    while !client.query(IN_FLIGHT, &[]).await?.is_empty() {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// The statements that put back what was there.
pub(super) fn opening(fence: &Fence, before: &Before) -> Vec<String> {
    let database = quote_identifier(&fence.database);
    let setting = fence.read_only.then(|| match &before.read_only {
        Some(value) => format!(
            "alter database {database} set {READ_ONLY} = {}",
            quote_literal(value)
        ),
        None => format!("alter database {database} reset {READ_ONLY}"),
    });
    let logins = before
        .logins
        .iter()
        .map(|role| format!("alter role {} login", quote_identifier(role)));
    let connect = connect::opening(fence, &before.connect);
    setting.into_iter().chain(connect).chain(logins).collect()
}

/// Puts back what was there.
///
/// # Errors
/// What the server says.
pub(super) async fn open(
    world: &World,
    act: Act<'_>,
    (fence, before): (&Fence, &StepId),
    also: &[String],
) -> Result<Output> {
    let known: Option<Before> = world.output(before)?;
    let before = known.ok_or_else(|| unknown(fence, before))?;
    let client = world.session_for(act, fence.side.into()).await?;
    // In one message, which is one transaction: all of it, or nothing, is open.
    let mut statements = opening(fence, &before);
    statements.extend(also.iter().cloned());
    client.batch_execute(&statements.join("; ")).await?;
    Ok(Output::default())
}

fn unknown(fence: &Fence, before: &StepId) -> Error {
    let all = Before::usual(fence);
    Error::new(
        Exit::Undecided,
        format!(
            "what the {} allowed before it was closed is not in the journal (step {before}): it \
             was changed by hand",
            fence.side
        ),
        format!(
            "Open the {} by hand, as far as it was open before: {}.",
            fence.side,
            opening(fence, &all).join("; ")
        ),
    )
}
