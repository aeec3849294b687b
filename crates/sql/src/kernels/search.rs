//! Regular expressions searched for in texts. A pattern that is the same for all rows is compiled when the query is planned,
//! any other when its row is reached.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::Result;
use regex::Regex;

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
            Wanted::Found => Arc::new(rows.map(|text, regex, _| Ok(regex.is_match(text)))?.collect::<BooleanArray>()),
            Wanted::Group(group) => {
                Arc::new(rows.map(|text, regex, _| first(text, regex, group))?.collect::<StringArray>())
            }
            Wanted::Count => {
                Arc::new(rows.map(|text, regex, _| Ok(whole(regex.find_iter(text).count())))?.collect::<Int32Array>())
            }
            Wanted::First => {
                let found = rows.map(|text, regex, _| Ok(regex.find(text).map(|found| found.as_str().to_owned())))?;
                Arc::new(found.map(Option::flatten).collect::<StringArray>())
            }
            Wanted::Place => Arc::new(rows.map(|text, regex, _| Ok(place(text, regex)))?.collect::<Int32Array>()),
            Wanted::AllGroups(group) => lists(rows.map(|text, regex, _| all(text, regex, group))?),
            Wanted::Between => lists(rows.map(|text, regex, limit| Ok(between(text, regex, limit)))?),
        })
    }
}

/// The rows of a search.
struct Rows<'a> {
    search: &'a Search,
    arguments: &'a [ArrayRef],
    compiled: RefCell<HashMap<String, Regex>>,
}

impl<'a> Rows<'a> {
    fn new(search: &'a Search, arguments: &'a [ArrayRef]) -> Self {
        Self { search, arguments, compiled: RefCell::default() }
    }

    /// One answer for each row in which no argument is null.
    fn map<T>(&self, one: impl Fn(&str, &Regex, i32) -> Result<T>) -> Result<std::vec::IntoIter<Option<T>>> {
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
                Some(pattern) => one(texts.value(row), pattern.regex(), limit)?,
                None => one(texts.value(row), &self.compile(self.arguments[1].as_string::<i32>().value(row))?, limit)?,
            };
            answers.push(Some(answer));
        }
        Ok(answers.into_iter())
    }

    fn compile(&self, text: &str) -> Result<Regex> {
        if let Some(known) = self.compiled.borrow().get(text) {
            return Ok(known.clone());
        }
        let pattern = Pattern::new(text)
            .map_err(|problem| data_error(format!("the pattern `{text}` is not supported: {problem}")))?;
        self.compiled.borrow_mut().insert(text.to_owned(), pattern.regex().clone());
        Ok(pattern.regex().clone())
    }
}

fn whole(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn check_group(regex: &Regex, group: usize) -> Result<()> {
    let groups = regex.captures_len() - 1;
    if group <= groups {
        return Ok(());
    }
    Err(data_error(format!("the pattern has {groups} groups, and group {group} is asked for")))
}

fn first(text: &str, regex: &Regex, group: usize) -> Result<String> {
    check_group(regex, group)?;
    let found = regex.captures(text).and_then(|captures| captures.get(group));
    Ok(found.map_or_else(String::new, |found| found.as_str().to_owned()))
}

fn all(text: &str, regex: &Regex, group: usize) -> Result<Vec<String>> {
    check_group(regex, group)?;
    let groups =
        regex.captures_iter(text).map(|captures| captures.get(group).map_or("", |found| found.as_str()).to_owned());
    Ok(groups.collect())
}

fn place(text: &str, regex: &Regex) -> i32 {
    regex.find(text).map_or(0, |found| whole(text[..found.start()].chars().count() + 1))
}

/// `String.split` of Java, which makes no empty part of an empty match.
fn between(text: &str, regex: &Regex, limit: i32) -> Vec<String> {
    let most = usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    if regex.as_str().is_empty() {
        return characters(text, most);
    }
    let (mut parts, mut start) = (Vec::new(), 0);
    for found in regex.find_iter(text) {
        if parts.len() + 1 >= most {
            break;
        }
        if found.end() == 0 {
            continue;
        }
        parts.push(text[start..found.start()].to_owned());
        start = found.end();
    }
    parts.push(text[start..].to_owned());
    parts
}

fn characters(text: &str, most: usize) -> Vec<String> {
    let mut parts: Vec<String> = text.chars().take(most).map(String::from).collect();
    if parts.is_empty() {
        parts.push(String::new());
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
