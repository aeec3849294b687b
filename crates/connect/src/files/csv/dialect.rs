//! The options of a CSV file, checked, and the tokenizer that suits them: the plain one for one-byte separators and
//! doubled quotes, the general one for everything else. It is chosen once for a load.

use headwater_plan::CsvOptions;
use headwater_plan::ingest::Quotes;

use super::general::General;
use super::token::{Cell, Plain, Quoting, Record};
use crate::files::FilesError;
use crate::files::encoding::Encoding;

/// More records than this are no footer.
const MAX_FOOTER: u64 = 100_000;

/// How the records of a load's files are written.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// The tokenizer that can do everything.
    pub(crate) general: General,
    /// A faster one, if it can do what the options ask for.
    pub(crate) plain: Option<Plain>,
    pub(crate) encoding: Encoding,
    pub(crate) header: bool,
    pub(crate) header_rows: usize,
    pub(crate) skip_rows: u64,
    pub(crate) footer_rows: usize,
}

/// What lies behind the bytes that a tokenizer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// More of the file, which may yet be read.
    More,
    /// Nothing: the file ends.
    File,
    /// More of the file, but a record that goes on there is too long.
    Limit,
}

impl Dialect {
    pub(crate) fn new(csv: &CsvOptions) -> Result<Self, FilesError> {
        let refuse = |option, written: &str, reason| FilesError::Option { option, written: written.to_owned(), reason };
        let ascii = |option: &'static str, written: Option<char>| match written {
            Some(letter) if !letter.is_ascii() || matches!(letter, '\n' | '\r' | '\0') => {
                Err(refuse(option, &letter.to_string(), "expected one ASCII character that ends no line"))
            }
            letter => Ok(letter.map(|letter| letter as u8)),
        };
        let quote = ascii("quote", csv.quote)?;
        let escape = ascii("escape", csv.escape)?.filter(|escape| Some(*escape) != quote);
        let ends_line = |text: &str| match &csv.line_sep {
            Some(line_sep) => text.contains(line_sep.as_str()) || line_sep.contains(text),
            None => text.contains(['\n', '\r']),
        };
        let quoted = |text: &str| quote.is_some_and(|quote| text.as_bytes().contains(&quote));
        if csv.sep.is_empty() || csv.sep.contains('\0') {
            return Err(refuse("sep", &csv.sep, "expected one or several characters"));
        }
        if let Some(line_sep) = csv.line_sep.as_ref().filter(|text| text.is_empty() || quoted(text)) {
            return Err(refuse("lineSep", line_sep, "expected a text without the `quote`"));
        }
        if ends_line(&csv.sep) {
            return Err(refuse("sep", &csv.sep, "it ends a line, too"));
        }
        if quoted(&csv.sep) {
            return Err(refuse("sep", &csv.sep, "it holds the `quote`"));
        }
        if let Some(escape) = escape.filter(|escape| csv.sep.as_bytes().contains(escape)) {
            return Err(refuse("escape", &char::from(escape).to_string(), "it is part of `sep`"));
        }
        let comment = csv.comment.map(String::from);
        if let Some(comment) = comment.as_ref().filter(|text| ends_line(text) || quoted(text) || **text == csv.sep) {
            return Err(refuse("comment", comment, "it means something else already"));
        }
        if csv.footer_rows > MAX_FOOTER {
            return Err(refuse("footer_rows", &csv.footer_rows.to_string(), "expected 100000 at most"));
        }
        let general = General {
            sep: csv.sep.clone().into_bytes(),
            quote,
            escape,
            line_sep: csv.line_sep.clone().map(String::into_bytes),
            comment: comment.map(String::into_bytes),
            multi_line: csv.multi_line,
            lenient: csv.quotes == Quotes::Lenient,
            leading: csv.ignore_leading_white_space,
            trailing: csv.ignore_trailing_white_space,
        };
        Ok(Self {
            plain: if csv.footer_rows == 0 { general.as_plain() } else { None },
            general,
            encoding: Encoding::of(&csv.encoding)?,
            header: csv.header,
            header_rows: if csv.header { csv.header_rows.max(1) as usize } else { 0 },
            skip_rows: csv.skip_rows,
            footer_rows: csv.footer_rows as usize,
        })
    }

    pub(crate) fn quoting(&self) -> Quoting {
        Quoting { quote: self.general.quote.unwrap_or_default(), escape: self.general.escape }
    }

    /// The separator as it is shown.
    pub(crate) fn sep(&self) -> String {
        String::from_utf8_lossy(&self.general.sep).into_owned()
    }
}

/// Finds the cells of a record of a block, which holds whole records only.
pub(crate) trait Tokenize {
    /// Adds the cells of the record that begins at `start` and says where it ends.
    fn record(&self, bytes: &[u8], start: usize, cells: &mut Vec<Cell>) -> Record;
}

impl Tokenize for Plain {
    #[inline]
    fn record(&self, bytes: &[u8], start: usize, cells: &mut Vec<Cell>) -> Record {
        Self::record(*self, bytes, start, cells)
    }
}

/// The general tokenizer with the length that a record may have.
pub(crate) struct Limited<'a> {
    pub(crate) general: &'a General,
    pub(crate) max_record: usize,
}

impl Tokenize for Limited<'_> {
    fn record(&self, bytes: &[u8], start: usize, cells: &mut Vec<Cell>) -> Record {
        let (bytes, end) = self.within(bytes, start, End::File);
        let first_cell = cells.len();
        self.general.record(bytes, start, end, cells).unwrap_or_else(|| {
            // Cannot be: such a record is in no block. The rest is one record, which then is refused.
            cells.truncate(first_cell);
            Record::rest(start, bytes.len())
        })
    }
}

impl Limited<'_> {
    /// The bytes in which a record that begins at `start` must end, and what is behind them.
    pub(crate) fn within<'b>(&self, bytes: &'b [u8], start: usize, end: End) -> (&'b [u8], End) {
        match start.checked_add(self.max_record) {
            Some(limit) if limit <= bytes.len() => (&bytes[..limit], End::Limit),
            _ => (bytes, end),
        }
    }
}
