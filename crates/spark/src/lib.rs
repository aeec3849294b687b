//! The Spark engine: a stage of a run becomes one bundle of Spark SQL, which one job executes and answers.
//!
//! | module | owns |
//! |---|---|
//! | [`bundle`] | what is handed to the job: a versioned, readable JSON document |
//! | [`lower`] | steps to the actions of a bundle; pure |
//! | [`readable`] | a bundle as people read it: comments and SQL |
//! | [`result`] | what the job answers, and how that becomes the report of a step |
//! | [`doctor`] | what would stop a job on this machine, found before one is started |
//! | [`launch`] | starting a job, watching it, ending it; the settings that it gets |
//! | [`engine`] | a stage of a run as one job, seen as an [`headwater_plan::Engine`] |
//! | [`error`] | [`SparkError`] |
//! | [`runner`] | the text of `runner.py`, which executes a bundle inside Spark |
//!
//! Does not belong here: what a step means (`headwater_plan` says it, the embedded engine is its measure), files of
//! sources (they are loaded by the same code as everywhere, which the job calls), anything that AWS alone knows.
//! Files on disk: the bundle, its result and its progress, wherever the caller puts them.

pub mod bundle;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod launch;
pub mod lower;
pub mod readable;
pub mod result;
pub mod runner;

pub use engine::SparkEngine;
pub use error::SparkError;
