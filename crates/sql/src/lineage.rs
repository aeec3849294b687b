//! Which columns a query's columns are made of, and which decide its rows: read off the typed plan.
//!
//! Every step of the plan is given, for each of its columns, the columns of the named relations that it is made of. A
//! column that is used in several ways counts once, in the way that changes it most.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::logical_expr::expr::{GroupingSet, Sort as SortKey};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, Subquery};
use headwater_plan::{ColumnInput, ColumnLineage, InputKind, Lineage, TableName};

use crate::session::TypedQuery;

/// The columns that something is made of, and how it uses each.
type Inputs = BTreeMap<(TableName, String), InputKind>;

/// What is known of a step of the plan.
#[derive(Default)]
struct Traced {
    /// For each of its columns, in order.
    columns: Vec<Inputs>,
    /// What decides which rows there are.
    rows: Inputs,
    /// What the rows are in the order of, which decides under a limit.
    order: Inputs,
}

pub(crate) fn of(query: &TypedQuery) -> Lineage {
    let traced = Tracer { relations: &query.relations, outer: Vec::new() }.plan(&query.plan);
    let columns = query
        .schema
        .names()
        .zip(traced.columns)
        .map(|(name, inputs)| ColumnLineage { name: name.to_owned(), inputs: listed(inputs) });
    let rows = traced.rows.into_keys().map(|key| (key, InputKind::Indirect)).collect();
    Lineage { columns: columns.collect(), rows: listed(rows) }
}

fn listed(inputs: Inputs) -> Vec<ColumnInput> {
    let listed = inputs.into_iter();
    listed.map(|((relation, column), kind)| ColumnInput { relation, column, kind }).collect()
}

/// How much a use changes a column.
fn rank(kind: InputKind) -> u8 {
    match kind {
        InputKind::Indirect => 0,
        InputKind::Identity => 1,
        InputKind::Transformation => 2,
        InputKind::Aggregation => 3,
    }
}

fn add(inputs: &mut Inputs, key: &(TableName, String), kind: InputKind) {
    let known = inputs.entry(key.clone()).or_insert(kind);
    if rank(kind) > rank(*known) {
        *known = kind;
    }
}

/// Adds inputs that are used in a further way on top of their own.
fn add_all(inputs: &mut Inputs, more: &Inputs, through: InputKind) {
    for (key, kind) in more {
        let kind = match *kind {
            InputKind::Indirect => InputKind::Indirect,
            _ if through == InputKind::Indirect => InputKind::Indirect,
            kind if rank(kind) > rank(through) => kind,
            _ => through,
        };
        add(inputs, key, kind);
    }
}

struct Tracer<'a> {
    relations: &'a BTreeMap<TableName, Arc<[String]>>,
    /// The columns of the queries around a subquery, outermost first.
    outer: Vec<(Arc<DFSchema>, Vec<Inputs>)>,
}

impl Tracer<'_> {
    fn plan(&mut self, plan: &LogicalPlan) -> Traced {
        match plan {
            LogicalPlan::SubqueryAlias(node) => match &node.alias {
                TableReference::Partial { schema, table } => self.relation(schema, table, plan),
                _ => self.plan(&node.input),
            },
            LogicalPlan::TableScan(_) | LogicalPlan::EmptyRelation(_) => nothing(plan),
            LogicalPlan::Projection(node) => {
                let input = self.plan(&node.input);
                self.computed(input, &node.input, &node.expr, InputKind::Identity)
            }
            LogicalPlan::Filter(node) => {
                let mut input = self.plan(&node.input);
                self.decide(&mut input, &node.input, [&node.predicate]);
                input
            }
            LogicalPlan::Sort(node) => {
                let mut input = self.plan(&node.input);
                let mut order = Inputs::new();
                self.keys(&mut order, &input, &node.input, &node.expr);
                if node.fetch.is_some() {
                    add_all(&mut input.rows, &order, InputKind::Indirect);
                }
                Traced { order, ..input }
            }
            LogicalPlan::Limit(node) => {
                let mut input = self.plan(&node.input);
                let order = std::mem::take(&mut input.order);
                add_all(&mut input.rows, &order, InputKind::Indirect);
                Traced { order, ..input }
            }
            LogicalPlan::Distinct(Distinct::All(input)) => all_decide(self.plan(input)),
            LogicalPlan::Aggregate(node) => self.aggregate(node),
            LogicalPlan::Window(node) => {
                let input = self.plan(&node.input);
                let kept = input.columns.len();
                let mut columns = input.columns.clone();
                let traced = self.computed(input, &node.input, &node.window_expr, InputKind::Aggregation);
                columns.truncate(kept);
                columns.extend(traced.columns);
                Traced { columns, ..traced }
            }
            LogicalPlan::Join(node) => self.join(node),
            LogicalPlan::Union(node) => {
                let mut union = nothing(plan);
                for input in &node.inputs {
                    let side = self.plan(input);
                    for (column, inputs) in union.columns.iter_mut().zip(&side.columns) {
                        add_all(column, inputs, InputKind::Identity);
                    }
                    add_all(&mut union.rows, &side.rows, InputKind::Indirect);
                }
                union
            }
            LogicalPlan::Unnest(node) => {
                let mut input = self.plan(&node.input);
                let unnested: BTreeSet<usize> = node.list_type_columns.iter().map(|(index, _)| *index).collect();
                let column = |index: &usize| {
                    let mut inputs = Inputs::new();
                    let kind = if unnested.contains(index) { InputKind::Transformation } else { InputKind::Identity };
                    add_all(&mut inputs, input.columns.get(*index).unwrap_or(&Inputs::new()), kind);
                    inputs
                };
                let columns = node.dependency_indices.iter().map(column).collect();
                for index in &unnested {
                    if let Some(list) = input.columns.get(*index) {
                        add_all(&mut input.rows, &list.clone(), InputKind::Indirect);
                    }
                }
                Traced { columns, ..input }
            }
            other => self.generic(other),
        }
    }

    /// A relation that the query names.
    fn relation(&self, schema: &str, table: &str, plan: &LogicalPlan) -> Traced {
        let name = TableName::new(schema, table);
        let known = self.relations.get(&name);
        let column = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| {
            let column = known.and_then(|columns| columns.get(index)).unwrap_or(field.name());
            Inputs::from([((name.clone(), column.clone()), InputKind::Identity)])
        };
        let columns = plan.schema().fields().iter().enumerate().map(column).collect();
        Traced { columns, ..Traced::default() }
    }

    /// The columns that expressions over an input make.
    fn computed(&mut self, input: Traced, plan: &LogicalPlan, exprs: &[Expr], through: InputKind) -> Traced {
        let columns = exprs.iter().map(|expr| {
            let mut inputs = Inputs::new();
            self.expression(&mut inputs, expr, (plan.schema(), &input.columns), through);
            inputs
        });
        let columns = columns.collect();
        Traced { columns, ..input }
    }

    /// Expressions that decide which rows there are.
    fn decide<'e>(&mut self, traced: &mut Traced, plan: &LogicalPlan, exprs: impl IntoIterator<Item = &'e Expr>) {
        let mut inputs = Inputs::new();
        for expr in exprs {
            self.expression(&mut inputs, expr, (plan.schema(), &traced.columns), InputKind::Indirect);
        }
        add_all(&mut traced.rows, &inputs, InputKind::Indirect);
    }

    fn keys(&mut self, inputs: &mut Inputs, traced: &Traced, plan: &LogicalPlan, keys: &[SortKey]) {
        for key in keys {
            self.expression(inputs, &key.expr, (plan.schema(), &traced.columns), InputKind::Indirect);
        }
    }

    fn aggregate(&mut self, node: &datafusion::logical_expr::Aggregate) -> Traced {
        let mut input = self.plan(&node.input);
        self.decide(&mut input, &node.input, &node.group_expr);
        let keys = match node.group_expr.as_slice() {
            [Expr::GroupingSet(set)] => distinct_keys(set),
            keys => keys.to_vec(),
        };
        let schema = node.input.schema();
        let mut columns = Vec::with_capacity(node.schema.fields().len());
        for (keys, through) in [(&keys, InputKind::Identity), (&node.aggr_expr, InputKind::Aggregation)] {
            for expr in keys {
                let mut inputs = Inputs::new();
                self.expression(&mut inputs, expr, (schema, &input.columns), through);
                columns.push(inputs);
            }
            // With grouping sets, DataFusion's own id column stands between them.
            let to_come = node.schema.fields().len() - columns.len();
            if through == InputKind::Identity && to_come > node.aggr_expr.len() {
                columns.push(Inputs::new());
            }
        }
        Traced { columns, rows: input.rows, order: Inputs::new() }
    }

    fn join(&mut self, node: &datafusion::logical_expr::Join) -> Traced {
        let (left, right) = (self.plan(&node.left), self.plan(&node.right));
        let width = node.schema.fields().len();
        let mut both = Traced { columns: left.columns, rows: left.rows, order: Inputs::new() };
        add_all(&mut both.rows, &right.rows, InputKind::Indirect);
        both.columns.extend(right.columns);
        let mut inputs = Inputs::new();
        if let Ok(schema) = node.left.schema().join(node.right.schema()) {
            let schema = Arc::new(schema);
            for expr in node.on.iter().flat_map(|(left, right)| [left, right]).chain(&node.filter) {
                self.expression(&mut inputs, expr, (&schema, &both.columns), InputKind::Indirect);
            }
        }
        add_all(&mut both.rows, &inputs, InputKind::Indirect);
        // A semi or anti join gives the columns of its left side alone.
        both.columns.truncate(width);
        both
    }

    /// A step of which nothing is known but its inputs: each column may be made of everything.
    fn generic(&mut self, plan: &LogicalPlan) -> Traced {
        let mut traced = nothing(plan);
        let mut all = Inputs::new();
        for input in plan.inputs() {
            let side = self.plan(input);
            side.columns.iter().for_each(|inputs| add_all(&mut all, inputs, InputKind::Transformation));
            add_all(&mut traced.rows, &side.rows, InputKind::Indirect);
        }
        traced.columns.fill(all);
        traced
    }

    fn expression(&mut self, inputs: &mut Inputs, expr: &Expr, input: (&Arc<DFSchema>, &[Inputs]), through: InputKind) {
        let (schema, columns) = input;
        match expr {
            Expr::Column(column) => add_column(inputs, column, schema, columns, through),
            Expr::OuterReferenceColumn(_, column) => {
                let outer = self.outer.iter().rev().find(|(schema, _)| schema.index_of_column(column).is_ok());
                if let Some((schema, columns)) = outer {
                    add_column(inputs, column, schema, columns, through);
                }
            }
            Expr::Alias(alias) => self.expression(inputs, &alias.expr, input, through),
            Expr::ScalarSubquery(subquery) => self.subquery(inputs, subquery, input, through),
            Expr::Exists(exists) => self.subquery(inputs, &exists.subquery, input, InputKind::Indirect),
            Expr::InSubquery(inside) => {
                self.expression(inputs, &inside.expr, input, above(through, InputKind::Transformation));
                self.subquery(inputs, &inside.subquery, input, through);
            }
            other => {
                let kind = match other {
                    Expr::AggregateFunction(_) | Expr::WindowFunction(_) => InputKind::Aggregation,
                    _ => InputKind::Transformation,
                };
                // The walk itself never fails.
                let _ = other.apply_children(|part| {
                    self.expression(inputs, part, input, above(through, kind));
                    Ok(TreeNodeRecursion::Continue)
                });
            }
        }
    }

    /// The value of a subquery is made of its column; what decides its rows decides which value that is.
    fn subquery(
        &mut self,
        inputs: &mut Inputs,
        subquery: &Subquery,
        (schema, columns): (&Arc<DFSchema>, &[Inputs]),
        through: InputKind,
    ) {
        self.outer.push((Arc::clone(schema), columns.to_vec()));
        let traced = self.plan(&subquery.subquery);
        self.outer.pop();
        for column in &traced.columns {
            add_all(inputs, column, above(through, InputKind::Transformation));
        }
        add_all(inputs, &traced.rows, InputKind::Indirect);
    }
}

/// A use inside another one.
fn above(outer: InputKind, inner: InputKind) -> InputKind {
    match outer {
        InputKind::Indirect => InputKind::Indirect,
        outer if rank(outer) > rank(inner) => outer,
        _ => inner,
    }
}

fn add_column(inputs: &mut Inputs, column: &Column, schema: &DFSchema, columns: &[Inputs], through: InputKind) {
    let found = schema.index_of_column(column).ok().and_then(|index| columns.get(index));
    if let Some(found) = found {
        add_all(inputs, found, through);
    }
}

fn nothing(plan: &LogicalPlan) -> Traced {
    Traced { columns: vec![Inputs::new(); plan.schema().fields().len()], ..Traced::default() }
}

fn all_decide(mut traced: Traced) -> Traced {
    let columns = std::mem::take(&mut traced.columns);
    for column in &columns {
        add_all(&mut traced.rows, column, InputKind::Indirect);
    }
    Traced { columns, ..traced }
}

/// The keys of grouping sets, each once, in the order in which they become columns.
fn distinct_keys(set: &GroupingSet) -> Vec<Expr> {
    set.distinct_expr().into_iter().cloned().collect()
}
