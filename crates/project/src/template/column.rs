//! Columns as dbt's templates see them: `adapter.get_columns_in_relation(…)`, `api.Column.create(…)`.

use std::fmt;
use std::sync::Arc;

use headwater_plan::{DataType, Field};
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::relation::quote;
use super::value::{failed, none};

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    name: String,
    /// The type as it is written in SQL.
    data_type: String,
    /// The same, read; `None` for a type that Spark has not.
    parsed: Option<DataType>,
}

impl Column {
    pub(super) fn new(name: &str, data_type: &str) -> Self {
        Self { name: name.to_string(), data_type: data_type.to_string(), parsed: DataType::parse(data_type) }
    }

    pub(super) fn of(field: &Field) -> Value {
        Value::from_object(Self {
            name: field.name.clone(),
            data_type: field.data_type.to_string(),
            parsed: Some(field.data_type.clone()),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn is(&self, test: impl Fn(&DataType) -> bool) -> bool {
        self.parsed.as_ref().is_some_and(test)
    }

    fn is_string(&self) -> bool {
        let lower = self.data_type.to_lowercase();
        self.is(|data_type| *data_type == DataType::String) || lower.contains("char") || lower == "text"
    }

    fn decimal(&self) -> Option<(u8, u8)> {
        match self.parsed {
            Some(DataType::Decimal { precision, scale }) => Some((precision, scale)),
            _ => None,
        }
    }
}

impl Object for Column {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "name" | "column" => Value::from(&self.name),
            "dtype" | "data_type" => Value::from(&self.data_type),
            "quoted" => Value::from(quote(&self.name)),
            "char_size" => none(),
            "numeric_precision" => self.decimal().map_or_else(none, |(precision, _)| Value::from(precision)),
            "numeric_scale" => self.decimal().map_or_else(none, |(_, scale)| Value::from(scale)),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["column", "dtype"])
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            "is_string" => Value::from(self.is_string()),
            "is_integer" => Value::from(self.is(DataType::is_integral)),
            "is_float" => Value::from(self.is(|kind| matches!(kind, DataType::Float | DataType::Double))),
            "is_numeric" => Value::from(self.decimal().is_some()),
            "is_number" => Value::from(self.is(DataType::is_numeric)),
            "string_size" if self.is_string() => Value::from(256),
            "string_size" => return Err(failed(format!("the column `{}` is no text", self.name))),
            "literal" => {
                let (value,): (Value,) = from_args(args)?;
                Value::from(format!("{value}::{}", self.data_type))
            }
            "can_expand_to" => Value::from(false),
            "string_type" => Value::from("string"),
            "numeric_type" => numeric_type(args)?,
            "get" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                self.get_value(&key).or(default).unwrap_or_else(none)
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Column {} ({})>", self.name, self.data_type)
    }
}

fn numeric_type(args: &[Value]) -> Result<Value, Error> {
    let (name, precision, scale): (&str, Option<Value>, Option<Value>) = from_args(args)?;
    Ok(Value::from(match (precision.filter(|p| !p.is_none()), scale.filter(|s| !s.is_none())) {
        (Some(precision), Some(scale)) => format!("{name}({precision},{scale})"),
        _ => name.to_string(),
    }))
}

/// `api.Column`
#[derive(Debug)]
pub(super) struct ColumnClass;

impl ColumnClass {
    fn create(args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let argument = |place: usize, name: &str| -> Result<Option<String>, Error> {
            Ok(given.get(place).cloned().or(named.get::<Option<Value>>(name)?).map(|value| value.to_string()))
        };
        let name = match argument(0, "column")? {
            Some(name) => name,
            None => argument(0, "name")?.ok_or_else(|| failed("expected `api.Column(name, type)`"))?,
        };
        let data_type = argument(1, "dtype")?.or(argument(1, "label_or_dtype")?);
        Ok(Value::from_object(Column::new(&name, &data_type.unwrap_or_else(|| "string".into()))))
    }
}

impl Object for ColumnClass {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        Self::create(args)
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("create", _) => Self::create(args),
            ("translate_type", [name]) => Ok(Value::from(translate(&name.to_string()))),
            ("string_type", _) => Ok(Value::from("string")),
            ("numeric_type", _) => numeric_type(args),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// dbt's names for types as Spark's.
pub(super) fn translate(name: &str) -> String {
    let lower = name.to_lowercase();
    match lower.as_str() {
        "text" | "varchar" | "string" | "character varying" => "string".into(),
        "integer" => "int".into(),
        "real" => "float".into(),
        "numeric" => "decimal(28,6)".into(),
        _ => name.to_string(),
    }
}
