//! What can go wrong with files, and how the user is told.

use std::path::PathBuf;

use headwater_plan::{Code, Diagnostic, Diagnostics, Fault, FileSet, Location};

use super::{ContractProblem, HeaderProblem, Rejected, SourceFile};

/// Why files cannot be listed or loaded.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The pattern is a URL, and only local files are read.
    #[error("cannot list `{}`: `{scheme}://` is not supported yet", set.written)]
    UnsupportedScheme {
        /// The scheme.
        scheme: String,
        /// What was to be listed.
        set: Box<FileSet>,
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
    /// A `sep` or `quote` that is not one ASCII character.
    #[error("`{what}` is {written:?}: expected one ASCII character that ends no line")]
    NotACharacter {
        /// The option.
        what: &'static str,
        /// What was given.
        written: char,
    },
    /// `sep` and `quote` are the same.
    #[error("`sep` and `quote` are both {written:?}")]
    SameCharacter {
        /// What was given.
        written: char,
    },
    /// A quote that never closes.
    #[error("the quote opened on line {line} of `{path}` does not close {}", limit_words(*limit))]
    UnclosedQuote {
        /// The file.
        path: String,
        /// The line on which it opens.
        line: u64,
        /// The bytes after which the search stopped; `None`: the file ended.
        limit: Option<usize>,
    },
    /// A line without end.
    #[error("the record on line {line} of `{path}` is longer than {limit} bytes")]
    RecordTooLong {
        /// The file.
        path: String,
        /// The line on which it begins.
        line: u64,
        /// The limit.
        limit: usize,
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

fn limit_words(limit: Option<usize>) -> String {
    limit.map_or_else(|| "before the end of the file".into(), |limit| format!("within {limit} bytes"))
}

impl FilesError {
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
            Self::Header { problems, omitted } => (problems.iter().map(HeaderProblem::diagnostic).collect(), *omitted),
            Self::Contract { problems } => (problems.iter().map(ContractProblem::diagnostic).collect(), 0),
            Self::Rejected { rejected, omitted } => (rejected.iter().map(Rejected::diagnostic).collect(), *omitted),
            _ => (vec![self.single()], 0),
        }
    }

    fn single(&self) -> Diagnostic {
        let told = |code| Diagnostic::error(code, self.to_string());
        match self {
            Self::UnsupportedScheme { set, .. } => told(Code::Unsupported)
                .at(set.location.clone())
                .help("name a folder on this machine; object stores come with a later version"),
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
            Self::NotACharacter { .. } | Self::SameCharacter { .. } => told(Code::InvalidValue),
            Self::UnclosedQuote { path, line, .. } => told(Code::UnclosedQuote)
                .at(Location::line(path, *line))
                .help("close the quote; a quote inside quotes is written twice: `\"\"`"),
            Self::RecordTooLong { path, line, .. } => told(Code::UnreadableInput)
                .at(Location::line(path, *line))
                .help("check that the file is text with line ends"),
            Self::Stopped => Diagnostic::error(Code::Cancelled, self.to_string()).fault(Fault::Headwater),
            Self::ListingDied(source) => Diagnostic::internal(self.to_string()).caused_by(source),
            Self::Batch { source, .. } => Diagnostic::internal(self.to_string()).caused_by(source),
            Self::Header { .. } | Self::Contract { .. } | Self::Rejected { .. } => {
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
