//! Records from quarantine, through today's options and contract, as if they stood in their files. Each comes out once:
//! as a row, refused again, or passed over as what it is by today's options.

use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;

use headwater_plan::{FileFormat, Skipped};

use super::Decoding;
use super::decode::Decoder;
use super::dialect::{Limited, Tokenize};
use super::header::{Added, FilePlan, HeaderProblem};
use super::split::Block;
use super::token::{Kind, Record};
use crate::files::encoding::decoded;
use crate::files::load::MAX_RECORD;
use crate::files::open::Entry;
use crate::files::reject::{self, Reason};
use crate::files::shape::{self, Shape};
use crate::files::{Decoded, FilesError, LoadOptions, QuarantinedRow, Rejected};

/// So many bytes of records are decoded at once.
const STRETCH: usize = 4 << 20;

/// Records of one file, which have the same columns.
struct Group {
    file: Arc<FilePlan>,
    rows: Vec<QuarantinedRow>,
}

/// Reads quarantined records again.
///
/// # Errors
/// Options or a contract that no file can meet.
pub(crate) fn replay(rows: Vec<QuarantinedRow>, options: &LoadOptions) -> Result<Decoded, FilesError> {
    let mut decoded = Decoded::default();
    let FileFormat::Csv(csv) = &options.format else {
        let reason = reject::other_format("csv", options.format.word());
        rows.into_iter().for_each(|row| refuse(&mut decoded, row, vec![reason.clone()]));
        return Ok(decoded);
    };
    let decoding = Decoding::new(csv, options)?;
    let mut added = Added::default();
    let groups = grouped(rows, &decoding, options, &mut added, &mut decoded);
    let shape = Shape::new(options, added.fields);
    for group in groups {
        let mut rows = group.rows.into_iter().peekable();
        while rows.peek().is_some() {
            let more = decoding.again(&shape, &group.file, &mut rows)?;
            decoded.records += more.records;
            decoded.skipped += more.skipped;
            decoded.batches.extend(more.batches);
            decoded.rejected.extend(more.rejected);
        }
    }
    Ok(decoded)
}

/// The records by their files; those that can no longer be read are refused at once.
fn grouped(
    rows: Vec<QuarantinedRow>,
    decoding: &Decoding,
    options: &LoadOptions,
    added: &mut Added,
    decoded: &mut Decoded,
) -> Vec<Group> {
    let mapping = decoding.mapping(options);
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<(String, Vec<String>), Result<usize, Vec<Reason>>> = HashMap::new();
    for row in rows {
        let Some(names) = &row.file_columns else {
            refuse(decoded, row, vec![reject::cut()]);
            continue;
        };
        let group = known.entry((row.file.clone(), names.clone())).or_insert_with(|| {
            let entry = Entry::named(&row.file, options.root.as_deref());
            let columns = mapping.columns(names.clone(), &entry, added).map_err(|problems| {
                let told = |(_, kind)| reject::of_columns(&HeaderProblem::at_line(&entry, 1, kind));
                problems.into_iter().map(told).collect::<Vec<_>>()
            })?;
            let (columns, skipped) = (Arc::new(columns), Skipped::default());
            let file = FilePlan { entry, body: 0, body_line: 1, skipped, columns, header: Vec::new() };
            groups.push(Group { file: Arc::new(file), rows: Vec::new() });
            Ok(groups.len() - 1)
        });
        match group {
            Ok(group) => groups[*group].rows.push(row),
            Err(reasons) => refuse(decoded, row, reasons.clone()),
        }
    }
    groups
}

fn refuse(decoded: &mut Decoded, row: QuarantinedRow, reasons: Vec<Reason>) {
    decoded.records += 1;
    decoded.rejected.push(Rejected {
        file: row.file,
        line: row.line,
        raw: row.raw,
        raw_bytes: row.raw_bytes,
        reasons,
        file_columns: row.file_columns.map(Arc::new),
    });
}

impl Decoding {
    /// Reads a stretch of a file's records again.
    fn again(
        &self,
        shape: &Shape,
        file: &Arc<FilePlan>,
        rows: &mut Peekable<impl Iterator<Item = QuarantinedRow>>,
    ) -> Result<Decoded, FilesError> {
        let stated = self.dialect.encoding;
        let mut block = Block {
            file: Arc::clone(file),
            encoding: stated,
            buffer: Vec::new(),
            length: 0,
            line: 1,
            stored: 0,
            skipped: Skipped::default(),
            too_long: None,
            max_record: MAX_RECORD,
        };
        let mut records = Vec::new();
        let mut malformed = false;
        // What has to be decoded is of one encoding, so that it can be told in that.
        let fits = |row: &QuarantinedRow, block: &Block, malformed: bool| {
            let encoding = row.raw_bytes.as_ref().map(|bytes| stated.marked(bytes).0);
            block.buffer.len() < STRETCH && encoding.is_none_or(|encoding| !malformed || encoding == block.encoding)
        };
        while let Some(row) = rows.next_if(|row| fits(row, &block, malformed)) {
            match &row.raw_bytes {
                Some(bytes) => {
                    let (encoding, mark) = stated.marked(bytes);
                    (block.encoding, malformed) = (encoding, true);
                    block.buffer.extend(decoded(&bytes[mark..], encoding));
                }
                None => block.buffer.extend_from_slice(row.raw.as_bytes()),
            }
            records.push((block.buffer.len(), row.line));
        }
        block.length = block.buffer.len();
        let (text, malformed) = self.replace_malformed(&block.buffer);
        let decoder = Decoder::new(self, shape, &block, (&text, &malformed));
        decoder.decode_again(&records).map_err(shape::in_file(&file.entry.name))
    }
}

impl Decoder<'_> {
    /// Decodes records that end at these places and stood on these lines.
    fn decode_again(mut self, records: &[(usize, u64)]) -> Result<Decoded, arrow::error::ArrowError> {
        let bytes = &self.block.buffer;
        let limited = Limited { general: &self.decoding.dialect.general, max_record: usize::MAX };
        let mut start = 0;
        for (end, line) in records {
            let first_cell = self.cells.len();
            let record = limited.record(&bytes[..*end], start, &mut self.cells);
            let whole = Record { end: *end, next: *end, ..record };
            if record.next < *end && !matches!(record.kind, Kind::Unclosed(..)) {
                self.decoded.records += 1;
                self.refuse(whole, *line, vec![reject::several()]);
                self.cells.truncate(first_cell);
            } else {
                self.take(whole, *line, first_cell)?;
            }
            start = *end;
        }
        self.finish()
    }
}
