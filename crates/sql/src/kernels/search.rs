//! Regular expressions searched for in texts. A pattern that is the same for all rows is compiled when the query is planned,
//! any other when its row is reached.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::Result;

use super::each::list_of;
use super::regex::Pattern;
use super::{Kernel, data_error};

/// What is asked about the matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wanted {
    /// Whether there is one.
    Found,
    /// A group of the first; empty where there is none.
    Group(usize),
    /// A group of each.
    AllGroups(usize),
    /// How many there are.
    Count,
    /// The first; null where there is none.
    First,
    /// Where the first begins, from 1; 0 where there is none.
    Place,
    /// What stands between them, in at most so many parts when the number is above zero (the last argument).
    Between,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Search {
    pub(crate) wanted: Wanted,
    /// Without one, it is the second argument.
    pub(crate) pattern: Option<Pattern>,
}

impl Kernel for Search {
    fn name(&self) -> &'static str {
        match self.wanted {
            Wanted::Found => "spark_rlike",
            Wanted::Group(_) => "spark_regexp_extract",
            Wanted::AllGroups(_) => "spark_regexp_extract_all",
            Wanted::Count => "spark_regexp_count",
            Wanted::First => "spark_regexp_substr",
            Wanted::Place => "spark_regexp_instr",
            Wanted::Between => "spark_split",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        let mut inputs = vec![DataType::Utf8];
        inputs.extend(self.pattern.is_none().then_some(DataType::Utf8));
        inputs.extend((self.wanted == Wanted::Between).then_some(DataType::Int32));
        inputs
    }

    fn output(&self) -> DataType {
        match self.wanted {
            Wanted::Found => DataType::Boolean,
            Wanted::Group(_) | Wanted::First => DataType::Utf8,
            Wanted::AllGroups(_) | Wanted::Between => list_of(&DataType::Utf8),
            Wanted::Count | Wanted::Place => DataType::Int32,
        }
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let rows = Rows::new(self, arguments);
        Ok(match self.wanted {
            Wanted::Found => Arc::new(rows.map(|text, pattern, _| pattern.is_match(text))?.collect::<BooleanArray>()),
            Wanted::Group(group) => {
                Arc::new(rows.map(|text, pattern, _| first(text, pattern, group))?.collect::<StringArray>())
            }
            Wanted::Count => Arc::new(rows.map(|text, pattern, _| count(text, pattern))?.collect::<Int32Array>()),
            Wanted::First => {
                // In Spark it is `nullif(regexp_extract(…, 0), '')`.
                let found = rows.map(|text, pattern, _| first(text, pattern, 0))?;
                Arc::new(found.map(|found| found.filter(|found| !found.is_empty())).collect::<StringArray>())
            }
            Wanted::Place => Arc::new(rows.map(|text, pattern, _| place(text, pattern))?.collect::<Int32Array>()),
            Wanted::AllGroups(group) => lists(rows.map(|text, pattern, _| all(text, pattern, group))?),
            Wanted::Between => lists(rows.map(between)?),
        })
    }
}

/// The rows of a search.
struct Rows<'a> {
    search: &'a Search,
    arguments: &'a [ArrayRef],
    compiled: RefCell<HashMap<String, Arc<Pattern>>>,
}

impl<'a> Rows<'a> {
    fn new(search: &'a Search, arguments: &'a [ArrayRef]) -> Self {
        Self { search, arguments, compiled: RefCell::default() }
    }

    /// One answer for each row in which no argument is null.
    fn map<T>(&self, one: impl Fn(&str, &Pattern, i32) -> Result<T>) -> Result<std::vec::IntoIter<Option<T>>> {
        let texts = self.arguments[0].as_string::<i32>();
        let limits = self.arguments.last().filter(|array| *array.data_type() == DataType::Int32);
        let mut answers = Vec::with_capacity(texts.len());
        for row in 0..texts.len() {
            if self.arguments.iter().any(|array| array.is_null(row)) {
                answers.push(None);
                continue;
            }
            let limit = limits.map_or(-1, |limits| limits.as_primitive::<Int32Type>().value(row));
            let answer = match &self.search.pattern {
                Some(pattern) => one(texts.value(row), pattern, limit)?,
                None => {
                    let pattern = self.compile(self.arguments[1].as_string::<i32>().value(row))?;
                    one(texts.value(row), &pattern, limit)?
                }
            };
            answers.push(Some(answer));
        }
        Ok(answers.into_iter())
    }

    fn compile(&self, text: &str) -> Result<Arc<Pattern>> {
        if let Some(known) = self.compiled.borrow().get(text) {
            return Ok(Arc::clone(known));
        }
        let pattern = Pattern::new(text)
            .map_err(|problem| data_error(format!("the pattern `{text}` is not supported: {problem}")))?;
        let pattern = Arc::new(pattern);
        self.compiled.borrow_mut().insert(text.to_owned(), Arc::clone(&pattern));
        Ok(pattern)
    }
}

fn whole(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn check_group(pattern: &Pattern, group: usize) -> Result<()> {
    let groups = pattern.groups();
    if group > groups {
        return Err(data_error(format!("the pattern has {groups} groups, and group {group} is asked for")));
    }
    if pattern.is_unsure(group) {
        return Err(data_error(format!("group {group} of the pattern stands inside a repeat, which is not supported")));
    }
    Ok(())
}

fn first(text: &str, pattern: &Pattern, group: usize) -> Result<String> {
    check_group(pattern, group)?;
    let found = pattern.first(text, group > 0)?;
    Ok(found.map_or("", |found| found.group(text, group)).to_owned())
}

fn all(text: &str, pattern: &Pattern, group: usize) -> Result<Vec<String>> {
    check_group(pattern, group)?;
    pattern.matches(text, group > 0)?.map(|found| Ok(found?.group(text, group).to_owned())).collect()
}

fn count(text: &str, pattern: &Pattern) -> Result<i32> {
    let mut count = 0;
    for found in pattern.matches(text, false)? {
        found?;
        count += 1;
    }
    Ok(whole(count))
}

fn place(text: &str, pattern: &Pattern) -> Result<i32> {
    let found = pattern.first(text, false)?;
    Ok(found.map_or(0, |found| whole(text[..found.whole.start].chars().count() + 1)))
}

/// `String.split` of Java, which makes no part of an empty match at the beginning.
fn between(text: &str, pattern: &Pattern, limit: i32) -> Result<Vec<String>> {
    let most = usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    if pattern.is_empty() {
        return Ok(characters(text, most));
    }
    let (mut parts, mut start) = (Vec::new(), 0);
    for found in pattern.matches(text, false)? {
        let found = found?.whole;
        if parts.len() + 1 >= most {
            break;
        }
        if found.end == 0 {
            continue;
        }
        parts.push(text[start..found.start].to_owned());
        start = found.end;
    }
    parts.push(text[start..].to_owned());
    Ok(parts)
}

/// The characters of a text; the last of so many parts is all that is left.
fn characters(text: &str, most: usize) -> Vec<String> {
    let rest = text.char_indices().nth(most - 1).map_or(text.len(), |(start, _)| start);
    let mut parts: Vec<String> = text[..rest].chars().map(String::from).collect();
    if rest < text.len() || parts.is_empty() {
        parts.push(text[rest..].to_owned());
    }
    parts
}

fn lists(rows: impl Iterator<Item = Option<Vec<String>>>) -> ArrayRef {
    let mut builder =
        ListBuilder::new(StringBuilder::new()).with_field(Arc::new(Field::new("element", DataType::Utf8, true)));
    for row in rows {
        match row {
            Some(parts) => {
                parts.into_iter().for_each(|part| builder.values().append_value(part));
                builder.append(true);
            }
            None => builder.append(false),
        }
    }
    Arc::new(builder.finish())
}
