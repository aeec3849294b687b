//! Texts, counted in characters as Spark counts them: from 1, and from the end below zero.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, StringArray};
use arrow::datatypes::{DataType, Decimal128Type, Int32Type};
use datafusion::common::Result;

use super::{Kernel, data_error};

/// A function of a text and two more values, null where any of them is.
fn texts<const N: usize>(
    arguments: &[ArrayRef],
    integers: [usize; N],
    one: impl Fn(&str, [i32; N], usize) -> Option<String>,
) -> ArrayRef {
    let values = arguments[0].as_string::<i32>();
    let numbers = integers.map(|index| arguments[index].as_primitive::<Int32Type>());
    let rows = (0..values.len()).map(|row| {
        if values.is_null(row) || numbers.iter().any(|numbers| numbers.is_null(row)) {
            return None;
        }
        one(values.value(row), numbers.map(|numbers| numbers.value(row)), row)
    });
    Arc::new(rows.collect::<StringArray>())
}

/// A part of a text by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Slice {
    /// From a position on, so many characters.
    Middle,
    Left,
    Right,
}

impl Kernel for Slice {
    fn name(&self) -> &'static str {
        match self {
            Self::Middle => "spark_substring",
            Self::Left => "spark_left",
            Self::Right => "spark_right",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        match self {
            Self::Middle => vec![DataType::Utf8, DataType::Int32, DataType::Int32],
            _ => vec![DataType::Utf8, DataType::Int32],
        }
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        Ok(match self {
            Self::Middle => texts(arguments, [1, 2], |text, [from, length], _| Some(middle(text, from, length))),
            Self::Left => texts(arguments, [1], |text, [count], _| Some(middle(text, 1, count))),
            Self::Right => texts(arguments, [1], |text, [count], _| {
                Some(if count <= 0 { String::new() } else { middle(text, -count, i32::MAX) })
            }),
        })
    }
}

/// `UTF8String.substringSQL`: a start before the text takes from the length what lies before it.
fn middle(text: &str, from: i32, length: i32) -> String {
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let start = match i64::from(from) {
        from if from > 0 => from - 1,
        from if from < 0 => count + from,
        _ => 0,
    };
    let end = (start + i64::from(length)).min(count);
    let start = start.max(0);
    if length <= 0 || end <= start {
        return String::new();
    }
    let (skip, take) = (usize::try_from(start).unwrap_or_default(), usize::try_from(end - start).unwrap_or_default());
    text.chars().skip(skip).take(take).collect()
}

/// Which end of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A text made as long as said: cut at its end, or filled at a side.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pad {
    pub(crate) side: Side,
}

impl Kernel for Pad {
    fn name(&self) -> &'static str {
        match self.side {
            Side::Left => "spark_lpad",
            Side::Right => "spark_rpad",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8, DataType::Int32, DataType::Utf8]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let fillers = arguments[2].as_string::<i32>();
        Ok(texts(arguments, [1], |text, [length], row| {
            if fillers.is_null(row) {
                return None;
            }
            let length = usize::try_from(length).unwrap_or_default();
            let count = text.chars().count();
            if count >= length {
                return Some(text.chars().take(length).collect());
            }
            let filling: String = fillers.value(row).chars().cycle().take(length - count).collect();
            Some(match self.side {
                Side::Left => filling + text,
                Side::Right => text.to_owned() + &filling,
            })
        }))
    }
}

/// Where a text stands in another from a position on; 0 where it does not.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Locate;

impl Kernel for Locate {
    fn name(&self) -> &'static str {
        "spark_locate"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8, DataType::Utf8, DataType::Int32]
    }

    fn output(&self) -> DataType {
        DataType::Int32
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let (parts, wholes) = (arguments[0].as_string::<i32>(), arguments[1].as_string::<i32>());
        let froms = arguments[2].as_primitive::<Int32Type>();
        let rows = parts.iter().zip(wholes).zip(froms).map(|((part, whole), from)| match (part, whole, from) {
            (Some(part), Some(whole), Some(from)) => Some(locate(part, whole, from)),
            // Spark has it that without a position nothing is found.
            (_, _, None) => Some(0),
            _ => None,
        });
        Ok(Arc::new(rows.collect::<Int32Array>()))
    }
}

fn locate(part: &str, whole: &str, from: i32) -> i32 {
    let Ok(skip) = usize::try_from(from - 1) else { return 0 };
    let Some((start, _)) = whole.char_indices().chain([(whole.len(), ' ')]).nth(skip) else { return 0 };
    let found = whole[start..].find(part).map(|at| whole[..start + at].chars().count() + 1);
    found.and_then(|position| i32::try_from(position).ok()).unwrap_or(0)
}

/// The first letter of each word, which a blank ends, in upper case, the rest in lower case.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct InitCap;

impl Kernel for InitCap {
    fn name(&self) -> &'static str {
        "spark_initcap"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        Ok(texts(arguments, [], |text, [], _| {
            let mut result = String::with_capacity(text.len());
            let mut at_start = true;
            for character in text.chars() {
                if at_start {
                    result.extend(character.to_uppercase());
                } else {
                    result.extend(character.to_lowercase());
                }
                at_start = character == ' ';
            }
            Some(result)
        }))
    }
}

/// One of the parts between separators, from 1, or from the end below zero; empty where there is none.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SplitPart;

impl Kernel for SplitPart {
    fn name(&self) -> &'static str {
        "spark_split_part"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8, DataType::Utf8, DataType::Int32]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let numbers = arguments[2].as_primitive::<Int32Type>();
        if numbers.iter().flatten().any(|number| number == 0) {
            return Err(data_error("`split_part` counts parts from 1, and was asked for part 0"));
        }
        let separators = arguments[1].as_string::<i32>();
        Ok(texts(arguments, [2], |text, [number], row| {
            if separators.is_null(row) {
                return None;
            }
            let separator = separators.value(row);
            let parts: Vec<&str> = if separator.is_empty() { vec![text] } else { text.split(separator).collect() };
            let index = if number > 0 {
                usize::try_from(number - 1).ok()
            } else {
                parts.len().checked_sub(number.unsigned_abs() as usize)
            };
            Some(index.and_then(|index| parts.get(index)).map_or_else(String::new, |part| (*part).to_owned()))
        }))
    }
}

/// All before the so-manieth separator, or after it, counted from the end, below zero.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SubstringIndex;

impl Kernel for SubstringIndex {
    fn name(&self) -> &'static str {
        "spark_substring_index"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8, DataType::Utf8, DataType::Int32]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let separators = arguments[1].as_string::<i32>();
        Ok(texts(arguments, [2], |text, [count], row| {
            if separators.is_null(row) {
                return None;
            }
            let separator = separators.value(row);
            if separator.is_empty() || count == 0 {
                return Some(String::new());
            }
            let nth = count.unsigned_abs() as usize - 1;
            Some(if count > 0 {
                text.match_indices(separator).nth(nth).map_or(text, |(at, _)| &text[..at]).to_owned()
            } else {
                let found = text.rmatch_indices(separator).nth(nth);
                found.map_or(text, |(at, _)| &text[at + separator.len()..]).to_owned()
            })
        }))
    }
}

/// A text with a part replaced.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Overlay;

impl Kernel for Overlay {
    fn name(&self) -> &'static str {
        "spark_overlay"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8, DataType::Utf8, DataType::Int32, DataType::Int32]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let with = arguments[1].as_string::<i32>();
        Ok(texts(arguments, [2, 3], |text, [from, length], row| {
            if with.is_null(row) {
                return None;
            }
            let with = with.value(row);
            let count = if length >= 0 { length } else { i32::try_from(with.chars().count()).unwrap_or(i32::MAX) };
            let before = middle(text, 1, from.saturating_sub(1));
            Some(format!("{before}{with}{}", middle(text, from.saturating_add(count), i32::MAX)))
        }))
    }
}

/// A decimal with commas between its thousands, rounded half to even.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Grouped {
    pub(crate) scale: u8,
    pub(crate) digits: u8,
}

impl Kernel for Grouped {
    fn name(&self) -> &'static str {
        "spark_format_number"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Decimal128(38, self.scale.cast_signed())]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let numbers = arguments[0].as_primitive::<Decimal128Type>();
        let shown = numbers.iter().map(|number| number.map(|number| self.one(number)));
        Ok(Arc::new(shown.collect::<StringArray>()))
    }
}

impl Grouped {
    fn one(&self, number: i128) -> String {
        let step = 10_i128.pow(u32::from(self.scale - self.digits));
        let (mut whole, rest) = (number.abs() / step, number.abs() % step);
        if rest * 2 > step || (rest * 2 == step && whole % 2 == 1) {
            whole += 1;
        }
        let unit = 10_i128.pow(u32::from(self.digits));
        let (before, after) = ((whole / unit).to_string(), whole % unit);
        let mut text = String::new();
        if number < 0 && whole != 0 {
            text.push('-');
        }
        for (index, digit) in before.chars().enumerate() {
            if index > 0 && (before.len() - index).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        if self.digits > 0 {
            text.push_str(&format!(".{after:0width$}", width = usize::from(self.digits)));
        }
        text
    }
}

/// A text that is ASCII; any other has no form in it, which is an error.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ascii;

impl Kernel for Ascii {
    fn name(&self) -> &'static str {
        "spark_ascii"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let texts = arguments[0].as_string::<i32>();
        match texts.iter().flatten().find(|text| !text.is_ascii()) {
            Some(text) => Err(data_error(format!("`{text}` has characters that `US-ASCII` does not have"))),
            None => Ok(Arc::clone(&arguments[0])),
        }
    }
}
