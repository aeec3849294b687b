//! INSERT INTO and INSERT OVERWRITE: the rows of a query in the columns of a table.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::Ident;
use headwater_plan::{Code, DataType, Field};

use super::TypedStatement;
use super::target::Target;
use crate::error::{Position, SqlError, suggest};
use crate::parse::statement::{Insert, place_of};
use crate::planner::Planner;
use crate::session::TypedQuery;
use crate::types::arrow_type;
use crate::typing::call::Typed;

pub(super) fn plan(sql: &str, written: Insert, planner: &Planner<'_>) -> Result<TypedStatement, Vec<SqlError>> {
    let Insert { target, columns, by_name, overwrite, source, source_at } = written;
    let target = Target::find(sql, target, planner)?;
    let query = if by_name { planner.query(sql, source) } else { planner.rows(sql, source) }?;
    let sources = if by_name {
        named(&target, &query, source_at)?
    } else if columns.is_empty() {
        positional(&target, &query, source_at)?
    } else {
        listed(&target, &columns, &query, source_at)?
    };
    let query = stored(&target, query, &sources, source_at)?;
    Ok(TypedStatement::Insert { target: target.name, query, overwrite })
}

/// For each column of the table, the column of the query that fills it; none for one that is left null.
type Sources = Vec<Option<usize>>;

fn positional(target: &Target, query: &TypedQuery, at: Option<Position>) -> Result<Sources, Vec<SqlError>> {
    let (wanted, found) = (target.columns.fields.len(), query.schema.fields.len());
    if wanted == found {
        return Ok((0..wanted).map(Some).collect());
    }
    let message = format!("`{}` has {}, and these rows have {found}", target.name, counted(wanted));
    let columns: Vec<String> = target.columns.names().map(|name| format!("`{name}`")).collect();
    Err(vec![SqlError::mismatch(message).at(at).help(format!("the table's columns are: {}", columns.join(", ")))])
}

fn listed(
    target: &Target,
    columns: &[Ident],
    query: &TypedQuery,
    at: Option<Position>,
) -> Result<Sources, Vec<SqlError>> {
    let mut sources: Sources = vec![None; target.columns.fields.len()];
    let mut errors = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        match target.column(column) {
            Err(error) => errors.push(error),
            Ok(field) => {
                let place = target.columns.fields.iter().position(|own| own.name == field.name);
                let source = place.and_then(|place| sources.get_mut(place));
                if let Some(source) = source
                    && source.replace(index).is_some()
                {
                    let message = format!("`{}` is named twice", field.name);
                    errors.push(SqlError::new(Code::DuplicateName, message).at(place_of(column)));
                }
            }
        }
    }
    let (wanted, found) = (columns.len(), query.schema.fields.len());
    if wanted != found {
        let message = format!("{} named, and these rows have {found}", counted(wanted));
        errors.push(SqlError::mismatch(message).at(at));
    }
    if errors.is_empty() { Ok(sources) } else { Err(errors) }
}

fn named(target: &Target, query: &TypedQuery, at: Option<Position>) -> Result<Sources, Vec<SqlError>> {
    let strange = query.schema.names().filter(|name| target.columns.field(name).is_none());
    let errors: Vec<SqlError> = strange
        .map(|name| {
            SqlError::new(Code::UnknownColumn, format!("`{}` has no column `{name}`", target.name))
                .at(at)
                .help_if(suggest(name, "its columns are", target.columns.names()))
        })
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let place = |name: &str| query.schema.names().position(|own| own.eq_ignore_ascii_case(name));
    Ok(target.columns.names().map(place).collect())
}

fn counted(columns: usize) -> String {
    if columns == 1 { "1 column".into() } else { format!("{columns} columns") }
}

/// The query in the table's columns.
fn stored(
    target: &Target,
    query: TypedQuery,
    sources: &Sources,
    at: Option<Position>,
) -> Result<TypedQuery, Vec<SqlError>> {
    let (mut exprs, mut errors) = (Vec::with_capacity(sources.len()), Vec::new());
    for (column, source) in target.columns.fields.iter().zip(sources) {
        match value(target, &query, column, *source, at) {
            Ok(expr) => exprs.push(expr.alias(&column.name)),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let TypedQuery { plan, reads, relations, .. } = query;
    let plan = LogicalPlanBuilder::from(plan).project(exprs).and_then(LogicalPlanBuilder::build);
    let plan = plan.map_err(|error| vec![SqlError::internal(format!("rows could not be stored: {error}"))])?;
    let mut schema = target.columns.clone();
    schema.fields.iter_mut().for_each(|field| field.nullable = true);
    Ok(TypedQuery { plan, schema, reads, relations })
}

fn value(
    target: &Target,
    query: &TypedQuery,
    column: &Field,
    source: Option<usize>,
    at: Option<Position>,
) -> Result<Expr, SqlError> {
    let Some(index) = source else {
        let null = ScalarValue::try_from(&arrow_type(&column.data_type));
        return null.map(|null| Expr::Literal(null, None)).map_err(|error| SqlError::internal(error.to_string()));
    };
    let found = query.schema.fields.get(index).map_or(DataType::Null, |field| field.data_type.clone());
    target.check_stored(column, &found, at)?;
    let expr = Expr::Column(Column::from(query.plan.schema().qualified_field(index)));
    Typed { expr, data_type: found }.cast(&column.data_type)
}
