//! `adapter`: what a template may ask of the lake, and the refusal of what would change it.

use std::sync::Arc;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, TableName};
use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, State};

use super::ask::Call;
use super::column::Column;
use super::error::refuse;
use super::macros::Macro;
use super::names::Names;
use super::query;
use super::relation::{Relation, column, quote};
use super::value::{Dict, List, items, none};

/// `adapter`
#[derive(Debug)]
pub(super) struct Adapter(pub(super) Arc<Names>);

/// What only reads, for 'did you mean'.
const METHODS: &[&str] = &[
    "dispatch",
    "get_relation",
    "load_relation",
    "get_columns_in_relation",
    "list_relations_without_caching",
    "list_relations",
    "list_schemas",
    "check_schema_exists",
    "get_missing_columns",
    "quote",
    "quote_as_configured",
    "quote_seed_column",
    "type",
    "execute",
];

/// What would change the lake, or would be of use to a materialization only.
const REFUSED: &[&str] = &[
    "create_schema",
    "drop_schema",
    "drop_relation",
    "rename_relation",
    "truncate_relation",
    "expand_target_column_types",
    "add_query",
    "commit_if_has_connection",
    "execute_macro",
    "convert_type",
    "valid_snapshot_target",
    "submit_python_job",
    "get_incremental_strategy_macro",
    "standardize_grants_dict",
];

/// The relation as it is in the lake, or `none`: it is only there in the second phase.
pub(super) fn load(names: &Names, relation: &Value) -> Value {
    let table = Relation::from_value(relation).and_then(|relation| relation.table());
    table.and_then(|table| existing(names, &table)).unwrap_or_else(none)
}

fn existing(names: &Names, table: &TableName) -> Option<Value> {
    // Whether the node's own table is there is what `is_incremental()` is made of.
    if names.this().and_then(|this| this.table()).as_ref() == Some(table) && !names.is_incremental() {
        return None;
    }
    let kind = names.typed()?.existing(table)?;
    Some(Value::from_object(Relation::of(table, Some(kind))))
}

impl Adapter {
    fn dispatch(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let name = given.first().cloned().or(named.get("macro_name")?);
        let namespace = given.get(1).cloned().or(named.get("macro_namespace")?).filter(|value| !value.is_none());
        let Some(name) = name.as_ref().and_then(|name| name.as_str()) else {
            return Err(wrong("expected `adapter.dispatch('macro', 'package')`"));
        };
        let namespace = namespace.map(|namespace| namespace.to_string());
        let library = &self.0.shared.library;
        library.dispatch(&self.0.package, namespace.as_deref(), name).map(|found| Macro::value(found, &self.0)).map_err(
            |looked| {
                let message = format!("no macro `{name}` is there to dispatch to");
                refuse(
                    Diagnostic::error(Code::InvalidTemplate, message)
                        .help(format!("one of these names is needed: `{}`", looked.join("`, `"))),
                )
            },
        )
    }

    fn get_relation(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let argument = |place: usize, name: &str| -> Result<Option<String>, Error> {
            let value = given.get(place).cloned().or(named.get::<Option<Value>>(name)?);
            Ok(value.filter(|value| !value.is_none() && !value.is_undefined()).map(|value| value.to_string()))
        };
        match (argument(1, "schema")?, argument(2, "identifier")?) {
            (Some(schema), Some(name)) => Ok(existing(&self.0, &TableName::new(schema, name)).unwrap_or_else(none)),
            _ => Err(wrong("expected `adapter.get_relation(database, schema, identifier)`")),
        }
    }

    fn columns(&self, relation: &Value) -> Result<Vec<Value>, Error> {
        let Some(table) = Relation::from_value(relation).and_then(|relation| relation.table()) else {
            return Err(wrong(format!("expected a relation, found `{relation}`")));
        };
        let schema = self.0.typed().and_then(|world| world.columns(&table));
        Ok(schema.map(|schema| schema.fields.iter().map(Column::of).collect()).unwrap_or_default())
    }

    /// The columns of the first relation that the second has not.
    fn missing_columns(&self, from: &Value, to: &Value) -> Result<Value, Error> {
        let there = self.columns(to)?;
        let lacks = |wanted: &Value| {
            let name = |value: &Value| column(value).map(|column| column.name().to_lowercase());
            !there.iter().any(|known| name(known) == name(wanted))
        };
        Ok(List::value(self.columns(from)?.into_iter().filter(lacks).collect()))
    }

    fn relations(&self, schema: &str) -> Value {
        let found = self.0.typed().map(|world| world.relations_in(schema)).unwrap_or_default();
        let relation = |(table, kind)| Value::from_object(Relation::of(&table, Some(kind)));
        List::value(found.into_iter().map(relation).collect())
    }

    /// `adapter.execute(sql, fetch=true)`: a response and a table.
    fn execute(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), _named): (Rest<Value>, Kwargs) = from_args(args)?;
        let Some(sql) = given.first() else { return Err(wrong("expected `adapter.execute('select …')`")) };
        let table = query::rows(&self.0, &sql.to_string())?.map_or_else(none, query::table);
        Ok(List::value(vec![Value::from("OK"), table]))
    }
}

fn wrong(message: impl Into<String>) -> Error {
    refuse(Diagnostic::error(Code::InvalidTemplate, message))
}

impl Object for Adapter {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "config" => {
                let target = &self.0.shared.target;
                let credentials = Dict::of([
                    ("type", Value::from("spark")),
                    ("schema", Value::from(&target.schema)),
                    ("database", none()),
                ]);
                Some(Dict::of([("credentials", credentials), ("target_name", Value::from(&target.name))]))
            }
            "Relation" => Value::from_object(super::relation::ApiObject).get_attr("Relation").ok(),
            "Column" => Value::from_object(super::relation::ApiObject).get_attr("Column").ok(),
            _ => None,
        }
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("dispatch", _) => self.dispatch(args),
            ("get_relation", _) => self.get_relation(args),
            ("load_relation", [relation]) => Ok(load(&self.0, relation)),
            ("get_columns_in_relation" | "get_column_schema_from_query", [relation]) => {
                if method == "get_column_schema_from_query" {
                    return query::schema_of(&self.0, &relation.to_string());
                }
                self.columns(relation).map(List::value)
            }
            ("get_missing_columns", [from, to]) => self.missing_columns(from, to),
            ("list_relations_without_caching", [schema]) => {
                let relation = Relation::from_value(schema);
                let schema = schema.get_attr("schema").ok().filter(|_| relation.is_some()).unwrap_or(schema.clone());
                Ok(self.relations(&schema.to_string()))
            }
            ("list_relations", _) => {
                let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
                let schema = given.get(1).cloned().or(named.get("schema")?);
                Ok(self.relations(&schema.map(|schema| schema.to_string()).unwrap_or_default()))
            }
            ("check_schema_exists", _) => {
                let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
                let schema = given.get(1).cloned().or(named.get("schema")?).unwrap_or_default().to_string();
                Ok(Value::from(!items(&self.relations(&schema))?.is_empty()))
            }
            ("quote" | "quote_as_configured" | "quote_seed_column", [name, ..]) => {
                let asked = method != "quote_seed_column" || args.get(1).is_none_or(Value::is_true);
                let name = name.to_string();
                Ok(Value::from(if asked { quote(&name) } else { name }))
            }
            ("type", []) => Ok(Value::from("spark")),
            ("execute", _) => self.execute(args),
            ("cache_added" | "cache_dropped" | "cache_renamed", _) => Ok(Value::from("")),
            ("behavior", _) => Ok(Dict::of([])),
            ("drop_relation", [relation, ..]) if self.0.world().is_some_and(|world| world.is_hook()) => {
                let Some(relation) = Relation::from_value(relation).and_then(|relation| relation.table()) else {
                    let message = "`adapter.drop_relation` takes a relation";
                    return Err(refuse(Diagnostic::error(Code::InvalidTemplate, message)));
                };
                self.0.record(Call::Drop(relation))?;
                Ok(Value::from(""))
            }
            _ if REFUSED.contains(&method) => {
                let message = format!("`adapter.{method}` is not supported: a template changes nothing in the lake");
                let help = "use `pre_hook`, `post_hook` or `on-run-end` for statements of your own";
                Err(refuse(Diagnostic::error(Code::Unsupported, message).help(help)))
            }
            _ => {
                let message = format!("`adapter` has no method `{method}` of these arguments");
                let wrong = Diagnostic::error(Code::InvalidTemplate, message);
                Err(refuse(match did_you_mean(method, METHODS.iter().copied()) {
                    Some(near) if near != method => wrong.help(format!("did you mean `{near}`?")),
                    _ => wrong,
                }))
            }
        }
    }
}
