//! What a plan asks of the source, in sentences: locks, the snapshot, identities, the fence.
//! It decides nothing: the steps and settings that it speaks of do.

use std::time::Duration;

use super::{bytes, counted, duration};
use crate::effect::Effect;
use crate::plan::Plan;
use crate::resolve::{Fence, Online, ReplicaIdentity};

/// What the source and its applications will notice.
pub(super) fn sentences(plan: &Plan, online: Option<&Online>) -> Vec<String> {
    let effects = plan.steps().flat_map(|step| &step.effects);
    let wanted = effects.filter_map(|effect| match effect {
        Effect::ExportSnapshot(wanted) => Some(wanted),
        _ => None,
    });
    let locks = wanted.map(|wanted| snapshot(wanted.tables.len() as u64, wanted.keep));
    let online = online.into_iter().flat_map(stream);
    locks.flatten().chain(online).collect()
}

/// What the session that holds the snapshot holds besides (manual, "Explicit Locking" and "Routine
/// Vacuuming").
fn snapshot(tables: u64, keep: Option<Duration>) -> Vec<String> {
    let until = match keep {
        None => "until all is read, or `apply` ends".to_owned(),
        Some(keep) => format!(
            "until all is read, and while no `apply` runs for {} at most (copy.keep_snapshot)",
            duration(keep.as_secs_f64())
        ),
    };
    vec![
        format!(
            "{until}: ACCESS SHARE on {}. Reads and writes go on; DROP, TRUNCATE, CLUSTER, VACUUM \
             FULL and most forms of ALTER TABLE wait, and whoever comes after one that waits, waits \
             for it",
            counted(tables, "table")
        ),
        "as long: vacuum removes no row that was deleted or changed since".to_owned(),
    ]
}

fn stream(online: &Online) -> Vec<String> {
    let mut all = vec![
        "SHARE UPDATE EXCLUSIVE for a moment on every table that is published, which waits for \
         changes of the schema, CREATE INDEX and vacuum alone"
            .to_owned(),
    ];
    let of = |wanted: fn(&ReplicaIdentity) -> bool| {
        let tables = online.replica_identity.iter();
        let tables = tables.filter(|(_, identity)| wanted(identity));
        let names: Vec<String> = tables.map(|((s, n), _)| format!("{s}.{n}")).collect();
        names.join(", ")
    };
    let changed = of(|identity| !matches!(identity, ReplicaIdentity::CopyAtCutover));
    if !changed.is_empty() {
        all.push(format!(
            "another REPLICA IDENTITY until finalize or abort, each with an ACCESS EXCLUSIVE lock \
             for a moment: {changed}"
        ));
    }
    let copied = of(|identity| matches!(identity, ReplicaIdentity::CopyAtCutover));
    if !copied.is_empty() {
        all.push(format!(
            "copied while the source is fenced, as long as that takes: {copied}"
        ));
    }
    all.push(format!(
        "WAL is kept for the target; at {} an `apply` that watches drops the slot, so that the disk \
         does not fill",
        bytes(online.retained_wal_bytes)
    ));
    all.push(fence(&online.cutover.fence));
    all.push(format!(
        "at most {} without writes (thresholds.write_outage): past that, or on any failure before \
         the target opens, everything is taken back and the source serves",
        duration(online.write_outage.as_secs_f64())
    ));
    all
}

fn fence(fence: &Fence) -> String {
    let Fence {
        roles,
        connect,
        read_only,
        terminate,
    } = fence;
    let mut parts = Vec::new();
    if !roles.is_empty() {
        parts.push(format!("{} may not log in (NOLOGIN)", roles.join(", ")));
    }
    if *connect {
        parts.push("nobody but the migration may connect to the database".to_owned());
    }
    if *read_only {
        parts.push("the database is read-only for all who do not ask otherwise".to_owned());
    }
    if *terminate {
        parts.push("open sessions are ended".to_owned());
    }
    match parts.is_empty() {
        true => "in the cutover nobody is kept out".to_owned(),
        false => format!("in the cutover: {}", parts.join("; ")),
    }
}
