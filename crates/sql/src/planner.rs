//! One query or statement, planned: its text through all passes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::catalog::default_table_source::DefaultTableSource;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError, TableReference};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::logical_plan::builder::LogicalTableSource;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};
use datafusion::sql::planner::{NullOrdering, ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::{Query, Statement};
use headwater_plan::{Code, Schema, TableName};

use crate::context::Context;
use crate::error::SqlError;
use crate::relation::{RelationSource, Relations};
use crate::resolve::{self, Catalog, Resolved};
use crate::session::{TypedQuery, on_large_stack};
use crate::types::{arrow_type, from_arrow, spark_type, to_arrow};
use crate::{parse, typing};

/// Plans one query and the views behind it.
pub(crate) struct Planner<'a> {
    state: &'a SessionState,
    relations: &'a dyn Relations,
    now: i64,
    known: RefCell<HashMap<TableName, Known>>,
    /// The views that are being planned, outermost first.
    views: RefCell<Vec<TableName>>,
}

/// A relation that was looked up.
#[derive(Clone)]
pub(crate) struct Known {
    /// Its columns, in the user's case.
    pub(crate) columns: Arc<[String]>,
    /// It, with its columns in lower case and in the forms in which this engine computes.
    pub(crate) plan: Arc<LogicalPlan>,
    pub(crate) is_view: bool,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(state: &'a SessionState, relations: &'a dyn Relations, now: i64) -> Self {
        Self { state, relations, now, known: RefCell::default(), views: RefCell::default() }
    }

    pub(crate) fn plan(&self, sql: &str) -> Result<TypedQuery, Vec<SqlError>> {
        on_large_stack(sql, || {
            let query = parse::query(sql).map_err(|error| vec![error])?;
            self.query(sql, query)
        })
    }

    /// Plans a query that is parsed; its places are those of the text.
    pub(crate) fn query(&self, sql: &str, query: Query) -> Result<TypedQuery, Vec<SqlError>> {
        self.typed(resolve::resolve(sql, query, self)?)
    }

    /// Plans a query whose columns go where their places say, so that two may have one name.
    pub(crate) fn rows(&self, sql: &str, query: Query) -> Result<TypedQuery, Vec<SqlError>> {
        self.typed(resolve::resolve_rows(sql, query, self)?)
    }

    /// Plans a query that is not executed as it is, so whatever subqueries it has.
    pub(crate) fn unexecuted(&self, sql: &str) -> Result<TypedQuery, Vec<SqlError>> {
        on_large_stack(sql, || {
            let query = parse::query(sql).map_err(|error| vec![error])?;
            self.unchecked(resolve::resolve(sql, query, self)?)
        })
    }

    fn typed(&self, resolved: Resolved) -> Result<TypedQuery, Vec<SqlError>> {
        let query = self.unchecked(resolved)?;
        self.check_subqueries(&query.plan).map_err(|error| vec![error])?;
        Ok(query)
    }

    fn unchecked(&self, resolved: Resolved) -> Result<TypedQuery, Vec<SqlError>> {
        let plans = self.known.borrow().iter().map(|(name, known)| (name.clone(), Arc::clone(&known.plan))).collect();
        let context = Context { plans: &plans, options: self.state.config_options() };
        let options = ParserOptions::new()
            .with_enable_ident_normalization(false)
            .with_collect_spans(true)
            .with_default_null_ordering(NullOrdering::NullsMin);
        let planned = SqlToRel::new_with_options(&context, options)
            .sql_statement_to_plan(Statement::Query(Box::new(resolved.query)))
            .map_err(|error| vec![unplanned(&error)])?;
        let typed = typing::plan(planned, self.now)?;
        let relations = resolved.reads.iter().filter_map(|name| Some((name.clone(), self.columns_of(name)?))).collect();
        let (plan, schema) = finish(typed, resolved.names).map_err(|error| vec![error])?;
        Ok(TypedQuery { plan, schema, reads: resolved.reads, relations })
    }

    fn columns_of(&self, name: &TableName) -> Option<Arc<[String]>> {
        self.known.borrow().get(name).map(|known| Arc::clone(&known.columns))
    }

    /// A subquery that refers to its outer query, and one in which rows are looked for, is executed as a join, which the
    /// optimizer finds or does not: better known now than when it runs.
    fn check_subqueries(&self, plan: &LogicalPlan) -> Result<(), SqlError> {
        let correlated = || {
            SqlError::unsupported("a subquery that refers to its outer query in this way")
                .help("write it as a join, or as a window function")
        };
        let membership = || {
            SqlError::unsupported("`IN (SELECT ...)` or `EXISTS` outside of the conditions of `WHERE` and `HAVING`")
                .help("join the subquery's distinct rows by a left join, and ask whether its column is null")
        };
        let is_correlated = has_correlation(plan);
        if !is_correlated && !has_membership(plan) {
            return Ok(());
        }
        match self.state.optimize(plan) {
            Err(_) if is_correlated => Err(correlated()),
            Err(_) => Err(membership()),
            Ok(optimized) if has_correlation(&optimized) => Err(correlated()),
            Ok(optimized) if has_membership(&optimized) => Err(membership()),
            Ok(_) => Ok(()),
        }
    }

    pub(crate) fn look_up(&self, name: &TableName) -> Result<Option<Known>, SqlError> {
        if let Some(known) = self.known.borrow().get(name) {
            return Ok(Some(known.clone()));
        }
        let Some(source) = self.relations.relation(name) else { return Ok(None) };
        let known = match source {
            RelationSource::Schema(schema) => {
                let source = LogicalTableSource::new(Arc::new(to_arrow(&schema)));
                scan(name, Arc::new(source))?
            }
            RelationSource::Provider(provider) => {
                let provider: Arc<dyn TableProvider> = provider;
                scan(name, Arc::new(DefaultTableSource::new(provider)))?
            }
            RelationSource::View { sql } => self.view(name, &sql)?,
        };
        self.known.borrow_mut().insert(name.clone(), known.clone());
        Ok(Some(known))
    }

    fn view(&self, name: &TableName, sql: &str) -> Result<Known, SqlError> {
        if self.views.borrow().contains(name) {
            return Err(SqlError::new(Code::Cycle, format!("the view `{name}` reads itself")));
        }
        self.views.borrow_mut().push(name.clone());
        let planned = self.plan(sql);
        self.views.borrow_mut().pop();
        let query = planned.map_err(|errors| {
            let first = errors.into_iter().next();
            let (code, message) = first.map_or((Code::Internal, String::new()), |error| (error.code, error.message));
            SqlError::new(code, format!("the view `{name}` does not work any more: {message}"))
        })?;
        let columns: Vec<String> = query.schema.names().map(str::to_owned).collect();
        let plan = lowered(query.plan, &columns)?;
        Ok(Known { columns: columns.into(), plan: Arc::new(plan), is_view: true })
    }
}

impl Catalog for Planner<'_> {
    fn columns(&self, name: &TableName) -> Result<Option<Arc<[String]>>, SqlError> {
        Ok(self.look_up(name)?.map(|known| known.columns))
    }

    fn names(&self) -> Vec<TableName> {
        self.relations.names()
    }
}

fn has_correlation(plan: &LogicalPlan) -> bool {
    let mut found = false;
    // The walk itself never fails.
    let _ = plan.apply_with_subqueries(|node| {
        found |= !node.all_out_ref_exprs().is_empty();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}

/// Whether it asks if rows are among those of a subquery, which is executed as a join alone.
fn has_membership(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let asks = |expr: &Expr| Ok(matches!(expr, Expr::InSubquery(_) | Expr::Exists(_)));
    // The walks themselves never fail.
    let _ = plan.apply_with_subqueries(|node| {
        let _ = node.apply_expressions(|expr| {
            found |= expr.exists(asks).unwrap_or(true);
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        });
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}

/// A table's scan, with its columns in lower case and in Spark's types.
fn scan(name: &TableName, source: Arc<dyn TableSource>) -> Result<Known, SqlError> {
    let schema: SchemaRef = source.schema();
    let spark = from_arrow(&schema)
        .map_err(|error| SqlError::new(Code::UnsupportedSql, format!("the table `{name}` cannot be read: {error}")))?;
    let columns: Vec<String> = spark.names().map(str::to_owned).collect();
    let reference = TableReference::partial(name.schema.as_str(), name.name.as_str());
    let plan = LogicalPlanBuilder::scan(reference, source, None).and_then(LogicalPlanBuilder::build);
    let plan = lowered(plan.map_err(|error| lost(&error))?, &columns)?;
    Ok(Known { columns: columns.into(), plan: Arc::new(plan), is_view: false })
}

/// Gives a plan's columns their internal names and forms; a plan that has them already stays as it is.
fn lowered(plan: LogicalPlan, columns: &[String]) -> Result<LogicalPlan, SqlError> {
    let same = plan.schema().fields().iter().zip(columns).all(|(field, column)| {
        *field.name() == column.to_lowercase() && canonical(field.data_type()) == *field.data_type()
    });
    if same {
        return Ok(plan);
    }
    let exprs: Vec<Expr> = (0..columns.len())
        .map(|index| {
            let (qualifier, field) = plan.schema().qualified_field(index);
            let column = Expr::Column(Column::from((qualifier, field)));
            let to = canonical(field.data_type());
            let column = if to == *field.data_type() { column } else { datafusion::logical_expr::cast(column, to) };
            column.alias(columns[index].to_lowercase())
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(exprs).and_then(LogicalPlanBuilder::build).map_err(|error| lost(&error))
}

/// The form in which this engine computes with a column. Texts keep theirs: DataFusion knows how to mix them.
fn canonical(found: &ArrowType) -> ArrowType {
    match found {
        ArrowType::Utf8 | ArrowType::Utf8View => found.clone(),
        ArrowType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC" => found.clone(),
        other => spark_type(other).map_or_else(|| other.clone(), |data_type| arrow_type(&data_type)),
    }
}

/// Puts the names and exact types on top.
fn finish(plan: LogicalPlan, names: Vec<String>) -> Result<(LogicalPlan, Schema), SqlError> {
    let found = plan.schema();
    if found.fields().len() != names.len() {
        return Err(SqlError::internal("the planned query has other columns than the written one"));
    }
    if let Some(index) = found.fields().iter().position(|field| matches!(field.data_type(), ArrowType::Interval(_))) {
        return Err(SqlError::unsupported(format!("a column that is an interval (`{}`)", names[index])));
    }
    let mut schema =
        from_arrow(found.as_arrow()).map_err(|error| SqlError::new(Code::UnsupportedSql, error.to_string()))?;
    for (field, name) in schema.fields.iter_mut().zip(&names) {
        field.name.clone_from(name);
    }
    let exprs: Vec<Expr> = (0..names.len())
        .map(|index| {
            let (qualifier, field) = plan.schema().qualified_field(index);
            let column = Expr::Column(Column::from((qualifier, field)));
            let to = match (field.data_type(), arrow_type(&schema.fields[index].data_type)) {
                (ArrowType::Utf8View, _) => ArrowType::Utf8View,
                (_, to) => to,
            };
            let column = if to == *field.data_type() { column } else { datafusion::logical_expr::cast(column, to) };
            column.alias(&names[index])
        })
        .collect();
    let plan = LogicalPlanBuilder::from(plan).project(exprs).and_then(LogicalPlanBuilder::build);
    Ok((plan.map_err(|error| lost(&error))?, schema))
}

fn lost(error: &DataFusionError) -> SqlError {
    SqlError::internal(format!("a resolved query could not be planned: {error}"))
}

/// What DataFusion's planner refuses after all names were resolved is a construct that it does not do.
fn unplanned(error: &DataFusionError) -> SqlError {
    match error.find_root() {
        DataFusionError::NotImplemented(text) => SqlError::unsupported(format!("this query ({text})")),
        other => lost(other),
    }
}
