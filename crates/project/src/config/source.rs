//! The text of a file of the project, and places in it.

use std::path::{Path, PathBuf};

use headwater_plan::{Code, Diagnostic, Location};

/// A file that was read: its path within the project and its text.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// The characters of each line.
    pub(crate) lines: Vec<String>,
}

/// A range within one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// From 1.
    pub(crate) line: u64,
    /// In characters, from 1.
    pub(crate) column: u32,
    /// At least 1.
    pub(crate) length: u32,
}

impl Span {
    /// The first character of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1, length: 1 };

    /// The parser's span, cut at the end of its first line.
    pub(crate) fn of(lines: &[String], span: saphyr_parser::Span) -> Self {
        let start = Self::point(&span.start);
        let line = lines.get(span.start.line().saturating_sub(1)).map_or("", String::as_str);
        let end = if span.end.line() == span.start.line() { span.end.col() } else { line.trim_end().chars().count() };
        Self { length: small(end.saturating_sub(span.start.col())).max(1), ..start }
    }

    /// One character.
    pub(crate) fn point(marker: &saphyr_parser::Marker) -> Self {
        Self { line: marker.line().max(1) as u64, column: small(marker.col() + 1), length: 1 }
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Source {
    /// A text that was read from this path within the project.
    pub(crate) fn new(path: impl Into<PathBuf>, text: &str) -> Self {
        let text = text.strip_prefix(MARK).unwrap_or(text);
        Self { path: path.into(), text: text.to_owned(), lines: text.lines().map(str::to_owned).collect() }
    }

    /// Reads a file of the project.
    ///
    /// # Errors
    /// [`Code::UnreadableFile`].
    pub(crate) fn read(dir: &Path, path: &Path) -> Result<Self, Diagnostic> {
        Self::text(dir, path).map(|text| Self::new(path, &text))
    }

    /// The text of a file of the project, without its lines.
    ///
    /// # Errors
    /// [`Code::UnreadableFile`].
    pub(crate) fn text(dir: &Path, path: &Path) -> Result<String, Diagnostic> {
        let mut text = std::fs::read_to_string(dir.join(path)).map_err(|error| unreadable(path, &error))?;
        if text.starts_with(MARK) {
            text.drain(..MARK.len_utf8());
        }
        Ok(text)
    }

    /// A line, from 1.
    pub(crate) fn line(&self, line: u64) -> Option<&str> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        self.lines.get(index).map(String::as_str)
    }

    /// The place of a span, with its line for the reader.
    pub(crate) fn location(&self, span: Span) -> Location {
        Location { text: self.line(span.line).map(str::to_owned), ..self.bare_location(span) }
    }

    /// The place of a span without its line, which may hold a secret.
    pub(crate) fn bare_location(&self, span: Span) -> Location {
        Location { file: self.path.clone(), line: span.line, column: span.column, length: span.length, text: None }
    }
}

/// What some editors begin a file with.
const MARK: char = '\u{feff}';

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(Code::UnreadableFile, format!("cannot read `{}`", path.display()))
        .at(Location::line(path, 1))
        .help("it must be a readable text file in UTF-8")
        .caused_by(error)
}
