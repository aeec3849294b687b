//! What can be wrong with a header, and how the user is told.

use headwater_plan::{Code, Diagnostic, Location};

use crate::files::FilesError;
use crate::files::open::Entry;

/// A header that does not fit its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderProblem {
    /// The file.
    pub path: String,
    /// The header's line.
    pub line: u64,
    /// The header as it stands in the file.
    pub text: String,
    /// The place in `text`, in characters from 0, and how many.
    pub span: (u32, u32),
    /// What is wrong.
    pub kind: HeaderProblemKind,
}

/// What can be wrong with a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderProblemKind {
    /// The file holds nothing but empty lines.
    Empty,
    /// The header is no text in the file's encoding; `utf_16` if it looks like that.
    NotText {
        /// The encoding.
        encoding: &'static str,
        /// Whether it looks like UTF-16.
        utf_16: bool,
    },
    /// A quote does not close, or the first line goes on for a megabyte.
    NoEnd,
    /// A name has text behind its closing quote.
    TrailingText,
    /// No column of the contract is there: the cells are most likely separated by something else.
    WrongDelimiter {
        /// The separator that was asked for.
        sep: String,
        /// The separator that the header seems to use.
        likely: Option<char>,
    },
    /// A column of the contract is not there.
    Missing {
        /// The column.
        column: String,
        /// The column of the header that may be meant.
        meant: Option<String>,
        /// The columns of the header.
        found: Vec<String>,
    },
    /// The contract has no such column.
    Unexpected {
        /// The column; empty if the header gives it no name.
        column: String,
        /// Its number, from 1.
        number: usize,
    },
    /// The contract has no such column, and it cannot be added: a column of the table has its name.
    Reserved {
        /// The column; empty if the header gives it no name.
        column: String,
        /// Its number, from 1.
        number: usize,
    },
    /// Two columns have one name.
    Duplicate {
        /// The name.
        column: String,
        /// Their numbers, from 1.
        numbers: (usize, usize),
    },
    /// The name of a folder is no value of the column that it gives.
    Partition {
        /// The column.
        column: String,
        /// The type of the column.
        data_type: String,
        /// The value; `None` is null.
        value: Option<String>,
    },
}

impl HeaderProblem {
    pub(crate) fn at_line(entry: &Entry, line: u64, kind: HeaderProblemKind) -> Self {
        Self { path: entry.name.clone(), line, text: String::new(), span: (0, 1), kind }
    }

    /// The message to the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let (code, message, help) = self.kind.words(&self.path);
        let text = (!self.text.is_empty() && !self.text.contains(['\n', '\r'])).then(|| self.text.clone());
        let (column, length) = if text.is_some() { (self.span.0 + 1, self.span.1) } else { (1, 1) };
        let location = Location { column, length, text, ..Location::line(&self.path, self.line) };
        Diagnostic::error(code, message).at(location).help(help)
    }
}

impl From<HeaderProblem> for FilesError {
    fn from(problem: HeaderProblem) -> Self {
        Self::Header { problems: vec![problem], omitted: 0 }
    }
}

impl HeaderProblemKind {
    fn words(&self, path: &str) -> (Code, String, String) {
        match self {
            Self::Empty => (
                Code::MissingColumn,
                format!("`{path}` is empty: expected a header with the names of the columns"),
                "remove the file, or write it with a header; a header alone means no rows".into(),
            ),
            Self::NotText { encoding, utf_16 } => (
                Code::InvalidEncoding,
                format!("the header of `{path}` is not {encoding}{}", if *utf_16 { " but most likely UTF-16" } else { "" }),
                format!(
                    "set `encoding` to that of the file, for example `encoding: {}`; or check that it is a text file",
                    if *utf_16 { "UTF-16LE" } else { "windows-1252" }
                ),
            ),
            Self::NoEnd => (
                Code::UnclosedQuote,
                format!("the header of `{path}` does not end: a quote is not closed, or the file is no text"),
                "close the quote, or check that the pattern matches CSV files only".into(),
            ),
            Self::TrailingText => (
                Code::InvalidCell,
                format!("a name in the header of `{path}` goes on behind its closing quote"),
                "write a quote inside quotes twice: `\"\"`".into(),
            ),
            Self::WrongDelimiter { sep, likely: Some(likely) } => (
                Code::WrongDelimiter,
                format!(
                    "the header of `{path}` names no column of the contract: it seems to be separated by {}, not {}",
                    visible(&likely.to_string()),
                    visible(sep)
                ),
                format!("set `sep: \"{}\"`", if *likely == '\t' { "\\t".to_owned() } else { likely.to_string() }),
            ),
            Self::WrongDelimiter { sep, likely: None } => (
                Code::WrongDelimiter,
                format!("the header of `{path}`, separated by {}, names no column of the contract", visible(sep)),
                "check that the file's first line holds the names of the columns (`skip_rows` passes over lines before \
                 it, `header: false` is for a file without), that `sep` is the file's separator, and that the pattern \
                 matches this source's files only"
                    .into(),
            ),
            Self::Missing { column, meant, found } => (
                Code::MissingColumn,
                format!("`{path}` has no column `{column}`, which the contract requires"),
                match meant {
                    Some(meant) => format!("did you mean `{meant}`? `source_name: {}` reads it", yaml(meant)),
                    None => format!("its columns are {}; a `default` stands in where a file lacks it", listed(found)),
                },
            ),
            Self::Unexpected { column, number } => (
                Code::UnexpectedColumn,
                if column.is_empty() {
                    format!("column {number} of `{path}` has no name, and the contract no such column")
                } else {
                    format!("`{path}` has a column `{column}`, which the contract has not")
                },
                format!(
                    "{}, or leave such columns out with `on_schema_change: ignore`; `add_columns` and `rescue` keep them",
                    if column.is_empty() { "name it in the header" } else { "declare the column" }
                ),
            ),
            Self::Reserved { column, number } => (
                Code::DuplicateName,
                if column.is_empty() {
                    format!("column {number} of `{path}` has no name, so that it cannot be added to the table")
                } else {
                    format!("column `{column}` of `{path}` cannot be added: the table has another one of that name")
                },
                "declare it with its `source_name`, or keep such values with `on_schema_change: rescue`".into(),
            ),
            Self::Duplicate { column, numbers: (first, second) } => (
                Code::DuplicateName,
                format!("columns {first} and {second} of `{path}` are both named `{column}`"),
                "names are compared without regard to case; rename one of them in the file".into(),
            ),
            Self::Partition { column, data_type, value: Some(value) } => (
                Code::InvalidCell,
                format!("the folder `{column}={value}` of `{path}` is not a valid `{data_type}`"),
                "rename the folder, or correct the column's type or `format`".into(),
            ),
            Self::Partition { column, value: None, .. } => (
                Code::NullValue,
                format!("the path of `{path}` says that `{column}` is null, which it must not be"),
                "rename the folder, or declare a `default`".into(),
            ),
        }
    }
}

fn visible(sep: &str) -> String {
    if sep == "\t" { "tabs".into() } else { format!("`{sep}`") }
}

/// A name as YAML needs it.
fn yaml(name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | ' '));
    if plain { name.to_owned() } else { format!("{name:?}") }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > 20 { format!(" and {} more", names.len() - 20) } else { String::new() };
    shown.join(", ") + &more
}
