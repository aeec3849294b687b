//! `information_schema`, which macros of packages query: the lake has none, so it is written into the query, from what
//! the project makes and the lake holds.

use std::sync::LazyLock;

use headwater_plan::{Schema, TableName};
use regex::{Captures, Regex};

use super::generic::literal;
use crate::world::RelationKind;

/// `information_schema.tables` as it may be written, quoted or not, with or without a database.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:[\w`"]*\s*\.\s*)?[`"]?information_schema[`"]?\s*\.\s*[`"]?(tables|columns)[`"]?"#).ok()
});

/// A relation that is known, with its columns if they are too.
pub(super) type Entry = (TableName, RelationKind, Option<Schema>);

/// The query with the views of `information_schema` in it as rows; `None` if it names none.
pub(super) fn written_out(sql: &str, entries: impl FnOnce() -> Vec<Entry>) -> Option<String> {
    let named = NAMED.as_ref().filter(|named| named.is_match(sql))?;
    let entries = entries();
    let replaced = named.replace_all(sql, |found: &Captures<'_>| match found[1].to_lowercase().as_str() {
        "tables" => tables(&entries),
        _ => columns(&entries),
    });
    Some(replaced.into_owned())
}

fn tables(entries: &[Entry]) -> String {
    let rows = entries.iter().map(|(name, kind, _)| {
        let kind = if *kind == RelationKind::View { "VIEW" } else { "BASE TABLE" };
        vec![literal(""), literal(&name.schema), literal(&name.name), literal(kind)]
    });
    relation("tables", &["table_catalog", "table_schema", "table_name", "table_type"], rows)
}

fn columns(entries: &[Entry]) -> String {
    let rows = entries.iter().flat_map(|(name, _, schema)| {
        let fields = schema.iter().flat_map(|schema| schema.fields.iter().enumerate());
        fields.map(|(position, field)| {
            vec![
                literal(""),
                literal(&name.schema),
                literal(&name.name),
                literal(&field.name),
                (position + 1).to_string(),
                literal(&field.data_type.to_string()),
            ]
        })
    });
    let names = ["table_catalog", "table_schema", "table_name", "column_name", "ordinal_position", "data_type"];
    relation("columns", &names, rows)
}

fn relation(name: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut selects: Vec<String> = rows.map(|row| named(&row, columns)).map(|row| format!("select {row}")).collect();
    if selects.is_empty() {
        let nulls: Vec<String> = columns.iter().map(|_| "cast(null as string)".to_owned()).collect();
        selects.push(format!("select {} where false", named(&nulls, columns)));
    }
    format!("({}) as {name}", selects.join(" union all "))
}

fn named(values: &[String], columns: &[&str]) -> String {
    values.iter().zip(columns).map(|(value, column)| format!("{value} as {column}")).collect::<Vec<_>>().join(", ")
}
