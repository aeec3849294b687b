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
//! | `load` | the records of files to the files of a table, by worker threads |
//! | `state` | what the lake holds for a node: metadata only |
//! | `ingest` | files to a bronze table, exactly once |
//! | `seed` | a CSV file of the project to a table |
//! | `table`, `view`, `test`, `external` | the other steps |
//! | `query` | a query that the user types |
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

pub mod engine;
pub mod error;
mod external;
mod ingest;
mod inputs;
mod load;
mod memory;
mod query;
mod rows;
mod seed;
mod session;
mod spill;
mod state;
mod table;
mod test;
mod view;

pub use engine::{EmbeddedEngine, Settings};
pub use error::EmbeddedError;
pub use query::QueryResult;
