//! A snapshot that is kept between two runs, in words: what it costs the source, and what ends it.
//! It asks nobody.

use super::wrapped;
use crate::migrator::KeptSnapshot;

/// In a line of many.
pub(super) fn short(kept: &KeptSnapshot) -> String {
    let since = kept.since.strftime("%T UTC");
    format!("; a snapshot is held since {since}")
}

/// What a copy that was cut short costs the source until it goes on.
pub(super) fn long(KeptSnapshot { since, kept_until }: &KeptSnapshot) -> String {
    let until = kept_until.map_or_else(
        || "while an apply works with it".to_owned(),
        |until| {
            let until = until.strftime("%F %T UTC");
            format!("until {until} unless an apply takes it up (copy.keep_snapshot)")
        },
    );
    let text = format!(
        "held on the source since {}, {until}; vacuum is held back there as long. \
         `pg_dbmigrator abort` lets it go.",
        since.strftime("%F %T UTC")
    );
    format!("\n{}", wrapped("  snapshot ", 11, &text))
}
