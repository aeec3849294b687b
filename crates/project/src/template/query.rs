//! Rows in a template: what `run_query` and `load_result` give, in the shape of agate's tables.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::column::Column;
use super::error::{refuse, too_early};
use super::names::Names;
use super::value::{Dict, List, from_json, none};
use crate::world::{Answer, Rows};

/// The rows of a query; `None` while only names are known.
pub(super) fn rows(names: &Names, sql: &str) -> Result<Option<Rows>, Error> {
    let Some(world) = names.typed() else { return Ok(None) };
    match world.rows(sql).map_err(refuse)? {
        Answer::Rows(rows) => {
            names.note_rows_of(rows.reads.clone());
            Ok(Some(rows))
        }
        Answer::Later(needs) => Err(too_early(needs)),
    }
}

/// The columns of a query, their names only.
pub(super) fn columns_of(names: &Names, sql: &str) -> Result<Value, Error> {
    let rows = rows(names, &none_of(sql))?;
    let names = rows.iter().flat_map(|rows| rows.schema.names());
    Ok(List::value(names.map(Value::from).collect()))
}

/// The columns of a query, with their types.
pub(super) fn schema_of(names: &Names, sql: &str) -> Result<Value, Error> {
    let rows = rows(names, &none_of(sql))?;
    let fields = rows.iter().flat_map(|rows| &rows.schema.fields);
    Ok(List::value(fields.map(Column::of).collect()))
}

/// The query, without its rows.
fn none_of(sql: &str) -> String {
    format!("select * from (\n{sql}\n) as __dbt_sbq where false limit 0")
}

/// The rows as a table.
pub(super) fn table(rows: Rows) -> Value {
    let names: Arc<[String]> = rows.schema.names().map(str::to_string).collect();
    let row = |cells: &Vec<serde_json::Value>| Row {
        names: Arc::clone(&names),
        cells: cells.iter().map(from_json).collect(),
    };
    let types = rows.schema.fields.iter().map(|field| field.data_type.to_string()).collect();
    let rows: Vec<Row> = rows.rows.iter().map(row).collect();
    Value::from_object(Table { names, types, rows })
}

/// What `load_result` gives for a query.
pub(super) fn result(rows: Rows) -> Value {
    stored(table(rows))
}

/// What `load_result` gives for a table.
pub(super) fn stored(table: Value) -> Value {
    let tuples =
        |table: &Table| table.rows.iter().map(|row| Value::from(Tuple::from(row.cells.clone()))).collect::<Vec<_>>();
    let data = table.downcast_object_ref::<Table>().map(tuples).unwrap_or_default();
    Dict::of([
        ("response", Value::from("OK")),
        ("status", Value::from("OK")),
        ("data", List::value(data)),
        ("table", table),
    ])
}

/// agate's `Table`.
#[derive(Debug, Clone)]
struct Table {
    names: Arc<[String]>,
    types: Vec<String>,
    rows: Vec<Row>,
}

/// agate's `Row`: by place, by name, by attribute.
#[derive(Debug, Clone)]
struct Row {
    names: Arc<[String]>,
    cells: Vec<Value>,
}

/// agate's `MappedSequence` of columns.
#[derive(Debug)]
struct Columns(Table);

/// agate's `Column`.
#[derive(Debug)]
struct Cells {
    name: String,
    data_type: String,
    cells: Vec<Value>,
}

/// The place of a name: as it is written, else without regard to case, as Spark's names are.
fn place(names: &[String], key: &Value) -> Option<usize> {
    match key.as_str() {
        Some(name) => {
            let exact = names.iter().position(|known| known == name);
            exact.or_else(|| names.iter().position(|known| known.eq_ignore_ascii_case(name)))
        }
        None => key.as_usize(),
    }
}

fn texts<T: AsRef<str>>(texts: &[T]) -> Value {
    Value::from(Tuple::from(texts.iter().map(|text| Value::from(text.as_ref())).collect::<Vec<_>>()))
}

impl Table {
    fn column(&self, place: usize) -> Option<Value> {
        let name = self.names.get(place)?.clone();
        let cells = self.rows.iter().map(|row| row.cells.get(place).cloned().unwrap_or_else(none)).collect();
        Some(Value::from_object(Cells { name, data_type: self.types.get(place)?.clone(), cells }))
    }

    fn rows(&self) -> Vec<Value> {
        self.rows.iter().cloned().map(Value::from_object).collect()
    }
}

impl Object for Table {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some("rows") => Some(List::value(self.rows())),
            Some("columns") => Some(Value::from_object(Columns((**self).clone()))),
            Some("column_names") => Some(texts(&self.names)),
            Some("column_types") => Some(texts(&self.types)),
            Some(_) => None,
            None => self.rows.get(key.as_usize()?).cloned().map(Value::from_object),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.rows())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.rows.is_empty()
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "print_table" | "print_csv" | "print_json" => {
                let table = minijinja::value::Value::from_dyn_object(Arc::clone(self)).to_string();
                tracing::info!(table, "a template logs");
                Ok(Value::from(""))
            }
            "limit" => {
                let (most,): (usize,) = from_args(args)?;
                let rows = self.rows.iter().take(most).cloned().collect();
                Ok(Value::from_object(Self { rows, ..(**self).clone() }))
            }
            "select" | "exclude" => {
                let (named,): (Value,) = from_args(args)?;
                let named = if named.as_str().is_some() { vec![named] } else { named.try_iter()?.collect() };
                let named: Vec<usize> = named.iter().filter_map(|name| place(&self.names, name)).collect();
                let kept: Vec<usize> = match method {
                    "select" => named,
                    _ => (0..self.names.len()).filter(|place| !named.contains(place)).collect(),
                };
                Ok(Value::from_object(self.of_columns(&kept)))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", self.names.join(" | "))?;
        for row in &self.rows {
            let cells: Vec<String> = row.cells.iter().map(Value::to_string).collect();
            writeln!(f, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

impl Table {
    fn of_columns(&self, places: &[usize]) -> Self {
        let names: Arc<[String]> = places.iter().map(|place| self.names[*place].clone()).collect();
        let row = |row: &Row| Row {
            names: Arc::clone(&names),
            cells: places.iter().filter_map(|place| row.cells.get(*place).cloned()).collect(),
        };
        let rows = self.rows.iter().map(row).collect();
        Self { types: places.iter().map(|place| self.types[*place].clone()).collect(), rows, names }
    }
}

impl Object for Row {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.cells.get(place(&self.names, key)?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.cells.clone())
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let pairs = || self.names.iter().map(Value::from).zip(self.cells.iter().cloned());
        Ok(match method {
            "values" => Value::from(Tuple::from(self.cells.clone())),
            "keys" => texts(&self.names),
            "items" => List::value(pairs().map(|(key, value)| Value::from(Tuple::from([key, value]))).collect()),
            "dict" => Dict::value(pairs()),
            "get" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                self.get_value(&key).or(default).unwrap_or_else(none)
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<agate.Row: {}>", Value::from(Tuple::from(self.cells.clone())))
    }
}

impl Object for Columns {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.column(place(&self.0.names, key)?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values((0..self.0.names.len()).filter_map(|place| self.0.column(place)).collect())
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let columns = || (0..self.0.names.len()).filter_map(|place| self.0.column(place));
        let pairs = || self.0.names.iter().map(Value::from).zip(columns());
        Ok(match method {
            "keys" => texts(&self.0.names),
            "values" => List::value(columns().collect()),
            "items" => List::value(pairs().map(|(key, value)| Value::from(Tuple::from([key, value]))).collect()),
            "dict" => Dict::value(pairs()),
            "get" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                self.get_value(&key).or(default).unwrap_or_else(none)
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }
}

impl Object for Cells {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some("name") => Some(Value::from(&self.name)),
            Some("data_type") => Some(Value::from(&self.data_type)),
            Some(_) => None,
            None => self.cells.get(key.as_usize()?).cloned(),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.cells.clone())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        let present = || self.cells.iter().filter(|cell| !cell.is_none()).cloned();
        Ok(match method {
            "values" => Value::from(Tuple::from(self.cells.clone())),
            "values_without_nulls" => Value::from(Tuple::from(present().collect::<Vec<_>>())),
            "values_distinct" => super::value::Set::value(self.cells.iter().cloned()),
            "values_sorted" => {
                let mut sorted: Vec<Value> = self.cells.clone();
                sorted.sort();
                Value::from(Tuple::from(sorted))
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }
}
