//! Starting a job of Spark, watching it, ending it. One launcher for each place where Spark runs; all take the same bundle.
//!
//! The risks: an orphan (a job that goes on though nobody waits for it) and a double (two jobs of one stage). So what
//! a job is stands in a folder of its own before it begins, a second submission of the same token finds the first, and
//! whoever comes after a Headwater that died finds the jobs that still run ([`running`]).
//!
//! | module | owns |
//! |---|---|
//! | [`job`] | a job's folder and the files in it; the jobs of earlier runs |
//! | [`local`] | `spark-submit` on this machine |
//! | [`properties`] | the settings that a job is started with, and whose they are |
//! | [`sizes`] | settings by the sizes of the plan |
//! | `storage` | settings of the lake's storage |

pub mod job;
pub mod local;
pub mod properties;
pub mod sizes;
mod storage;

use std::path::PathBuf;

use async_trait::async_trait;

pub use job::{Folder, JobFile, running};
pub use local::{Processes, SparkSubmit};
pub use properties::{Author, DELTA_CATALOG, DELTA_EXTENSION, Owner, Properties, Setting};
pub use sizes::{Sizes, local_cores, memory};

use crate::error::SparkError;

/// A job to be started.
pub struct Submission {
    /// Where its files are, the bundle among them.
    pub folder: Folder,
    /// What it is.
    pub job: JobFile,
    /// The settings of its Spark.
    pub properties: Properties,
}

/// A job that was started, by its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobId(pub Folder);

/// How a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It goes on.
    Running,
    /// It has ended, well or not: the result tells, if there is one.
    Ended,
}

/// How a job is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelling {
    /// It is asked to, and answers with a result.
    Ask,
    /// It is ended.
    Force,
}

/// Jobs that were started, by whichever process.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Whether one goes on.
    async fn state(&self, job: &JobId) -> Result<JobState, SparkError>;

    /// Ends one. A job that has ended stays as it is.
    async fn cancel(&self, job: &JobId, how: Cancelling) -> Result<(), SparkError>;

    /// Where what it says is kept.
    fn log(&self, job: &JobId) -> PathBuf;
}

/// A place where Spark runs.
#[async_trait]
pub trait Launcher: Jobs {
    /// Starts a job. A job of the same token that is there already is that job.
    async fn submit(&self, submission: Submission) -> Result<JobId, SparkError>;
}

/// Names in backticks, with commas.
pub(crate) fn quoted<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}
