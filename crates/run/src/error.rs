//! What can go wrong with the run store.

use std::path::PathBuf;

use headwater_plan::{Code, Diagnostic, Fault};

/// A situation in which the run store cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store's folder or a file in it cannot be made, opened or locked.
    #[error("cannot {doing} `{path}`", path = path.display())]
    Io {
        /// What was being done: `create`, `lock`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("cannot {doing} in the run store `{path}`", path = path.display())]
    Sqlite {
        /// What was being done: `record a run`, `list the runs`.
        doing: &'static str,
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A newer Headwater wrote the store.
    #[error("the run store `{path}` has format {found}, and this headwater knows formats up to {known}", path = path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that we read.
        known: i64,
    },
    /// A record does not read back.
    #[error("a record of the run store `{path}` does not read back", path = path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was wrong.
        source: serde_json::Error,
    },
    /// No run of that name.
    #[error("there is no run `{asked}`")]
    UnknownRun {
        /// What was asked for.
        asked: String,
        /// Whether there is any run at all.
        any: bool,
    },
    /// Several runs begin with what was asked for.
    #[error("{count} runs begin with `{asked}`")]
    AmbiguousRun {
        /// What was asked for.
        asked: String,
        /// How many begin with it.
        count: usize,
    },
}

impl RunError {
    /// The message for the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let error = |code| Diagnostic::error(code, self.to_string());
        match self {
            Self::Io { source, .. } => error(Code::RunStoreUnavailable)
                .help("headwater keeps its reports in `.headwater/` of the project: that folder must be writable")
                .caused_by(source),
            Self::Sqlite { source, .. } => {
                let diagnostic = error(Code::RunStoreUnavailable).caused_by(source);
                match source.sqlite_error_code() {
                    Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => diagnostic
                        .help("the file is damaged: move it away, and headwater begins a new one; no table is lost"),
                    Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => diagnostic
                        .help("another process holds the run store: wait for it, then try again")
                        .fault(Fault::Outside)
                        .retryable(),
                    _ => diagnostic.help("`.headwater/` of the project must be writable and have room"),
                }
            }
            Self::Newer { .. } => error(Code::RunStoreUnavailable).help("use the newer headwater that wrote it"),
            Self::Damaged { source, .. } => error(Code::RunStoreUnavailable)
                .help("move the file away, and headwater begins a new one; no table is lost")
                .caused_by(source),
            Self::UnknownRun { any: true, .. } => {
                error(Code::UnknownRun).help("`headwater runs list` shows the runs; the first digits are enough")
            }
            Self::UnknownRun { any: false, .. } => {
                error(Code::UnknownRun).help("nothing has run here yet: `headwater run` makes the first")
            }
            Self::AmbiguousRun { .. } => error(Code::UnknownRun).help("give more digits of the run's id"),
        }
    }
}

impl From<RunError> for Diagnostic {
    fn from(error: RunError) -> Self {
        error.diagnostic()
    }
}
