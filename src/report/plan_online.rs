//! What an online plan asks of the source, in sentences: locks, identities, the fence, the deadline.
//! It decides nothing: the steps and settings that it speaks of do.

use super::{bytes, duration};
use crate::resolve::{Fence, Online, ReplicaIdentity};

/// What the source and its applications will notice.
pub(super) fn sentences(online: &Online) -> Vec<String> {
    let mut all = vec![
        "while it copies: ACCESS SHARE on every table that is copied, which stands in the way of \
         changes of the schema alone; a SHARE UPDATE EXCLUSIVE lock for a moment as they are \
         published"
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
