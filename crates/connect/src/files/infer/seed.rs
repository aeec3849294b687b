//! The contract of a seed without declared types, by dbt's rules (those of dbt-spark), which read the whole file:
//! `boolean`, `bigint`, `double`, `date`, `timestamp`, else `string`. Two rules are stricter, because theirs change data:
//! digits with a leading zero or plus (zip codes, phone numbers) stay text, and a number that its type would round
//! becomes a decimal.

use arrow::array::{AsArray, StringArray};
use chrono::DateTime;
use headwater_plan::ingest::OnSchemaChange;
use headwater_plan::{Compression, Contract, ContractColumn, CsvOptions, DataType, FileFormat, Location};

use crate::files::value::{datetime, number};
use crate::files::{FilesError, Load, LoadOptions, SourceFile, Stores, read_header};

/// A double holds this many decimal digits whatever they are.
const EXACT_DIGITS: usize = 15;
const MAX_PRECISION: usize = 38;

/// The contract that a seed's values fit. Blocking: reads the whole file.
///
/// # Errors
/// As for loading the file with every column a string.
pub fn infer_contract(file: &SourceFile, csv: &CsvOptions) -> Result<Contract, FilesError> {
    let format = FileFormat::Csv(csv.clone());
    let names = read_header(file, &format)?;
    let column = |name: &String, data_type| ContractColumn::new(name, data_type, Location::line(&file.path, 1));
    // A name that stands twice, or is none, is left to the check of the header.
    let mut unique: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if !name.is_empty() && !unique.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
            unique.push(name);
        }
    }
    let names = unique;
    let strings = Contract {
        columns: names.iter().map(|name| column(name, DataType::String)).collect(),
        constraints: Vec::new(),
    };
    let load = Load::new(
        vec![file.clone()],
        LoadOptions {
            format,
            contract: strings,
            on_schema_change: OnSchemaChange::Fail,
            ingested_at: DateTime::UNIX_EPOCH,
            run_id: String::new(),
            stamp: false,
            compression: Compression::None,
            rescue: false,
            root: None,
            check: None,
        },
        &Stores::local(),
    )?;
    let mut candidates = vec![Candidates::default(); names.len()];
    for batch in load.read_all()? {
        for (candidates, array) in candidates.iter_mut().zip(batch.columns()) {
            candidates.see(array.as_string::<i32>(), csv.null_values.first().map_or("", String::as_str));
        }
    }
    let columns = names.iter().zip(&candidates).map(|(name, candidates)| column(name, candidates.best())).collect();
    Ok(Contract { columns, constraints: Vec::new() })
}

/// What a column can still be.
#[derive(Debug, Clone)]
struct Candidates {
    any_value: bool,
    boolean: bool,
    /// Digits, with a sign at most.
    integer: bool,
    /// Whether all integers fit 64 bits.
    long: bool,
    number: bool,
    /// Whether a double holds every number as it is written.
    exact: bool,
    /// Whether one has an exponent: who writes that means a floating-point number.
    exponent: bool,
    date: bool,
    timestamp: bool,
    digits_before: usize,
    digits_behind: usize,
}

impl Default for Candidates {
    fn default() -> Self {
        Self {
            any_value: false,
            boolean: true,
            integer: true,
            long: true,
            number: true,
            exact: true,
            exponent: false,
            date: true,
            timestamp: true,
            digits_before: 0,
            digits_behind: 0,
        }
    }
}

impl Candidates {
    fn see(&mut self, values: &StringArray, null_value: &str) {
        for value in values.iter().flatten() {
            // In every type but string the quoted null is null too.
            if value == null_value {
                continue;
            }
            let bytes = value.as_bytes();
            self.any_value = true;
            self.boolean &= number::boolean(bytes).is_some();
            self.see_number(bytes);
            self.date &= datetime::iso_date(bytes).is_some();
            self.timestamp &= datetime::iso_timestamp(bytes, true).is_some();
        }
    }

    fn see_number(&mut self, bytes: &[u8]) {
        if !self.number {
            return;
        }
        let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
        let leading_zero = matches!(digits, [b'0', b'0'..=b'9', ..]);
        let number = !leading_zero && !digits.starts_with(b"+") && number::double(bytes).is_some_and(f64::is_finite);
        if !number || number::trimmed(bytes).len() < bytes.len() {
            (self.number, self.integer) = (false, false);
            return;
        }
        let point = digits.iter().position(|byte| *byte == b'.');
        let behind = point.map_or(0, |at| digits.len() - at - 1);
        let exponent = digits.iter().any(|byte| matches!(byte, b'e' | b'E'));
        self.integer &= point.is_none() && !exponent;
        self.long &= number::integer(bytes).is_some();
        self.digits_before = self.digits_before.max(point.unwrap_or(digits.len()));
        self.digits_behind = self.digits_behind.max(behind);
        self.exponent |= exponent;
        let significant = digits.iter().filter(|byte| byte.is_ascii_digit()).count();
        self.exact &= significant <= EXACT_DIGITS;
    }

    fn best(&self) -> DataType {
        let precision = self.digits_before + self.digits_behind;
        match self {
            Self { any_value: false, .. } => DataType::String,
            Self { boolean: true, .. } => DataType::Boolean,
            Self { integer: true, long: true, .. } => DataType::Long,
            Self { number: true, exponent: true, .. } | Self { number: true, integer: false, exact: true, .. } => {
                DataType::Double
            }
            Self { number: true, .. } if precision <= MAX_PRECISION => {
                // Both are at most 38.
                DataType::Decimal { precision: precision.max(1) as u8, scale: self.digits_behind as u8 }
            }
            Self { date: true, .. } => DataType::Date,
            Self { timestamp: true, .. } => DataType::Timestamp,
            _ => DataType::String,
        }
    }
}
