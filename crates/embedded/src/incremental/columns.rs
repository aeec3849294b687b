//! The columns of an increment beside those of its table.
//!
//! dbt's meaning of `on_schema_change`. A type that is another now is an error in every case, since a table without
//! column mapping cannot change one; a type that the table's holds without loss is cast.

use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use headwater_lake::{ChangeOptions, Outcome, Removal, Table};
use headwater_plan::{DataType, Diagnostic, Field, OnModelSchemaChange, Schema, TableName};
use headwater_sql::TypedQuery;
use headwater_sql::types::arrow_type;

use super::{Step, quoted};
use crate::change::{Asked, rewrite, target_rows};
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use headwater_plan::refusal::IncrementalError;

/// How a query's columns and a table's go together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fitted {
    /// The table's columns afterwards, in its spelling and order.
    pub(super) schema: Schema,
    /// Of these, the ones that the query gives.
    pub(super) given: Vec<String>,
    /// The columns that leave the table.
    pub(super) dropped: Vec<String>,
    /// The columns of the query that are left out.
    pub(super) ignored: Vec<String>,
}

/// Puts a query's columns beside a table's.
pub(super) fn fit(
    target: &TableName,
    table: &Schema,
    query: &Schema,
    on_change: OnModelSchemaChange,
) -> Result<Fitted, IncrementalError> {
    let names = |fields: &[&Field]| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    let added: Vec<&Field> = query.fields.iter().filter(|field| table.field(&field.name).is_none()).collect();
    let missing: Vec<&Field> = table.fields.iter().filter(|field| query.field(&field.name).is_none()).collect();
    let table_name = || target.clone();
    let differences = type_differences(table, query);
    if !differences.is_empty() {
        return Err(IncrementalError::TypesChanged { table: table_name(), differences });
    }
    let mut schema = table.clone();
    let (mut dropped, mut ignored) = (Vec::new(), Vec::new());
    let append = |schema: &mut Schema| {
        schema.fields.extend(added.iter().map(|field| Field::new(&field.name, field.data_type.clone())));
    };
    match on_change {
        OnModelSchemaChange::Fail if !added.is_empty() || !missing.is_empty() => {
            let new = added.iter().map(|field| format!("`{}` is new", field.name));
            let gone = missing.iter().map(|field| format!("`{}` is missing", field.name));
            let differences = new.chain(gone).collect();
            return Err(IncrementalError::ColumnsDiffer { table: table_name(), differences });
        }
        OnModelSchemaChange::Ignore if !missing.is_empty() => {
            return Err(IncrementalError::ColumnsGone { table: table_name(), columns: names(&missing) });
        }
        OnModelSchemaChange::Fail => {}
        OnModelSchemaChange::Ignore => ignored = names(&added),
        OnModelSchemaChange::AppendNewColumns => append(&mut schema),
        OnModelSchemaChange::SyncAllColumns => {
            dropped = names(&missing);
            schema.fields.retain(|field| !dropped.contains(&field.name));
            append(&mut schema);
        }
    }
    let given = schema.names().filter(|name| query.field(name).is_some()).map(str::to_owned).collect();
    Ok(Fitted { schema, given, dropped, ignored })
}

fn type_differences(table: &Schema, query: &Schema) -> Vec<String> {
    let difference = |there: &Field| {
        let given = query.field(&there.name)?;
        let fits = holds(&there.data_type, &given.data_type);
        (!fits).then(|| format!("`{}` is `{}`, not `{}`", there.name, there.data_type, given.data_type))
    };
    table.fields.iter().filter_map(difference).collect()
}

/// Whether a column of a type holds every value of another as it is.
fn holds(wide: &DataType, narrow: &DataType) -> bool {
    let rank = |data_type: &DataType| match data_type {
        DataType::Byte => Some(1),
        DataType::Short => Some(2),
        DataType::Int => Some(3),
        DataType::Long => Some(4),
        _ => None,
    };
    match (wide, narrow) {
        (_, DataType::Null) | (DataType::Double, DataType::Float) => true,
        (DataType::Decimal { precision, scale }, DataType::Decimal { precision: digits, scale: point }) => {
            scale >= point && precision - scale >= digits - point
        }
        // What may be null is written beside the type, and is not part of what it holds.
        _ if wide.to_string() == narrow.to_string() => true,
        _ => rank(wide).zip(rank(narrow)).is_some_and(|(wide, narrow)| wide > narrow),
    }
}

/// A query's rows in the columns of a table: those that the query does not give are null.
pub(super) fn shape(query: &TypedQuery, schema: &Schema) -> Result<LogicalPlan, DataFusionError> {
    let column = |field: &Field| {
        let wanted = arrow_type(&field.data_type);
        let given = query.schema.fields.iter().position(|given| given.name.eq_ignore_ascii_case(&field.name));
        let expression = match given {
            None => cast(lit(ScalarValue::Null), wanted),
            Some(position) => {
                let (qualifier, found) = query.plan.schema().qualified_field(position);
                let column = Expr::Column(Column::from((qualifier, found)));
                let is_same = query.schema.fields.get(position).is_some_and(|given| given.data_type == field.data_type);
                if is_same { column } else { cast(column, wanted) }
            }
        };
        expression.alias(&field.name)
    };
    let columns: Vec<Expr> = schema.fields.iter().map(column).collect();
    LogicalPlanBuilder::from(query.plan.clone()).project(columns)?.build()
}

/// Takes columns out of a table, in a commit of its own as dbt does: all files are written anew without them.
pub(super) async fn drop(
    step: &Step<'_>,
    base: &Table,
    fitted: &Fitted,
    inputs: &Inputs,
) -> Result<Diagnostic, EmbeddedError> {
    let stays = |field: &Field| !fitted.dropped.contains(&field.name);
    let fields: Vec<Field> = base.schema().fields.iter().filter(|field| stays(field)).cloned().collect();
    let schema = Schema::new(fields);
    let columns: Vec<String> = schema.names().map(quoted).collect();
    let options = ChangeOptions { schema, ..ChangeOptions::new(base, "DROP COLUMNS", step.context) };
    let change = step.engine.lake.begin_change(base, options)?;
    let (schema_name, name) = (target_rows().schema, target_rows().name);
    let sql = format!("SELECT {} FROM {}.{}", columns.join(", "), quoted(&schema_name), quoted(&name));
    let query = Asked { sql: &sql, inputs, hash_joins: true };
    let files = base.data_files();
    let rewritten = rewrite(step.engine, &change, &files, query, step.context).await?;
    let parts = rewritten.finish()?;
    let outcome = Outcome { removal: Removal::Everything, metrics: vec![("numCopiedRows", rewritten_rows(&parts))] };
    change.commit(parts, &outcome).await?;
    let (table, columns) = (step.target.clone(), fitted.dropped.clone());
    Ok(told(step, &IncrementalError::Dropped { table, columns, files: files.len() as u64 }))
}

/// What to tell of the columns of a query that are left out.
pub(super) fn ignored(step: &Step<'_>, fitted: &Fitted) -> Option<Diagnostic> {
    let (table, columns) = (step.target.clone(), fitted.ignored.clone());
    (!columns.is_empty()).then(|| told(step, &IncrementalError::Ignored { table, columns }))
}

fn told(step: &Step<'_>, what: &IncrementalError) -> Diagnostic {
    what.diagnostic().at(step.node.location.clone()).node(step.node.id.clone())
}

fn rewritten_rows(parts: &[headwater_lake::FinishedPart]) -> u64 {
    parts.iter().map(headwater_lake::FinishedPart::rows).sum()
}
