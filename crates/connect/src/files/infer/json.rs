//! The columns of JSON files, from the values of a sample: what is quoted stays text, unless it is a day or an instant.

use std::io::Read;

use headwater_plan::{Contract, ContractColumn, DataType, Field, FileFormat, JsonOptions, Location, OnSchemaChange};
use serde_json::{Map, Value};

use super::column::Values;
use super::names::Taken;
use super::{Inferred, Note, Shared, counted};
use crate::files::FilesError;
use crate::files::encoding::{Encoding, Text};
use crate::files::json::elements::Elements;

/// So much of each file is looked at.
const SAMPLE: u64 = 4 << 20;

/// What was seen of a field.
#[derive(Debug, Default)]
struct Seen {
    texts: Values,
    numbers: Values,
    booleans: u64,
    nulls: u64,
    objects: Vec<(String, Seen)>,
    has_objects: bool,
    elements: Option<Box<Seen>>,
    /// In how many records it is.
    count: u64,
}

/// The contract of JSON files.
pub(super) fn infer(sources: &Shared, options: &JsonOptions) -> Result<Inferred, FilesError> {
    let encoding = Encoding::of(&options.encoding)?;
    let samples = sources.look(|entry, input| {
        let mut text = Text::new(input, encoding)?;
        let mut bytes = Vec::new();
        let read = Read::by_ref(&mut text).take(SAMPLE).read_to_end(&mut bytes);
        read.map_err(|error| FilesError::of_io(&entry.name, error))?;
        Ok((entry.name.clone(), records(&bytes, (bytes.len() as u64) < SAMPLE)))
    })?;
    let mut fields: Vec<(String, Seen)> = Vec::new();
    let (mut count, mut broken) = (0u64, 0u64);
    for record in samples.iter().flat_map(|(_, records)| records) {
        match record {
            Some(object) => {
                count += 1;
                see_object(&mut fields, object);
            }
            None => broken += 1,
        }
    }
    let path = samples.first().map(|(path, _)| path.clone()).unwrap_or_default();
    let (mut taken, mut notes) = (Taken::default(), Vec::new());
    let mut columns = Vec::with_capacity(fields.len());
    for (written, seen) in &fields {
        let name = taken.name(written);
        let column = ContractColumn::new(&name, DataType::String, Location::line(&path, 1));
        let mut column = seen.column(column, &mut notes);
        // A point in the name would be taken for a path.
        column.source_name = (!name.eq_ignore_ascii_case(written)).then(|| written.clone());
        column.nullable |= seen.count < count || seen.nulls > 0;
        columns.push(column);
    }
    if broken > 0 {
        notes.push(Note::all(format!("{} no JSON object", counted(broken, "record is", "records are"))));
    }
    Ok(Inferred {
        format: FileFormat::Json(options.clone()),
        contract: Contract { columns, constraints: Vec::new() },
        on_schema_change: OnSchemaChange::Fail,
        notes,
        files: 0,
        records: count,
    })
}

/// The records of a file's beginning; `None` is one that is no object.
fn records(bytes: &[u8], whole: bool) -> Vec<Option<Map<String, Value>>> {
    let parse = |bytes: &[u8]| serde_json::from_slice(bytes).ok();
    if bytes.trim_ascii_start().starts_with(b"[") {
        let (extents, _) = Elements::default().scan(bytes, whole);
        return extents.iter().map(|extent| parse(&bytes[extent.start..extent.end])).collect();
    }
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if !whole {
        lines.pop();
    }
    lines.into_iter().map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).map(parse).collect()
}

fn see_object(fields: &mut Vec<(String, Seen)>, object: &Map<String, Value>) {
    for (name, value) in object {
        let place = fields.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            fields.push((name.clone(), Seen::default()));
            fields.len() - 1
        });
        fields[place].1.see(value);
    }
}

impl Seen {
    fn see(&mut self, value: &Value) {
        self.count += 1;
        match value {
            Value::Null => self.nulls += 1,
            Value::Bool(_) => self.booleans += 1,
            Value::Number(number) => self.numbers.see(Some(&number.to_string())),
            Value::String(text) => self.texts.see(Some(text)),
            Value::Array(elements) => {
                let inside = self.elements.get_or_insert_default();
                elements.iter().for_each(|element| inside.see(element));
            }
            Value::Object(object) => {
                self.has_objects = true;
                see_object(&mut self.objects, object);
            }
        }
    }

    /// The kinds of values that were seen.
    fn kinds(&self) -> usize {
        [
            !self.texts.texts.is_empty(),
            !self.numbers.texts.is_empty(),
            self.booleans > 0,
            self.has_objects,
            self.elements.is_some(),
        ]
        .into_iter()
        .filter(|seen| *seen)
        .count()
    }

    fn column(&self, mut column: ContractColumn, notes: &mut Vec<Note>) -> ContractColumn {
        match self.kinds() {
            0 => notes.push(Note::of(&column.name, "no value was found: its type is a guess")),
            1 if !self.texts.texts.is_empty() => {
                let typed = self.texts.typed(column.clone());
                // A number in quotes is mostly a name; a day has no other way to be written.
                let keeps = matches!(typed.column.data_type, DataType::String | DataType::Date | DataType::Timestamp);
                if keeps {
                    notes.extend(typed.notes);
                    return typed.column;
                }
            }
            1 if !self.numbers.texts.is_empty() => {
                let typed = self.numbers.typed(column);
                notes.extend(typed.notes);
                return typed.column;
            }
            1 => column.data_type = self.nested(),
            _ => notes.push(Note::of(&column.name, "its values are of several kinds, so it is kept as text")),
        }
        column
    }

    /// The type of a value inside others.
    fn nested(&self) -> DataType {
        if self.kinds() != 1 {
            return DataType::String;
        }
        if self.booleans > 0 {
            return DataType::Boolean;
        }
        if let Some(elements) = &self.elements {
            return DataType::Array(Box::new(elements.nested()));
        }
        if self.has_objects && self.objects.is_empty() {
            return DataType::String;
        }
        if self.has_objects {
            let fields = self.objects.iter().map(|(name, seen)| Field::new(name, seen.nested()));
            return DataType::Struct(fields.collect());
        }
        let column = ContractColumn::new("", DataType::String, Location::line(std::path::PathBuf::new(), 1));
        self.column(column, &mut Vec::new()).data_type
    }
}
