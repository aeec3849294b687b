//! The DataFusion engine: executes the steps of a plan inside this process. One file per step kind.
//!
//! | module | owns |
//! |---|---|
//! | [`engine`] | [`EmbeddedEngine`], its [`Settings`], which step goes where |
//! | `session` | the DataFusion session that all queries share: its memory, its threads, planning |
//! | `memory` | who may hold how much before it spills |
//! | `spill` | the files of operators that need more memory than they may hold |
//! | `inputs` | the tables and views that a query reads, looked up before it is planned |
//! | `rows` | the rows of a query to the files of a table, by as many threads as the query has partitions |
//! | `change` | copy on write: the files of a table that hold a row to change, written anew |
//! | `compact` | few files of many small ones |
//! | `spool` | the rows of a query, computed once |
//! | `incremental` | a query whose rows go into what earlier runs built |
//! | `load` | the records of files to the files of a table, by worker threads |
//! | `state` | what the lake holds for a node: metadata only |
//! | `intake` | a source beside its table and its ledger: what is there, what is loaded, what waits |
//! | `ingest` | files to a bronze table, exactly once |
//! | `settle` | files that may still be growing |
//! | `constraints` | the rules of a contract, over batches of its columns |
//! | `quarantine` | rejected records to rows of the quarantine, and back |
//! | `finish` | what is left to do once a batch is in its table |
//! | [`replay`] | the quarantine once more through today's contract, and out of it |
//! | [`sources`] | what of a source has arrived, is loaded, waits; forgetting files |
//! | `set_aside` | a quarantine that holds nothing yet |
//! | `seed` | a CSV file of the project to a table |
//! | `table`, `view`, `test`, `external` | the other steps |
//! | `unit_test` | a model's query over rows that the user wrote |
//! | `snapshot` | the history of a query's rows |
//! | `statement` | INSERT, DELETE, UPDATE, MERGE |
//! | `hooks` | the statements before and after a step |
//! | `query` | a query that the user types, or a template asks |
//! | `json` | cells as JSON values |
//! | [`error`] | [`EmbeddedError`] |
//!
//! Does not belong here: which node runs when (`run`), what SQL means (`sql`), how a table lies on disk (`lake`), how a
//! file is read (`connect`).
//!
//! Files on disk: spill files under [`Settings::spill_dir`], without a name, so that they are gone with the process.
//! The tables, views and ledger that the steps write belong to `lake`.
//!
//! Stack: DataFusion plans and executes by recursion, and a debug build of it needs more than the 2 MB that threads
//! have by default. Whoever builds the tokio runtime gives its threads 8 MB (`thread_stack_size`).

mod change;
mod compact;
mod constraints;
pub mod engine;
pub mod error;
mod external;
mod finish;
mod hooks;
mod incremental;
mod ingest;
mod inputs;
mod intake;
mod json;
mod load;
mod memory;
mod quarantine;
mod query;
pub mod replay;
mod rows;
mod seed;
mod session;
mod set_aside;
mod settle;
mod snapshot;
pub mod sources;
mod spill;
mod spool;
mod state;
mod statement;
mod table;
mod test;
mod unit_test;
mod view;

pub use engine::{EmbeddedEngine, Settings};
pub use error::EmbeddedError;
pub use quarantine::{QuarantineRow, RowReason};
pub use query::QueryResult;
