//! What a user can say, a file per verb: each takes a typed request and gives a typed result.
//!
//! | module | owns |
//! |---|---|
//! | [`context`] | what every verb takes from outside |
//! | [`check`] | every mistake in the project, without touching data |
//! | [`plan`] | what a run would do, and why |
//! | [`run`] | loading, building, testing; also `test` |
//! | [`query`] | Spark SQL on the lake |
//! | [`tables`] | what the lake holds |
//! | [`maintain`] | `tables optimize`, `vacuum`, `restore` |
//! | [`sources`] | what of each source has arrived, is loaded, waits; forgetting files |
//! | [`quarantine`] | the rows that were set aside: seen, replayed, dropped |
//! | [`runs`] | what earlier runs did |
//! | [`infer`] | a contract from sampled files |
//! | [`init`] | a new project |
//! | [`templates`] | the projects that `init` and `demo` write |
//! | [`demo`] | the car-rental project, ready to run, and questions for it |
//! | [`generate`] | making test data from contracts and hints |
//! | [`sample`] | `generate`: test data for this project |
//! | [`rows`] | rows to CSV, JSON, Parquet |
//! | [`vars`] | the map of `--vars` |
//! | [`error`] | [`OpsError`] |
//! | `compile` | the project, compiled beside its lake |
//! | `placed` | diagnostics that name files from the project's folder |
//! | `wiring` | the only place that picks an engine, a lake and a run store |
//!
//! Does not belong here: flags, printing, exit codes (the binary's), and anything that a crate below could do itself.
//!
//! Files on disk: what `init` and `demo` write into a new project's folder, its `.headwater/schemas/`, the files of
//! `generate`, and those of `query --output`.

pub mod check;
mod compile;
pub mod context;
pub mod demo;
pub mod error;
pub mod generate;
pub mod infer;
pub mod init;
pub mod maintain;
mod placed;
pub mod plan;
pub mod quarantine;
pub mod query;
pub mod rows;
pub mod run;
pub mod runs;
pub mod sample;
pub mod sources;
pub mod tables;
pub mod templates;
pub mod vars;
mod wiring;

pub use check::Counts;
pub use context::Context;
pub use error::OpsError;
pub use headwater_project::config::duration;
