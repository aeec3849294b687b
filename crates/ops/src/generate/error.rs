//! Why test data cannot be generated.

use std::path::PathBuf;

use headwater_plan::{Code, Diagnostic, Fault, Location};

/// A situation in which `generate` stops.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A hint that cannot be met.
    #[error("cannot generate `{table}.{column}`: {problem}")]
    Hint {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is the matter.
        problem: String,
        /// What to do.
        help: Option<String>,
        /// Where the column is declared.
        location: Box<Location>,
    },
    /// A file pattern from which no file name follows.
    #[error("cannot generate `{table}`: {problem}")]
    Pattern {
        /// The table.
        table: String,
        /// What is the matter.
        problem: String,
        /// Where the pattern is.
        location: Box<Location>,
    },
    /// Two tables whose rows would go into one file.
    #[error("`{first}` and `{second}` are both read from `{}`, and one file cannot hold both", path.display())]
    SameFile {
        /// The first table.
        first: String,
        /// The second table.
        second: String,
        /// The file.
        path: PathBuf,
        /// Where the second pattern is.
        location: Box<Location>,
    },
    /// A project whose sources have no files.
    #[error("the project has no source with `ingest:`, so there is nothing to generate")]
    NoTables,
    /// `--dirty` outside 0 to 1.
    #[error("`--dirty {share}` is not a share: expected a number from 0 to 1")]
    Share {
        /// What was given.
        share: f64,
    },
    /// A file that is there already.
    #[error("`{}` exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file that cannot be written.
    #[error("cannot {action} `{}`", path.display())]
    Write {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The user asked to stop.
    #[error("stopped before it was done")]
    Cancelled,
}

impl GenerateError {
    /// An error of the file system, for `map_err`.
    pub(super) fn write(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { action, path, source }
    }

    /// The message to the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let message = self.to_string();
        match self {
            Self::Hint { help, location, .. } => {
                let mut diagnostic = Diagnostic::error(Code::InvalidGenerator, message).at(location.as_ref().clone());
                diagnostic.help = help.clone();
                diagnostic
            }
            Self::Pattern { location, .. } => {
                Diagnostic::error(Code::InvalidGenerator, message).at(location.as_ref().clone())
            }
            Self::SameFile { location, .. } => Diagnostic::error(Code::InvalidGenerator, message)
                .at(location.as_ref().clone())
                .help("give each table a pattern of its own"),
            Self::NoTables => Diagnostic::error(Code::InvalidGenerator, message)
                .help("give a source's table `ingest: { files: … }` and `columns:`"),
            Self::Share { .. } => Diagnostic::error(Code::InvalidArgument, message),
            Self::Exists { .. } => Diagnostic::error(Code::UnwritableOutput, message)
                .help("move it away, or say `--force` to write over it"),
            Self::Write { source, .. } => {
                Diagnostic::error(Code::UnwritableOutput, message).caused_by(source).fault(Fault::User)
            }
            Self::Cancelled => Diagnostic::error(Code::Cancelled, message),
        }
    }
}
