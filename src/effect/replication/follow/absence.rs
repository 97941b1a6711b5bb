//! Why a look at both servers failed: which of them does not answer, or whom a statement of ours
//! waits for there. It asks over sessions of its own, and never ends anybody's.

use std::time::Duration;

use crate::effect::Place;
use crate::effect::world::World;
use crate::error::{Error, Result};

/// Who holds a lock that a session of ours waits for.
const HOLDERS: &str = "select distinct format('pid %s, user %s, database %s, %s', holder.pid, \
    coalesce(holder.usename, '-'), coalesce(holder.datname, '-'), \
    coalesce(nullif(holder.application_name, ''), '-')) \
    from pg_stat_activity as waiting, unnest(pg_blocking_pids(waiting.pid)) as blocking (pid) \
    join pg_stat_activity as holder on holder.pid = blocking.pid \
    where waiting.application_name = current_setting('application_name') \
    and waiting.pid <> pg_backend_pid() order by 1";

/// How long a server has to answer when it is asked for nothing.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Why it failed, as far as the servers tell; otherwise in the words of the failure.
pub(super) async fn reason(world: &World, failure: &Error) -> String {
    let (source, target) = tokio::join!(at(world, Place::Source), at(world, Place::Target));
    let found: Vec<String> = [source, target].into_iter().flatten().collect();
    match found.is_empty() {
        true => format!("a look at both servers failed: {}", cause(failure)),
        false => found.join("; "),
    }
}

async fn at(world: &World, place: Place) -> Option<String> {
    let side = match place {
        Place::Source => "source",
        Place::Target | Place::TargetMaintenance => "target",
    };
    let asked = async {
        let client = world.open(place).await?;
        let rows = client.query(HOLDERS, &[]).await?;
        let names: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        Ok::<_, Error>(names?)
    };
    match tokio::time::timeout(AT_ONCE, asked).await {
        Err(_) => Some(format!("the {side} does not answer")),
        Ok(Err(error)) => Some(format!("the {side} does not answer: {}", cause(&error))),
        Ok(Ok(holders)) if holders.is_empty() => None,
        Ok(Ok(holders)) => Some(format!(
            "a statement of ours on the {side} waits for a lock of {}",
            holders.join(", and of ")
        )),
    }
}

fn cause(error: &Error) -> String {
    let causes = error.causes().last().map(String::as_str);
    causes.unwrap_or(error.what()).to_owned()
}
