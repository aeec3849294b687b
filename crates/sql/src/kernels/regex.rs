//! Regular expressions.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use regex::Regex;

use super::Kernel;

/// A compiled pattern, known by its text.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl Pattern {
    /// Compiles a Java pattern; the error says what of it Rust has not.
    pub(crate) fn new(java: &str) -> std::result::Result<Self, String> {
        let translated = translate(java)?;
        Regex::new(&translated).map(Self).map_err(|error| match error {
            regex::Error::Syntax(text) => {
                text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
            other => other.to_string(),
        })
    }

    pub(super) fn regex(&self) -> &Regex {
        &self.0
    }

    /// How many groups it has, the whole match aside.
    pub(crate) fn groups(&self) -> usize {
        self.0.captures_len() - 1
    }
}

/// Java's classes are ASCII's, Rust's are Unicode's.
fn translate(java: &str) -> std::result::Result<String, String> {
    let mut rust = String::with_capacity(java.len());
    let mut characters = java.chars();
    let mut in_class = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('d') => rust.push_str("[0-9]"),
                Some('w') => rust.push_str("[a-zA-Z0-9_]"),
                Some('s') => rust.push_str("[ \\t\\n\\x0B\\f\\r]"),
                Some('D') => rust.push_str("[^0-9]"),
                Some('W') => rust.push_str("[^a-zA-Z0-9_]"),
                Some('S') => rust.push_str("[^ \\t\\n\\x0B\\f\\r]"),
                Some('b') if !in_class => rust.push_str("(?-u:\\b)"),
                Some('Q' | 'E') => return Err("`\\Q` and `\\E` are not supported".into()),
                Some('Z' | 'G' | 'R' | 'X' | 'h' | 'H' | 'v' | 'V' | 'k' | 'B' | 'p' | 'P') => {
                    return Err("an escape other than of a class or a single character is not supported".into());
                }
                Some(digit @ '1'..='9') => return Err(format!("`\\{digit}`, which repeats a group, is not supported")),
                Some(other) => rust.extend(['\\', other]),
                None => return Err("a backslash stands at its end".into()),
            },
            '[' => {
                in_class = true;
                rust.push('[');
            }
            ']' => {
                in_class = false;
                rust.push(']');
            }
            '$' if !in_class => return translate_end(rust, characters.as_str()),
            other => rust.push(other),
        }
    }
    Ok(rust)
}

/// Java's `$` also stands before a last line feed.
fn translate_end(mut rust: String, rest: &str) -> std::result::Result<String, String> {
    if !rest.is_empty() && !rest.chars().all(|character| character == ')') {
        return Err("`$` before its end is not supported".into());
    }
    rust.push('$');
    rust.push_str(rest);
    Ok(rust)
}

/// A Java replacement (`$1`, `\$`) as Rust's; `None` when it names a group that is not there.
pub(crate) fn replacement(java: &str, groups: usize) -> Option<String> {
    let mut rust = String::with_capacity(java.len());
    let mut characters = java.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next()? {
                '$' => rust.push_str("$$"),
                other => rust.push(other),
            },
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
                rust.push_str(&format!("${{{group}}}"));
            }
            other => rust.push(other),
        }
    }
    Some(rust)
}

/// A text with every match replaced.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Replace {
    pub(crate) pattern: Pattern,
    pub(crate) replacement: String,
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
        let replaced =
            texts.iter().map(|text| text.map(|text| self.pattern.0.replace_all(text, self.replacement.as_str())));
        Ok(Arc::new(replaced.collect::<StringArray>()))
    }
}
