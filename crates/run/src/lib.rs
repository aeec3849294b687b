//! Decides what has to run, runs it side by side, and keeps what happened.
//!
//! | module | owns |
//! |---|---|
//! | [`look`] | asking the engine what the lake holds for the nodes of a selection |
//! | [`decide`](mod@decide) | the pure choice: which selected nodes run and why, which are up to date |
//! | [`agenda`] | what an engine is told to be ahead of it |
//! | `graph` | who waits for whom among the decided nodes, the tests that gate included |
//! | `moment` | the statements before and after everything else |
//! | [`schedule`] | running the decisions: at most so many at once, failures, stopping |
//! | [`stages`] | going on with what was compiled on the way |
//! | `outcome` | how a step and a run ended |
//! | [`event`] | what an onlooker is told while a run goes on |
//! | [`store`] | the reports of past runs and the tests' last passes |
//! | [`error`] | what can go wrong with the run store |
//!
//! Does not belong here: how a step is executed (an engine does that and is seen only as a trait), what the user's
//! files say, how a report is shown.
//!
//! Files on disk, all under the project's `.headwater/`: `runs.db` (SQLite, with its `-wal` and `-shm`) and
//! `running/<run id>`, a file that a run's process holds a lock on for as long as it lives.

pub mod agenda;
pub mod decide;
pub mod error;
pub mod event;
mod graph;
pub mod look;
mod moment;
mod outcome;
pub mod schedule;
pub mod stages;
pub mod store;

pub use decide::{Action, DecideOptions, Decision, decide};
pub use error::RunError;
pub use event::{Event, Observer, Silent};
pub use look::states;
pub use schedule::{RunRequest, execute, execute_as};
pub use stages::{Conduct, Stage, Stages};
pub use store::{RunStore, RunSummary};
