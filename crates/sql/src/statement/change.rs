//! DELETE and UPDATE.

use headwater_plan::TableName;

use super::TypedStatement;
use super::check;
use super::target::Target;
use crate::error::SqlError;
use crate::parse::statement::{Assignment, Fragment, Target as Written};
use crate::planner::Planner;
use crate::session::TypedQuery;

pub(super) fn delete(
    sql: &str,
    target: Written,
    condition: Option<Fragment>,
    planner: &Planner<'_>,
) -> Result<TypedStatement, Vec<SqlError>> {
    let target = Target::find(sql, target, planner)?;
    let where_ = condition.as_ref().map(|condition| condition.expr.clone());
    let query = check::query(sql, Vec::new(), vec![target.item.clone()], where_, planner)?;
    let reads = others(&query, &target.name);
    let condition = condition.map(|condition| condition.text);
    Ok(TypedStatement::Delete { target: target.name, alias: target.alias, condition, reads })
}

pub(super) fn update(
    sql: &str,
    target: Written,
    assignments: Vec<Assignment>,
    condition: Option<Fragment>,
    planner: &Planner<'_>,
) -> Result<TypedStatement, Vec<SqlError>> {
    let target = Target::find(sql, target, planner)?;
    let columns = target.assigned(&assignments);
    let values = assignments.iter().map(|assignment| assignment.value.expr.clone()).collect();
    let where_ = condition.as_ref().map(|condition| condition.expr.clone());
    let query = check::query(sql, values, vec![target.item.clone()], where_, planner);
    let (columns, query) = both(columns, query)?;
    let values: Vec<&Fragment> = assignments.iter().map(|assignment| &assignment.value).collect();
    let texts = texts(&target, &columns, &values, &query)?;
    let assignments = columns.into_iter().map(|column| column.name).zip(texts).collect();
    let reads = others(&query, &target.name);
    let condition = condition.map(|condition| condition.text);
    Ok(TypedStatement::Update { target: target.name, alias: target.alias, assignments, condition, reads })
}

/// Both results, or the errors of both.
pub(super) fn both<A, B>(
    first: Result<A, Vec<SqlError>>,
    second: Result<B, Vec<SqlError>>,
) -> Result<(A, B), Vec<SqlError>> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(mut errors), Err(more)) => {
            errors.extend(more);
            Err(errors)
        }
        (Err(errors), Ok(_)) | (Ok(_), Err(errors)) => Err(errors),
    }
}

/// The values as texts of their columns' types, the query's columns being the values.
pub(super) fn texts(
    target: &Target,
    columns: &[headwater_plan::Field],
    values: &[&Fragment],
    query: &TypedQuery,
) -> Result<Vec<String>, Vec<SqlError>> {
    let (mut texts, mut errors) = (Vec::with_capacity(columns.len()), Vec::new());
    for ((column, value), found) in columns.iter().zip(values).zip(&query.schema.fields) {
        match target.stored(column, &found.data_type, &value.text, value.at) {
            Ok(text) => texts.push(text),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(texts) } else { Err(errors) }
}

/// The relations that are read beside the target.
pub(super) fn others(query: &TypedQuery, target: &TableName) -> Vec<TableName> {
    query.reads.iter().filter(|name| *name != target).cloned().collect()
}
