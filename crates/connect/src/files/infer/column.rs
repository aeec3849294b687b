//! A column's values to its type, and to how it writes null, dates and numbers.

use std::collections::HashSet;

use headwater_plan::{ContractColumn, DataType};

use super::Note;
use crate::files::contract::Reading;
use crate::files::reject::{GUESSES, Guess};
use crate::files::value::pattern::Pattern;
use crate::files::value::{datetime, number, text};

/// Texts that mean that there is no value, wherever they stand.
const NULLS: [&str; 8] = ["NULL", "null", "\\N", "N/A", "n/a", "#N/A", "(null)", "<null>"];
/// Texts that mean it where all other values are numbers, dates or truth values.
const TYPED_NULLS: [&str; 12] = ["NA", "na", "-", "--", "?", "None", "none", "nil", "NaN", "nan", ".", "unknown"];
/// Integers of more digits are names of things.
const MAX_INTEGER: usize = 18;
/// A fraction of more digits was measured, not counted.
const MAX_SCALE: usize = 4;
/// Fewer rows say nothing about nulls.
const MIN_ROWS: usize = 10;
/// What a column is written in at most.
const MAX_FORMATS: usize = 3;

/// The sampled values of a column.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// The values, nulls left out.
    pub(super) texts: Vec<String>,
    pub(super) nulls: u64,
}

/// What the values of a column say about it.
pub(super) struct Typed {
    pub(super) column: ContractColumn,
    pub(super) notes: Vec<Note>,
}

impl Values {
    pub(super) fn see(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.texts.push(value.to_owned()),
            None => self.nulls += 1,
        }
    }

    /// The column, of this name and with nothing else declared.
    pub(super) fn typed(&self, column: ContractColumn) -> Typed {
        let mut typed = Typed { column, notes: Vec::new() };
        let blanks = self.texts.iter().any(|value| value.trim().len() < value.len());
        let (mut nulls, mut values) = (Vec::new(), Vec::new());
        for value in self.texts.iter().map(|value| value.trim()) {
            match NULLS.iter().find(|null| **null == value) {
                Some(null) => nulls.push((*null).to_owned()),
                None if value.is_empty() => {}
                None => values.push(value),
            }
        }
        let rest: Vec<&str> = values.iter().copied().filter(|value| !TYPED_NULLS.contains(value)).collect();
        let found = [&values, &rest].into_iter().find(|values| !values.is_empty() && typed.read(values));
        match found {
            Some(found) if found.len() < values.len() => {
                nulls
                    .extend(values.iter().filter(|value| TYPED_NULLS.contains(value)).map(|value| (*value).to_owned()));
            }
            Some(_) => {}
            None => {
                if values.is_empty() {
                    typed.notes.push(Note::of(&typed.column.name, "no value was found: its type is a guess"));
                }
            }
        }
        nulls.sort();
        nulls.dedup();
        typed.column.trim = blanks;
        typed.column.nullable = !self.is_key(&typed.column, &values, nulls.is_empty());
        typed.column.null_values = nulls;
        typed
    }

    /// Whether it names the row: in every row, another each time, by its name or as whole numbers and codes do.
    fn is_key(&self, column: &ContractColumn, values: &[&str], no_nulls: bool) -> bool {
        let named = column.name == "id"
            || ["_id", "_key", "_uuid", "_code", "_number"].iter().any(|end| column.name.ends_with(end));
        let whole = matches!(column.data_type, DataType::Int | DataType::Long | DataType::String);
        let complete = no_nulls && self.nulls == 0 && values.len() == self.texts.len() && values.len() >= MIN_ROWS;
        let distinct = || values.iter().collect::<HashSet<_>>().len() == values.len();
        named && whole && complete && distinct()
    }
}

impl Typed {
    /// Declares the type that all these values have; whether there is one beside `string`.
    fn read(&mut self, values: &[&str]) -> bool {
        let all = |test: &dyn Fn(&str) -> bool| values.iter().all(|value| test(value));
        let column = &mut self.column;
        if all(&|value| number::boolean(value.as_bytes()).is_some()) {
            column.data_type = DataType::Boolean;
            return true;
        }
        if self.number(values) || self.moment(values) {
            return true;
        }
        self.other_signs(values)
    }

    /// Numbers as they are written everywhere.
    fn number(&mut self, values: &[&str]) -> bool {
        let Some(shape) = Shape::of(values.iter().map(|value| (*value).to_owned())) else { return false };
        // A day may be written like a number; its column's name then says so.
        if shape.scale == 0 && is_dated(&self.column.name) && self.compact_days(values) {
            return true;
        }
        match shape.data_type(&self.column.name) {
            Some(data_type) => {
                self.column.data_type = data_type;
                true
            }
            None => false,
        }
    }

    /// `20240229`.
    fn compact_days(&mut self, values: &[&str]) -> bool {
        let compact = GUESSES.iter().find(|guess| guess.format == "yyyyMMdd");
        let days =
            compact.is_some_and(|guess| values.iter().all(|value| guess.pattern.date(value.as_bytes()).is_some()));
        if days {
            self.column.data_type = DataType::Date;
            self.column.format = vec!["yyyyMMdd".to_owned()];
        }
        days
    }

    /// Days and instants, in ISO 8601 or in up to three formats.
    fn moment(&mut self, values: &[&str]) -> bool {
        if values.iter().all(|value| datetime::iso_date(value.as_bytes()).is_some()) {
            self.column.data_type = DataType::Date;
            return true;
        }
        if values.iter().all(|value| datetime::iso_timestamp(value.as_bytes(), true).is_some()) {
            self.column.data_type = DataType::Timestamp;
            return true;
        }
        let mut left: Vec<&str> = values.to_vec();
        let mut formats: Vec<&str> = Vec::new();
        let (mut timed, mut ambiguous) = (false, None);
        while !left.is_empty() && formats.len() < MAX_FORMATS {
            let fits =
                |pattern: &Pattern| left.iter().filter(|value| pattern.timestamp(value.as_bytes()).is_some()).count();
            let counted = GUESSES.iter().map(|guess| (fits(&guess.pattern), guess));
            let counted: Vec<(usize, &Guess)> = counted.filter(|(count, _)| *count > 0).collect();
            let Some(most) = counted.iter().map(|(count, _)| *count).max() else { break };
            let mut best = counted.into_iter().filter(|(count, _)| *count == most).map(|(_, guess)| guess);
            let Some(first) = best.next() else { break };
            // Another reading of the same values, not a format of others.
            let reads = |guess: &Guess, value: &str| guess.pattern.timestamp(value.as_bytes()).is_some();
            let same = |guess: &Guess| left.iter().all(|value| reads(guess, value) == reads(first, value));
            let other = best.find(|guess| order(&guess.format) != order(&first.format) && same(guess));
            // Slashes are mostly written by Americans, who write the month first.
            let american = first.format.contains('/') && other.is_some_and(|guess| guess.format.starts_with('M'));
            let chosen = if american { other.unwrap_or(first) } else { first };
            if let Some(other) = other {
                let not = if american { first } else { other };
                ambiguous = Some((chosen.format.as_str(), not.format.as_str()));
            }
            formats.push(&chosen.format);
            timed |= chosen.timed;
            left.retain(|value| chosen.pattern.timestamp(value.as_bytes()).is_none());
        }
        if !left.is_empty() {
            return false;
        }
        // A value that fits an earlier format is not meant by a later one.
        self.column.data_type = if timed { DataType::Timestamp } else { DataType::Date };
        self.column.format = formats.into_iter().map(str::to_owned).collect();
        if let Some((chosen, other)) = ambiguous {
            let text = format!("its values fit `{other}` as well as `{chosen}`: no day in it is past the 12th");
            self.notes.push(Note::of(&self.column.name, text));
        }
        true
    }

    /// Numbers with a decimal comma, or with their digits grouped.
    fn other_signs(&mut self, values: &[&str]) -> bool {
        const SIGNS: [(char, Option<char>); 6] = [
            (',', None),
            (',', Some('.')),
            ('.', Some(',')),
            (',', Some(' ')),
            ('.', Some('\'')),
            (',', Some('\u{a0}')),
        ];
        for (decimal, group) in SIGNS {
            let reading = Reading { signs: Some((decimal, group)), ..Reading::default() };
            let plain = |value: &&str| {
                let mut scratch = String::new();
                text::prepare(&reading, text::Nulls::DEFAULT, value, &mut scratch).map(str::to_owned)
            };
            let Some(plain) = values.iter().map(plain).collect::<Option<Vec<String>>>() else { continue };
            let Some(shape) = Shape::of(plain.into_iter()) else { continue };
            let Some(data_type) = shape.data_type(&self.column.name) else { continue };
            self.column.data_type = data_type;
            (self.column.decimal_sep, self.column.group_sep) = (decimal, group);
            // One comma before three digits each time: a fraction, or thousands.
            let unclear = group.is_none() && shape.scale == 3 && shape.least_scale == 3;
            if unclear {
                let text =
                    "its commas may stand before a fraction (`decimal_sep`) or between groups of digits (`group_sep`)";
                self.notes.push(Note::of(&self.column.name, text));
            }
            return true;
        }
        false
    }
}

/// In what order a format has day and month.
fn order(format: &str) -> Option<bool> {
    Some(format.find('d')? < format.find('M')?)
}

fn is_dated(name: &str) -> bool {
    ["date", "day", "datum", "tag", "_on", "_at", "dt"].iter().any(|word| name.contains(word))
}

/// Names of things that look like numbers.
fn is_name(name: &str) -> bool {
    const WORDS: [&str; 10] = ["zip", "postal", "postcode", "plz", "phone", "tel", "fax", "iban", "ssn", "isbn"];
    name.split('_').any(|word| WORDS.contains(&word))
}

/// How the numbers of a column are written.
struct Shape {
    /// Digits before the point, at most.
    whole: usize,
    /// Digits behind it, at most and at least.
    scale: usize,
    least_scale: usize,
    exponent: bool,
    /// Whether one has a zero or a plus in front, or more digits than numbers have.
    named: bool,
    /// Whether all whole numbers fit 32 bits.
    int: bool,
}

impl Shape {
    /// Of values that are all plain numbers.
    fn of(values: impl Iterator<Item = String>) -> Option<Self> {
        let mut shape = Self { whole: 0, scale: 0, least_scale: usize::MAX, exponent: false, named: false, int: true };
        for value in values {
            let bytes = value.as_bytes();
            let digits = value.strip_prefix('-').unwrap_or(&value);
            if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.' || first == '+')
                || number::double(bytes).is_none_or(|number| !number.is_finite())
            {
                return None;
            }
            let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            shape.exponent |= mantissa.len() < digits.len();
            shape.named |= digits.starts_with('+')
                || whole.len() > 1 && whole.starts_with('0')
                || fraction.is_empty() && whole.len() > MAX_INTEGER;
            shape.int &= value.parse::<i32>().is_ok();
            shape.whole = shape.whole.max(whole.len());
            shape.scale = shape.scale.max(fraction.len());
            shape.least_scale = shape.least_scale.min(fraction.len());
        }
        Some(shape)
    }

    /// The type; `None` for what is better kept as text.
    fn data_type(&self, name: &str) -> Option<DataType> {
        if self.named || self.scale == 0 && is_name(name) {
            return None;
        }
        if self.exponent || self.scale > MAX_SCALE {
            return Some(DataType::Double);
        }
        if self.scale == 0 {
            // What counts up does not stop where a sample does.
            let grows = name == "id" || name.ends_with("_id") || name.ends_with("_key");
            return Some(if self.int && !grows { DataType::Int } else { DataType::Long });
        }
        let scale = self.scale.max(2);
        // Room for more than the sample shows.
        let precision = [10, 12, 18, 28, 38].into_iter().find(|precision| *precision >= self.whole + scale + 3)?;
        // At most 38.
        Some(DataType::Decimal { precision: precision as u8, scale: scale as u8 })
    }
}
