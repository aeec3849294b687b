//! Bundles executed for real, by the Spark of the machine, over a lake in a temporary folder; what comes out is asked for
//! by tests that are nodes themselves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use headwater_plan::{
    BatchSize, HardDeletes, Hooks, Incremental, Microbatch, Node, NodeStatus, OnModelSchemaChange, Snapshot,
    SnapshotColumns, SnapshotStrategy, Step, Strategy, Table, TableLayout, Test, UnitTest,
};
use headwater_spark::bundle::Bundle;
use headwater_spark::result::JobResult;
use headwater_spark::runner;
use tempfile::TempDir;

use crate::project::{Run, at, node, query, statement, table, test};

/// A Spark to run on.
pub(crate) struct Spark {
    python: PathBuf,
    jars: String,
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
}

/// The Spark that two variables name. Without them a test on a developer's machine says what it left out; in CI it fails.
pub(crate) fn spark(what: &str, python: &str, jars: &str) -> Option<Spark> {
    let (Some(python), Some(folder)) = (variable(python), variable(jars)) else {
        let message = format!("{python} and {jars} are not set: `cargo xtask test` sets up what they name");
        assert!(variable("CI").is_none(), "{what}: {message}");
        eprintln!("SKIPPED {what}: {message}");
        return None;
    };
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_delta = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("delta-"));
    let mut jars: Vec<String> = files.filter(is_delta).map(|path| path.display().to_string()).collect();
    jars.sort();
    Some(Spark { python: python.into(), jars: jars.join(",") })
}

/// What makes small jobs bearable.
fn small(spark: &Spark) -> BTreeMap<String, String> {
    let settings = [
        ("spark.master", "local[2]"),
        ("spark.jars", &spark.jars),
        ("spark.ui.enabled", "false"),
        ("spark.sql.shuffle.partitions", "2"),
        ("spark.databricks.delta.snapshotPartitions", "2"),
        ("spark.driver.memory", "1g"),
    ];
    settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A lake, and the runs on it.
pub(crate) struct Lake<'a> {
    spark: &'a Spark,
    folder: TempDir,
    runs: u32,
}

impl<'a> Lake<'a> {
    pub(crate) fn new(spark: &'a Spark) -> Self {
        Self { spark, folder: TempDir::new().unwrap(), runs: 0 }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// The log of a table.
    pub(crate) fn log(&self, table: &str) -> String {
        let entries = std::fs::read_dir(self.path().join(table).join("_delta_log")).unwrap();
        let paths =
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|it| it == "json"));
        let paths: std::collections::BTreeSet<PathBuf> = paths.collect();
        paths.into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// From what the newest commit of a table that says so was built.
    fn newest_inputs(&self, table: &str) -> String {
        let log = self.log(table).replace('\\', "");
        log.rsplit(r#""inputs":"#).next().unwrap_or_default().split("}}").next().unwrap_or_default().to_owned()
    }

    /// The next run of nodes, a day after the one before.
    pub(crate) fn run(&mut self, nodes: &[Node]) -> JobResult {
        self.runs += 1;
        self.execute(&self.bundle(nodes))
    }

    fn bundle(&self, nodes: &[Node]) -> Bundle {
        let (path, run_id) = (self.path(), format!("run-{}", self.runs));
        let mut run = Run::new(&path, &run_id, &format!("2024-05-{:02}T12:00:00Z", self.runs));
        run.settings = small(self.spark);
        run.bundle(nodes)
    }

    fn execute(&self, bundle: &Bundle) -> JobResult {
        let file = |name: &str| self.folder.path().join(name);
        std::fs::write(file("runner.py"), runner::PROGRAM).unwrap();
        std::fs::write(file("bundle.json"), bundle.to_json().unwrap()).unwrap();
        let mut command = Command::new(&self.spark.python);
        command
            .arg(file("runner.py"))
            .arg("--bundle")
            .arg(file("bundle.json"))
            .arg("--result")
            .arg(file("result.json"));
        command.current_dir(self.folder.path()).env("SPARK_LOCAL_IP", "127.0.0.1");
        let output = command.output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let result = std::fs::read_to_string(file("result.json")).unwrap_or_else(|_| panic!("no result: {log}"));
        let lines = std::fs::read_to_string(file("result.json.progress")).unwrap();
        let result = JobResult::from_json(&result).unwrap_or_else(|error| panic!("{error}: {result}"));
        assert_eq!(lines.lines().count(), result.nodes.len());
        result
    }
}

/// All nodes ended well.
pub(crate) fn well(result: &JobResult) {
    let wrong: Vec<_> = result.nodes.iter().filter(|node| node.status != NodeStatus::Success).collect();
    assert!(wrong.is_empty() && result.failure.is_none(), "{:#?} {wrong:#?}", result.failure);
}

/// What is told of the nodes that did not end well, in the words of the report.
pub(crate) fn diagnostics(result: &JobResult, nodes: &[Node]) -> String {
    let mut told = Vec::new();
    for node in nodes {
        let Some(ended) = result.node(&node.id) else { continue };
        for diagnostic in ended.node_report(node, "").step_report.diagnostics {
            let place = diagnostic.location.as_ref().map(ToString::to_string).unwrap_or_default();
            let causes: String =
                diagnostic.causes.iter().map(|cause| format!("\n  {}", cause.replace('\n', "\n  "))).collect();
            let help = diagnostic.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
            told.push(format!("{place} {}: {}{causes}{help}", diagnostic.code, diagnostic.message));
        }
    }
    told.join("\n")
}

fn written(result: &JobResult, name: &str) -> u64 {
    result.nodes.iter().find(|node| node.id.0.ends_with(name)).unwrap().rows.written
}

/// A node that fails if a query does not give these rows.
pub(crate) fn rows(name: &str, sql: &str, reads: &[&str], expected: &str) -> Node {
    let both = format!(
        "with actual as ({sql}), expected as ({expected})\nselect 'surplus' as side, * from (select * from actual except all select * from expected)\nunion all\nselect 'missing', * from (select * from expected except all select * from actual)"
    );
    let mut made = test(name, Step::Test(Test::new(query(&both, reads))));
    made.relation = None;
    made
}

fn model(relation: &str, sql: &str, reads: &[&str], columns: &[(&str, &str)]) -> Node {
    let layout = TableLayout::default();
    node(relation, Step::Table(Table { query: query(sql, reads), layout }), columns)
}

pub(crate) fn incremental(relation: &str, sql: &str, strategy: Strategy, columns: &[(&str, &str)]) -> Node {
    let full = query(sql, &["silver.orders"]);
    let made = Incremental {
        increment: full.clone(),
        reads: full.reads.clone(),
        full,
        strategy,
        on_schema_change: OnModelSchemaChange::default(),
        layout: TableLayout::default(),
        keep_on_full_refresh: false,
    };
    node(relation, Step::Incremental(made), columns)
}

pub(crate) const ORDERS: &[(&str, &str)] = &[("id", "int"), ("day", "date"), ("amount", "decimal(10,2)")];

pub(crate) fn orders(rows: &str) -> Node {
    let sql = format!(
        "select cast(id as int) as id, cast(day as date) as day, cast(amount as decimal(10,2)) as amount\nfrom values {rows} as t(id, day, amount)"
    );
    model("silver.orders", &sql, &[], ORDERS)
}

pub(crate) fn merge(unique_key: &[&str]) -> Strategy {
    let unique_key = unique_key.iter().map(|key| (*key).to_owned()).collect();
    Strategy::Merge { unique_key, update_columns: None, exclude_columns: Vec::new(), predicates: Vec::new() }
}

const ALL: &str = "select id, day, amount from `silver`.`orders`";

/// Every strategy, first built and then incremented.
fn strategies() -> Vec<Node> {
    let keyed = |relation: &str, strategy| incremental(relation, ALL, strategy, ORDERS);
    let id = || vec!["ID".to_owned()];
    let mut overwritten = keyed("gold.overwritten", Strategy::InsertOverwrite);
    if let Step::Incremental(incremental) = &mut overwritten.step {
        incremental.layout.partition_by = vec!["day".to_owned()];
    }
    let bounded = vec!["DBT_INTERNAL_DEST.day >= date '2024-01-02' -- the rest stays".to_owned()];
    let some = Strategy::Merge {
        unique_key: id(),
        update_columns: Some(vec!["amount".to_owned()]),
        exclude_columns: Vec::new(),
        predicates: bounded,
    };
    vec![
        keyed("gold.appended", Strategy::Append),
        keyed("gold.merged", merge(&["id"])),
        keyed("gold.merged_some", some),
        keyed(
            "gold.replaced",
            Strategy::DeleteInsert { unique_key: vec!["day".to_owned()], predicates: vec!["amount < 100".to_owned()] },
        ),
        overwritten,
    ]
}

/// An incremental model whose query gives other columns than before.
fn widened(relation: &str, sql: &str, on_schema_change: OnModelSchemaChange, columns: &[(&str, &str)]) -> Node {
    let mut made = incremental(relation, sql, merge(&["id"]), columns);
    if let Step::Incremental(incremental) = &mut made.step {
        incremental.on_schema_change = on_schema_change;
    }
    made
}

const HISTORY: &[(&str, &str)] = &[
    ("id", "int"),
    ("day", "date"),
    ("amount", "decimal(10,2)"),
    ("dbt_scd_id", "string"),
    ("dbt_updated_at", "timestamp"),
    ("dbt_valid_from", "timestamp"),
    ("dbt_valid_to", "timestamp"),
    ("dbt_is_deleted", "string"),
];

/// The history of the orders that have an id, with a row for each that is gone.
fn history() -> Node {
    let snapshot = Snapshot {
        query: query("select id, day, amount from `silver`.`orders` where id is not null", &["silver.orders"]),
        strategy: SnapshotStrategy::Check { columns: Vec::new(), updated_at: None },
        unique_key: vec!["id".to_owned()],
        hard_deletes: HardDeletes::NewRecord,
        valid_to_current: None,
        columns: SnapshotColumns::default(),
    };
    node("gold.history", Step::Snapshot(snapshot), HISTORY)
}

/// Events, each once more in a table that is built day by day.
fn events(rows: &str) -> [Node; 2] {
    let columns = &[("id", "int"), ("at", "timestamp")];
    let sql = format!("select cast(id as int) as id, cast(at as timestamp) as at from values {rows} as t(id, at)");
    let microbatch = Microbatch {
        event_time: "AT".to_owned(),
        batch_size: BatchSize::Day,
        lookback: 0,
        begin: at("2024-04-29T00:00:00Z"),
        filtered: vec![(table("silver.events"), "at".to_owned())],
        asked: None,
    };
    let sql_daily = "select events.id, at, 'not `silver`.`events`' as told from `silver`.`events`";
    let mut daily = incremental(
        "gold.daily",
        sql_daily,
        Strategy::Microbatch(microbatch),
        &[("id", "int"), ("at", "timestamp"), ("told", "string")],
    );
    if let Step::Incremental(incremental) = &mut daily.step {
        incremental.reads = vec![table("silver.events")];
    }
    // Whatever else is committed to it, the table goes on saying how far its spans are.
    daily.hooks.after = vec![statement("update `gold`.`daily` set told = told", &["gold.daily"], Some("gold.daily"))];
    [model("silver.events", &sql, &[], columns), daily]
}

/// A model whose statement before it writes what it reads.
fn fed() -> Vec<Node> {
    let columns = &[("id", "int")];
    let food = model("silver.food", "select 1 as id", &[], columns);
    let mut fed = incremental("gold.fed", "select id from `silver`.`food`", Strategy::Append, columns);
    if let Step::Incremental(incremental) = &mut fed.step {
        incremental.reads = vec![table("silver.food")];
    }
    let feed = "insert into `silver`.`food` select 2";
    fed.hooks.before = vec![statement(feed, &[], Some("silver.food"))];
    vec![food, fed]
}

/// A view, and a table of it with statements around it.
fn viewed() -> Vec<Node> {
    let view = "select id, amount * 2 as doubled from `silver`.`orders` where id is not null";
    let columns = &[("id", "int"), ("doubled", "decimal(12,2)")];
    let mut table = model("gold.of_view", "select * from `silver`.`doubled` -- all", &["silver.doubled"], columns);
    let count = |of: &str| format!("insert into `ops`.`audit` select '{of}', count(*) from `gold`.`of_view`");
    table.hooks = Hooks {
        before: Vec::new(),
        after: vec![
            statement(&count("first"), &["gold.of_view"], Some("ops.audit")),
            statement(&count("second"), &["gold.of_view"], Some("ops.audit")),
        ],
    };
    vec![node("silver.doubled", Step::View(query(view, &["silver.orders"])), columns), table]
}

fn unit_test(name: &str, expected: &str) -> Node {
    let query = |rows: &str| query(&format!("select * from values {rows} as t(id, price)"), &[]);
    let columns = vec!["id".to_owned(), "price".to_owned()];
    let step = UnitTest {
        tested: headwater_plan::NodeId("model.shop.of_view".to_owned()),
        actual: query("(1, 1.50BD), (2, 2.25BD)"),
        expected: query(expected),
        columns,
    };
    test(name, Step::UnitTest(step))
}

/// Two runs over a lake: everything is built, and then goes on with other rows.
fn two_runs(spark: &Spark) {
    let mut lake = Lake::new(spark);
    let old = "(1, '2024-01-01', 1), (2, '2024-01-02', 2), (3, '2024-01-02', 300), (null, '2024-01-03', 4)";
    let nodes = first_run(old);
    well(&lake.run(&nodes));
    assert!(
        lake.log("gold/daily").lines().filter(|line| line.contains("commitInfo")).all(|line| line.contains("spans"))
    );
    let fed = lake.newest_inputs("gold/fed");
    assert!(
        fed.contains(r#""silver.food":{"#) && fed.contains(r#""version":1"#),
        "made of what the statement wrote: {fed}"
    );
    // A job that is sent twice does nothing twice. (A span of event time takes its own place as often as one likes.)
    let once: Vec<Node> = nodes.into_iter().filter(|node| node.name != "daily").collect();
    let logs =
        |lake: &Lake<'_>| ["silver/orders", "gold/appended", "gold/history", "ops/audit"].map(|table| lake.log(table));
    let before = logs(&lake);
    well(&lake.execute(&lake.bundle(&once)));
    assert_eq!(logs(&lake), before);
    let new = "(1, '2024-01-04', 10), (2, '2024-01-02', 20), (null, '2024-01-03', 40), (5, '2024-01-05', 5)";
    let nodes = second_run(old, new);
    let result = lake.run(&nodes);
    let told: BTreeMap<&str, &NodeStatus> =
        result.nodes.iter().map(|node| (node.id.0.rsplit('.').next().unwrap(), &node.status)).collect();
    let others: BTreeMap<_, _> = told.iter().filter(|(_, status)| ***status != NodeStatus::Success).collect();
    let report = format!("{:#?}", result.nodes);
    assert_eq!(others.len(), 5, "{report}");
    for (name, status) in [
        ("twice", NodeStatus::Failed),
        ("divided", NodeStatus::Failed),
        ("below", NodeStatus::Skipped),
        ("kept", NodeStatus::Warned),
        ("wrong_code", NodeStatus::Failed),
    ] {
        assert_eq!(*told[name], status, "{name}: {report}");
    }
    let messages = diagnostics(&result, &nodes);
    for told in [
        "models/divided.sql:1:1 execution-failed: `divided` failed on spark: Division by zero",
        "(DIVIDE_BY_ZERO)",
        "models/twice.sql:1:1 execution-failed: 4 rows of the increment have the key `id` = 1",
        "left out, because `divided` failed",
        "the column `amount` was dropped from `gold.synced`",
        "test `kept` found 3 rows",
        "unit test `wrong_code` of `of_view` failed: 1 row differs",
    ] {
        assert!(messages.contains(told), "{told}: {messages}");
    }
    assert!(lake.log("gold/of_view").contains(r#"\"fingerprint-of-of_view\""#), "its statements are settled");
    for (name, rows) in [("merged", 4), ("replaced", 4), ("appended", 4), ("history", 7), ("daily", 2)] {
        assert_eq!(written(&result, &format!(".{name}")), rows, "{name}");
    }
}

fn first_run(old: &str) -> Vec<Node> {
    let ignored = OnModelSchemaChange::default();
    let mut nodes = vec![orders(old), history()];
    nodes.extend(strategies());
    nodes.push(widened(
        "gold.wider",
        "select id, amount from `silver`.`orders`",
        ignored,
        &[("id", "int"), ("amount", "decimal(10,2)")],
    ));
    nodes.push(widened(
        "gold.synced",
        "select id, amount from `silver`.`orders`",
        ignored,
        &[("id", "int"), ("amount", "decimal(10,2)")],
    ));
    let audit = model(
        "ops.audit",
        "select cast('' as string) as what, 0L as rows where false",
        &[],
        &[("what", "string"), ("rows", "bigint")],
    );
    nodes.push(audit);
    nodes.push(incremental("gold.twice", ALL, merge(&["id"]), ORDERS));
    nodes.extend(viewed());
    nodes.extend(events("(1, '2024-04-29 10:00'), (2, '2024-05-01 09:00'), (9, '2024-04-01 00:00')"));
    nodes.extend(fed());
    nodes
}

fn second_run(old: &str, new: &str) -> Vec<Node> {
    let mut nodes = vec![orders(new), history()];
    nodes.extend(strategies());
    let append = OnModelSchemaChange::AppendNewColumns;
    nodes.push(widened(
        "gold.wider",
        "select id, day from `silver`.`orders`",
        append,
        &[("id", "int"), ("day", "date")],
    ));
    let sync = OnModelSchemaChange::SyncAllColumns;
    nodes.push(widened(
        "gold.synced",
        "select id, day from `silver`.`orders`",
        sync,
        &[("id", "int"), ("day", "date")],
    ));
    nodes.extend(viewed());
    nodes.extend(events("(1, '2024-04-29 11:00'), (2, '2024-05-01 08:00'), (3, '2024-05-02 07:00')"));
    nodes.push(incremental("gold.twice", "select 1 as id, day, amount from `silver`.`orders`", merge(&["id"]), ORDERS));
    nodes.push(model(
        "gold.divided",
        "select id / (id - id) as x from `silver`.`orders`",
        &["silver.orders"],
        &[("x", "double")],
    ));
    nodes.push(model("gold.below", "select x from `gold`.`divided`", &["gold.divided"], &[("x", "double")]));
    nodes.extend(tests(old, new));
    nodes
}

fn tests(old: &str, new: &str) -> Vec<Node> {
    let values = |rows: &str, types: &[&str]| {
        let casts = types.iter().enumerate().map(|(at, kind)| format!("cast(col{} as {kind})", at + 1));
        format!("select {} from values {rows}", casts.collect::<Vec<_>>().join(", "))
    };
    let order = &["int", "date", "decimal(10,2)"];
    let all = |name: &str| format!("select id, day, amount from `gold`.`{name}`");
    let mut nodes = Vec::new();
    for (name, expected) in [
        ("appended", format!("{old}, {new}")),
        ("merged", format!("(3, '2024-01-02', 300), (null, '2024-01-03', 4), {new}")),
        (
            "merged_some",
            format!(
                "{old}, (2, '2024-01-02', 20), (1, '2024-01-04', 10), (null, '2024-01-03', 40), (5, '2024-01-05', 5)"
            )
            .replace("(2, '2024-01-02', 2), ", ""),
        ),
        ("replaced", format!("(1, '2024-01-01', 1), (3, '2024-01-02', 300), {new}")),
        ("overwritten", format!("(1, '2024-01-01', 1), {new}")),
    ] {
        nodes.push(rows(&format!("{name}_rows"), &all(name), &[&format!("gold.{name}")], &values(&expected, order)));
    }
    let wider = "(3, 300, null), (null, 4, null), (1, 1, '2024-01-04'), (2, 2, '2024-01-02'), (null, null, '2024-01-03'), (5, null, '2024-01-05')";
    let types = &["int", "decimal(10,2)", "date"];
    nodes.push(rows(
        "wider_rows",
        "select id, amount, day from `gold`.`wider`",
        &["gold.wider"],
        &values(wider, types),
    ));
    let synced =
        "(3, null), (null, null), (1, '2024-01-04'), (2, '2024-01-02'), (null, '2024-01-03'), (5, '2024-01-05')";
    nodes.push(rows(
        "synced_rows",
        "select * from `gold`.`synced`",
        &["gold.synced"],
        &values(synced, &["int", "date"]),
    ));
    let (one, two) = ("'2024-05-01 12:00:00'", "'2024-05-02 12:00:00'");
    let versions = format!(
        "(1, 1, {one}, {two}, 'False'), (2, 2, {one}, {two}, 'False'), (3, 300, {one}, {two}, 'False'), (1, 10, {two}, null, 'False'), \
         (2, 20, {two}, null, 'False'), (5, 5, {two}, null, 'False'), (3, 300, {two}, null, 'True')"
    );
    let types = &["int", "decimal(10,2)", "timestamp", "timestamp", "string"];
    let history = "select id, amount, dbt_valid_from, dbt_valid_to, dbt_is_deleted from `gold`.`history`";
    nodes.push(rows("history_rows", history, &["gold.history"], &values(&versions, types)));
    let days = "(1, '2024-04-29 10:00'), (2, '2024-05-01 08:00'), (3, '2024-05-02 07:00')";
    nodes.push(rows(
        "daily_rows",
        "select id, at from `gold`.`daily`",
        &["gold.daily"],
        &values(days, &["int", "timestamp"]),
    ));
    let audit = "('first', 3), ('second', 3), ('first', 3), ('second', 3)";
    let mut audited =
        rows("audit_rows", "select * from `ops`.`audit`", &["ops.audit"], &values(audit, &["string", "bigint"]));
    if let Step::Test(test) = &mut audited.step {
        // After the statements that fill it.
        test.query.reads.push(table("gold.of_view"));
    }
    nodes.push(audited);
    let mut kept = Test::new(query("select id from `silver`.`orders` where id is not null", &["silver.orders"]));
    kept.severity = headwater_plan::Severity::Warning;
    kept.store_failures = Some(table("tests.kept"));
    nodes.push(test("kept", Step::Test(kept)));
    nodes.push(unit_test("right_code", "(2, 2.25BD), (1, 1.50BD)"));
    nodes.push(unit_test("wrong_code", "(2, 2.25BD), (1, 9.50BD)"));
    nodes
}

#[test]
fn every_strategy_does_on_spark_what_it_does_here() {
    let Some(spark) = spark("strategies", "HEADWATER_TEST_PYTHON", "HEADWATER_TEST_DELTA_JARS") else { return };
    two_runs(&spark);
}

#[test]
fn every_strategy_does_the_same_on_spark_3() {
    let names = ("HEADWATER_TEST_SPARK35_PYTHON", "HEADWATER_TEST_SPARK35_DELTA_JARS");
    let Some(spark) = spark("strategies on Spark 3.5", names.0, names.1) else { return };
    two_runs(&spark);
}
