//! What every engine refuses in the same words: rows and columns that do not go into a table.

mod incremental;
mod snapshot;

pub use self::incremental::IncrementalError;
pub use self::snapshot::SnapshotError;
