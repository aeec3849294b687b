//! Delta's statistics of a data file, from its Parquet footer: how many rows, and per column minimum, maximum, nulls.
//!
//! Risk: a bound that a row lies outside of makes readers skip that row, silently. Hence a bound is left out whenever it
//! is not certain. delta-rs has such code; it is private, and goes through `f64` for decimals, which rounds.
//!
//! Source: the Delta protocol, 'Per-file Statistics', and Spark's writer: 32 columns, text cut to 32 characters,
//! instants cut to milliseconds (readers widen the maximum by one), no bounds for booleans and bytes.

use std::cmp::Ordering;
use std::fmt::Write;

use chrono::{DateTime, Datelike, Days, NaiveDate, SecondsFormat};
use headwater_plan::{DataType, Schema};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;

use super::batch::NanColumns;

/// How many leaf columns have statistics: Delta's default `delta.dataSkippingNumIndexedCols`.
const INDEXED_COLUMNS: usize = 32;
/// How much of a text is kept.
const TEXT_CHARACTERS: usize = 32;

/// The value of an `add` action's `stats`.
pub(super) fn delta_stats(footer: &ParquetMetaData, schema: &Schema, nans: &NanColumns) -> String {
    let (mut minimums, mut maximums, mut nulls) = (Object::default(), Object::default(), Object::default());
    let leaves = footer.file_metadata().schema_descr();
    for (leaf, column) in leaves.columns().iter().enumerate().take(INDEXED_COLUMNS) {
        let path = column.path().parts();
        let Some(data_type) = leaf_type(schema, column) else { continue };
        let Some(merged) = merge(footer, leaf, data_type) else { continue };
        nulls.insert(path, merged.nulls.to_string());
        let is_float = matches!(data_type, DataType::Float | DataType::Double);
        let root = leaves.get_column_root_idx(leaf);
        if is_float && (path.len() > 1 || nans.has_nan(root)) {
            continue;
        }
        if let Some((minimum, maximum)) = merged.bounds {
            minimums.insert_some(path, minimum.floor(data_type));
            maximums.insert_some(path, maximum.ceiling(data_type));
        }
    }
    let rows = footer.file_metadata().num_rows();
    let mut json = format!("{{\"numRecords\":{rows},\"minValues\":");
    minimums.write(&mut json);
    json.push_str(",\"maxValues\":");
    maximums.write(&mut json);
    json.push_str(",\"nullCount\":");
    nulls.write(&mut json);
    json.push('}');
    json
}

/// The Spark type of a leaf; `None` inside lists and maps, whose leaves count elements and not rows.
fn leaf_type<'a>(schema: &'a Schema, column: &ColumnDescriptor) -> Option<&'a DataType> {
    if column.max_rep_level() > 0 {
        return None;
    }
    let (first, rest) = column.path().parts().split_first()?;
    let mut data_type = &schema.field(first)?.data_type;
    for name in rest {
        let DataType::Struct(fields) = data_type else { return None };
        data_type = &fields.iter().find(|field| field.name == *name)?.data_type;
    }
    Some(data_type)
}

struct Merged {
    nulls: u64,
    bounds: Option<(Bound, Bound)>,
}

/// The statistics of a column over all row groups; `None` if one does not count its nulls.
fn merge(footer: &ParquetMetaData, leaf: usize, data_type: &DataType) -> Option<Merged> {
    let mut merged = Merged { nulls: 0, bounds: None };
    let mut certain = true;
    for group in footer.row_groups() {
        let chunk = group.column(leaf);
        let statistics = chunk.statistics()?;
        let nulls = statistics.null_count_opt()?;
        merged.nulls += nulls;
        if nulls == u64::try_from(chunk.num_values()).ok()? {
            continue;
        }
        let bounds =
            Bound::read(statistics, data_type, Side::Minimum).zip(Bound::read(statistics, data_type, Side::Maximum));
        merged.bounds = match (merged.bounds.take(), bounds) {
            (_, None) => {
                certain = false;
                None
            }
            (None, bounds) => bounds,
            (Some((low, high)), Some((other_low, other_high))) => {
                Some((low.pick(other_low, Ordering::Less), high.pick(other_high, Ordering::Greater)))
            }
        };
    }
    if !certain {
        merged.bounds = None;
    }
    Some(merged)
}

#[derive(Clone, Copy)]
enum Side {
    Minimum,
    Maximum,
}

/// A minimum or maximum, in an order that is the type's own.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Bound {
    /// Integers, days, microseconds, and decimals without their point.
    Number(i128),
    Float(f64),
    Text(String),
}

impl Bound {
    fn read(statistics: &Statistics, data_type: &DataType, side: Side) -> Option<Self> {
        macro_rules! value {
            ($typed:expr) => {
                match side {
                    Side::Minimum => $typed.min_opt(),
                    Side::Maximum => $typed.max_opt(),
                }
            };
        }
        match (data_type, statistics) {
            (
                DataType::Byte | DataType::Short | DataType::Int | DataType::Date | DataType::Decimal { .. },
                Statistics::Int32(typed),
            ) => value!(typed).map(|value| Self::Number((*value).into())),
            (DataType::Long | DataType::Timestamp | DataType::Decimal { .. }, Statistics::Int64(typed)) => {
                value!(typed).map(|value| Self::Number((*value).into()))
            }
            (DataType::Decimal { .. }, Statistics::FixedLenByteArray(typed)) => {
                big_endian(value!(typed)?.data()).map(Self::Number)
            }
            (DataType::Float, Statistics::Float(typed)) => value!(typed).map(|value| Self::Float((*value).into())),
            (DataType::Double, Statistics::Double(typed)) => value!(typed).map(|value| Self::Float(*value)),
            (DataType::String, Statistics::ByteArray(typed)) => {
                std::str::from_utf8(value!(typed)?.data()).ok().map(|text| Self::Text(text.to_string()))
            }
            _ => None,
        }
    }

    fn pick(self, other: Self, wanted: Ordering) -> Self {
        if other.partial_cmp(&self) == Some(wanted) { other } else { self }
    }

    /// As JSON, not greater than the value.
    fn floor(self, data_type: &DataType) -> Option<String> {
        match self {
            Self::Text(text) => quote(&text.chars().take(TEXT_CHARACTERS).collect::<String>()),
            other => other.json(data_type),
        }
    }

    /// As JSON, not less than the value, but for an instant, whose readers add a millisecond.
    fn ceiling(self, data_type: &DataType) -> Option<String> {
        match self {
            Self::Text(text) => quote(&shorten_up(text)?),
            other => other.json(data_type),
        }
    }

    fn json(self, data_type: &DataType) -> Option<String> {
        match (self, data_type) {
            (Self::Number(unscaled), DataType::Decimal { scale, .. }) => Some(decimal(unscaled, *scale)),
            (Self::Number(days), DataType::Date) => quote(&date(i32::try_from(days).ok()?)?),
            (Self::Number(micros), DataType::Timestamp) => quote(&instant(i64::try_from(micros).ok()?)?),
            (Self::Number(number), _) => Some(number.to_string()),
            // JSON has no infinity.
            (Self::Float(number), _) if !number.is_finite() => None,
            #[expect(clippy::cast_possible_truncation, reason = "it was read from a 32-bit number")]
            (Self::Float(number), DataType::Float) => serde_json::to_string(&(number as f32)).ok(),
            (Self::Float(number), _) => serde_json::to_string(&number).ok(),
            (Self::Text(text), _) => quote(&text),
        }
    }
}

fn quote(text: &str) -> Option<String> {
    serde_json::to_string(text).ok()
}

/// A short text that no text beginning as this one is greater than; `None` if there is none.
fn shorten_up(text: String) -> Option<String> {
    if text.chars().count() <= TEXT_CHARACTERS {
        return Some(text);
    }
    let mut kept: Vec<char> = text.chars().take(TEXT_CHARACTERS).collect();
    while let Some(last) = kept.pop() {
        // The surrogates are no characters; the next one after them is.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            kept.push(next);
            return Some(kept.into_iter().collect());
        }
    }
    None
}

fn big_endian(bytes: &[u8]) -> Option<i128> {
    let negative = *bytes.first()? >= 0x80;
    let start = if negative { -1 } else { 0 };
    (bytes.len() <= 16).then(|| bytes.iter().fold(start, |number: i128, byte| (number << 8) | i128::from(*byte)))
}

/// A decimal as a JSON number, digit by digit.
fn decimal(unscaled: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let sign = if unscaled < 0 { "-" } else { "" };
    match digits.split_at_checked(digits.len() - scale) {
        Some((whole, part)) if scale > 0 => format!("{sign}{whole}.{part}"),
        _ => format!("{sign}{digits}"),
    }
}

fn date(days: i32) -> Option<String> {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    let distance = Days::new(days.unsigned_abs().into());
    let date = if days < 0 { epoch.checked_sub_days(distance) } else { epoch.checked_add_days(distance) }?;
    four_digits(date.year()).then(|| date.to_string())
}

fn instant(micros: i64) -> Option<String> {
    let instant = DateTime::from_timestamp_millis(micros.div_euclid(1000))?;
    four_digits(instant.year()).then(|| instant.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Beyond these years, readers disagree on how to write one.
fn four_digits(year: i32) -> bool {
    (0..=9999).contains(&year)
}

/// A JSON object whose values are JSON already, so that no number passes through a float.
#[derive(Default)]
struct Object(Vec<(String, Value)>);

enum Value {
    Json(String),
    Object(Object),
}

impl Object {
    fn insert_some(&mut self, path: &[String], json: Option<String>) {
        if let Some(json) = json {
            self.insert(path, json);
        }
    }

    fn insert(&mut self, path: &[String], json: String) {
        match path {
            [] => {}
            [name] => self.0.push((name.clone(), Value::Json(json))),
            [name, below @ ..] => {
                // Leaves come in order, so that a struct's are together.
                match self.0.last_mut() {
                    Some((last, Value::Object(object))) if last == name => object.insert(below, json),
                    _ => {
                        let mut object = Self::default();
                        object.insert(below, json);
                        self.0.push((name.clone(), Value::Object(object)));
                    }
                }
            }
        }
    }

    fn write(&self, out: &mut String) {
        out.push('{');
        for (position, (name, value)) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            // Writing to a string does not fail.
            let _ = write!(out, "{comma}{}:", quote(name).unwrap_or_default());
            match value {
                Value::Json(json) => out.push_str(json),
                Value::Object(object) => object.write(out),
            }
        }
        out.push('}');
    }
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
