//! The header of a file against the contract: columns go by name, in any order and case. Every problem of every file is
//! found before the first row is read, because a wrong mapping would load wrong values without a word.

use std::io::Read;
use std::sync::{Arc, OnceLock};

use arrow::array::ArrayRef;
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::ingest::OnSchemaChange;
use headwater_plan::{Code, Contract, Diagnostic, FileFormat, Location};

use super::token::{Cell, Dialect, line_ends};
use super::{FilesError, SourceFile, split};

/// More problems than a person reads; the rest are counted.
const MAX_PROBLEMS: usize = 50;
/// A header longer than this is no header.
const MAX_HEADER: usize = 1 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// A file that is ready to be loaded.
#[derive(Debug)]
pub(super) struct FilePlan {
    pub(super) file: SourceFile,
    /// Where the records begin, in bytes and in lines.
    pub(super) body: usize,
    pub(super) body_line: u64,
    pub(super) columns: Arc<FileColumns>,
    /// The values of `_source_file`, made once, sliced for each batch.
    pub(super) source_file: OnceLock<ArrayRef>,
}

/// The columns of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileColumns {
    /// The names in the header.
    pub(super) names: Vec<String>,
    /// For each column of the contract, the number of its cell, from 0.
    pub(super) cells: Vec<usize>,
}

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
    /// The header is not UTF-8; `utf_16` if its first bytes say that it is that.
    NotUtf8 {
        /// Whether it is UTF-16.
        utf_16: bool,
    },
    /// A quote does not close, or the first line goes on for a megabyte.
    NoEnd,
    /// A name goes on behind its closing quote.
    TrailingText,
    /// No column of the contract is there: the cells are most likely separated by something else.
    WrongDelimiter {
        /// The separator that was asked for.
        sep: char,
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
    /// Two columns have one name.
    Duplicate {
        /// The name.
        column: String,
        /// Their numbers, from 1.
        numbers: (usize, usize),
    },
}

/// A file's header: names as they stand, blanks around them dropped.
///
/// # Errors
/// The file cannot be read, has no header, or one that cannot be read as text.
pub fn read_header(file: &SourceFile, format: &FileFormat) -> Result<Vec<String>, FilesError> {
    let FileFormat::Csv(csv) = format;
    let header = Header::read(file, Dialect::new(csv)?)?;
    let names = header.names().map_err(|kind| header.refused(file, (0, 1), kind))?;
    Ok(names.into_iter().map(|(name, _)| name).collect())
}

/// Checks the headers of all files. Blocking: opens each file and reads its first kilobytes.
pub(super) fn plan_files(
    files: Vec<SourceFile>,
    dialect: Dialect,
    contract: &Contract,
    on_schema_change: OnSchemaChange,
) -> Result<Vec<Arc<FilePlan>>, FilesError> {
    let mut plans: Vec<Arc<FilePlan>> = Vec::with_capacity(files.len());
    let mut problems = Vec::new();
    for file in files {
        let header = match Header::read(&file, dialect) {
            Ok(header) => header,
            Err(FilesError::Header { problems: found, .. }) => {
                problems.extend(found);
                continue;
            }
            Err(error) => return Err(error),
        };
        match header.columns(&file, contract, on_schema_change) {
            Ok(columns) => {
                // Thousands of files with one header share one mapping.
                let shared = plans.last().map(|plan| &plan.columns).filter(|last| ***last == columns).map(Arc::clone);
                let columns = shared.unwrap_or_else(|| Arc::new(columns));
                let (body, body_line) = (header.body, header.body_line);
                plans.push(Arc::new(FilePlan { file, body, body_line, columns, source_file: OnceLock::new() }));
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        return Ok(plans);
    }
    let omitted = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    Err(FilesError::Header { problems, omitted })
}

/// A name and its place in the header, in characters.
type Named = (String, (u32, u32));

/// The first record of a file.
struct Header {
    bytes: Vec<u8>,
    cells: Vec<Cell>,
    dialect: Dialect,
    line: u64,
    trailing_text: Option<usize>,
    body: usize,
    body_line: u64,
}

impl Header {
    fn read(file: &SourceFile, dialect: Dialect) -> Result<Self, FilesError> {
        let mut input = split::open_unchanged(file)?;
        let mut bytes = Vec::new();
        let mut wanted = 64 << 10;
        loop {
            let read = Read::by_ref(&mut input)
                .take((wanted - bytes.len()) as u64)
                .read_to_end(&mut bytes)
                .map_err(|source| FilesError::Unreadable { path: file.path.clone(), source })?;
            let at_end = read == 0 || bytes.len() < wanted;
            match Self::find(&bytes, dialect, at_end) {
                Ok(Some(header)) => return Ok(header),
                Ok(None) if wanted < MAX_HEADER => wanted *= 2,
                Ok(None) => return Err(HeaderProblem::at_start(file, HeaderProblemKind::NoEnd).into()),
                Err(kind) => return Err(HeaderProblem::at_start(file, kind).into()),
            }
        }
    }

    /// The first record that is not an empty line; `None` if the bytes end before it does.
    fn find(bytes: &[u8], dialect: Dialect, at_end: bool) -> Result<Option<Self>, HeaderProblemKind> {
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(HeaderProblemKind::NotUtf8 { utf_16: true });
        }
        let mark = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let mut start = mark;
        while matches!(bytes.get(start), Some(b'\n' | b'\r')) {
            start += 1;
        }
        if start == bytes.len() {
            return if at_end { Err(HeaderProblemKind::Empty) } else { Ok(None) };
        }
        let mut cells = Vec::new();
        let record = dialect.record(bytes, start, &mut cells);
        if !at_end && record.next == bytes.len() {
            return Ok(None);
        }
        if record.unclosed {
            return Err(HeaderProblemKind::NoEnd);
        }
        let line = 1 + line_ends(&bytes[mark..start]);
        for cell in &mut cells {
            cell.start -= start as u32;
            cell.end -= start as u32;
        }
        Ok(Some(Self {
            bytes: bytes[start..record.end].to_vec(),
            cells,
            dialect,
            line,
            trailing_text: record.trailing_text,
            body: record.next,
            body_line: line + line_ends(&bytes[start..record.next]),
        }))
    }

    /// The names and where they stand.
    fn names(&self) -> Result<Vec<Named>, HeaderProblemKind> {
        let text = std::str::from_utf8(&self.bytes).map_err(|_| HeaderProblemKind::NotUtf8 { utf_16: false })?;
        if self.trailing_text.is_some() {
            return Err(HeaderProblemKind::TrailingText);
        }
        let mut scratch = String::new();
        let named = self.cells.iter().map(|cell| {
            let before = text[..cell.start as usize].chars().count() as u32;
            let length = text[cell.start as usize..cell.end as usize].chars().count() as u32;
            (cell.text(text, self.dialect.quote, &mut scratch).trim().to_owned(), (before, length.max(1)))
        });
        Ok(named.collect())
    }

    fn problem(&self, file: &SourceFile, span: (u32, u32), kind: HeaderProblemKind) -> HeaderProblem {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        HeaderProblem { path: file.path.clone(), line: self.line, text, span, kind }
    }

    fn refused(&self, file: &SourceFile, span: (u32, u32), kind: HeaderProblemKind) -> FilesError {
        self.problem(file, span, kind).into()
    }

    /// The cell of each contract column, or all that is wrong.
    fn columns(
        &self,
        file: &SourceFile,
        contract: &Contract,
        on_schema_change: OnSchemaChange,
    ) -> Result<FileColumns, Vec<HeaderProblem>> {
        let named = self.names().map_err(|kind| vec![self.problem(file, (0, 1), kind)])?;
        let names: Vec<String> = named.iter().map(|(name, _)| name.clone()).collect();
        let known = |name: &str| contract.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        if !names.iter().any(|name| known(name)) {
            let kind = HeaderProblemKind::WrongDelimiter {
                sep: self.dialect.sep.into(),
                likely: self.likely_separator(contract, names.len()),
            };
            return Err(vec![self.problem(file, (0, 1), kind)]);
        }
        let mut problems = Vec::new();
        for (number, (name, span)) in named.iter().enumerate() {
            let first = names.iter().position(|other| other.eq_ignore_ascii_case(name)).unwrap_or(number);
            if first < number && !name.is_empty() {
                let numbers = (first + 1, number + 1);
                let kind = HeaderProblemKind::Duplicate { column: name.clone(), numbers };
                problems.push(self.problem(file, *span, kind));
            } else if !known(name) && on_schema_change == OnSchemaChange::Fail {
                let kind = HeaderProblemKind::Unexpected { column: name.clone(), number: number + 1 };
                problems.push(self.problem(file, *span, kind));
            }
        }
        let mut cells = Vec::with_capacity(contract.columns.len());
        for column in &contract.columns {
            if let Some(cell) = names.iter().position(|name| name.eq_ignore_ascii_case(&column.name)) {
                cells.push(cell);
                continue;
            }
            let unknown = names.iter().map(String::as_str).filter(|name| !name.is_empty() && !known(name));
            let meant = did_you_mean(&column.name, unknown).map(str::to_owned);
            let kind = HeaderProblemKind::Missing { column: column.name.clone(), meant, found: names.clone() };
            problems.push(self.problem(file, (0, 1), kind));
        }
        if problems.is_empty() { Ok(FileColumns { names, cells }) } else { Err(problems) }
    }

    /// The separator by which the header names most columns of the contract, or else one that cuts a single cell.
    fn likely_separator(&self, contract: &Contract, cells: usize) -> Option<char> {
        let text = String::from_utf8_lossy(&self.bytes);
        let quote = char::from(self.dialect.quote);
        let named = |sep: char| {
            let names = text.split(sep).map(|name| name.trim().trim_matches(quote).trim());
            names.filter(|name| contract.columns.iter().any(|c| c.name.eq_ignore_ascii_case(name))).count()
        };
        let others = SEPARATORS.into_iter().filter(|sep| *sep != char::from(self.dialect.sep) && text.contains(*sep));
        let best = others.clone().map(|sep| (named(sep), sep)).filter(|(count, _)| *count > 0);
        let best = best.max_by_key(|(count, _)| *count).map(|(_, sep)| sep);
        best.or_else(|| others.clone().next().filter(|_| cells == 1))
    }
}

impl HeaderProblem {
    fn at_start(file: &SourceFile, kind: HeaderProblemKind) -> Self {
        Self { path: file.path.clone(), line: 1, text: String::new(), span: (0, 1), kind }
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
            Self::NotUtf8 { utf_16 } => (
                Code::InvalidEncoding,
                format!("the header of `{path}` is not UTF-8{}", if *utf_16 { " but UTF-16" } else { "" }),
                "convert the file, for example with `iconv -f UTF-16 -t UTF-8`"
                    .replace("UTF-16", if *utf_16 { "UTF-16" } else { "WINDOWS-1252" }),
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
                    visible(*likely),
                    visible(*sep)
                ),
                format!("set `sep: \"{}\"`", if *likely == '\t' { "\\t".to_owned() } else { likely.to_string() }),
            ),
            Self::WrongDelimiter { sep, likely: None } => (
                Code::WrongDelimiter,
                format!("the header of `{path}`, separated by {}, names no column of the contract", visible(*sep)),
                "check that the file's first line holds the names of the columns, that `sep` is the file's separator, \
                 and that the pattern matches this source's files only"
                    .into(),
            ),
            Self::Missing { column, meant, found } => (
                Code::MissingColumn,
                format!("`{path}` has no column `{column}`, which the contract requires"),
                match meant {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("its columns are {}", listed(found)),
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
                    "{}, or leave such columns out with `on_schema_change: ignore`",
                    if column.is_empty() { "name it in the header" } else { "declare the column" }
                ),
            ),
            Self::Duplicate { column, numbers: (first, second) } => (
                Code::DuplicateName,
                format!("columns {first} and {second} of `{path}` are both named `{column}`"),
                "names are compared without regard to case; rename one of them in the file".into(),
            ),
        }
    }
}

fn visible(sep: char) -> String {
    if sep == '\t' { "tabs".into() } else { format!("`{sep}`") }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > 20 { format!(" and {} more", names.len() - 20) } else { String::new() };
    shown.join(", ") + &more
}
