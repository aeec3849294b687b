//! A condition over one row: the rules of a contract.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use headwater_plan::{DataType, Schema, TableName};

use crate::error::{Position, SqlError};
use crate::relation::{RelationSource, Relations};
use crate::session::{SparkSql, TypedQuery};

impl SparkSql {
    /// Plans a condition over the columns of one row: a query of one boolean column, called `condition`, whose plan is
    /// projections of the relation `contract`.`one row` and nothing else. Positions in errors are those of the condition.
    ///
    /// # Errors
    /// All that is wrong with its names, else with its types; what does not look at one row alone is refused.
    pub fn condition(&self, condition: &str, columns: &Schema) -> Result<TypedQuery, Vec<SqlError>> {
        let in_condition = |errors: Vec<SqlError>| -> Vec<SqlError> {
            errors.into_iter().map(|error| moved(error, condition)).collect()
        };
        // By itself first: what is wrong with it is then not told in words that stand around it below.
        crate::parse::query(&format!("select\n{condition}")).map_err(|error| in_condition(vec![error]))?;
        let row = OneRow { name: TableName::new("contract", "one row"), columns: columns.clone() };
        // On a line of its own, so that a comment at its end hides nothing.
        let sql = format!("select\n{condition}\nas `condition` from {}", row.name.quoted());
        let query = self.planner(&row).unexecuted(&sql).map_err(in_condition)?;
        check(&query).map_err(|error| vec![error])?;
        Ok(query)
    }
}

/// The relation that a condition is about.
struct OneRow {
    name: TableName,
    columns: Schema,
}

impl Relations for OneRow {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        (*name == self.name).then(|| RelationSource::Schema(self.columns.clone()))
    }

    fn names(&self) -> Vec<TableName> {
        Vec::new()
    }
}

/// The error with its place in the condition, if it lies in it.
fn moved(mut error: SqlError, condition: &str) -> SqlError {
    let lines = condition.lines().count() as u64;
    error.position = error.position.and_then(|at| {
        let line = at.line.checked_sub(1).filter(|line| (1..=lines).contains(line))?;
        Some(Position { line, ..at })
    });
    error
}

fn check(query: &TypedQuery) -> Result<(), SqlError> {
    let [field] = query.schema.fields.as_slice() else {
        return Err(SqlError::mismatch("a condition is one expression, without commas between several"));
    };
    if field.data_type != DataType::Boolean {
        let message = format!("a condition is true or false, and this one is a `{}`", field.data_type);
        return Err(SqlError::mismatch(message).help("compare it with something: `amount >= 0`"));
    }
    let mut of_one_row = true;
    // The walk itself never fails.
    let _ = query.plan.apply_with_subqueries(|node| {
        of_one_row &=
            matches!(node, LogicalPlan::Projection(_) | LogicalPlan::TableScan(_) | LogicalPlan::SubqueryAlias(_));
        Ok(TreeNodeRecursion::Continue)
    });
    if of_one_row {
        return Ok(());
    }
    Err(SqlError::unsupported("a condition that looks at more than its row (aggregates, window functions, subqueries)")
        .help("write a test, which looks at the whole table"))
}
