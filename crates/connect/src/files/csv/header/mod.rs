//! The header of a file against the contract: columns go by name, in any order and case. Every problem of every file is
//! found before the first row is read, because a wrong mapping would load wrong values without a word.

mod columns;
mod problem;

use std::io::Read;
use std::sync::Arc;

use headwater_plan::{Compression, CsvOptions, Field, FileFormat, Skipped};

pub(crate) use columns::{Added, FileColumns, Mapping, Source, position_name};
pub use problem::{HeaderProblem, HeaderProblemKind};

use super::dialect::{Dialect, End};
use super::token::{Cell, Kind, Quoting};
use crate::files::encoding::{Encoding, Text};
use crate::files::input::Input;
use crate::files::open::{Entry, Sources};
use crate::files::{FilesError, SourceFile, Stores};

/// More problems than a person reads; the rest are counted.
const MAX_PROBLEMS: usize = 50;
/// A header, or a line before it, that is longer than this is none.
const MAX_HEADER: usize = 1 << 20;
/// How much of a file is read to find its header, at first.
const FIRST: usize = 64 << 10;

/// A file that is ready to be loaded.
#[derive(Debug)]
pub(crate) struct FilePlan {
    pub(crate) entry: Arc<Entry>,
    /// Where the records begin, in bytes of text and in lines.
    pub(crate) body: usize,
    pub(crate) body_line: u64,
    /// What stands before them.
    pub(crate) skipped: Skipped,
    pub(crate) columns: Arc<FileColumns>,
    /// The records of the header as they stand in the file, to know them again.
    pub(crate) header: Vec<Vec<u8>>,
}

/// A file's header: names as they stand, blanks around them dropped. Only of local files.
///
/// # Errors
/// The file cannot be read, has no header, or one that cannot be read as text.
pub fn read_header(file: &SourceFile, format: &FileFormat) -> Result<Vec<String>, FilesError> {
    let FileFormat::Csv(csv) = format else { return Err(FilesError::Stopped) };
    let dialect = Dialect::new(csv)?;
    let sources = Sources::new(vec![file.clone()], Compression::None, None, &Stores::local());
    let named = sources.look(|entry, input| {
        let header = Header::read(entry, input, &dialect)?;
        let refused = |kind| FilesError::from(header.problem(entry, (0, 1), kind));
        if header.empty {
            return Err(refused(HeaderProblemKind::Empty));
        }
        Ok(header.names().map_err(refused)?.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
    })?;
    Ok(named.into_iter().next().unwrap_or_default())
}

/// What a file calls its columns.
pub(crate) struct Names {
    /// The index of the file.
    pub(crate) file: usize,
    pub(crate) path: String,
    /// Empty for a file without a record.
    pub(crate) names: Vec<String>,
    /// The header's lines.
    lines: u64,
}

impl Names {
    /// The lines of a header that gives two columns one name, or one none that is not the last.
    pub(crate) fn unusable(&self) -> Option<u64> {
        let named = |name: &&String| !name.is_empty();
        let last = self.names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        let unnamed = self.names[..last].iter().any(String::is_empty);
        let twice = self.names.iter().filter(named).enumerate().any(|(number, name)| {
            self.names.iter().filter(named).take(number).any(|other| other.eq_ignore_ascii_case(name))
        });
        (unnamed || twice).then_some(self.lines)
    }
}

/// The columns of each file, and of each member of an archive; without headers, the first record's cells by number.
pub(crate) fn names_of(files: &[SourceFile], csv: &CsvOptions, stores: &Stores) -> Result<Vec<Names>, FilesError> {
    let with_header = Dialect::new(&CsvOptions { header: true, ..csv.clone() })?;
    let sources = Sources::new(files.to_vec(), Compression::Auto, None, stores);
    sources.look(|entry, input| {
        let header = Header::read(entry, input, &with_header)?;
        let named = header.names().map_err(|kind| header.problem(entry, (0, 1), kind))?;
        let names = match csv.header {
            true => named.into_iter().map(|(name, _)| name).collect(),
            false => (1..=named.len()).map(|number| format!("column_{number}")).collect(),
        };
        let lines = header.body_line - 1 - header.skipped.preamble;
        Ok(Names { file: entry.file, path: entry.name.clone(), names, lines })
    })
}

/// The plans of all files, and the columns that they add to the contract's.
pub(crate) type Planned = (Vec<Arc<FilePlan>>, Vec<Field>);

/// Checks the headers of all files. Blocking: opens each file and reads its first kilobytes.
pub(crate) fn plan_files(sources: &Sources, dialect: &Dialect, mapping: &Mapping<'_>) -> Result<Planned, FilesError> {
    let found = sources.look(|entry, input| match Header::read(entry, input, dialect) {
        Ok(header) => Ok(Ok((Arc::clone(entry), header))),
        Err(FilesError::Header { problems, .. }) => Ok(Err(problems)),
        Err(error) => Err(error),
    })?;
    let mut plans: Vec<Arc<FilePlan>> = Vec::with_capacity(found.len());
    let mut problems = Vec::new();
    let mut added = Added::default();
    for found in found {
        let (entry, header) = match found {
            Ok(found) => found,
            Err(more) => {
                problems.extend(more);
                continue;
            }
        };
        match mapping.of_header(&header, &entry, &mut added) {
            Ok(columns) => {
                // Thousands of files with one header share one mapping.
                let shared = plans.last().map(|plan| &plan.columns).filter(|last| ***last == columns).map(Arc::clone);
                plans.push(Arc::new(FilePlan {
                    columns: shared.unwrap_or_else(|| Arc::new(columns)),
                    body: header.body,
                    body_line: header.body_line,
                    skipped: header.skipped,
                    header: header.known_again(),
                    entry,
                }));
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        return Ok((plans, added.fields));
    }
    let omitted = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    Err(FilesError::Header { problems, omitted })
}

/// A name and its place in the header, in characters.
type Named = (String, (u32, u32));

/// The beginning of a file: what stands before its records.
struct Header {
    /// Each record of the header as it stands in the file, and its cells.
    records: Vec<(Vec<u8>, Vec<Cell>)>,
    quoting: Quoting,
    encoding: Encoding,
    line: u64,
    trailing_text: bool,
    body: usize,
    body_line: u64,
    skipped: Skipped,
    /// Whether the file has no record at all, not even a header.
    empty: bool,
}

impl Header {
    fn none() -> Self {
        Self {
            records: Vec::new(),
            quoting: Quoting::NONE,
            encoding: Encoding::UTF_8,
            line: 1,
            trailing_text: false,
            body: 0,
            body_line: 1,
            skipped: Skipped::default(),
            empty: false,
        }
    }

    fn read(entry: &Entry, input: Input, dialect: &Dialect) -> Result<Self, FilesError> {
        let mut text = Text::new(input, dialect.encoding)?;
        let mut bytes = Vec::new();
        let mut wanted = FIRST;
        loop {
            let before = bytes.len();
            Read::by_ref(&mut text)
                .take((wanted - before) as u64)
                .read_to_end(&mut bytes)
                .map_err(|error| FilesError::of_io(&entry.name, error))?;
            let end = if bytes.len() < wanted { End::File } else { End::More };
            let refused = |line, kind| FilesError::from(HeaderProblem::at_line(entry, line, kind));
            match Self::find(&bytes, dialect, end) {
                Found::All(header) => return Ok(Self { encoding: text.encoding, ..header }),
                Found::Unclosed { line } => return Err(refused(line, HeaderProblemKind::NoEnd)),
                // A long preamble is read whole; what must not be long is one record.
                Found::Unfinished { from, .. } if bytes.len() - from < MAX_HEADER => wanted *= 2,
                Found::Unfinished { line, .. } => return Err(refused(line, HeaderProblemKind::NoEnd)),
            }
        }
    }

    /// What stands before the records. Where it ends can be told from a part of the file.
    fn find(bytes: &[u8], dialect: &Dialect, end: End) -> Found {
        let general = &dialect.general;
        let mut header = Self { quoting: dialect.quoting(), ..Self::none() };
        let (mut at, mut line) = (0, 1);
        while header.skipped.preamble < dialect.skip_rows {
            if at == bytes.len() && end == End::File {
                break;
            }
            let Some((_, next)) = general.line(bytes, at, end) else { return Found::Unfinished { from: at, line } };
            header.skipped.preamble += 1;
            line += 1;
            at = next;
        }
        header.line = line;
        while header.records.len() < dialect.header_rows {
            if at == bytes.len() && end == End::File {
                header.empty = header.records.is_empty();
                break;
            }
            let mut cells = Vec::new();
            let Some(record) = general.record(bytes, at, end, &mut cells) else {
                return Found::Unfinished { from: at, line };
            };
            // Before the end it may be that only its closing quote was not read yet.
            match record.kind {
                Kind::Blank => header.skipped.blank += 1,
                Kind::Comment => header.skipped.comment += 1,
                Kind::Unclosed(..) => return Found::Unclosed { line },
                Kind::Cells | Kind::TrailingText(_) => {
                    if header.records.is_empty() {
                        header.line = line;
                    }
                    for cell in &mut cells {
                        cell.start -= record.start as u32;
                        cell.end -= record.start as u32;
                    }
                    header.trailing_text |= matches!(record.kind, Kind::TrailingText(_));
                    header.skipped.header += 1;
                    header.records.push((bytes[record.start..record.end].to_vec(), cells));
                }
            }
            line += record.lines;
            at = record.next;
        }
        (header.body, header.body_line) = (at, line);
        Found::All(header)
    }

    /// The names and where they stand in the first record; those of several records are joined.
    fn names(&self) -> Result<Vec<Named>, HeaderProblemKind> {
        if self.trailing_text {
            return Err(HeaderProblemKind::TrailingText);
        }
        let mut named: Vec<Named> = Vec::new();
        let mut scratch = String::new();
        for (number, (bytes, cells)) in self.records.iter().enumerate() {
            let text = std::str::from_utf8(bytes).map_err(|_| HeaderProblemKind::NotText {
                encoding: self.encoding.name(),
                utf_16: looks_like_utf_16(bytes),
            })?;
            for (cell_number, cell) in cells.iter().enumerate() {
                let name = cell.text(text, self.quoting, &mut scratch).trim();
                if cell_number == named.len() {
                    let before = text[..cell.start as usize].chars().count() as u32;
                    let length = text[cell.start as usize..cell.end as usize].chars().count() as u32;
                    let span = if number == 0 { (before, length.max(1)) } else { (0, 1) };
                    named.push((name.to_owned(), span));
                } else if !name.is_empty() {
                    let joined = &mut named[cell_number].0;
                    if !joined.is_empty() {
                        joined.push(' ');
                    }
                    joined.push_str(name);
                }
            }
        }
        Ok(named)
    }

    /// The records by which a repeated header is known, with and without the byte order mark of a file that was put
    /// behind another. Of a header of several records those without a name say nothing.
    fn known_again(&self) -> Vec<Vec<u8>> {
        let named = |cells: &[Cell]| cells.iter().any(|cell| cell.start < cell.end);
        let known = self.records.iter().filter(|(_, cells)| named(cells));
        known.flat_map(|(bytes, _)| [bytes.clone(), [Encoding::UTF_8.mark(), bytes].concat()]).collect()
    }

    fn problem(&self, entry: &Entry, span: (u32, u32), kind: HeaderProblemKind) -> HeaderProblem {
        HeaderProblem { path: entry.name.clone(), line: self.line, text: self.text(), span, kind }
    }

    /// The first record as it stands in the file.
    fn text(&self) -> String {
        self.records.first().map_or_else(String::new, |(bytes, _)| self.encoding.shown(bytes))
    }
}

enum Found {
    All(Header),
    /// The bytes end before the record does that begins there.
    Unfinished {
        from: usize,
        line: u64,
    },
    Unclosed {
        line: u64,
    },
}

/// Every other byte of English in UTF-16 is zero.
fn looks_like_utf_16(bytes: &[u8]) -> bool {
    let zeros = bytes.iter().filter(|byte| **byte == 0).count();
    zeros > 0 && zeros * 3 >= bytes.len()
}
