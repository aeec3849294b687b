//! Rows that go into what earlier runs built, each strategy in one commit (a microbatch: one for each span).
//!
//! Risk: an increment that is half there. Delta's MERGE, INSERT OVERWRITE and INSERT … REPLACE WHERE are one commit each;
//! there is no statement that deletes and inserts by key, so that `delete+insert` is a MERGE whose source has a row for
//! each key to delete and a row, which matches nothing, for each to insert.

use std::collections::BTreeMap;

use headwater_plan::{Incremental, Microbatch, Node, Strategy, TableLayout, TableName};

use super::scan::{Kind, tokens};
use super::table::{build, head};
use super::{Lowering, list, quoted};
use crate::bundle::placeholder::{COLUMNS, ROW_COLUMNS, SOURCE_COLUMNS, SPAN, UPDATES};
use crate::bundle::{Action, Column, FilteredInput, Increment, Purpose, Spans, When, Work};

/// The view of an increment's rows.
const ROWS: &str = "headwater_increment";
const SOURCE: &str = "DBT_INTERNAL_SOURCE";
const DEST: &str = "DBT_INTERNAL_DEST";

pub(super) fn actions(lowering: &Lowering<'_>, node: &Node, model: &Incremental) -> Vec<Action> {
    let Some(target) = &node.relation else { return Vec::new() };
    let rebuilds = lowering.stage.full_refresh && !model.keep_on_full_refresh;
    let mut actions = Vec::new();
    if let Strategy::Microbatch(microbatch) = &model.strategy {
        let work = Work::Spans(Box::new(spans(lowering, node, model, microbatch, target)));
        actions.push(Action { purpose: Purpose::Replace, when: When::Always, work });
    } else {
        let when = if rebuilds { When::Always } else { When::TableAbsent };
        actions.extend(build(lowering, node, &model.full, &model.layout, when));
        if !rebuilds {
            actions.push(increment(lowering, node, model, target));
        }
    }
    actions.extend(compact(target, &model.layout));
    actions
}

fn increment(lowering: &Lowering<'_>, node: &Node, model: &Incremental, target: &TableName) -> Action {
    let part = Part::of(model, target);
    let work = Work::Increment(Box::new(Increment {
        query: model.increment.sql.clone(),
        on_schema_change: model.on_schema_change,
        partition_by: model.layout.partition_by.clone(),
        unique_key: part.unique_key.to_vec(),
        keys_are_unique: part.purpose == Purpose::Merge && !part.unique_key.is_empty(),
        update_columns: part.update_columns.map(<[String]>::to_vec),
        exclude_columns: part.exclude_columns.to_vec(),
        settings: part.settings,
        statement: part.statement,
        without_updates: part.without_updates,
        transaction: lowering.turn(node),
    }));
    Action { purpose: part.purpose, when: When::TablePresent, work }
}

/// What a strategy says.
struct Part<'a> {
    purpose: Purpose,
    statement: String,
    without_updates: Option<String>,
    unique_key: &'a [String],
    update_columns: Option<&'a [String]>,
    exclude_columns: &'a [String],
    settings: BTreeMap<String, String>,
}

impl<'a> Part<'a> {
    fn of(model: &'a Incremental, target: &TableName) -> Self {
        match &model.strategy {
            Strategy::Merge { unique_key, update_columns, exclude_columns, predicates } if !unique_key.is_empty() => {
                Self {
                    unique_key,
                    update_columns: update_columns.as_deref(),
                    exclude_columns,
                    without_updates: Some(merge(target, unique_key, predicates, false)),
                    ..Self::new(Purpose::Merge, merge(target, unique_key, predicates, true))
                }
            }
            Strategy::DeleteInsert { unique_key, predicates } if !unique_key.is_empty() => {
                Self { unique_key, ..Self::new(Purpose::Replace, delete_insert(target, unique_key, predicates)) }
            }
            Strategy::InsertOverwrite => {
                let mode = if model.layout.partition_by.is_empty() { "static" } else { "dynamic" };
                let settings = [("spark.sql.sources.partitionOverwriteMode".to_owned(), mode.to_owned())];
                let statement = format!("INSERT OVERWRITE TABLE {}\nSELECT {COLUMNS}\nFROM {ROWS}", target.quoted());
                Self { settings: settings.into(), ..Self::new(Purpose::Replace, statement) }
            }
            // Without a key nothing matches.
            _ => {
                let statement = format!("INSERT INTO {}\nSELECT {COLUMNS}\nFROM {ROWS}", target.quoted());
                Self::new(Purpose::Append, statement)
            }
        }
    }

    fn new(purpose: Purpose, statement: String) -> Self {
        Self {
            purpose,
            statement,
            without_updates: None,
            unique_key: &[],
            update_columns: None,
            exclude_columns: &[],
            settings: BTreeMap::new(),
        }
    }
}

fn merge(target: &TableName, unique_key: &[String], predicates: &[String], updates: bool) -> String {
    let keys = unique_key.iter().map(|key| format!("{SOURCE}.{key} = {DEST}.{key}", key = quoted(key)));
    let on: Vec<String> = keys.chain(predicates.iter().map(|predicate| format!("({predicate}\n)"))).collect();
    let matched = if updates { format!("WHEN MATCHED THEN UPDATE SET {UPDATES}\n") } else { String::new() };
    format!(
        "MERGE INTO {} AS {DEST}\nUSING {ROWS} AS {SOURCE}\nON {}\n{matched}WHEN NOT MATCHED THEN INSERT ({COLUMNS})\n  \
         VALUES ({SOURCE_COLUMNS})",
        target.quoted(),
        on.join("\n  AND ")
    )
}

/// The source's own columns have names that no table has, so that a bare name in a predicate means the table's column.
fn delete_insert(target: &TableName, unique_key: &[String], predicates: &[String]) -> String {
    let key = |at: usize| format!("__headwater_key_{at}");
    let keys: Vec<String> =
        unique_key.iter().enumerate().map(|(at, name)| format!("{} AS {}", quoted(name), key(at))).collect();
    let nulls: Vec<String> = (0..unique_key.len()).map(|at| format!("null AS {}", key(at))).collect();
    let equal =
        unique_key.iter().enumerate().map(|(at, name)| format!("{SOURCE}.{} = {DEST}.{}", key(at), quoted(name)));
    let on: Vec<String> = equal.chain(predicates.iter().map(|predicate| format!("({predicate}\n)"))).collect();
    format!(
        "MERGE INTO {} AS {DEST}\nUSING (\n  SELECT DISTINCT true AS __headwater_deletes, {}, null AS __headwater_row FROM {ROWS}\n  \
         UNION ALL\n  SELECT false AS __headwater_deletes, {}, struct({COLUMNS}) AS __headwater_row FROM {ROWS}\n) AS {SOURCE}\n\
         ON {}\nWHEN MATCHED THEN DELETE\nWHEN NOT MATCHED AND NOT {SOURCE}.__headwater_deletes THEN INSERT ({COLUMNS})\n  \
         VALUES ({ROW_COLUMNS})",
        target.quoted(),
        keys.join(", "),
        nulls.join(", "),
        on.join("\n  AND "),
    )
}

fn spans(
    lowering: &Lowering<'_>,
    node: &Node,
    model: &Incremental,
    microbatch: &Microbatch,
    target: &TableName,
) -> Spans {
    let filtered = filtered(lowering, node, microbatch);
    Spans {
        full: through(&filtered, &model.full.sql),
        increment: through(&filtered, &model.increment.sql),
        head: head(lowering, target, &model.layout.partition_by),
        statement: format!("INSERT INTO {}\nREPLACE WHERE {SPAN}\nSELECT {COLUMNS}\nFROM {ROWS}", target.quoted()),
        columns: Column::all(&node.schema),
        on_schema_change: model.on_schema_change,
        partition_by: model.layout.partition_by.clone(),
        event_time: microbatch.event_time.clone(),
        batch_size: microbatch.batch_size,
        lookback: microbatch.lookback,
        begin: microbatch.begin,
        asked: microbatch.asked,
        filtered,
        rebuild: lowering.stage.full_refresh && !model.keep_on_full_refresh,
        transaction: lowering.turn(node),
    }
}

fn filtered(lowering: &Lowering<'_>, node: &Node, microbatch: &Microbatch) -> Vec<FilteredInput> {
    let place = lowering.stage.nodes.iter().position(|entry| entry.node.id == node.id).unwrap_or_default();
    let inputs = microbatch.filtered.iter().enumerate();
    let input = |(at, (input, column)): (usize, &(TableName, String))| FilteredInput {
        input: input.clone(),
        view: TableName::new(format!("headwater_input_{place}_{at}"), &input.name),
        column: column.clone(),
    };
    inputs.map(input).collect()
}

/// A query that reads views in place of inputs. The inputs stand in it as the compiler writes them, quoted; what looks so
/// in a literal or a comment is left as it is.
fn through(filtered: &[FilteredInput], sql: &str) -> String {
    let names: Vec<(String, String)> =
        filtered.iter().map(|entry| (entry.input.quoted(), entry.view.quoted())).collect();
    let mut written = String::with_capacity(sql.len());
    let mut end = 0;
    for token in tokens(sql).iter().filter(|token| token.kind == Kind::Quoted) {
        let rest = sql.get(token.at.start..).unwrap_or_default();
        let is_it = |name: &str| rest.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name));
        if token.at.start >= end
            && let Some((name, view)) = names.iter().find(|(name, _)| is_it(name))
        {
            written.push_str(sql.get(end..token.at.start).unwrap_or_default());
            written.push_str(view);
            end = token.at.start + name.len();
        }
    }
    written + sql.get(end..).unwrap_or_default()
}

/// Few files of many, if the layout wants that.
fn compact(target: &TableName, layout: &TableLayout) -> Option<Action> {
    let at_least = layout.compact_after_files?;
    let order =
        if layout.cluster_by.is_empty() { String::new() } else { format!(" ZORDER BY ({})", list(&layout.cluster_by)) };
    let sql = format!("OPTIMIZE {}{order}", target.quoted());
    Some(Action { purpose: Purpose::Compact, when: When::TablePresent, work: Work::Compact { at_least, sql } })
}
