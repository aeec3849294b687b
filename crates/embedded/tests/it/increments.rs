//! What the tests of incremental models share: inputs, nodes, and what a table holds.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, Utc};
use headwater_lake::{Relation, Table, WriteMode, WriteOptions};
use headwater_plan::clock::FixedClock;
use headwater_plan::{
    BatchSize, DataType, Diagnostic, Engine, Field, Incremental, Microbatch, Node, OnModelSchemaChange, Query, Schema,
    Step, StepContext, StepReport, Strategy, TableLayout, TableName,
};

use crate::world::{World, table};

pub(crate) const LONG: DataType = DataType::Long;
pub(crate) const STRING: DataType = DataType::String;

/// A row of the input: a key, a day of January 2024 and an hour of it, a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: Option<i64>,
    pub(crate) day: u32,
    pub(crate) hour: u32,
    pub(crate) name: String,
}

pub(crate) fn row(id: i64, day: u32, name: &str) -> Row {
    Row { id: Some(id), day, hour: 12, name: name.to_owned() }
}

pub(crate) fn january(day: u32, hour: u32) -> DateTime<Utc> {
    let first: DateTime<Utc> = "2024-01-01T00:00:00Z".parse().unwrap();
    first + chrono::Duration::days(i64::from(day) - 1) + chrono::Duration::hours(hour.into())
}

/// The columns of the input, and of most models.
pub(crate) fn columns() -> Vec<(&'static str, DataType)> {
    vec![("id", LONG), ("at", DataType::Timestamp), ("day", LONG), ("name", STRING)]
}

pub(crate) fn schema(columns: &[(&str, DataType)]) -> Schema {
    Schema::new(columns.iter().map(|(name, kind)| Field::new(*name, kind.clone())).collect())
}

/// Replaces the input `bronze.events`.
pub(crate) async fn events(world: &World, rows: &[Row]) {
    let ids: ArrayRef = Arc::new(rows.iter().map(|row| row.id).collect::<Int64Array>());
    let instants = rows.iter().map(|row| Some(january(row.day, row.hour).timestamp_micros()));
    let instants: ArrayRef = Arc::new(instants.collect::<TimestampMicrosecondArray>().with_timezone("UTC"));
    let days: ArrayRef = Arc::new(rows.iter().map(|row| Some(i64::from(row.day))).collect::<Int64Array>());
    let names: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.name.as_str())).collect::<StringArray>());
    let target = TableName::new("bronze", "events");
    let options = WriteOptions::new(target, schema(&columns()), WriteMode::Replace, "TEST", &world.context());
    let writer = world.lake.begin_write(options).await.unwrap();
    let batch = RecordBatch::try_new(writer.arrow_schema(), vec![ids, instants, days, names]).unwrap();
    let mut part = writer.part();
    part.write(&batch).unwrap();
    let part = part.finish().unwrap();
    writer.commit(vec![part]).await.unwrap();
}

/// A model of all columns of the input.
pub(crate) fn model(strategy: Strategy) -> Node {
    let all = "select id, at, day, name from `bronze`.`events`";
    of(&columns(), all, all, strategy)
}

/// A model of other queries.
pub(crate) fn of(columns: &[(&str, DataType)], full: &str, increment: &str, strategy: Strategy) -> Node {
    let query = |sql: &str| Query { sql: sql.into(), reads: vec![TableName::new("bronze", "events")] };
    let mut node = table("things", columns, full, &["bronze.events"]);
    node.step = Step::Incremental(Incremental {
        full: query(full),
        increment: query(increment),
        reads: vec![TableName::new("bronze", "events")],
        strategy,
        on_schema_change: OnModelSchemaChange::Ignore,
        layout: TableLayout::default(),
        keep_on_full_refresh: false,
    });
    node
}

pub(crate) fn with(mut node: Node, change: impl FnOnce(&mut Incremental)) -> Node {
    let Step::Incremental(incremental) = &mut node.step else { unreachable!("it is incremental") };
    change(incremental);
    node
}

/// The same model, in folders by day.
pub(crate) fn by_day(node: Node) -> Node {
    with(node, |incremental| incremental.layout.partition_by = vec!["day".into()])
}

/// The same model with a query of other columns from now on.
pub(crate) fn giving(node: Node, increment: &str, on_change: OnModelSchemaChange) -> Node {
    with(node, |incremental| {
        incremental.increment.sql = increment.into();
        incremental.on_schema_change = on_change;
    })
}

pub(crate) fn merge() -> Strategy {
    Strategy::Merge {
        unique_key: vec!["id".into()],
        update_columns: None,
        exclude_columns: Vec::new(),
        predicates: Vec::new(),
    }
}

pub(crate) fn delete_insert() -> Strategy {
    Strategy::DeleteInsert { unique_key: vec!["id".into()], predicates: Vec::new() }
}

pub(crate) fn microbatch(size: BatchSize, lookback: u32) -> Microbatch {
    Microbatch {
        event_time: "at".into(),
        batch_size: size,
        lookback,
        begin: january(1, 0),
        filtered: vec![(TableName::new("bronze", "events"), "at".into())],
        asked: None,
    }
}

pub(crate) async fn run_at(world: &World, node: &Node, now: DateTime<Utc>) -> Result<StepReport, Diagnostic> {
    let context = StepContext { clock: Arc::new(FixedClock(now)), ..world.context() };
    world.engine.execute(node, &context).await
}

pub(crate) async fn things(world: &World) -> Table {
    match world.lake.relation(&TableName::new("gold", "things")).await.unwrap() {
        Some(Relation::Table(table)) => table,
        other => panic!("not a table: {other:?}"),
    }
}

/// The rows of the model: `id day name`.
pub(crate) async fn rows(world: &World) -> Vec<String> {
    let rows = world.query("select id, day, name from gold.things order by id, day, name").await;
    rows.into_iter().map(|row| row.replace(',', " ")).collect()
}

/// What the newest commit says of itself: the operation, its metrics.
pub(crate) fn newest_commit(world: &World, table: &Table) -> String {
    let log = world.folder.path().join(format!("lake/gold/things/_delta_log/{:020}.json", table.version().version));
    let entry = std::fs::read_to_string(log).unwrap();
    let info: serde_json::Value = serde_json::from_str(entry.lines().next().unwrap()).unwrap();
    let info = &info["commitInfo"];
    let mut metrics: Vec<String> = info["operationMetrics"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| !name.contains("Bytes"))
        .map(|(name, count)| format!("{name}={}", count.as_str().unwrap()))
        .collect();
    metrics.sort();
    format!("{}: {}", info["operation"].as_str().unwrap(), metrics.join(" "))
}
