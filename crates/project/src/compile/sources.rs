//! Source tables: loaded from files against a contract, or written by something else and only read.

use std::borrow::Cow;
use std::collections::HashMap;

use headwater_connect::files::{ContractProblem, check_contract};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Contract, DataType, Diagnostic, Diagnostics, Field, Ingest, NodeKind, OnBadRow, Schema};
use headwater_sql::{Relations, SparkSql};

use super::constraints;
use super::item::{Body, Index, Item, check_relation};
use super::layers::Place;
use super::models::layers;
use super::settings::Settings;
use crate::config::{ColumnDecl, IngestDecl, Loaded, Package, SettingsKind, SourceTable};

/// The source tables of the project and its packages, with their columns.
pub(super) fn gather<'a>(
    loaded: &'a Loaded,
    sql: &SparkSql,
    lake: &dyn Relations,
    diagnostics: &mut Diagnostics,
) -> Vec<Item<'a>> {
    let tables = loaded.packages.iter().flat_map(|package| package.sources.iter().map(move |table| (package, table)));
    tables.filter_map(|table| item(loaded, table, sql, lake, diagnostics)).collect()
}

fn item<'a>(
    loaded: &'a Loaded,
    (package, table): (&'a Package, &'a SourceTable),
    sql: &SparkSql,
    lake: &dyn Relations,
    diagnostics: &mut Diagnostics,
) -> Option<Item<'a>> {
    let name = format!("{}.{}", table.source, table.table);
    let fqn = vec![package.name.clone(), table.source.clone(), table.table.clone()];
    let mut layers = layers(loaded, package, SettingsKind::Sources, &fqn, None);
    layers.put(&table.config, &Place::At(table.location.clone()));
    let flag = layers.get("enabled").and_then(serde_json::Value::as_bool);
    if flag == Some(false) {
        return None;
    }
    let mut wrong: Vec<Diagnostic> = check_relation(&table.relation, &table.location).into_iter().collect();
    let (body, schema) = match &table.ingest {
        Some(ingest) => loaded_from_files(table, ingest, sql, &mut wrong),
        None => (Body::External, external(table, sql, lake, &mut wrong)),
    };
    let schema = schema.filter(|_| table.sound && wrong.is_empty());
    let is_unknown = |wrong: &Diagnostic| loaded.dbt && wrong.code == Code::UnknownTable;
    let (untold, wrong): (Vec<_>, Vec<_>) = wrong.into_iter().partition(is_unknown);
    let settings = Settings {
        tags: table.tags.clone(),
        event_time: layers.get("event_time").and_then(serde_json::Value::as_str).map(str::to_owned),
        ..Settings::default()
    };
    let item = Item {
        fqn,
        relation: table.relation.clone(),
        layers,
        settings,
        description: table.description.as_deref().map(Cow::Borrowed),
        columns: &table.columns,
        tests: &table.tests,
        patch: Some(&table.location.file),
        schema,
        untold,
        ..Item::new(NodeKind::Source, &package.name, &name, table.location.clone(), body)
    };
    diagnostics.extend(wrong.into_iter().map(|wrong| wrong.node(item.id.clone())));
    Some(item)
}

/// Gives sources whose tables are seeds of the project the columns of those seeds, and their place after them: dbt's own
/// example projects load their sources like that.
pub(super) fn seeded(items: &mut [Item<'_>]) {
    let is_seed = |item: &Item<'_>| item.enabled && matches!(item.body, Body::Seed(_));
    let seeds: HashMap<_, _> = (items.iter().enumerate().filter(|(_, item)| is_seed(item)))
        .map(|(index, seed)| (seed.relation.clone(), (index, seed.schema.clone())))
        .collect();
    for source in items.iter_mut().filter(|item| matches!(item.body, Body::External)) {
        if let Some((seed, schema)) = seeds.get(&source.relation) {
            source.schema.clone_from(schema);
            source.reads = vec![*seed];
            source.untold.clear();
        }
    }
}

/// Tells what is wrong with the sources that are read after all.
pub(super) fn tell_of_read<'a>(
    items: &[Item<'_>],
    reads: impl IntoIterator<Item = &'a Index>,
    diagnostics: &mut Diagnostics,
) {
    for source in reads.into_iter().map(|read| &items[*read]) {
        diagnostics.extend(source.untold.iter().map(|wrong| wrong.clone().node(source.id.clone())));
    }
}

/// Tells what is wrong with the sources that a model reads or a test looks at.
pub(super) fn tell_of_needed(items: &[Item<'_>], diagnostics: &mut Diagnostics) {
    for (index, item) in items.iter().enumerate().filter(|(_, item)| item.enabled) {
        tell_of_read(items, &item.reads, diagnostics);
        if !item.tests.is_empty() || item.columns.iter().any(|column| !column.tests.is_empty()) {
            tell_of_read(items, [&index], diagnostics);
        }
    }
}

/// The tables that hold what the others set aside, as relations to read: `source('rental', 'rentals_quarantine')`.
pub(super) fn quarantines<'a>(sources: &[Item<'a>]) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let Body::Ingest(ingest) = &source.body else { continue };
        if ingest.on_bad_row != OnBadRow::Quarantine {
            continue;
        }
        let name = format!("{}{QUARANTINE}", source.name);
        let about = "The rows that were set aside, each with its file, line, raw text and every reason.";
        items.push(Item {
            relation: ingest.quarantine.clone(),
            settings: Settings { tags: source.settings.tags.clone(), ..Settings::default() },
            description: Some(Cow::Borrowed(about)),
            reads: vec![index],
            schema: Some(Ingest::quarantine_schema()),
            ..Item::new(NodeKind::Source, source.package, &name, source.location.clone(), Body::Quarantine)
        });
    }
    items
}

/// What is added to a table's name for the rows that it sets aside, as [`headwater_plan::TableName::quarantine`] does.
pub(super) const QUARANTINE: &str = "_quarantine";

fn loaded_from_files<'a>(
    table: &SourceTable,
    ingest: &IngestDecl,
    sql: &SparkSql,
    wrong: &mut Vec<Diagnostic>,
) -> (Body<'a>, Option<Schema>) {
    let columns = table.columns.iter().filter_map(ColumnDecl::contract_column);
    let mut contract = Contract { columns: columns.collect(), constraints: Vec::new() };
    if let Err(problems) = check_contract(&contract, &ingest.format) {
        let is_told = |name: &str| table.columns.iter().any(|column| column.name == name && !column.sound);
        let problems = problems.iter().filter(|problem| !is_told(&problem.column.name));
        wrong.extend(problems.map(ContractProblem::diagnostic));
    }
    // What follows from a column without a type is not worth a message.
    if table.sound {
        contract.constraints = constraints::lower(table, &contract, sql, wrong);
    }
    let ingest = Ingest {
        compression: ingest.compression,
        on_schema_change: ingest.on_schema_change,
        on_bad_row: ingest.on_bad_row,
        max_bad_rows: ingest.max_bad_rows,
        on_file_change: ingest.on_file_change,
        after_load: ingest.after_load.clone(),
        settle_ms: ingest.settle_ms,
        batch: ingest.batch,
        layout: ingest.layout.clone(),
        ..Ingest::new(table.relation.clone(), ingest.files.clone(), ingest.format.clone(), contract)
    };
    let schema = ingest.table_schema();
    (Body::Ingest(Box::new(ingest)), Some(schema))
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
