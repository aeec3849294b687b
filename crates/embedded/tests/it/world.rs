//! A lake, an engine and a folder of files.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{TimeZone, Utc};
use futures::TryStreamExt;
use headwater_connect::files::Stores;
use headwater_embedded::{EmbeddedEngine, Settings};
use headwater_lake::{Contents, Lake, LedgerFile, Relation};
use headwater_plan::clock::FixedClock;
use headwater_plan::{
    Built, Cancel, Contract, ContractColumn, CsvOptions, DataType, Diagnostic, Engine, FileFormat, FileSet,
    HardDeletes, Ingest, Location, Node, NodeId, NodeKind, NodeState, OnBadRow, Progress, Query, RunId, Schema, Seed,
    Severity, Snapshot, SnapshotColumns, SnapshotStrategy, Statement, Step, StepContext, StepReport, Table,
    TableLayout, TableName, Test, UnitTest,
};
use tempfile::TempDir;

/// Runs a test on a runtime as the binary has it: DataFusion in a debug build needs deep stacks.
pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(16 << 20)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

/// The only time that there is.
pub(crate) fn noon() -> chrono::DateTime<Utc> {
    Utc.with_ymd_and_hms(2024, 5, 1, 12, 0, 0).unwrap()
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) lake: Lake,
    pub(crate) engine: EmbeddedEngine,
    pub(crate) cancel: Cancel,
    pub(crate) full_refresh: bool,
    /// Called with every progress.
    pub(crate) progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_memory(256 << 20).await
    }

    pub(crate) async fn with_memory(memory_limit: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("incoming")).unwrap();
        let lake = Lake::open(folder.path().join("lake").to_str().unwrap(), "lake", None).await.unwrap();
        let spill_dir = folder.path().join("spill");
        let settings = Settings { threads: 2, memory_limit, spill_dir, clock: Arc::new(FixedClock(noon())) };
        Self {
            engine: EmbeddedEngine::new(lake.clone(), Stores::local(), settings),
            lake,
            folder,
            cancel: Cancel::default(),
            full_refresh: false,
            progress: Arc::new(|_| {}),
        }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("incoming").join(file)
    }

    /// Writes a file, with a time of its own so that rewriting it is always seen.
    pub(crate) fn file(&self, file: &str, text: &str) {
        static WRITTEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        fs::write(self.path(file), text).unwrap();
        let written = WRITTEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + written);
        fs::File::options().write(true).open(self.path(file)).unwrap().set_modified(time).unwrap();
    }

    /// The file as a ledger notes it.
    pub(crate) fn noted(&self, file: &str) -> LedgerFile {
        let metadata = fs::metadata(self.path(file)).unwrap();
        let modified = chrono::DateTime::<Utc>::from(metadata.modified().unwrap());
        LedgerFile {
            path: self.path(file).display().to_string(),
            size: metadata.len(),
            tag: modified.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true),
        }
    }

    /// What a run leaves that writes a batch ahead and dies.
    pub(crate) async fn plan_and_die(&self, files: &[&str]) {
        self.write_ahead(Contents::Files(files.iter().map(|file| self.noted(file)).collect())).await;
    }

    /// What a replay leaves that dies before its commit.
    pub(crate) async fn plan_replay_and_die(&self) {
        self.write_ahead(Contents::Replay).await;
    }

    async fn write_ahead(&self, contents: Contents) {
        let target = TableName::new("bronze", "rentals");
        let relation = self.lake.relation(&target).await.unwrap();
        let table = match &relation {
            Some(Relation::Table(table)) => Some(table),
            _ => None,
        };
        let mut ledger = self.lake.ledger(&target, table).await.unwrap();
        ledger.write_ahead(&RunId("dead".into()), chrono::DateTime::UNIX_EPOCH, contents).await.unwrap();
    }

    pub(crate) fn context(&self) -> StepContext {
        StepContext {
            run_id: RunId("0198".into()),
            full_refresh: self.full_refresh,
            clock: Arc::new(FixedClock(noon())),
            cancel: self.cancel.clone(),
            progress: Arc::clone(&self.progress),
        }
    }

    pub(crate) async fn run(&self, node: &Node) -> Result<StepReport, Diagnostic> {
        self.engine.execute(node, &self.context()).await
    }

    pub(crate) async fn state(&self, node: &Node) -> Result<NodeState, Diagnostic> {
        self.engine.state(node).await
    }

    /// The answer to a query, as lines of comma-separated cells.
    pub(crate) async fn query(&self, sql: &str) -> Vec<String> {
        let answer = self.engine.query(sql).await.unwrap();
        let batches: Vec<_> = answer.stream.try_collect().await.unwrap();
        let mut lines = Vec::new();
        for batch in batches {
            for row in 0..batch.num_rows() {
                let cell = |column| arrow::util::display::array_value_to_string(column, row).unwrap();
                lines.push(batch.columns().iter().map(|column| cell(column.as_ref())).collect::<Vec<_>>().join(","));
            }
        }
        lines
    }

    /// The data files of a table's folder, committed or not.
    pub(crate) fn data_files(&self, table: &str) -> usize {
        let folder = self.folder.path().join("lake").join(table);
        let Ok(entries) = fs::read_dir(folder) else { return 0 };
        entries.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|it| it == "parquet")).count()
    }

    /// A message as the user sees its parts, without the test's folder.
    pub(crate) fn told(&self, diagnostic: &Diagnostic) -> String {
        let place = diagnostic
            .location
            .as_ref()
            .map(|location| format!("\n  at {location}\n  {}", location.text.as_deref().unwrap_or("-")));
        let causes: String = diagnostic.causes.iter().map(|cause| format!("\n  because: {cause}")).collect();
        let help = diagnostic.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
        let text = format!("{}: {}{}{causes}{help}", diagnostic.code, diagnostic.message, place.unwrap_or_default());
        text.replace(self.folder.path().to_str().unwrap(), "DIR")
    }

    pub(crate) fn source(&self, columns: &[(&str, DataType)]) -> Node {
        let location = Location::line("models/bronze/sources.yml", 4);
        let column =
            |(name, data_type): &(&str, DataType)| ContractColumn::new(*name, data_type.clone(), location.clone());
        let contract = Contract { columns: columns.iter().map(column).collect(), constraints: Vec::new() };
        let target = TableName::new("bronze", "rentals");
        let files = FileSet {
            pattern: self.path("rentals*.csv").display().to_string(),
            written: "incoming/rentals*.csv".into(),
            location: location.clone(),
        };
        let csv = FileFormat::Csv(CsvOptions::default());
        let ingest =
            Ingest { on_bad_row: OnBadRow::Fail, settle_ms: 0, ..Ingest::new(target.clone(), files, csv, contract) };
        let mut node = node("rental.rentals", NodeKind::Source, Some(target), &ingest.table_schema());
        node.step = Step::Ingest(ingest);
        node
    }

    /// An engine beside the world's own, as another process has one.
    pub(crate) async fn other_engine(&self) -> EmbeddedEngine {
        let lake = Lake::open(self.folder.path().join("lake").to_str().unwrap(), "lake", None).await.unwrap();
        let spill_dir = self.folder.path().join("spill");
        let settings = Settings { threads: 2, memory_limit: 256 << 20, spill_dir, clock: Arc::new(FixedClock(noon())) };
        EmbeddedEngine::new(lake, Stores::local(), settings)
    }

    /// Lets a file have changed so long before noon.
    pub(crate) fn changed_before_noon(&self, file: &str, ago: Duration) {
        let file = fs::File::options().write(true).open(self.path(file)).unwrap();
        file.set_modified(SystemTime::from(noon()) - ago).unwrap();
    }

    /// The source that most tests load, with bad rows set aside.
    pub(crate) fn sorted(&self) -> Node {
        with(self.rentals(), |ingest| ingest.on_bad_row = OnBadRow::Quarantine)
    }

    /// The source that most tests load: `id bigint, car string`.
    pub(crate) fn rentals(&self) -> Node {
        self.source(&[("id", DataType::Long), ("car", DataType::String)])
    }

    pub(crate) fn seed(&self, file: &str, columns: &[(&str, DataType)]) -> Node {
        let Step::Ingest(ingest) = self.source(columns).step else { unreachable!("a source is an ingest") };
        let fields = columns.iter().map(|(name, kind)| headwater_plan::Field::new(*name, kind.clone())).collect();
        let relation = Some(TableName::new("seeds", "cities"));
        let mut node = node("cities", NodeKind::Seed, relation, &Schema::new(fields));
        node.step = Step::Seed(Seed { file: self.path(file), csv: CsvOptions::default(), contract: ingest.contract });
        node
    }
}

/// A source with other options, and another fingerprint.
pub(crate) fn with(mut node: Node, change: impl FnOnce(&mut Ingest)) -> Node {
    let Step::Ingest(ingest) = &mut node.step else { unreachable!("a source is an ingest") };
    change(ingest);
    node.schema = ingest.table_schema();
    node
}

fn node(name: &str, kind: NodeKind, relation: Option<TableName>, schema: &Schema) -> Node {
    Node {
        id: NodeId(format!("{}.p.{name}", kind.word())),
        name: name.into(),
        kind,
        location: Location::line(format!("models/{name}.sql"), 1),
        relation,
        depends_on: Vec::new(),
        tags: Vec::new(),
        description: None,
        schema: schema.clone(),
        step: Step::External,
        fingerprint: "1".into(),
        hooks: Default::default(),
        asks: Vec::new(),
        about: Default::default(),
    }
}

fn schema(columns: &[(&str, DataType)]) -> Schema {
    Schema::new(columns.iter().map(|(name, kind)| headwater_plan::Field::new(*name, kind.clone())).collect())
}

fn query(sql: &str, reads: &[&str]) -> Query {
    let name = |read: &&str| TableName::try_from((*read).to_owned()).unwrap();
    Query { sql: sql.into(), reads: reads.iter().map(name).collect() }
}

pub(crate) fn table(name: &str, columns: &[(&str, DataType)], sql: &str, reads: &[&str]) -> Node {
    let mut node = node(name, NodeKind::Model, Some(TableName::new("gold", name)), &schema(columns));
    node.step = Step::Table(Table { query: query(sql, reads), layout: TableLayout::default() });
    node
}

pub(crate) fn view(name: &str, columns: &[(&str, DataType)], sql: &str, reads: &[&str]) -> Node {
    let mut node = table(name, columns, sql, reads);
    node.step = Step::View(query(sql, reads));
    node
}

pub(crate) fn external(table: &str, columns: &[(&str, DataType)]) -> Node {
    let relation = TableName::try_from(table.to_owned()).unwrap();
    node(table, NodeKind::Source, Some(relation), &schema(columns))
}

pub(crate) fn test(name: &str, sql: &str, reads: &[&str], severity: Severity) -> Node {
    let mut node = node(name, NodeKind::Test, None, &Schema::default());
    node.step = Step::Test(Test { severity, ..Test::new(query(sql, reads)) });
    node
}

/// A snapshot `gold.history` of a query.
pub(crate) fn snapshot(sql: &str, reads: &[&str], unique_key: &[&str], strategy: SnapshotStrategy) -> Node {
    let mut node = node("history", NodeKind::Snapshot, Some(TableName::new("gold", "history")), &Schema::default());
    node.step = Step::Snapshot(Snapshot {
        query: query(sql, reads),
        strategy,
        unique_key: unique_key.iter().map(|key| (*key).to_owned()).collect(),
        hard_deletes: HardDeletes::Ignore,
        valid_to_current: None,
        columns: SnapshotColumns::default(),
    });
    node
}

/// A snapshot with other settings.
pub(crate) fn with_snapshot(mut node: Node, change: impl FnOnce(&mut Snapshot)) -> Node {
    let Step::Snapshot(snapshot) = &mut node.step else { unreachable!("it is a snapshot") };
    change(snapshot);
    node
}

/// A test with other settings.
pub(crate) fn with_test(mut node: Node, change: impl FnOnce(&mut Test)) -> Node {
    let Step::Test(test) = &mut node.step else { unreachable!("it is a test") };
    change(test);
    node
}

/// A test of the code of the model `cars`.
pub(crate) fn unit_test(name: &str, actual: &str, expected: &str, columns: &[&str]) -> Node {
    let mut node = node(name, NodeKind::UnitTest, None, &Schema::default());
    node.step = Step::UnitTest(UnitTest {
        tested: NodeId("model.p.cars".into()),
        actual: query(actual, &[]),
        expected: query(expected, &[]),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    });
    node
}

/// A statement of the table that it changes.
pub(crate) fn change(sql: &str, writes: &str, reads: &[&str]) -> Statement {
    let name = |read: &&str| TableName::try_from((*read).to_owned()).unwrap();
    Statement { sql: sql.into(), reads: reads.iter().map(name).collect(), writes: Some(name(&writes)) }
}

/// A node that is nothing but a statement.
pub(crate) fn operation(name: &str, statement: Statement) -> Node {
    let mut node = node(name, NodeKind::Operation, None, &Schema::default());
    node.step = Step::Statement(statement);
    node
}

/// What a node is recorded to be built from.
pub(crate) fn built(state: &NodeState) -> &Built {
    state.built.as_ref().unwrap()
}
