//! Named places in the commit protocol where a test may kill the process.
//!
//! With the environment variable `HEADWATER_FAULT` set to a name, the process aborts the first time that it passes the
//! place of that name; with `name:3`, the third time. It ends as `SIGKILL` would end it: nothing is flushed, no guard is
//! dropped. In release builds there are no such places.

/// The places, in the order in which a load passes them.
pub const POINTS: &[&str] = &[
    "batch-written",
    "rows-staged",
    "quarantine-staged",
    "attempt-staged",
    "before-table-commit",
    "table-committed",
    "quarantine-committed",
    "file-copied",
    "after-load-done",
    "batch-finished",
    "batch-withdrawn",
];

/// The places, in the order in which a change of a part of a table passes them: an increment, a snapshot, a statement.
pub const CHANGE_POINTS: &[&str] = &["increment-computed", "change-staged", "change-committed"];

/// A place where a test may kill the process.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    debug_assert!(POINTS.contains(&name) || CHANGE_POINTS.contains(&name), "`{name}` is not in the lists of places");
    armed::pass(name);
}

/// A place where a test may kill the process: in release builds, nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point(_name: &str) {}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Where to die, and after how many passings.
    static FAULT: LazyLock<Option<(String, AtomicU32)>> = LazyLock::new(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "it belongs to the process that a test starts, not to a project: it must reach every crate"
        )]
        let wanted = std::env::var("HEADWATER_FAULT").ok()?;
        let (name, passings) = match wanted.split_once(':') {
            Some((name, passings)) => (name, passings.parse().ok()?),
            None => (wanted.as_str(), 1),
        };
        Some((name.to_owned(), AtomicU32::new(passings)))
    });

    pub(super) fn pass(name: &str) {
        if let Some((wanted, left)) = &*FAULT
            && wanted == name
            && left.fetch_sub(1, Ordering::AcqRel) == 1
        {
            std::process::abort();
        }
    }
}
