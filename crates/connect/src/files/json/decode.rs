//! A block of JSON records to record batches. Every record becomes a row or a [`Rejected`]; a row with one bad value is
//! taken out of the batch as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, StringArray};
use headwater_plan::{Code, OnSchemaChange};

use super::elements::{Extent, Problem};
use super::names::Names;
use super::nested::Places;
use super::scan::{self, Kind, Member, Span};
use super::split::Block;
use crate::files::contract::{Column, Parser};
use crate::files::encoding::Encoding;
use crate::files::load::{BATCH_ROWS, CHUNK_ROWS};
use crate::files::open::Entry;
use crate::files::reject::{self, Reason, Rejected};
use crate::files::schema::{self, SchemaProblem, SchemaProblemKind};
use crate::files::shape::{Rows, Shape, in_file};
use crate::files::tree::Tree;
use crate::files::value::column::{Bad, BadRows};
use crate::files::{Decoded, FilesError};

/// What decoding needs to know; nothing in it changes.
#[derive(Debug)]
pub(crate) struct Decoding {
    /// The columns of the contract, then those that were added.
    pub(crate) columns: Vec<Column>,
    /// The types that text does not stand for.
    pub(crate) trees: Vec<Option<Tree>>,
    /// How many of the columns are the contract's.
    pub(crate) declared: usize,
    pub(crate) names: Names,
    pub(crate) nulls: Vec<String>,
    /// The encoding that the source states.
    pub(crate) encoding: Encoding,
    pub(crate) on_schema_change: OnSchemaChange,
    /// Whether the records come from the quarantine: there is no file to refuse, so what refuses one refuses a record.
    pub(crate) replaying: bool,
}

impl Decoding {
    pub(crate) fn decode(&self, shape: &Shape, block: &Block) -> Result<Decoded, FilesError> {
        let mut decoded = Decoded { bytes: block.stored, file: block.entry.file, ..Decoded::default() };
        let records = block.records(&mut decoded.skipped.blank);
        let mut decoder = Decoder::new(self, shape, &block.entry, block.encoding);
        decoder.decoded = decoded;
        decoder.bytes(&block.buffer[..block.length], records, block.max_record)?;
        Ok(decoder.finish())
    }
}

pub(crate) struct Decoder<'a> {
    decoding: &'a Decoding,
    shape: &'a Shape,
    entry: &'a Entry,
    encoding: Encoding,
    rows: Vec<(Extent, u64)>,
    /// For each row the places of its columns' values.
    slots: Vec<Option<Span>>,
    /// For each row what no column takes.
    rescued: Vec<Option<String>>,
    /// The refused records, each with its place, for their order.
    rejected: Vec<(usize, Rejected)>,
    decoded: Decoded,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(decoding: &'a Decoding, shape: &'a Shape, entry: &'a Entry, encoding: Encoding) -> Self {
        let (rows, slots, rescued) = (Vec::new(), Vec::new(), Vec::new());
        let decoded = Decoded::default();
        Self { decoding, shape, entry, encoding, rows, slots, rescued, rejected: Vec::new(), decoded }
    }

    pub(crate) fn finish(mut self) -> Decoded {
        self.rejected.sort_by_key(|(start, _)| *start);
        self.decoded.rejected = self.rejected.into_iter().map(|(_, rejected)| rejected).collect();
        self.decoded
    }

    /// Reads records, of which some may be no text.
    pub(crate) fn bytes(
        &mut self,
        bytes: &[u8],
        records: Vec<(Extent, u64)>,
        max_record: usize,
    ) -> Result<(), FilesError> {
        match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => self.records(text, &records, max_record),
            Err(_) => {
                let (text, records) = self.texts(bytes, records);
                self.records(&text, &records, max_record)
            }
        }
    }

    /// Refuses the records that are no text; blanks stand for them in the text of all.
    fn texts(&mut self, bytes: &[u8], records: Vec<(Extent, u64)>) -> (String, Vec<(Extent, u64)>) {
        let mut text = bytes.to_vec();
        let mut kept = Vec::with_capacity(records.len());
        for (extent, line) in records {
            let record = &bytes[extent.start..extent.end];
            if std::str::from_utf8(record).is_ok() {
                kept.push((extent, line));
                continue;
            }
            self.decoded.records += 1;
            // A mark that overrode the stated encoding is kept, so that a replay knows.
            let mark = if self.encoding == self.decoding.encoding { &[] } else { self.encoding.mark() };
            let rejected = Rejected {
                file: self.entry.name.clone(),
                line,
                raw: self.encoding.shown(record),
                raw_bytes: Some([mark, &self.encoding.original(record)].concat()),
                reasons: vec![reject::not_text(record, self.encoding)],
                file_columns: None,
            };
            self.rejected.push((extent.start, rejected));
            text[extent.start..extent.end].fill(b' ');
        }
        // Between the records too there may be anything.
        let text = String::from_utf8(text).unwrap_or_else(|error| {
            let mut bytes = error.into_bytes();
            while let Err(wrong) = std::str::from_utf8(&bytes) {
                let from = wrong.valid_up_to();
                let length = wrong.error_len().unwrap_or(bytes.len() - from);
                bytes[from..from + length].fill(b' ');
            }
            String::from_utf8(bytes).unwrap_or_default()
        });
        (text, kept)
    }

    /// Reads records, a stretch at a time.
    fn records(&mut self, text: &str, records: &[(Extent, u64)], max_record: usize) -> Result<(), FilesError> {
        let width = self.decoding.columns.len();
        let wide = (BATCH_ROWS / (width / 16 + 1)).max(CHUNK_ROWS);
        let mut members = Vec::new();
        // The fields of records mostly stand in one order: each is looked for where the last record had it.
        let mut known: Vec<(String, usize)> = Vec::new();
        for (extent, line) in records {
            self.decoded.records += 1;
            members.clear();
            match self.object(text, *extent, max_record, &mut members) {
                Ok(()) => self.record(text, (*extent, *line), &members, &mut known)?,
                Err(reason) => self.refuse(text, (*extent, *line), vec![reason]),
            }
            if self.rows.len() == wide {
                self.batch(text)?;
            }
        }
        self.batch(text)
    }

    fn object(&self, text: &str, extent: Extent, max_record: usize, members: &mut Vec<Member>) -> Result<(), Reason> {
        match extent.problem {
            Some(Problem::Unclosed) => return Err(invalid("the array does not close: perhaps the file was cut", 0)),
            Some(Problem::TooLong) => return Err(reject::too_long(max_record)),
            None if extent.end - extent.start > max_record => return Err(reject::too_long(max_record)),
            None => {}
        }
        scan::object(text.as_bytes(), extent.start, extent.end, members).map(|_| ()).map_err(|mistake| {
            let at = floor(text, mistake.at.min(extent.end));
            let before = text[extent.start..at.max(extent.start)].chars().count() as u32;
            invalid(mistake.what, before)
        })
    }

    /// Notes where a record's values stand.
    fn record(
        &mut self,
        text: &str,
        record: (Extent, u64),
        members: &[Member],
        known: &mut Vec<(String, usize)>,
    ) -> Result<(), FilesError> {
        let first = self.slots.len();
        self.slots.resize(first + self.decoding.columns.len(), None);
        let mut rescued = String::new();
        for (position, member) in members.iter().enumerate() {
            let written = &text[member.name.start..member.name.end];
            let column = match known.get(position) {
                Some((name, column)) if name == written => Some(*column),
                _ => None,
            };
            let taken = match column {
                Some(column) => self.put(first + column, member.value),
                None => {
                    let name = member.name.text(text);
                    let Some(target) = self.decoding.names.find(&name) else {
                        if let Some(reason) = self.unknown(&name, record.1)? {
                            self.slots.truncate(first);
                            self.refuse(text, record, vec![reason]);
                            return Ok(());
                        }
                        rescued.push(if rescued.is_empty() { '{' } else { ',' });
                        rescued.push_str(written);
                        rescued.push(':');
                        rescued.push_str(&text[member.value.start..member.value.end]);
                        continue;
                    };
                    if let (Some(column), true) = (target.column, target.inside.is_empty()) {
                        known.resize(known.len().max(position + 1), (String::new(), 0));
                        known[position] = (written.to_owned(), column);
                    }
                    let inside = target
                        .inside
                        .iter()
                        .filter_map(|(way, column)| along(text, member.value, way).map(|value| (*column, value)));
                    let mut values: Vec<(usize, Span)> = inside.collect();
                    values.extend(target.column.map(|column| (column, member.value)));
                    values.into_iter().all(|(column, value)| self.put(first + column, value))
                }
            };
            if !taken {
                let name = member.name.text(text);
                let before = text[record.0.start..member.name.start].chars().count() as u32;
                let what = format!("it has two fields for one column, the second is `{name}`");
                self.slots.truncate(first);
                self.refuse(text, record, vec![invalid(&what, before)]);
                return Ok(());
            }
        }
        self.rows.push(record);
        let keeps = self.shape.rescues && !rescued.is_empty();
        self.rescued.push(keeps.then(|| rescued + "}"));
        Ok(())
    }

    fn put(&mut self, slot: usize, value: Span) -> bool {
        self.slots[slot].replace(value).is_none()
    }

    /// What a field that no column takes does to its record, or to its file.
    fn unknown(&self, name: &str, line: u64) -> Result<Option<Reason>, FilesError> {
        if self.decoding.on_schema_change != OnSchemaChange::Fail {
            return Ok(None);
        }
        let kind = SchemaProblemKind::Unexpected { column: name.to_owned() };
        let problem = SchemaProblem { path: self.entry.name.clone(), line, kind };
        if self.decoding.replaying {
            let told = problem.diagnostic();
            let message = format!("it has a field `{name}`, which the contract has not");
            return Ok(Some(Reason { code: Code::UnexpectedColumn, help: told.help.into(), ..invalid(&message, 0) }));
        }
        schema::refuse(vec![problem]).map(|()| None)
    }

    fn refuse(&mut self, text: &str, (extent, line): (Extent, u64), reasons: Vec<Reason>) {
        let end = floor(text, extent.end);
        let rejected = Rejected {
            file: self.entry.name.clone(),
            line,
            raw: text[extent.start..end].to_owned(),
            raw_bytes: None,
            reasons,
            file_columns: None,
        };
        self.rejected.push((extent.start, rejected));
    }

    /// The values of a column.
    fn places<'t>(&'t self, text: &'t str, column: usize) -> Places<'t> {
        let spans = self.slots.iter().skip(column).step_by(self.decoding.columns.len()).copied().collect();
        Places { text, spans, nulls: &self.decoding.nulls }
    }

    /// Builds the batch of the rows found so far.
    fn batch(&mut self, text: &str) -> Result<(), FilesError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let name = self.entry.name.clone();
        let mut bad: BTreeMap<usize, Vec<Reason>> = BTreeMap::new();
        let mut arrays = Vec::with_capacity(self.decoding.columns.len());
        for number in 0..self.decoding.columns.len() {
            let (array, mut bad_rows) = self.column(text, number).map_err(in_file(&name))?;
            bad_rows.sort_unstable_by_key(|(row, _)| *row);
            bad_rows.dedup_by_key(|(row, _)| *row);
            for (row, why) in bad_rows {
                bad.entry(row).or_default().push(self.explain(text, row, number, why));
            }
            arrays.push(array);
        }
        let added = arrays.split_off(self.decoding.declared);
        if self.shape.has_check() {
            for broken in self.shape.broken(&arrays).map_err(in_file(&name))? {
                bad.entry(broken.row).or_default().push(self.shape.broken_reason(&broken));
            }
        }
        let keep = (!bad.is_empty())
            .then(|| BooleanArray::from_iter((0..self.rows.len()).map(|row| Some(!bad.contains_key(&row)))));
        for (row, reasons) in bad {
            self.refuse(text, self.rows[row], reasons);
        }
        let rescued = self.shape.rescues.then(|| Arc::new(StringArray::from_iter(self.rescued.drain(..))) as ArrayRef);
        let lines = Int64Array::from_iter_values(self.rows.iter().map(|(_, line)| line.cast_signed()));
        let rows = Rows { columns: arrays, rescued, lines, added };
        let batch = self.shape.batch(self.entry, rows, keep.as_ref()).map_err(in_file(&name))?;
        self.decoded.batches.extend(batch);
        self.rows.clear();
        self.slots.clear();
        self.rescued.clear();
        Ok(())
    }

    fn column(&self, text: &str, number: usize) -> Result<(ArrayRef, BadRows), arrow::error::ArrowError> {
        let column = &self.decoding.columns[number];
        let places = self.places(text, number);
        let mut bad = BadRows::new();
        let Some(tree) = &self.decoding.trees[number] else {
            let folder = self.entry.partition(column.declared.name_in_file()).and_then(Option::as_deref);
            return Ok((places.texts(column, folder, &mut bad), bad));
        };
        let array = places.array(tree, &mut bad)?;
        if !column.reading.nullable {
            let before: std::collections::HashSet<usize> = bad.iter().map(|(row, _)| *row).collect();
            let nulls = (0..array.len()).filter(|row| array.is_null(*row) && !before.contains(row));
            bad.extend(nulls.map(|row| (row, Bad::Null)));
        }
        Ok((array, bad))
    }

    /// Why a value is none of its column.
    fn explain(&self, text: &str, row: usize, number: usize, why: Bad) -> Reason {
        let column = &self.decoding.columns[number];
        let span = self.slots[row * self.decoding.columns.len() + number];
        let (extent, _) = self.rows[row];
        let mut reason = match (why, span) {
            (Bad::Null, _) => reject::null_value(&column.declared, None),
            (Bad::NoValue, Some(span)) => {
                let before = text[extent.start..span.start].chars().count() as u32;
                let length = text[span.start..span.end].chars().count().max(1) as u32;
                reject::not_a_value(&column.declared, 0, &span.text(text), (before, length))
            }
            (Bad::NoValue, None) => {
                let folder = self.entry.partition(column.declared.name_in_file()).and_then(Option::as_deref);
                reject::not_a_value(&column.declared, 0, folder.unwrap_or_default(), (0, 1))
            }
        };
        // A record of JSON has no columns to count.
        reason.column_number = 0;
        if let (Parser::NoText, Bad::NoValue) = (&column.parser, why) {
            reason.help = "correct the value, or declare `string`, which takes it as it stands".into();
        }
        reason
    }
}

fn invalid(what: &str, at: u32) -> Reason {
    Reason {
        code: Code::InvalidJson,
        column: None,
        column_number: 0,
        message: format!("it is no record in JSON: {what}"),
        help: "write one object a line, or an array of objects".into(),
        span: (at, 1),
    }
}

/// The value at the end of a way of names; `None` if there is none.
fn along(text: &str, value: Span, way: &[String]) -> Option<Span> {
    let mut value = value;
    for name in way {
        if value.kind != Kind::Object {
            return None;
        }
        let mut found = None;
        scan::members(text.as_bytes(), value, |member| {
            if member.name.text(text).eq_ignore_ascii_case(name) {
                found = Some(member.value);
            }
        });
        value = found?;
    }
    Some(value)
}

/// The last place at or before `at` where a character begins.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
