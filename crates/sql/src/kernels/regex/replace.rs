//! Matches replaced.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::Pattern;
use crate::kernels::Kernel;

/// A piece of a replacement.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    Text(String),
    Group(usize),
}

/// Reads a Java replacement (`$1`, `\$`); `None` when it names a group that is not there.
pub(crate) fn replacement(java: &str, groups: usize) -> Option<Vec<Piece>> {
    let (mut pieces, mut text) = (Vec::new(), String::new());
    let mut characters = java.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.push(characters.next()?),
            '$' => {
                let mut group = characters.next()?.to_digit(10)? as usize;
                // Java takes further digits as long as they make a group that is there.
                while let Some(digit) = characters.peek().and_then(|digit| digit.to_digit(10)) {
                    let longer = group * 10 + digit as usize;
                    if longer > groups {
                        break;
                    }
                    group = longer;
                    characters.next();
                }
                if group > groups {
                    return None;
                }
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(Piece::Group(group));
            }
            other => text.push(other),
        }
    }
    pieces.push(Piece::Text(text));
    Some(pieces)
}

/// The groups that a replacement names.
pub(crate) fn groups(replacement: &[Piece]) -> impl Iterator<Item = usize> {
    replacement.iter().filter_map(|piece| match piece {
        Piece::Group(group) => Some(*group),
        Piece::Text(_) => None,
    })
}

/// A text with every match replaced.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Replace {
    pub(crate) pattern: Pattern,
    pub(crate) replacement: Vec<Piece>,
}

impl Kernel for Replace {
    fn name(&self) -> &'static str {
        "spark_regexp_replace"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let texts = arguments[0].as_string::<i32>();
        let replaced = texts.iter().map(|text| text.map(|text| self.one(text)).transpose());
        Ok(Arc::new(replaced.collect::<Result<StringArray>>()?))
    }
}

impl Replace {
    fn one(&self, text: &str) -> Result<String> {
        let wants_groups = groups(&self.replacement).any(|group| group > 0);
        let (mut replaced, mut from) = (String::with_capacity(text.len()), 0);
        for found in self.pattern.matches(text, wants_groups)? {
            let found = found?;
            replaced.push_str(&text[from..found.whole.start]);
            for piece in &self.replacement {
                replaced.push_str(match piece {
                    Piece::Text(with) => with,
                    Piece::Group(group) => found.group(text, *group),
                });
            }
            from = found.whole.end;
        }
        replaced.push_str(&text[from..]);
        Ok(replaced)
    }
}
