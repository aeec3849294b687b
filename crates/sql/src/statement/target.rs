//! The table that a statement changes: its columns, and what may be put in them.

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Spanned};
use headwater_plan::{Code, DataType, Field, Schema, TableName};

use super::check::{self, FromItem};
use crate::error::{Position, SqlError, suggest};
use crate::parse::position;
use crate::parse::statement::{Assignment, Target as Written, place_of};
use crate::planner::Planner;
use crate::types::from_arrow;
use crate::typing::common::is_atomic;

/// The table, looked up.
pub(super) struct Target {
    pub(super) name: TableName,
    pub(super) alias: Option<String>,
    pub(super) columns: Schema,
    /// It, in a FROM clause.
    pub(super) item: FromItem,
}

impl Target {
    /// Looks the table up. A view is no table.
    pub(super) fn find(sql: &str, written: Written, planner: &Planner<'_>) -> Result<Self, Vec<SqlError>> {
        let item = FromItem::table(&written.name, written.alias.as_ref())?;
        // The resolver knows what to say of a name that is not there.
        check::query(sql, Vec::new(), vec![item.clone()], None, planner)?;
        let parts: Vec<&str> =
            written.name.0.iter().filter_map(|part| part.as_ident()).map(|p| p.value.as_str()).collect();
        let [schema, table] = parts[..] else {
            return Err(vec![SqlError::internal("a table without its schema was found")]);
        };
        let name = TableName::new(schema, table);
        let known = planner.look_up(&name).map_err(|error| vec![error.at(written.at)])?;
        let known = known.ok_or_else(|| vec![SqlError::internal("a table that was found was lost")])?;
        if known.is_view {
            let error = SqlError::unsupported(format!("changing the rows of the view `{name}`"));
            return Err(vec![error.at(written.at).help("change the tables that it reads")]);
        }
        let columns = from_arrow(known.plan.schema().as_arrow())
            .map_err(|error| vec![SqlError::new(Code::UnsupportedSql, error.to_string())])?;
        let named = columns.fields.into_iter().zip(known.columns.iter());
        let columns = Schema::new(named.map(|(field, name)| Field { name: name.clone(), ..field }).collect());
        let alias = written.alias.map(|alias| alias.value);
        Ok(Self { name, alias, columns, item })
    }

    /// The column of a plain name.
    pub(super) fn column(&self, name: &Ident) -> Result<&Field, SqlError> {
        self.columns.field(&name.value).ok_or_else(|| {
            SqlError::new(Code::UnknownColumn, format!("`{}` has no column `{}`", self.name, name.value))
                .at(place_of(name))
                .help_if(suggest(&name.value, "its columns are", self.columns.names()))
        })
    }

    /// The columns that are assigned to, each once.
    pub(super) fn assigned(&self, assignments: &[Assignment]) -> Result<Vec<Field>, Vec<SqlError>> {
        let (mut columns, mut errors) = (Vec::<Field>::new(), Vec::new());
        for assignment in assignments {
            match self.assigned_column(&assignment.column) {
                Ok(column) if columns.iter().any(|earlier| earlier.name == column.name) => {
                    let message = format!("`{}` is set twice", column.name);
                    errors.push(SqlError::new(Code::DuplicateName, message).at(position(assignment.column.span())));
                }
                Ok(column) => columns.push(column.clone()),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(columns) } else { Err(errors) }
    }

    fn assigned_column(&self, name: &ObjectName) -> Result<&Field, SqlError> {
        let parts: Vec<&Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
        let [qualifier @ .., column] = parts.as_slice() else {
            return Err(SqlError::internal("a column without a name"));
        };
        let qualifier: Vec<String> = qualifier.iter().map(|part| part.value.to_lowercase()).collect();
        let own = match &self.alias {
            Some(alias) => vec![alias.to_lowercase()],
            None => vec![self.name.schema.clone(), self.name.name.clone()],
        };
        if own.ends_with(&qualifier) {
            return self.column(column);
        }
        let written = qualifier.join(".");
        if self.columns.field(&written).is_some() {
            return Err(
                SqlError::unsupported(format!("setting a field of the struct `{written}`")).at(position(name.span()))
            );
        }
        let message = format!("`{written}` is not the table that is changed, which is `{}`", own.join("."));
        Err(SqlError::new(Code::UnknownColumn, message).at(position(name.span())))
    }

    /// The text of a value as the type of its column.
    pub(super) fn stored(
        &self,
        column: &Field,
        found: &DataType,
        text: &str,
        at: Option<Position>,
    ) -> Result<String, SqlError> {
        if *found == column.data_type {
            return Ok(text.to_owned());
        }
        self.check_stored(column, found, at)?;
        Ok(format!("cast({text} as {})", column.data_type))
    }

    /// Whether Spark stores values of a type in a column, casting them (`spark.sql.storeAssignmentPolicy` is `ANSI`).
    pub(super) fn check_stored(&self, column: &Field, found: &DataType, at: Option<Position>) -> Result<(), SqlError> {
        if is_stored(found, &column.data_type) {
            return Ok(());
        }
        let nested = !is_atomic(found) && !is_atomic(&column.data_type) && *found != DataType::Null;
        let (name, wanted) = (&column.name, &column.data_type);
        if nested {
            return Err(SqlError::unsupported(format!(
                "storing `{found}` in the column `{name}`, which is `{wanted}`,"
            ))
            .at(at));
        }
        Err(SqlError::mismatch(format!("the column `{name}` of `{}` is `{wanted}`, not `{found}`", self.name))
            .at(at)
            .help(format!("cast the value: `cast(... as {wanted})`")))
    }
}

/// `Cast.canANSIStoreAssign`.
fn is_stored(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (from, to) if from == to => true,
        (DataType::Null, _) => true,
        (from, to) if from.is_numeric() && to.is_numeric() => true,
        (from, DataType::String) => is_atomic(from) && *from != DataType::Binary,
        (from, to) => from.is_time() && to.is_time(),
    }
}
