//! A query to a table, in one commit in place of what was there; a query by name.

use headwater_plan::{Node, Query, Table, TableLayout, TableName};

use super::{Lowering, always, list, literal};
use crate::bundle::{Action, Build, Column, Purpose, ViewQuery, When, Work};

pub(super) fn table(lowering: &Lowering<'_>, node: &Node, model: &Table) -> Vec<Action> {
    build(lowering, node, &model.query, &model.layout, When::Always).into_iter().collect()
}

pub(super) fn view(node: &Node, query: &Query) -> Vec<Action> {
    let (sql, reads) = (query.sql.clone(), query.reads.clone());
    vec![always(Purpose::Register, Work::View(ViewQuery { sql, reads, fingerprint: node.fingerprint.clone() }))]
}

/// A table built as a whole.
pub(super) fn build(
    lowering: &Lowering<'_>,
    node: &Node,
    query: &Query,
    layout: &TableLayout,
    when: When,
) -> Option<Action> {
    let target = node.relation.as_ref()?;
    let build = Build {
        head: head(lowering, target, &layout.partition_by),
        query: query.sql.clone(),
        columns: Column::all(&node.schema),
        transaction: lowering.turn(node),
    };
    Some(Action { purpose: Purpose::Build, when, work: Work::Build(build) })
}

/// `CREATE OR REPLACE TABLE … AS`, which keeps the table's history.
pub(super) fn head(lowering: &Lowering<'_>, target: &TableName, partition_by: &[String]) -> String {
    let partitioned =
        if partition_by.is_empty() { String::new() } else { format!("PARTITIONED BY ({})\n", list(partition_by)) };
    let location = literal(&lowering.location(target));
    format!("CREATE OR REPLACE TABLE {}\nUSING delta\n{partitioned}LOCATION {location}\nAS", target.quoted())
}
