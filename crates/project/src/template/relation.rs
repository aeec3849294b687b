//! Relations as dbt's templates see them: `ref(…)`, `this`, `api.Relation.create(…)`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use headwater_plan::{Code, Diagnostic, TableName};
use minijinja::value::{DynObject, Enumerator, Kwargs, Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::column::Column;
use super::error::refuse;
use super::value::{Dict, none};
use crate::world::RelationKind;

/// What stands before the name of an ephemeral model's common table expression.
const EPHEMERAL_PREFIX: &str = "__dbt__cte__";

/// A relation: its text is the quoted name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Relation {
    schema: Option<String>,
    identifier: Option<String>,
    /// dbt's word for what it is; `None` when nobody said.
    kind: Option<String>,
    /// The common table expression that stands for it.
    inline: Option<String>,
    parts: [Part; 2],
}

/// How the schema or the identifier is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    included: bool,
    quoted: bool,
}

const PART: Part = Part { included: true, quoted: true };
/// What tells one relation from another.
const KEYS: [&str; 4] = ["database", "schema", "identifier", "type"];

impl Relation {
    pub(super) fn of(table: &TableName, kind: Option<RelationKind>) -> Self {
        Self {
            schema: Some(table.schema.clone()),
            identifier: Some(table.name.clone()),
            kind: kind.map(|kind| kind.word().to_string()),
            inline: None,
            parts: [PART; 2],
        }
    }

    /// An ephemeral model, under the name of its common table expression.
    pub(super) fn inline(table: &TableName, inline: String) -> Self {
        Self { inline: Some(inline), ..Self::of(table, Some(RelationKind::Cte)) }
    }

    /// The table that is meant, if both parts of its name are there.
    pub(super) fn table(&self) -> Option<TableName> {
        Some(TableName::new(self.schema.as_ref()?, self.identifier.as_ref()?))
    }

    /// The relation that a value means: a relation, or a text `schema.name`.
    pub(super) fn from_value(value: &Value) -> Option<Self> {
        if let Some(relation) = value.downcast_object_ref::<Self>() {
            return Some(relation.clone());
        }
        let text = value.as_str()?.replace('`', "");
        let (schema, name) = text.split_once('.')?;
        Some(Self::of(&TableName::new(schema.trim(), name.trim()), None))
    }

    /// `api.Relation.create(database=, schema=, identifier=, type=)`
    fn create(args: &[Value]) -> Result<Self, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let argument = |place: usize, name: &str| -> Result<Option<String>, Error> {
            let value = given.get(place).cloned().or(named.get::<Option<Value>>(name)?);
            Ok(value.filter(|value| !value.is_none() && !value.is_undefined()).map(|value| value.to_string()))
        };
        Ok(Self {
            schema: argument(1, "schema")?,
            identifier: argument(2, "identifier")?,
            kind: argument(3, "type")?,
            inline: None,
            parts: [PART; 2],
        })
    }

    fn text(&self) -> String {
        if let Some(inline) = &self.inline {
            return inline.clone();
        }
        let part = |name: &Option<String>, part: Part| {
            let name = name.as_ref().filter(|_| part.included)?;
            Some(if part.quoted { quote(name) } else { name.clone() })
        };
        let parts = [part(&self.schema, self.parts[0]), part(&self.identifier, self.parts[1])];
        parts.into_iter().flatten().collect::<Vec<_>>().join(".")
    }

    fn name(&self) -> Value {
        let name = self.inline.as_ref().or(self.identifier.as_ref());
        name.map_or_else(none, Value::from)
    }

    fn is_kind(&self, kind: &str) -> Value {
        Value::from(self.kind.as_deref() == Some(kind))
    }

    /// Sets which parts are written, or which are quoted.
    fn with_parts(&self, args: &[Value], set: impl Fn(&mut Part, bool)) -> Result<Self, Error> {
        let named: Kwargs = from_args::<(Kwargs,)>(args)?.0;
        let mut changed = self.clone();
        for (part, name) in changed.parts.iter_mut().zip(["schema", "identifier"]) {
            if let Some(value) = named.get::<Option<bool>>(name)? {
                set(part, value);
            }
        }
        Ok(changed)
    }

    /// Another path or type.
    fn incorporate(&self, args: &[Value]) -> Result<Self, Error> {
        let named: Kwargs = from_args::<(Kwargs,)>(args)?.0;
        let path: Option<Value> = named.get("path")?;
        let text = |key: &str| -> Result<Option<String>, Error> {
            let within = path.as_ref().and_then(|path| path.get_attr(key).ok());
            let value = within.filter(|value| !value.is_undefined()).or(named.get::<Option<Value>>(key)?);
            Ok(value.filter(|value| !value.is_none()).map(|value| value.to_string()))
        };
        let mut changed = self.clone();
        changed.schema = text("schema")?.or(changed.schema);
        changed.identifier = text("identifier")?.or(changed.identifier);
        changed.kind = text("type")?.or(changed.kind);
        changed.inline = None;
        Ok(changed)
    }

    fn matches(&self, args: &[Value]) -> Result<bool, Error> {
        let wanted = Self::create(args)?;
        let same = |wanted: &Option<String>, mine: &Option<String>| match (wanted, mine) {
            (None, _) => true,
            (Some(wanted), Some(mine)) => wanted.eq_ignore_ascii_case(mine),
            (Some(_), None) => false,
        };
        Ok(same(&wanted.schema, &self.schema) && same(&wanted.identifier, &self.identifier))
    }
}

/// A name in backticks, as Spark quotes it.
pub(super) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

impl Object for Relation {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let text = |text: &Option<String>| text.as_ref().map_or_else(none, Value::from);
        Some(match key.as_str()? {
            "database" | "catalog" => none(),
            "schema" => text(&self.schema),
            "identifier" => text(&self.identifier),
            "name" | "table" => self.name(),
            "type" => text(&self.kind),
            "is_table" => self.is_kind("table"),
            "is_view" => self.is_kind("view"),
            "is_cte" => self.is_kind("cte"),
            "is_materialized_view" | "is_dynamic_table" | "is_pointer" | "is_hudi" | "is_iceberg" => Value::from(false),
            "is_delta" => Value::from(self.kind.as_deref() == Some("table")),
            "metadata" => Dict::of([("type", Value::from("HeadwaterRelation"))]),
            "path" => {
                Dict::of([("database", none()), ("schema", text(&self.schema)), ("identifier", text(&self.identifier))])
            }
            "quote_character" => Value::from("`"),
            "include_policy" => policy(self.parts.map(|part| part.included)),
            "quote_policy" => policy(self.parts.map(|part| part.quoted)),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&KEYS)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some((**self).cmp(other.downcast_ref::<Self>()?))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            "include" => Value::from_object(self.with_parts(args, |part, value| part.included = value)?),
            "quote" => Value::from_object(self.with_parts(args, |part, value| part.quoted = value)?),
            "without_identifier" => Value::from_object(Self { identifier: None, inline: None, ..(**self).clone() }),
            "incorporate" | "replace_path" => Value::from_object(self.incorporate(args)?),
            "render" | "__str__" => Value::from(self.text()),
            "matches" => Value::from(self.matches(args)?),
            "get" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                self.get_value(&key).or(default).unwrap_or_else(none)
            }
            "information_schema" => {
                let message = "`information_schema` of a relation is not supported: the lake has none";
                return Err(refuse(
                    Diagnostic::error(Code::Unsupported, message)
                        .help("`adapter.get_columns_in_relation(relation)` tells the columns"),
                ));
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

fn policy([schema, identifier]: [bool; 2]) -> Value {
    Dict::of([
        ("database", Value::from(false)),
        ("schema", Value::from(schema)),
        ("identifier", Value::from(identifier)),
    ])
}

/// `api`
#[derive(Debug)]
pub(super) struct ApiObject;

impl Object for ApiObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "Relation" => Some(Value::from_object(RelationClass)),
            "Column" => Some(Value::from_object(super::column::ColumnClass)),
            _ => None,
        }
    }
}

/// `api.Relation`
#[derive(Debug)]
struct RelationClass;

impl Object for RelationClass {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            word @ ("Table" | "View" | "CTE") => Some(Value::from(word.to_lowercase())),
            _ => None,
        }
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        Ok(Value::from_object(Relation::create(args)?))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("create", _) => Ok(Value::from_object(Relation::create(args)?)),
            ("add_ephemeral_prefix", [name]) => Ok(Value::from(format!("{EPHEMERAL_PREFIX}{name}"))),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// The column that a value means.
pub(super) fn column(value: &Value) -> Option<&Column> {
    value.downcast_object_ref::<Column>()
}
