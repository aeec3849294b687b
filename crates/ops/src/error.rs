//! What can go wrong in a verb itself, beside what the crates below tell.

use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use headwater_plan::{Code, Diagnostic};
use tokio::task::JoinError;

/// A situation in which a verb cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// A template that nobody knows.
    #[error("there is no template `{asked}`")]
    UnknownTemplate {
        /// What was asked for.
        asked: String,
        /// The templates that there are.
        known: Vec<&'static str>,
    },
    /// A folder that should be new holds something.
    #[error("`{folder}` is not empty", folder = folder.display())]
    FolderNotEmpty {
        /// The folder.
        folder: PathBuf,
        /// The command, for the help.
        command: &'static str,
    },
    /// A file or folder that cannot be written.
    #[error("cannot write `{path}`", path = path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder that cannot be read.
    #[error("cannot read `{path}`", path = path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `test` with a selection that holds none.
    #[error("there is no test in the selection")]
    NoTests,
    /// A verb for one kind of node, with a selection that holds none.
    #[error("there is no {word} in the selection")]
    NothingOfKind {
        /// The kind.
        word: &'static str,
    },
    /// A text that is no table's name.
    #[error("`{asked}` is not a table's name: expected `schema.name`")]
    NotATable {
        /// What was asked for.
        asked: String,
    },
    /// A table that the lake does not have.
    #[error("there is no table or view `{asked}` in the lake `{lake}`")]
    UnknownTable {
        /// What was asked for.
        asked: String,
        /// The lake, as the user wrote it.
        lake: String,
        /// The one that was meant, if one is near.
        meant: Option<String>,
        /// Whether the lake has any table.
        any: bool,
    },
    /// A source that the project does not load.
    #[error("the project loads no source `{asked}`")]
    UnknownSource {
        /// What was asked for.
        asked: String,
        /// The one that was meant, if one is near.
        meant: Option<String>,
        /// The sources that it loads.
        known: Vec<String>,
    },
    /// A file that no source has loaded.
    #[error("no source has loaded `{asked}`")]
    UnknownFile {
        /// What was asked for.
        asked: String,
        /// What to do.
        help: Option<String>,
    },
    /// No file was loaded since an instant.
    #[error("no file of `{source_name}` was loaded since {since}")]
    NothingSince {
        /// The source.
        source_name: String,
        /// The instant.
        since: DateTime<Utc>,
    },
    /// A view has no history.
    #[error("`{view}` is a view: it holds no rows and has no versions")]
    NoHistory {
        /// The view.
        view: String,
    },
    /// Rows cannot be written in the asked form.
    #[error("cannot write the rows as {format}")]
    RowsNotWritten {
        /// The form.
        format: &'static str,
        /// What the writer said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpsError {
    /// The message to the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let error = |code| Diagnostic::error(code, self.to_string());
        match self {
            Self::UnknownTemplate { asked, known } => {
                let all = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let help = match headwater_plan::diagnostic::did_you_mean(asked, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`? there are {all}"),
                    None => format!("there are {all}"),
                };
                error(Code::UnknownTemplate).help(help)
            }
            Self::FolderNotEmpty { command, .. } => {
                error(Code::FolderNotEmpty).help(format!("name a new folder: `headwater {command} DIR`"))
            }
            Self::Unwritable { source, .. } => error(Code::UnwritableOutput)
                .help("the folder must be there, be writable and have room")
                .caused_by(source),
            Self::Unreadable { source, .. } => error(Code::UnreadableInput).caused_by(source),
            Self::NoTests => error(Code::EmptySelection)
                .help("declare tests under a model's or source's columns: `tests: [not_null, unique]`"),
            Self::NothingOfKind { word } => {
                error(Code::EmptySelection).help(format!("`headwater list --resource-type {word}` lists what there is"))
            }
            Self::NotATable { .. } => error(Code::UnknownTable).help("`headwater tables` lists what there is"),
            Self::UnknownTable { meant: Some(meant), .. } => {
                error(Code::UnknownTable).help(format!("did you mean `{meant}`?"))
            }
            Self::UnknownTable { any: true, .. } => {
                error(Code::UnknownTable).help("`headwater tables` lists what there is")
            }
            Self::UnknownTable { any: false, .. } => {
                error(Code::UnknownTable).help("the lake is empty: `headwater run` fills it")
            }
            Self::UnknownSource { meant: Some(meant), .. } => {
                error(Code::UnknownSource).help(format!("did you mean `{meant}`?"))
            }
            Self::UnknownSource { known, .. } if known.is_empty() => {
                error(Code::UnknownSource).help("give a source's table an `ingest:` to load it")
            }
            Self::UnknownSource { known, .. } => {
                let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                error(Code::UnknownSource).help(format!("it loads {}", known.join(", ")))
            }
            Self::UnknownFile { help, .. } => {
                let help = help.clone();
                error(Code::UnknownFile).help(
                    help.unwrap_or_else(|| "`headwater sources show` lists the files that were loaded".to_owned()),
                )
            }
            Self::NothingSince { .. } => {
                error(Code::UnknownFile).help("`headwater sources show` says when each batch was loaded")
            }
            Self::NoHistory { view } => {
                error(Code::UnknownTable).help(format!("`headwater tables show {view}` says what it reads"))
            }
            Self::RowsNotWritten { source, .. } => error(Code::UnwritableOutput).caused_by(source.as_ref()),
        }
    }
}

impl From<OpsError> for Diagnostic {
    fn from(error: OpsError) -> Self {
        error.diagnostic()
    }
}

impl From<OpsError> for headwater_plan::Diagnostics {
    fn from(error: OpsError) -> Self {
        error.diagnostic().into()
    }
}

/// The message of a task of ours that panicked.
pub(crate) fn fell(error: JoinError) -> Diagnostic {
    Diagnostic::internal("a task panicked").caused_by(&error)
}
