//! Performs the making of a subscription, and the check of the slot that it will read.
//! The connection string is filled in here alone, and kept out of the server's log.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Subscription;
use crate::effect::Place;
use crate::effect::world::{Act, Output, World};
use crate::error::{Error, Exit, Result};
use crate::plan::StepId;
use crate::postgres::{perform_unlogged, quote_identifier, quote_literal};

/// What the step that made the slot knows of it.
#[derive(Deserialize)]
struct Made {
    consistent_point: String,
}

/// The statement; `link` is the connection string, or what is printed in its place.
pub(super) fn statement(subscription: &Subscription, link: &str) -> String {
    let Subscription {
        side: _,
        name,
        publication,
        slot,
        options,
    } = subscription;
    let mut with = vec![
        "create_slot = false".to_owned(),
        format!("slot_name = {}", quote_literal(slot)),
        "copy_data = false".to_owned(),
        "enabled = false".to_owned(),
    ];
    with.extend(
        options
            .iter()
            .map(|(name, value)| format!("{name} = {value}")),
    );
    format!(
        "create subscription {} connection {} publication {} with ({})",
        quote_identifier(name),
        quote_literal(link),
        quote_identifier(publication),
        with.join(", ")
    )
}

/// Makes the subscription, disabled.
///
/// # Errors
/// What the server says, also of its own connection to the other side.
pub(super) async fn subscribe(
    world: &World,
    act: Act<'_>,
    subscription: &Subscription,
) -> Result<Output> {
    let other = subscription.side.other();
    let link = world.link(other)?;
    let client = world.session_for(act, subscription.side.into()).await?;
    let work = async {
        let sql = SecretString::from(statement(subscription, link.expose_secret()));
        let made = async {
            client.batch_execute("begin").await?;
            perform_unlogged(&client, &sql).await?;
            client.batch_execute("commit").await
        };
        if let Err(error) = made.await {
            let _ = client.batch_execute("rollback").await;
            return Err(Error::from(error));
        }
        Ok(Output::default())
    };
    world.unless_stopped(work).await.map_err(|error: Error| {
        error.with_next(format!(
            "The server of the {} must reach the {other} itself: see that its address, \
             pg_hba.conf and the role's REPLICATION allow it, or say in the plan how it does \
             (online.subscription_{other}).",
            subscription.side
        ))
    })
}

/// What is asked about the slot before anything reads it.
pub(super) fn slot_state(slot: &str) -> String {
    format!(
        "select confirmed_flush_lsn::text, active, wal_status from pg_replication_slots \
         where slot_name = {} and database = current_database() and plugin = 'pgoutput'",
        quote_literal(slot)
    )
}

/// Checks that the slot stands where it was made.
///
/// # Errors
/// [`Exit::Undecided`] when it is gone, was moved, or is being read.
pub(super) async fn check_slot(
    world: &World,
    act: Act<'_>,
    (slot, made_by): (&str, &StepId),
) -> Result<Output> {
    let made: Made = world.output(made_by)?;
    let sql = slot_state(slot);
    let client = world.session_for(act, Place::Source).await?;
    let Some(row) = client.query_opt(&sql, &[]).await? else {
        return Err(spoilt(slot, "it is gone"));
    };
    let (at, active): (Option<String>, bool) = (row.try_get(0)?, row.try_get(1)?);
    let status: Option<String> = row.try_get(2)?;
    if active {
        return Err(spoilt(slot, "somebody reads it"));
    }
    if status.as_deref() == Some("lost") {
        return Err(spoilt(slot, "the source removed WAL that it needs"));
    }
    if at.as_deref() != Some(made.consistent_point.as_str()) {
        let why = format!(
            "it stands at {}, and was made at {}",
            at.as_deref().unwrap_or("no LSN"),
            made.consistent_point
        );
        return Err(spoilt(slot, &why));
    }
    Ok(Output::default())
}

fn spoilt(slot: &str, why: &str) -> Error {
    Error::new(
        Exit::Undecided,
        format!("the replication slot {slot} cannot be used: changes may be missing from it"),
        "Start over with `pg_dbmigrator abort`, then `pg_dbmigrator apply`.",
    )
    .because(why)
}
