//! What can be generated: the source tables that are loaded from files, with their hints and what their tests promise.

use std::collections::HashMap;
use std::sync::Arc;

use headwater_plan::TableName;

use super::world::{Facts, NodeWorld};
use crate::config::{ColumnDecl, Loaded, SourceTable, TestDecl, TestKind};
use crate::generate::{ColumnHint, GenerateColumn, GenerateTable};
use crate::template::{Call, Phase, Template, Templates};

/// The generators of a project, in the order of its sources.
pub(super) fn gather(loaded: &Loaded, templates: &Templates, facts: &Arc<Facts>) -> Vec<GenerateTable> {
    let sources = || loaded.packages.iter().flat_map(|package| &package.sources);
    let from_files: HashMap<(&str, &str), &SourceTable> = sources()
        .filter(|table| table.ingest.is_some())
        .map(|table| ((table.source.as_str(), table.table.as_str()), table))
        .collect();
    let world = NodeWorld::shared(facts, serde_json::Value::Null);
    // A test that names a model or seed gives no reference: its rows are not generated.
    let parent = |to: &str| -> Option<TableName> {
        let text = format!("{{{{ {to} }}}}");
        let template = Template { path: std::path::Path::new("to"), text: &text, package: &loaded.name, this: None };
        match templates.render(template, &world, Phase::Parse).ok()?.calls.as_slice() {
            [Call::Source { source, table }] => {
                from_files.get(&(source.as_str(), table.as_str())).map(|table| table.relation.clone())
            }
            _ => None,
        }
    };
    sources().filter_map(|table| generator(table, &parent)).collect()
}

fn generator(table: &SourceTable, parent: &dyn Fn(&str) -> Option<TableName>) -> Option<GenerateTable> {
    let ingest = table.ingest.as_ref()?;
    let columns = table.columns.iter().filter_map(|column| generated(table, column, parent));
    Some(GenerateTable {
        source: table.source.clone(),
        table: table.table.clone(),
        relation: table.relation.clone(),
        files: ingest.files.clone(),
        format: ingest.format.clone(),
        rows: table.generate.unwrap_or_default(),
        columns: columns.collect(),
    })
}

fn generated(
    table: &SourceTable,
    column: &ColumnDecl,
    parent: &dyn Fn(&str) -> Option<TableName>,
) -> Option<GenerateColumn> {
    let data_type = column.data_type.clone()?;
    let of_table = table
        .tests
        .iter()
        .filter(|test| test.column.as_deref().is_some_and(|tested| tested.eq_ignore_ascii_case(&column.name)));
    let tests: Vec<&TestDecl> = column.tests.iter().chain(of_table).collect();
    let accepted = tests.iter().find_map(|test| match &test.kind {
        TestKind::AcceptedValues { values, .. } => Some(
            values
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_string))
                .collect::<Vec<_>>(),
        ),
        _ => None,
    });
    let references = tests.iter().find_map(|test| match &test.kind {
        TestKind::Relationships { to, field } => Some((parent(to)?, field.clone())),
        _ => None,
    });
    Some(GenerateColumn {
        hint: column.generate.clone().unwrap_or_else(|| ColumnHint::default_for(&data_type)),
        column: column.contract_column()?,
        unique: tests.iter().any(|test| test.kind == TestKind::Unique),
        not_null: !column.reading.nullable || tests.iter().any(|test| test.kind == TestKind::NotNull),
        accepted,
        references,
    })
}
