//! Files that may still be growing.
//!
//! Risk: a file that is read while another program writes it is loaded in part, and the rest of it looks like a change
//! later. Nobody says when a file is whole; so one that changed a moment ago is waited for, as long as `settle` says, and
//! is loaded if it is still the same then. Objects of a store are whole by nature.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use headwater_connect::files::SourceFile;
use headwater_plan::{Cancel, Code, Diagnostic, Ingest, Node};

use crate::error::{EmbeddedError, and_more};

/// How often a run that waits is asked whether it should stop.
const LOOK: Duration = Duration::from_millis(50);

/// When a local file changed last; `None` for an object.
pub(crate) fn changed_at(tag: &str, path: &str) -> Option<DateTime<Utc>> {
    if path.contains("://") { None } else { tag.parse().ok() }
}

/// How much longer a file must be left alone; `None` if it has been long enough.
pub(crate) fn young_for(ingest: &Ingest, path: &str, tag: &str, now: DateTime<Utc>) -> Option<Duration> {
    let settle = Duration::from_millis(ingest.settle_ms);
    let settled_at = changed_at(tag, path)?.checked_add_signed(TimeDelta::from_std(settle).ok()?)?;
    // A file from the future was written by another clock: no longer than for one that was written just now.
    let left = settled_at.signed_duration_since(now).to_std().ok()?.min(settle);
    (!left.is_zero()).then_some(left)
}

/// Waits, unless the user stops the run.
pub(crate) async fn wait(mut time: Duration, cancel: &Cancel) -> Result<(), EmbeddedError> {
    while !time.is_zero() {
        cancel.check().map_err(|_| EmbeddedError::Cancelled)?;
        let step = time.min(LOOK);
        tokio::time::sleep(step).await;
        time -= step;
    }
    cancel.check().map_err(|_| EmbeddedError::Cancelled)
}

/// Of the files that are there after the wait, those that are still young and were not there before it as they are now.
pub(crate) fn still_growing(
    ingest: &Ingest,
    before: &[SourceFile],
    after: &[SourceFile],
    now: DateTime<Utc>,
) -> BTreeSet<String> {
    let seen: HashSet<&SourceFile> = before.iter().collect();
    let is_growing =
        |file: &&SourceFile| young_for(ingest, &file.path, &file.tag, now).is_some() && !seen.contains(file);
    after.iter().filter(is_growing).map(|file| file.path.clone()).collect()
}

/// The warning that files were left for the next run.
pub(crate) fn told(growing: &BTreeSet<String>, node: &Node) -> Option<Diagnostic> {
    let first = growing.first()?;
    let more = and_more(growing.len());
    let verb = if growing.len() == 1 { "is" } else { "are" };
    let message =
        format!("`{first}`{more} changed while this run waited for it to be whole, and {verb} left for the next one");
    let told = Diagnostic::warning(Code::FileChanged, message).node(node.id.clone());
    Some(
        told.help(
            "write files elsewhere and move them here when they are whole; `settle` is how long a file must rest",
        ),
    )
}
