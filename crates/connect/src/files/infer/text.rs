//! The columns of CSV files, from the values of a sample.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use headwater_plan::{Code, Contract, ContractColumn, CsvOptions, DataType, FileFormat, Location, OnSchemaChange};

use super::column::{Typed, Values};
use super::names::Taken;
use super::{Inferred, Note, counted, load_options};
use crate::files::csv::header::{Names, names_of};
use crate::files::{FilesError, Load, Rejected, SourceFile, Stores};

/// So many records are looked at, of all files together; of each at least a thousand.
const RECORDS: u64 = 50_000;
const LEAST: u64 = 1_000;

/// What was read of the files.
#[derive(Default)]
struct Sample {
    /// The columns in the order in which they were met: the name in the files, and its values.
    columns: Vec<(String, Values)>,
    records: u64,
    rejected: u64,
    /// Of each kind, how many, and the first.
    kinds: BTreeMap<String, (u64, String)>,
    not_text: bool,
    /// Columns that not all files have.
    lacking: BTreeMap<String, String>,
}

/// The contract of CSV files of these options.
pub(super) fn infer(
    files: Vec<SourceFile>,
    mut csv: CsvOptions,
    mut notes: Vec<Note>,
    stores: &Stores,
) -> Result<Inferred, FilesError> {
    let mut headers = names_of(&files, &csv, stores)?;
    let mut positional = None;
    if let Some((header, lines)) = headers.iter().find_map(|header| Some((header, header.unusable()?))) {
        // Columns of one name, or of none, can only be told by their places.
        csv.header = false;
        csv.skip_rows += lines;
        positional = Some(header.names.clone());
        notes.push(Note::all("the header names columns twice or not at all, so it is passed over: look at the names"));
        headers = names_of(&files, &csv, stores)?;
    }
    let mut sample = Sample::read(&files, &headers, &csv, stores)?;
    if sample.not_text && csv.encoding == "UTF-8" {
        csv.encoding = "windows-1252".to_owned();
        notes.push(Note::all("not all records are UTF-8; they are read as windows-1252: look at letters with accents"));
        headers = names_of(&files, &csv, stores)?;
        sample = Sample::read(&files, &headers, &csv, stores)?;
    }
    let path = files.first().map(|file| file.path.as_str()).unwrap_or_default();
    let mut taken = Taken::default();
    let mut columns = Vec::with_capacity(sample.columns.len());
    for (number, (written, values)) in sample.columns.iter().enumerate() {
        let name = taken.name(positional.as_ref().and_then(|names| names.get(number)).unwrap_or(written));
        let column = ContractColumn::new(&name, DataType::String, Location::line(path, 1));
        let Typed { mut column, notes: found } = values.typed(column);
        if csv.header && !name.eq_ignore_ascii_case(written) {
            column.source_name = Some(written.clone());
        }
        notes.extend(found);
        if let Some(file) = sample.lacking.get(written) {
            notes.push(Note::of(&name, format!("`{file}` has no such column: give it a `default`")));
        }
        columns.push(column);
    }
    share_nulls(&mut columns, &mut csv);
    notes.extend(sample.told());
    let unnamed = csv.header && headers.iter().any(|header| header.names.iter().any(String::is_empty));
    let on_schema_change = if unnamed { OnSchemaChange::Ignore } else { OnSchemaChange::Fail };
    let contract = Contract { columns, constraints: Vec::new() };
    let records = sample.records;
    Ok(Inferred { format: FileFormat::Csv(csv), contract, on_schema_change, notes, files: 0, records })
}

/// Texts that mean null in several columns are said once, for the files.
fn share_nulls(columns: &mut [ContractColumn], csv: &mut CsvOptions) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    columns
        .iter()
        .flat_map(|column| &column.null_values)
        .for_each(|null| *counts.entry(null.clone()).or_default() += 1);
    let shared: Vec<String> = counts.into_iter().filter(|(_, count)| *count > 1).map(|(null, _)| null).collect();
    for column in columns {
        column.null_values.retain(|null| !shared.contains(null));
    }
    csv.null_values = shared;
}

impl Sample {
    fn read(files: &[SourceFile], headers: &[Names], csv: &CsvOptions, stores: &Stores) -> Result<Self, FilesError> {
        let mut sample = Self::default();
        let share = (RECORDS / files.len().max(1) as u64).max(LEAST);
        for (number, file) in files.iter().enumerate() {
            // All members of an archive have the columns of its first.
            let Some(header) = headers.iter().find(|header| header.file == number && !header.names.is_empty()) else {
                continue;
            };
            sample.file(file, header, csv, (share, stores))?;
        }
        let columns = sample.columns.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        for header in headers.iter().filter(|header| csv.header && !header.names.is_empty()) {
            for column in &columns {
                if !header.names.iter().any(|name| name.eq_ignore_ascii_case(column)) {
                    sample.lacking.insert(column.clone(), header.path.clone());
                }
            }
        }
        Ok(sample)
    }

    fn file(
        &mut self,
        file: &SourceFile,
        header: &Names,
        csv: &CsvOptions,
        (share, stores): (u64, &Stores),
    ) -> Result<(), FilesError> {
        let names: Vec<&String> = header.names.iter().filter(|name| !name.is_empty()).collect();
        let places: Vec<usize> = names.iter().map(|name| self.place(name)).collect();
        let string = |name: &&String| ContractColumn::new(*name, DataType::String, Location::line(&file.path, 1));
        let columns = names.iter().map(string).collect();
        let options = load_options(FileFormat::Csv(csv.clone()), columns, OnSchemaChange::Ignore);
        let load = Load::new(vec![file.clone()], options, stores)?;
        let mut records = 0;
        while let Some(block) = load.next_block()? {
            let decoded = load.decode(block)?;
            for batch in &decoded.batches {
                let rows = usize::try_from(share - records.min(share)).unwrap_or(usize::MAX).min(batch.num_rows());
                for (place, column) in places.iter().zip(batch.columns()) {
                    let values = &mut self.columns[*place].1;
                    column.as_string::<i32>().iter().take(rows).for_each(|value| values.see(value));
                }
                records += rows as u64;
            }
            decoded.rejected.iter().for_each(|rejected| self.refuse(rejected));
            if records >= share {
                break;
            }
        }
        self.records += records;
        Ok(())
    }

    fn place(&mut self, name: &str) -> usize {
        let known = self.columns.iter().position(|(other, _)| other.eq_ignore_ascii_case(name));
        known.unwrap_or_else(|| {
            self.columns.push((name.to_owned(), Values::default()));
            self.columns.len() - 1
        })
    }

    fn refuse(&mut self, rejected: &Rejected) {
        self.rejected += 1;
        let Some(reason) = rejected.reasons.first() else { return };
        self.not_text |= reason.code == Code::InvalidEncoding;
        let first = || (0, format!("line {} of `{}`: {}", rejected.line, rejected.file, reason.message));
        self.kinds.entry(reason.code.to_string()).or_insert_with(first).0 += 1;
    }

    /// What the records that do not fit say.
    fn told(&self) -> Vec<Note> {
        let told = |(kind, (count, first)): (&String, &(u64, String))| {
            let help = match kind.as_str() {
                "unclosed-quote" | "invalid-cell" => "; `quotes: lenient` may help",
                "ragged-record" => "; `ragged: pad` or `rescue` may help",
                _ => "",
            };
            let records = counted(*count, "record does", "records do");
            Note::all(format!("{records} not fit, the first in {first}{help}"))
        };
        self.kinds.iter().map(told).collect()
    }
}
