//! Rows to a CSV file: blocks of rows are made side by side and written in order, so that the bytes do not depend on
//! how many threads made them.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use headwater_plan::{Cancel, CsvOptions, FileFormat};

use super::dirty::{Defect, DefectCounts, Dirt, Spoiled};
use super::error::GenerateError;
use super::random::{block_random, key};
use super::row::{Column, Row};

/// Rows made by one thread at a time. Part of what a seed means: another size makes other bytes.
const BLOCK_ROWS: u64 = 16_384;

/// How the file is written: what `generate` can write of what `ingest` can read.
#[derive(Debug, Clone)]
pub(super) struct Writing {
    sep: u8,
    quote: u8,
    null: String,
}

impl Writing {
    /// The way to write files of a format; what stands in the way, if there is none.
    pub(super) fn of(format: &FileFormat) -> Result<Self, String> {
        let FileFormat::Csv(csv) = format else {
            return Err(format!("only CSV files are generated, not `{}`", format.word()));
        };
        let CsvOptions { sep, quote, escape: None, header: true, line_sep: None, skip_rows: 0, header_rows: 1, .. } =
            csv
        else {
            return Err("files are generated with one header line and doubled quotes only".to_owned());
        };
        let (&[sep], Some(Ok(quote))) = (sep.as_bytes(), quote.map(u8::try_from)) else {
            return Err("files are generated with one character as `sep` and a quote only".to_owned());
        };
        let plain = csv.footer_rows == 0 && csv.encoding.eq_ignore_ascii_case("utf-8");
        let null = csv.null_values.first().cloned().unwrap_or_default();
        if plain {
            Ok(Self { sep, quote, null })
        } else {
            Err("files are generated in UTF-8 without a footer only".to_owned())
        }
    }
}

/// A table's file, all decided.
#[derive(Debug)]
pub(super) struct TableFile {
    /// The name that the table's random numbers begin from.
    pub(super) name: String,
    pub(super) csv: Writing,
    pub(super) header: Vec<String>,
    pub(super) columns: Vec<Column>,
    /// Of each column, whether its numbers have a comma before their fraction.
    pub(super) commas: Vec<bool>,
    /// The columns, each after those that it needs.
    pub(super) order: Vec<usize>,
    pub(super) rows: u64,
    pub(super) dirt: Dirt,
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) dirty: DefectCounts,
}

impl Written {
    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
        for (defect, count) in other.dirty {
            *self.dirty.entry(defect).or_default() += count;
        }
    }
}

impl TableFile {
    /// Writes the whole file; `told` hears of rows and bytes so far.
    pub(super) fn write(
        &self,
        path: &Path,
        (seed, threads): (u64, usize),
        cancel: &Cancel,
        told: &dyn Fn(u64, u64),
    ) -> Result<Written, GenerateError> {
        let mut file = File::create(path).map_err(GenerateError::write("create", path))?;
        let mut written = Written::default();
        let mut header = Vec::new();
        for (position, name) in self.header.iter().enumerate() {
            if position > 0 {
                header.push(self.csv.sep);
            }
            self.cell(name.as_bytes(), &mut header);
        }
        header.push(b'\n');
        written.bytes += header.len() as u64;
        file.write_all(&header).map_err(GenerateError::write("write", path))?;
        let blocks = self.rows.div_ceil(BLOCK_ROWS);
        let mut buffers = vec![Vec::new(); threads.clamp(1, 64)];
        for wave in (0..blocks).step_by(buffers.len()) {
            if cancel.is_cancelled() {
                return Err(GenerateError::Cancelled);
            }
            let counts: Vec<Written> = std::thread::scope(|scope| {
                let workers: Vec<_> = (wave..blocks)
                    .zip(&mut buffers)
                    .map(|(block, buffer)| scope.spawn(move || self.block(seed, block, buffer)))
                    .collect();
                // A worker that panicked is a fault of ours, and goes on as one.
                workers
                    .into_iter()
                    .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                    .collect()
            });
            for (block, buffer) in counts.into_iter().zip(&buffers) {
                file.write_all(buffer).map_err(GenerateError::write("write", path))?;
                written.add(block);
            }
            told(written.rows, written.bytes);
        }
        file.sync_all().map_err(GenerateError::write("finish", path))?;
        Ok(written)
    }

    /// Makes one block of rows.
    fn block(&self, seed: u64, block: u64, out: &mut Vec<u8>) -> Written {
        out.clear();
        let mut random = block_random(key(seed, &[&self.name]), block);
        // Dirt is drawn apart: the rows that stay clean are the same with and without it.
        let mut dirt = block_random(key(seed, &[&self.name, "dirt"]), block);
        let mut row = Row::default();
        let mut written = Written::default();
        let first = block * BLOCK_ROWS;
        for number in first..self.rows.min(first + BLOCK_ROWS) {
            row.fill(number, &self.columns, &self.order, &mut random);
            written.rows += 1;
            let start = out.len();
            match self.dirt.spoil(&mut dirt) {
                None => self.row(&row, out),
                Some(spoiled) => {
                    *written.dirty.entry(spoiled.defect).or_default() += 1;
                    self.spoiled_row(&row, &spoiled, out);
                    if spoiled.defect == Defect::DuplicateRow {
                        out.extend_from_within(start..);
                        written.rows += 1;
                    }
                }
            }
        }
        written.bytes = out.len() as u64;
        written
    }

    fn row(&self, row: &Row, out: &mut Vec<u8>) {
        for (position, cell) in row.cells().iter().enumerate() {
            if position > 0 {
                out.push(self.csv.sep);
            }
            if cell.null {
                out.extend_from_slice(self.csv.null.as_bytes());
            } else {
                self.value(position, row.text(*cell), out);
            }
        }
        out.push(b'\n');
    }

    fn spoiled_row(&self, row: &Row, spoiled: &Spoiled, out: &mut Vec<u8>) {
        let quote = self.csv.quote;
        let last = row.cells().len() - 1;
        for (position, cell) in row.cells().iter().enumerate() {
            let here = position == spoiled.column;
            if position == last && spoiled.defect == Defect::MissingCell {
                break;
            }
            if position > 0 {
                out.push(self.csv.sep);
            }
            match spoiled.defect {
                Defect::MissingValue if here => out.extend_from_slice(self.csv.null.as_bytes()),
                Defect::UnparsableValue | Defect::UnknownReference if here => self.cell(&spoiled.text, out),
                Defect::TextAfterQuote if here => {
                    out.push(quote);
                    out.extend(row.text(*cell).iter().filter(|byte| **byte != quote));
                    out.extend_from_slice(&[quote, b'x']);
                }
                _ if cell.null => out.extend_from_slice(self.csv.null.as_bytes()),
                _ => self.value(position, row.text(*cell), out),
            }
        }
        if spoiled.defect == Defect::ExtraCell {
            out.extend_from_slice(&[self.csv.sep, b'x']);
        }
        out.push(b'\n');
    }

    /// Appends a column's value.
    fn value(&self, column: usize, text: &[u8], out: &mut Vec<u8>) {
        if self.commas[column] && text.contains(&b'.') {
            let text: Vec<u8> = text.iter().map(|byte| if *byte == b'.' { b',' } else { *byte }).collect();
            return self.cell(&text, out);
        }
        self.cell(text, out);
    }

    /// Appends a cell, quoted if it must be (RFC 4180), or if it would read as null.
    fn cell(&self, text: &[u8], out: &mut Vec<u8>) {
        let (sep, quote) = (self.csv.sep, self.csv.quote);
        let special = |byte: &u8| *byte == sep || *byte == quote || *byte == b'\n' || *byte == b'\r';
        if !text.iter().any(special) && text != self.csv.null.as_bytes() {
            out.extend_from_slice(text);
            return;
        }
        out.push(quote);
        for byte in text {
            if *byte == quote {
                out.push(quote);
            }
            out.push(*byte);
        }
        out.push(quote);
    }
}
