//! What a user can say, a file per verb: each takes a typed request and gives a typed result.
//!
//! | module | owns |
//! |---|---|
//! | [`context`] | what every verb takes from outside |
//! | [`choice`] | which nodes the user chose, and how they are to be built |
//! | [`check`] | every mistake in the project, without touching data |
//! | [`plan`] | what a run would do, and why |
//! | [`run`] | loading, building, testing; also `build`, `seed`, `snapshot`, `test` |
//! | [`compile`] | the SQL that the project comes to |
//! | [`doctor`] | what stands in the way of a run on this machine |
//! | [`execute_step`] | one step of a bundle, for a job of Spark |
//! | [`show`] | the first rows of a model's SQL |
//! | [`list`] | the nodes that a selection names |
//! | [`lineage`] | which columns a column is made of |
//! | [`openlineage`] | the same, and runs, as OpenLineage's events |
//! | [`diff`] | what changed since a revision, and which columns that touches |
//! | [`docs`] | the documentation's site |
//! | [`deps`] | the packages that the project uses |
//! | [`clean`] | taking away what can be made again |
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
//! | `artefacts` | dbt's `manifest.json`, `run_results.json`, `catalog.json` |
//! | `outside` | the lake, as the compiler asks it |
//! | `placed` | diagnostics that name files from the project's folder |
//! | `project` | the project, compiled beside its lake |
//! | `selection` | a choice beside its project: the nodes that it names |
//! | [`spark`] | Spark beside the embedded engine: which of the two a run takes |
//! | `stages` | what is compiled while a run goes on |
//! | `wiring` | the only place that picks an engine, a lake and a run store |
//!
//! Does not belong here: flags, printing, exit codes (the binary's), and anything that a crate below could do itself.
//!
//! Files on disk: what `init` and `demo` write into a new project's folder, its `.headwater/schemas/`, the files of
//! `generate`, and those of `query --output`; in a project `target/` (artefacts, compiled SQL, the documentation's site),
//! `dbt_packages/` and `package-lock.yml`.

mod artefacts;
pub mod check;
pub mod choice;
pub mod clean;
pub mod compile;
pub mod context;
pub mod demo;
pub mod deps;
pub mod diff;
pub mod docs;
pub mod doctor;
pub mod error;
pub mod execute_step;
pub mod generate;
pub mod infer;
pub mod init;
pub mod lineage;
pub mod list;
pub mod maintain;
pub mod openlineage;
mod outside;
mod placed;
pub mod plan;
mod project;
pub mod quarantine;
pub mod query;
pub mod rows;
pub mod run;
pub mod runs;
pub mod sample;
mod selection;
pub mod show;
pub mod sources;
pub mod spark;
mod stages;
pub mod tables;
pub mod templates;
pub mod vars;
mod wiring;

pub use check::Counts;
pub use choice::{Choice, Defer};
pub use context::Context;
pub use error::OpsError;
pub use headwater_project::config::duration;
