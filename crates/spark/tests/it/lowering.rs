//! What each kind of step becomes, in the form in which people read it.

use std::path::Path;

use headwater_plan::{
    BatchSize, Comparison, HardDeletes, Hooks, Incremental, Ingest, Microbatch, Node, OnModelSchemaChange, Snapshot,
    SnapshotColumns, SnapshotStrategy, Step, Strategy, Table, TableLayout, Test, Threshold, UnitTest,
};
use headwater_spark::bundle::{Bundle, Work};

use crate::project::{Run, at, node, query, statement, table, test};

const COLUMNS: &[(&str, &str)] = &[("id", "bigint"), ("at", "timestamp"), ("amount", "decimal(10,2)")];
const SQL: &str = "select id, at, amount from `silver`.`orders`";

fn bundle(nodes: &[Node]) -> Bundle {
    Run::new(Path::new("/data/o'lake"), "0190-run", "2024-05-01T12:00:00Z").bundle(nodes)
}

fn readable(made: Node) -> String {
    bundle(&[made]).readable()
}

fn incremental(strategy: Strategy, partition_by: &[&str]) -> Node {
    let layout = TableLayout {
        partition_by: partition_by.iter().map(|name| (*name).to_owned()).collect(),
        cluster_by: vec!["at".to_owned()],
        compact_after_files: Some(20),
    };
    let made = Incremental {
        full: query(SQL, &["silver.orders"]),
        increment: query(&format!("{SQL}\nwhere at > (select max(at) from `gold`.`orders`)"), &["silver.orders"]),
        reads: vec![table("silver.orders")],
        strategy,
        on_schema_change: OnModelSchemaChange::default(),
        layout,
        keep_on_full_refresh: false,
    };
    node("gold.orders", Step::Incremental(made), COLUMNS)
}

#[test]
fn a_table() {
    let mut made = node(
        "gold.orders",
        Step::Table(Table { query: query(SQL, &["silver.orders"]), layout: TableLayout::default() }),
        COLUMNS,
    );
    made.hooks = Hooks {
        before: vec![statement("delete from `ops`.`audit` where day < current_date", &[], Some("ops.audit"))],
        after: vec![
            statement("insert into `ops`.`audit` select 1", &[], Some("ops.audit")),
            statement("-- it was for once\ndrop table if exists `ops`.`old`", &[], Some("ops.old")),
        ],
    };
    insta::assert_snapshot!(readable(made));
}

#[test]
fn a_view() {
    insta::assert_snapshot!(readable(node("gold.orders", Step::View(query(SQL, &["silver.orders"])), COLUMNS)));
}

#[test]
fn an_external_table() {
    insta::assert_snapshot!(readable(node("bronze.orders", Step::External, COLUMNS)));
}

#[test]
fn append() {
    insta::assert_snapshot!(readable(incremental(Strategy::Append, &[])));
}

#[test]
fn merge() {
    let strategy = Strategy::Merge {
        unique_key: vec!["id".to_owned(), "a`t".to_owned()],
        update_columns: None,
        exclude_columns: vec!["at".to_owned()],
        predicates: vec!["DBT_INTERNAL_DEST.at > current_date -- only new ones".to_owned()],
    };
    insta::assert_snapshot!(readable(incremental(strategy, &[])));
}

#[test]
fn delete_and_insert() {
    let strategy =
        Strategy::DeleteInsert { unique_key: vec!["id".to_owned()], predicates: vec!["amount > 0".to_owned()] };
    insta::assert_snapshot!(readable(incremental(strategy, &[])));
}

#[test]
fn insert_overwrite() {
    insta::assert_snapshot!(readable(incremental(Strategy::InsertOverwrite, &["at"])));
}

#[test]
fn microbatch() {
    let made = Microbatch {
        event_time: "at".to_owned(),
        batch_size: BatchSize::Month,
        lookback: 1,
        begin: at("2024-01-01T00:00:00Z"),
        filtered: vec![(table("silver.orders"), "at".to_owned())],
        asked: None,
    };
    insta::assert_snapshot!(readable(incremental(Strategy::Microbatch(made), &[])));
}

fn snapshot(strategy: SnapshotStrategy, hard_deletes: HardDeletes, added: &[(&str, &str)]) -> Node {
    let made = Snapshot {
        query: query(SQL, &["silver.orders"]),
        strategy,
        unique_key: vec!["id".to_owned(), "lower('it''s')".to_owned()],
        hard_deletes,
        valid_to_current: None,
        columns: SnapshotColumns::default(),
    };
    let own = [
        ("dbt_scd_id", "string"),
        ("dbt_updated_at", "timestamp"),
        ("dbt_valid_from", "timestamp"),
        ("dbt_valid_to", "timestamp"),
    ];
    let columns: Vec<(&str, &str)> = COLUMNS.iter().chain(&own).chain(added).copied().collect();
    node("gold.history", Step::Snapshot(made), &columns)
}

#[test]
fn a_snapshot_by_timestamp() {
    let strategy = SnapshotStrategy::Timestamp { updated_at: "at".to_owned() };
    insta::assert_snapshot!(readable(snapshot(strategy, HardDeletes::Ignore, &[])));
}

#[test]
fn a_snapshot_by_check_that_keeps_deletions() {
    let strategy = SnapshotStrategy::Check { columns: vec!["amount".to_owned()], updated_at: Some("at".to_owned()) };
    insta::assert_snapshot!(readable(snapshot(strategy, HardDeletes::NewRecord, &[("dbt_is_deleted", "string")])));
}

#[test]
fn a_test_that_keeps_its_rows() {
    let mut made = Test::new(query("select id from `gold`.`orders` where amount < 0", &["gold.orders"]));
    made.limit = Some(100);
    made.fail_calc = "sum(id)".to_owned();
    made.error_if = Threshold { comparison: Comparison::Greater, count: 10 };
    made.store_failures = Some(table("tests.negative"));
    insta::assert_snapshot!(readable(test("negative", Step::Test(made))));
}

#[test]
fn a_unit_test() {
    let made = UnitTest {
        tested: headwater_plan::NodeId("model.shop.orders".to_owned()),
        actual: query("select 1 as id", &[]),
        expected: query("select 2 as id", &[]),
        columns: vec!["id".to_owned()],
    };
    insta::assert_snapshot!(readable(test("orders_are_one", Step::UnitTest(made))));
}

#[test]
fn what_is_loaded_is_loaded_by_headwater() {
    let contract = headwater_plan::Contract::default();
    let files = headwater_plan::FileSet {
        pattern: "incoming/*.csv".to_owned(),
        written: "incoming/*.csv".to_owned(),
        location: headwater_plan::Location::line("models/sources.yml", 3),
    };
    let format = headwater_plan::FileFormat::Csv(headwater_plan::CsvOptions::default());
    let ingest = Ingest::new(table("bronze.orders"), files, format, contract);
    let made = bundle(&[node("bronze.orders", Step::Ingest(ingest), COLUMNS)]);
    insta::assert_snapshot!(made.readable());
    let native = made.nodes.iter().any(|node| node.native.is_some());
    assert!(native, "the node is handed over whole");
}

#[test]
fn a_bundle_reads_back_and_is_the_same_each_time() {
    let nodes = [incremental(Strategy::Append, &[]), incremental(Strategy::InsertOverwrite, &["at"])];
    let text = bundle(&nodes).to_json().unwrap();
    assert_eq!(text, bundle(&nodes).to_json().unwrap());
    assert_eq!(Bundle::from_json(&text).unwrap(), bundle(&nodes));
}

#[test]
fn the_document_of_a_small_stage() {
    let made = node(
        "gold.orders",
        Step::Table(Table { query: query(SQL, &["silver.orders"]), layout: TableLayout::default() }),
        COLUMNS,
    );
    insta::assert_snapshot!(bundle(&[made]).to_json().unwrap());
}

#[test]
fn a_filtered_input_is_named_otherwise_in_queries_only() {
    let made = Microbatch {
        event_time: "at".to_owned(),
        batch_size: BatchSize::Day,
        lookback: 0,
        begin: at("2024-01-01T00:00:00Z"),
        filtered: vec![(table("silver.orders"), "at".to_owned())],
        asked: None,
    };
    let mut made = incremental(Strategy::Microbatch(made), &[]);
    if let Step::Incremental(incremental) = &mut made.step {
        incremental.full = query(
            "select 'it\\'s `silver`.`orders`' -- `silver`.`orders`\nfrom `SILVER`.`orders` /* `silver`.`orders` */",
            &[],
        );
    }
    let bundle = bundle(&[made]);
    let Some(Work::Spans(spans)) =
        bundle.nodes.first().and_then(|node| node.actions.first()).map(|action| &action.work)
    else {
        panic!("no spans")
    };
    let expected = "select 'it\\'s `silver`.`orders`' -- `silver`.`orders`\nfrom `headwater_input_0_0`.`orders` /* `silver`.`orders` */";
    assert_eq!(spans.full, expected);
}
