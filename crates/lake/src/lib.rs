//! The lake: Delta tables, views, and the ledger of what was loaded. A file per operation.
//!
//! | module | owns |
//! |---|---|
//! | [`lake`] | [`Lake`]: opening a lake, where things lie in it, which names it takes |
//! | [`lock`] | one run at a time: [`Lake::lock`] |
//! | [`relation`] | [`Lake::relation`]: a table as it is now, its schema, size, provenance, and its rows for DataFusion |
//! | [`relations`] | [`Lake::relations`]: everything in the lake |
//! | [`files`] | the data files of a table, and the rows of some of them |
//! | [`prune`] | which files may hold rows of given keys |
//! | [`history`] | [`Lake::history`]: the versions of a table |
//! | [`write`] | [`Lake::begin_write`]: rows to Parquet files by many threads, then exactly one Delta commit; [`Lake::begin_change`]: files in the place of some others |
//! | `maintain` | [`Lake::optimize`], [`Lake::vacuum`], [`Lake::restore`] |
//! | [`view`] | [`Lake::replace_view`] |
//! | [`ledger`] | [`Lake::ledger`]: which files were loaded, in which batch (DESIGN, promise 1) |
//! | [`types`] | Spark's types as Arrow and as Delta has them |
//! | [`provenance`] | what Headwater writes into a commit beside the rows |
//! | `objects` | small files of our own, in a folder or a bucket alike |
//! | [`durable`] | an object store over local files whose writes survive a power cut |
//! | [`fault`] | where a test may kill the process |
//! | [`error`] | [`LakeError`] |
//!
//! Does not belong here: what a file or a query means, when to load it, any engine. This crate alone knows `_delta_log`.
//!
//! Files under the lake's folder, or its prefix in a bucket:
//!
//! | path | what |
//! |---|---|
//! | `<schema>/<name>/` | a Delta table: reader version 1, writer version 2 |
//! | `_headwater/lock` | who holds the lake |
//! | `_headwater/views/<schema>/<name>.json` | a view; it hides a table of the same name |
//! | `_headwater/ledger/<schema>.<name>/<generation>/<batch>.json` | the files of a batch; never changed, never removed |
//! | … `<batch>.<attempt>.attempt.json`, `<batch>.<attempt>.done.json`, `<batch>.withdrawn.json` | what became of it |
//! | … `forgotten/` | files that count as never loaded |
//! | `_headwater/dropped/` | tables on their way out |
//!
//! A process that is killed while it writes leaves Parquet files that no Delta version names. They are never read; a
//! vacuum removes them.

pub mod durable;
pub mod error;
pub mod fault;
pub mod files;
pub mod history;
pub mod lake;
pub mod ledger;
pub mod lock;
mod maintain;
mod objects;
pub mod provenance;
pub mod prune;
pub mod relation;
pub mod relations;
pub mod types;
pub mod view;
pub mod write;

pub use error::LakeError;
pub use files::{DataFile, FILE_NUMBER};
pub use history::HistoryEntry;
pub use lake::Lake;
pub use ledger::{
    Arrivals, Attempt, Batch, Contents, FileAccount, FileCount, Forgotten, Ledger, LedgerFile, QuarantineChange,
    Unfinished, Withdrawal,
};
pub use lock::{LakeLock, LockHolder};
pub use maintain::optimize::{OptimizeOptions, Optimized, RewriteGroup};
pub use maintain::restore::{RestoreOptions, RestoreTo, Restored};
pub use maintain::vacuum::{VacuumOptions, Vacuumed, VacuumedFile};
pub use provenance::SpansDone;
pub use prune::KeyValues;
pub use relation::{Relation, Table};
pub use relations::{RelationKind, RelationSummary};
pub use view::View;
pub use write::change::{ChangeOptions, Outcome, Removal, TableChange};
pub use write::{
    AppTransaction, Committed, FinishedPart, PartWriter, StagedFile, TableWriter, WriteMode, WriteOptions,
};
