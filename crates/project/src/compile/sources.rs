//! Source tables: loaded from files against a contract, or written by something else and only read.

use headwater_connect::files::{ContractProblem, check_contract};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{
    Code, Contract, ContractColumn, DataType, Diagnostic, Diagnostics, Field, Ingest, NodeId, NodeKind, Schema,
};
use headwater_sql::{Relations, SparkSql};

use super::item::{Body, Item, check_relation};
use crate::config::{ColumnDecl, IngestDecl, Loaded, SourceTable};

/// The source tables of the project, with their columns.
pub(super) fn gather<'a>(
    loaded: &'a Loaded,
    sql: &SparkSql,
    lake: &dyn Relations,
    diagnostics: &mut Diagnostics,
) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    for table in &loaded.sources {
        let mut wrong: Vec<Diagnostic> = check_relation(&table.relation, &table.location).into_iter().collect();
        let (body, schema) = match &table.ingest {
            Some(ingest) => loaded_from_files(table, ingest, &mut wrong),
            None => (Body::External, external(table, sql, lake, &mut wrong)),
        };
        let id = NodeId(format!("source.{}.{}.{}", loaded.name, table.source, table.table));
        let schema = schema.filter(|_| table.sound && wrong.is_empty());
        diagnostics.extend(wrong.into_iter().map(|wrong| wrong.node(id.clone())));
        items.push(Item {
            id,
            name: format!("{}.{}", table.source, table.table),
            kind: NodeKind::Source,
            location: table.location.clone(),
            relation: table.relation.clone(),
            tags: table.tags.clone(),
            description: table.description.as_deref(),
            columns: &table.columns,
            tests: &table.tests,
            enabled: true,
            body,
            reads: Vec::new(),
            schema,
        });
    }
    items
}

fn loaded_from_files<'a>(
    table: &SourceTable,
    ingest: &IngestDecl,
    wrong: &mut Vec<Diagnostic>,
) -> (Body<'a>, Option<Schema>) {
    let columns = table.columns.iter().filter_map(|column| {
        let data_type = column.data_type.clone()?;
        Some(ContractColumn {
            name: column.name.clone(),
            data_type,
            format: column.format.clone(),
            location: column.location.clone(),
        })
    });
    let contract = Contract { columns: columns.collect() };
    let schema = contract.table_schema();
    if let Err(problems) = check_contract(&contract) {
        wrong.extend(problems.iter().map(ContractProblem::diagnostic));
    }
    let ingest = Ingest {
        target: table.relation.clone(),
        files: ingest.files.clone(),
        format: ingest.format.clone(),
        contract,
        on_schema_change: ingest.on_schema_change,
        on_bad_row: ingest.on_bad_row,
    };
    (Body::Ingest(ingest), Some(schema))
}

/// The columns of a table that something else writes: those that YAML types, else those in the lake.
fn external(table: &SourceTable, sql: &SparkSql, lake: &dyn Relations, wrong: &mut Vec<Diagnostic>) -> Option<Schema> {
    let typed: Option<Vec<Field>> =
        table.columns.iter().map(|column| Some(Field::new(&column.name, column.data_type.clone()?))).collect();
    match typed {
        Some(fields) if !fields.is_empty() => return Some(Schema::new(fields)),
        _ if !table.sound => return None,
        _ => {}
    }
    if lake.relation(&table.relation).is_none() {
        let message = format!(
            "the columns of `{}` are not known: YAML gives no types for them all, and the lake has no such table",
            table.relation
        );
        wrong.push(
            Diagnostic::error(Code::UnknownTable, message)
                .at(table.location.clone())
                .help("list its `columns:`, each with a `data_type:`, or give the table an `ingest:`"),
        );
        return None;
    }
    match sql.plan(&format!("select * from {}", table.relation.quoted()), lake) {
        Ok(query) => {
            wrong.extend(check_columns(&table.columns, &query.schema, &table.relation.to_string()));
            Some(query.schema)
        }
        Err(errors) => {
            for error in errors {
                let message = format!("cannot read the columns of `{}` in the lake: {}", table.relation, error.message);
                wrong.push(Diagnostic::error(error.code, message).at(table.location.clone()));
            }
            None
        }
    }
}

/// What is wrong with declared columns, seen beside the columns that are really there.
pub(super) fn check_columns(declared: &[ColumnDecl], actual: &Schema, of: &str) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for column in declared {
        let Some(field) = actual.field(&column.name) else {
            let help = match did_you_mean(&column.name, actual.names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its columns are {}", listed(actual)),
            };
            wrong.push(
                Diagnostic::error(Code::UnknownColumn, format!("`{of}` has no column `{}`", column.name))
                    .at(column.location.clone())
                    .help(help),
            );
            continue;
        };
        match &column.data_type {
            Some(data_type) if *data_type != field.data_type => wrong.push(mismatch(column, data_type, field)),
            _ => {}
        }
    }
    wrong
}

fn mismatch(column: &ColumnDecl, declared: &DataType, actual: &Field) -> Diagnostic {
    let message = format!("the column `{}` is declared as `{declared}`, and is `{}`", column.name, actual.data_type);
    Diagnostic::error(Code::ContractMismatch, message)
        .at(column.location.clone())
        .help(format!("declare it as `{}`, or cast it: `cast(… as {declared})`", actual.data_type))
}

fn listed(schema: &Schema) -> String {
    const MOST: usize = 12;
    let names: Vec<String> = schema.names().take(MOST).map(|name| format!("`{name}`")).collect();
    let rest = schema.fields.len().saturating_sub(MOST);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}
