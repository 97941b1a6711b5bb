//! Dies on purpose, for the tests that kill a migration everywhere. In a release build there is
//! nothing here.

/// One of the moments at which a migration may die: before and after every effect and every line
/// of the journal. A debug build counts them, and kills its process at the one whose number is
/// in `PG_DBMIGRATOR_DIE_AT`; with `0` it only says how many there were, on standard error.
#[cfg(debug_assertions)]
pub(crate) fn point() {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static DIE_AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("PG_DBMIGRATOR_DIE_AT").ok()?.parse().ok());
    static PASSED: AtomicU64 = AtomicU64::new(0);

    let Some(die_at) = *DIE_AT else { return };
    let passed = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    if die_at == 0 {
        tracing::warn!("crash point {passed}");
    }
    if passed == die_at {
        let own = rustix::process::getpid();
        let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn point() {}
