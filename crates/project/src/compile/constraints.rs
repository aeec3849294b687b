//! The rules of a contract, as Spark SQL over its columns, typed.

use headwater_plan::{Constraint, Contract, ContractColumn, DataType, Diagnostic, Schema};
use headwater_sql::{SparkSql, SqlError};

use super::generic::{is_bare, literal, quoted};
use crate::config::{ConstraintDecl, Rule, SourceTable};

/// The rules of a table, those of its columns first. What is wrong with one is told.
pub(super) fn lower(
    table: &SourceTable,
    contract: &Contract,
    sql: &SparkSql,
    wrong: &mut Vec<Diagnostic>,
) -> Vec<Constraint> {
    let schema = contract.schema();
    let mut constraints = Vec::new();
    for column in &table.columns {
        let Some(typed) = contract.columns.iter().find(|typed| typed.name == column.name) else { continue };
        for rule in &column.constraints {
            constraints.extend(lowered(rule, Some(typed), &schema, sql, wrong));
        }
    }
    for rule in &table.constraints {
        constraints.extend(lowered(rule, None, &schema, sql, wrong));
    }
    constraints
}

fn lowered(
    decl: &ConstraintDecl,
    column: Option<&ContractColumn>,
    schema: &Schema,
    sql: &SparkSql,
    wrong: &mut Vec<Diagnostic>,
) -> Option<Constraint> {
    let condition = condition(&decl.rule, column);
    if let Err(errors) = sql.condition(&condition, schema) {
        wrong.extend(errors.iter().map(|error| told(error, decl, &condition)));
        return None;
    }
    let rule = written(&decl.rule);
    Some(Constraint {
        written: match &decl.name {
            Some(name) => format!("{name} ({rule})"),
            None => rule,
        },
        column: column.map(|column| column.name.clone()),
        sql: condition,
        location: decl.location.clone(),
    })
}

fn condition(rule: &Rule, column: Option<&ContractColumn>) -> String {
    let name = column.map_or_else(String::new, |column| quoted(&column.name));
    let value = |text: &String| value(text, column.map(|column| &column.data_type));
    match rule {
        Rule::Between { low, high } => format!("{name} between {} and {}", value(low), value(high)),
        Rule::Matches(pattern) => format!("{name} rlike {}", literal(pattern)),
        Rule::In(values) => format!("{name} in ({})", values.iter().map(value).collect::<Vec<_>>().join(", ")),
        // A comment at its end must not swallow what an engine writes behind it.
        Rule::Check(expression) if expression.contains("--") => format!("{}\n", expression.trim()),
        Rule::Check(expression) => expression.trim().to_owned(),
    }
}

/// A value of a type in Spark SQL. Its text was checked against the type before.
fn value(text: &str, data_type: Option<&DataType>) -> String {
    match data_type {
        Some(bare) if is_bare(bare) => text.to_owned(),
        Some(time) if time.is_time() => format!("cast({} as {time})", literal(text)),
        _ => literal(text),
    }
}

/// The rule in the user's words, on one line.
fn written(rule: &Rule) -> String {
    match rule {
        Rule::Between { low, high } => format!("between {low} and {high}"),
        Rule::Matches(pattern) => format!("matches {pattern}"),
        Rule::In(values) => format!("in ({})", values.join(", ")),
        Rule::Check(expression) => expression.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn told(error: &SqlError, decl: &ConstraintDecl, condition: &str) -> Diagnostic {
    let mut diagnostic = error.diagnostic();
    let mut location = decl.location.clone();
    let own_text = match &decl.rule {
        Rule::Check(expression) => is_its_text(&location, expression),
        _ => false,
    };
    match &error.position {
        Some(position) if own_text => {
            location.column += position.column.saturating_sub(1);
            location.length = position.length;
        }
        _ if own_text => {}
        // The reader does not see the text at fault in the file, so it is shown.
        _ => diagnostic.causes.push(format!("in the constraint `{condition}`")),
    }
    diagnostic.at(location)
}

/// Whether a place holds exactly this text, so that a position in the one is a position in the other.
fn is_its_text(location: &headwater_plan::Location, text: &str) -> bool {
    let line = location.text.as_deref().unwrap_or_default();
    let from = (location.column as usize).saturating_sub(1);
    let there: String = line.chars().skip(from).take(location.length as usize).collect();
    there == text && text.trim() == text
}
