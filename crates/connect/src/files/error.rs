//! What can go wrong with files, and how the user is told.

use std::path::PathBuf;

use headwater_plan::{Code, Diagnostic, Diagnostics, Fault, FileSet};

use super::{ContractProblem, HeaderProblem, Rejected, SchemaProblem, SourceFile};

/// Why files cannot be listed or loaded.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A URL where no buckets can be reached.
    #[error("cannot reach `{url}`: nothing here opens `{scheme}://`")]
    NoBuckets {
        /// The URL.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// A URL that names no object.
    #[error("`{url}` cannot be the name of an object")]
    InvalidKey {
        /// The URL.
        url: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A bucket that cannot be opened.
    #[error("{}", _0.message)]
    Bucket(Box<Diagnostic>),
    /// An object store that refused a call, or failed it time and again.
    #[error("cannot {doing} `{url}`{}", if *attempts > 1 { format!(", tried {attempts} times") } else { String::new() })]
    Store {
        /// What was to be done: `read`.
        doing: &'static str,
        /// To what.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// Why.
        source: object_store::Error,
    },
    /// A file that is not what its format or packing says.
    #[error("`{path}` is no {what} file, or it is damaged")]
    Damaged {
        /// The file.
        path: String,
        /// What it should be: `gzip`, `Parquet`.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An archive that cannot be read, though it may be whole.
    #[error("cannot read `{member}` in `{path}`: {what}")]
    Archive {
        /// The archive.
        path: String,
        /// The file in it.
        member: String,
        /// Why.
        what: String,
    },
    /// A temporary file cannot be written.
    #[error("cannot keep `{path}` in a temporary file")]
    Spool {
        /// The file that was to be kept.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Columns of files that do not fit the contract, where a file has no header line to point at.
    #[error("{} of the files' columns do not fit the contract", problems.len() + omitted)]
    Schema {
        /// The problems, of all files, up to a number that a person reads.
        problems: Vec<SchemaProblem>,
        /// How many more there are.
        omitted: usize,
    },
    /// A loaded file that cannot be moved or removed.
    #[error("cannot {doing} `{path}`, which is loaded")]
    AfterLoad {
        /// What was to be done: `delete`, or `archive to` and the place.
        doing: String,
        /// The file.
        path: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The pattern is not one.
    #[error("cannot list `{}`: it is not a pattern", set.written)]
    InvalidPattern {
        /// What was to be listed.
        set: Box<FileSet>,
        /// Why.
        source: glob::PatternError,
    },
    /// A folder or file on the way cannot be looked at.
    #[error("cannot list `{}`: cannot read `{path}`", set.written)]
    Unlisted {
        /// The folder or file.
        path: String,
        /// What was to be listed.
        set: Box<FileSet>,
        /// Why.
        source: std::io::Error,
    },
    /// A path that is not UTF-8.
    #[error("cannot load `{}`: its name is not UTF-8", path.display())]
    PathNotText {
        /// The path.
        path: PathBuf,
    },
    /// A file cannot be opened or read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not the one that was listed.
    #[error("`{}` changed since it was listed: it had {} bytes of {}, now it has {size}{}", listed.path, listed.size,
        listed.tag, tag.as_ref().map(|tag| format!(" of {tag}")).unwrap_or_default())]
    Changed {
        /// The file as it was listed.
        listed: SourceFile,
        /// Its size now, or the bytes that could be read of it.
        size: u64,
        /// Its time of change now, if it was asked for.
        tag: Option<String>,
    },
    /// Headers that do not fit the contract.
    #[error("{} of the files' headers do not fit the contract", problems.len() + omitted)]
    Header {
        /// The problems, of all files, up to a number that a person reads.
        problems: Vec<HeaderProblem>,
        /// How many more there are.
        omitted: usize,
    },
    /// A contract that no file can meet.
    #[error("{} of the contract's columns cannot be loaded", problems.len())]
    Contract {
        /// The problems.
        problems: Vec<ContractProblem>,
    },
    /// An option of CSV files that cannot be.
    #[error("`{option}` is {written:?}: {reason}")]
    Option {
        /// The option.
        option: &'static str,
        /// What was given.
        written: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Records of a seed that are none.
    #[error("{} records cannot be read", rejected.len() + omitted)]
    Rejected {
        /// The records, up to a number that a person reads.
        rejected: Vec<Rejected>,
        /// How many more there are.
        omitted: usize,
    },
    /// Another worker's call failed before this one.
    #[error("reading stopped after an earlier error")]
    Stopped,
    /// The thread that listed files died.
    #[error("listing files died")]
    ListingDied(#[source] tokio::task::JoinError),
    /// Arrow refused what decoding made.
    #[error("cannot build a record batch of `{path}`")]
    Batch {
        /// The file.
        path: String,
        /// Why.
        source: arrow::error::ArrowError,
    },
}

/// A store that refuses, or that does not answer as it should.
fn of_store(told: impl Fn(Code) -> Diagnostic, source: &object_store::Error) -> Diagnostic {
    use object_store::Error;
    match source {
        Error::NotFound { .. } => told(Code::StorageDenied).help("check that the bucket and the object are there"),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            told(Code::StorageDenied).help("check the credentials, and that they may list and read this bucket")
        }
        _ => told(Code::StorageUnavailable)
            .fault(Fault::Outside)
            .retryable()
            .help("nothing was changed; run again when the store answers"),
    }
    .caused_by(source)
}

impl FilesError {
    /// The error inside of one that a reader passed on, or else that the file cannot be read.
    pub(crate) fn of_io(path: &str, error: std::io::Error) -> Self {
        if !Self::is_in(&error) {
            return Self::Unreadable { path: path.to_owned(), source: error };
        }
        match error.into_inner().map(|inner| inner.downcast::<Self>()) {
            Some(Ok(inner)) => *inner,
            Some(Err(other)) => Self::Unreadable { path: path.to_owned(), source: std::io::Error::other(other) },
            None => Self::Stopped,
        }
    }

    /// Whether a reader's error is one of ours.
    pub(crate) fn is_in(error: &std::io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }

    /// An archive that cannot be read, or ours inside of that.
    pub(crate) fn of_zip(path: &str, error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(source) if Self::is_in(&source) => Self::of_io(path, source),
            source => Self::Damaged { path: path.to_owned(), what: "zip", source: Box::new(source) },
        }
    }

    /// All messages to the user: one for each problem that was collected.
    pub fn diagnostics(&self) -> Diagnostics {
        let (mut found, omitted) = self.problems();
        if let (1.., Some(last)) = (omitted, found.last_mut()) {
            last.message.push_str(&format!(" (and {omitted} more like these)"));
        }
        Diagnostics(found)
    }

    /// One message to the user: the first problem, and how many more there are.
    pub fn diagnostic(&self) -> Diagnostic {
        let (found, omitted) = self.problems();
        let more = found.len().saturating_sub(1) + omitted;
        let Some(mut first) = found.into_iter().next() else {
            return Diagnostic::internal(format!("{self}, without a problem"));
        };
        if more > 0 {
            first.message.push_str(&format!(" (and {more} more {})", if more == 1 { "problem" } else { "problems" }));
        }
        first
    }

    fn problems(&self) -> (Vec<Diagnostic>, usize) {
        match self {
            Self::Schema { problems, omitted } => (problems.iter().map(SchemaProblem::diagnostic).collect(), *omitted),
            Self::Header { problems, omitted } => (problems.iter().map(HeaderProblem::diagnostic).collect(), *omitted),
            Self::Contract { problems } => (problems.iter().map(ContractProblem::diagnostic).collect(), 0),
            Self::Rejected { rejected, omitted } => (rejected.iter().map(Rejected::diagnostic).collect(), *omitted),
            _ => (vec![self.single()], 0),
        }
    }

    fn single(&self) -> Diagnostic {
        let told = |code| Diagnostic::error(code, self.to_string());
        match self {
            Self::NoBuckets { .. } => told(Code::Unsupported).help("name a path on this machine"),
            Self::InvalidKey { source, .. } => {
                told(Code::InvalidValue).caused_by(&**source).help("check the URL for empty parts, `.` and `..`")
            }
            Self::Bucket(found) => (**found).clone(),
            Self::Store { source, .. } => of_store(told, source),
            Self::Damaged { source, .. } => told(Code::DamagedFile).caused_by(&**source).help(
                "nothing of it was loaded: write the file again, or move it away; `compression` and `format` say what it \
                 is read as",
            ),
            Self::Archive { .. } => told(Code::DamagedFile).help("pack the file anew, with `deflate` and without a password"),
            Self::Spool { source, .. } => told(Code::UnwritableOutput)
                .caused_by(source)
                .fault(Fault::Outside)
                .help("check the free space of the folder for temporary files, which `TMPDIR` names"),
            Self::AfterLoad { source, .. } => told(Code::AfterLoadFailed)
                .caused_by(&**source)
                .help("its rows are in the table; the next run tries again"),
            Self::InvalidPattern { set, source } => told(Code::InvalidValue)
                .at(set.location.clone())
                .caused_by(source)
                .help("`*`, `?`, `[abc]` and `**` are wildcards; write `[*]` for a star"),
            Self::Unlisted { set, source, .. } => told(Code::UnreadableInput)
                .at(set.location.clone())
                .caused_by(source)
                .help("check that it is what the pattern takes it for, and that this user may read it"),
            Self::PathNotText { .. } => told(Code::UnreadableInput).help("rename the file"),
            Self::Unreadable { source, .. } => told(Code::UnreadableInput)
                .caused_by(source)
                .help("check that the file is still there, and that this user may read it"),
            Self::Changed { .. } => told(Code::FileChanged)
                .help("write files elsewhere and move them here when they are whole; give new content a new name"),
            Self::Option { .. } => told(Code::InvalidValue),
            Self::Stopped => Diagnostic::error(Code::Cancelled, self.to_string()).fault(Fault::Headwater),
            Self::ListingDied(source) => Diagnostic::internal(self.to_string()).caused_by(source),
            Self::Batch { source, .. } => Diagnostic::internal(self.to_string()).caused_by(source),
            Self::Header { .. } | Self::Schema { .. } | Self::Contract { .. } | Self::Rejected { .. } => {
                Diagnostic::internal(format!("{self}, without a problem"))
            }
        }
    }
}

impl From<FilesError> for Diagnostics {
    fn from(error: FilesError) -> Self {
        error.diagnostics()
    }
}

impl From<FilesError> for Diagnostic {
    fn from(error: FilesError) -> Self {
        error.diagnostic()
    }
}
