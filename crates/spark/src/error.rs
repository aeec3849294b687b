//! What can go wrong with a job of Spark.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headwater_plan::{Code, Diagnostic, Fault};

/// A situation in which a job cannot be started, watched or read.
#[derive(Debug, thiserror::Error)]
pub enum SparkError {
    /// A file of a job that cannot be read or written.
    #[error("cannot {doing} `{}`", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of a job that is not what it should be.
    #[error("`{}` is damaged", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A job that another Headwater started.
    #[error("`{}` is of version {version}, which this Headwater does not know", path.display())]
    NewerJob {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A program that cannot be started.
    #[error("cannot start `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A job that ended and answered nothing.
    #[error("Spark ended without a result")]
    Died {
        /// The last that it said.
        said: Vec<String>,
        /// Where all of it is.
        log: PathBuf,
    },
    /// A job that took too long.
    #[error("Spark was stopped: it took longer than the {} s of `timeout:`", after.as_secs())]
    TimedOut {
        /// How long it might take.
        after: Duration,
        /// Where what it said is.
        log: PathBuf,
    },
}

impl SparkError {
    /// An error of the file system.
    pub(crate) fn file(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { doing, path: path.to_owned(), source }
    }

    /// The message to the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let error = |code| Diagnostic::error(code, self.to_string());
        match self {
            Self::File { source, .. } => error(Code::EngineFailed)
                .fault(Fault::Outside)
                .help("the project's `.headwater/` must be writable and have room")
                .caused_by(source),
            Self::Json { source, .. } => {
                error(Code::EngineFailed).help("remove its folder: what the job did is in the lake").caused_by(source)
            }
            Self::NewerJob { .. } => {
                error(Code::EngineFailed).help("run the Headwater that wrote it, or remove its folder")
            }
            Self::Start { source, .. } => {
                error(Code::EngineMissing).help("`headwater doctor` looks at all that Spark needs").caused_by(source)
            }
            Self::Died { said, log } => {
                let mut told = error(Code::EngineFailed).fault(Fault::Outside);
                told.causes = said.clone();
                told.help(format!("all that it said is in `{}`", log.display()))
            }
            Self::TimedOut { log, .. } => error(Code::EngineFailed)
                .fault(Fault::Outside)
                .help(format!("what it said is in `{}`; `timeout:` of the engine gives it longer", log.display())),
        }
    }
}

impl From<SparkError> for Diagnostic {
    fn from(error: SparkError) -> Self {
        error.diagnostic()
    }
}
