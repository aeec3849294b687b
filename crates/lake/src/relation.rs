//! What a name stands for in the lake now: a table, a view, or nothing.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use deltalake_core::DeltaTableError;
use deltalake_core::delta_datafusion::DeltaScanNext;
use deltalake_core::kernel::EagerSnapshot;
use deltalake_core::logstore::LogStoreRef;
use futures::TryStreamExt;
use headwater_plan::{RunId, Schema, TableName, TableVersion, engine::Built};
use uuid::Uuid;

use crate::lake::below;
use crate::objects::is_no_folder;
use crate::provenance::{Past, Provenance, SpansDone, commit_info, transaction};
use crate::types::from_delta;
use crate::{Lake, LakeError, View};

/// A table or a view.
#[derive(Debug, Clone)]
pub enum Relation {
    /// A Delta table.
    Table(Table),
    /// A query by name.
    View(View),
}

impl Relation {
    /// Its version, as what is built from it records it: it changes when rows or columns may have, not when they only
    /// lie in other files.
    pub fn version(&self) -> TableVersion {
        match self {
            Self::Table(table) => TableVersion { version: table.past.content, ..table.version() },
            Self::View(view) => view.version(),
        }
    }

    /// Its columns.
    pub fn schema(&self) -> Schema {
        match self {
            Self::Table(table) => table.schema().clone(),
            Self::View(view) => view.schema.clone(),
        }
    }

    /// From what it was built last, if Headwater built it.
    pub fn built(&self) -> Option<Built> {
        match self {
            Self::Table(table) => table.built().cloned(),
            Self::View(view) => Some(view.built.clone()),
        }
    }
}

/// A Delta table at one version. Later commits do not change it: read again for those.
#[derive(Clone)]
pub struct Table {
    name: TableName,
    pub(crate) log: LogStoreRef,
    pub(crate) snapshot: Arc<EagerSnapshot>,
    schema: Schema,
    past: Past,
    size: Size,
}

#[derive(Debug, Clone, Copy)]
struct Size {
    rows: Option<u64>,
    bytes: u64,
    files: usize,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("name", &self.name).field("version", &self.version()).finish_non_exhaustive()
    }
}

impl Lake {
    /// What the name stands for now; `None` if nothing does. A view hides a table of its name.
    pub async fn relation(&self, name: &TableName) -> Result<Option<Relation>, LakeError> {
        Self::check_name(name)?;
        if let Some(view) = self.view(name).await? {
            return Ok(Some(Relation::View(view)));
        }
        Ok(self.table(name).await?.map(Relation::Table))
    }

    /// The table of that name, even where a view hides it.
    pub(crate) async fn table(&self, name: &TableName) -> Result<Option<Table>, LakeError> {
        let Some((log, snapshot)) = self.snapshot(name).await? else { return Ok(None) };
        let failed = |source| delta_error("read", name, source);
        let past = Past::of(log.as_ref(), snapshot.version()).await.map_err(failed)?;
        let schema = from_delta(snapshot.schema().as_ref())
            .map_err(|source| LakeError::InvalidSchema { table: name.clone(), source })?;
        let size = measure(&snapshot).map_err(failed)?;
        Ok(Some(Table { name: name.clone(), log, snapshot: Arc::new(snapshot), schema, past, size }))
    }

    /// The newest state of a table's log; `None` without a commit.
    pub(crate) async fn snapshot(&self, name: &TableName) -> Result<Option<(LogStoreRef, EagerSnapshot)>, LakeError> {
        if !self.has_commits(name).await? {
            return Ok(None);
        }
        let log = self.log_store(name)?;
        let snapshot = EagerSnapshot::try_new(log.as_ref(), None).await;
        Ok(Some((log, snapshot.map_err(|source| delta_error("read", name, source))?)))
    }

    /// Whether a Delta log with something in it lies under a table's folder. A log folder without an entry is what a
    /// process leaves that dies before its first commit.
    pub(crate) async fn has_commits(&self, name: &TableName) -> Result<bool, LakeError> {
        let log = below(&self.table_path(name)?, LOG_FOLDER)?;
        let look = || async {
            let mut listing = self.store_ref().list(Some(&log));
            while let Some(file) = listing.try_next().await? {
                if file.location.filename().is_some_and(is_log_entry) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        match self.retried(look).await {
            Err(source) if is_no_folder(&source) => Ok(false),
            found => found.map_err(|source| self.failed("list the log", &log, source)),
        }
    }
}

/// The folder of a table's log.
pub(crate) const LOG_FOLDER: &str = "_delta_log";

/// `00000000000000000000.json`, `00000000000000000010.checkpoint.parquet`
fn is_log_entry(name: &str) -> bool {
    let numbered = name.len() > 20 && name.bytes().take(20).all(|byte| byte.is_ascii_digit());
    numbered && (name.ends_with(".json") || name.ends_with(".parquet"))
}

pub(crate) fn delta_error(doing: &'static str, table: &TableName, source: DeltaTableError) -> LakeError {
    LakeError::Delta { doing, table: table.clone(), source: Box::new(source) }
}

fn measure(snapshot: &EagerSnapshot) -> Result<Size, DeltaTableError> {
    let mut size = Size { rows: Some(0), bytes: 0, files: 0 };
    for file in snapshot.try_log_data()?.iter() {
        let rows = file.num_records().map(|rows| rows as u64);
        size.rows = size.rows.zip(rows).map(|(sum, rows)| sum + rows);
        size.bytes += u64::try_from(file.size()).unwrap_or(0);
        size.files += 1;
    }
    Ok(size)
}

impl Table {
    /// Its name.
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> TableVersion {
        TableVersion { id: self.snapshot.metadata().id().to_string(), version: self.snapshot.version() }
    }

    /// Its columns.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// From what it was built, by the newest commit that Headwater made.
    pub fn built(&self) -> Option<&Built> {
        self.past.provenance.as_ref()?.built.as_ref()
    }

    /// The run of the newest commit that Headwater made; `None` for a table by something else.
    pub fn run_id(&self) -> Option<&RunId> {
        self.past.provenance.as_ref().map(|provenance| &provenance.run_id)
    }

    /// How far Spark is that builds the table span by span of event time; `None` if Spark did not write it last.
    pub fn spans_done(&self) -> Option<SpansDone> {
        self.past.provenance.as_ref()?.spans
    }

    /// How many rows it has; `None` if a file by another engine does not say.
    pub fn rows(&self) -> Option<u64> {
        self.size.rows
    }

    /// The size of its files, in bytes.
    pub fn bytes(&self) -> u64 {
        self.size.bytes
    }

    /// How many files it has.
    pub fn files(&self) -> usize {
        self.size.files
    }

    /// The version that an application last committed, as Delta's `txn` action holds it: for the ledger's application,
    /// the last batch that is in the table.
    pub async fn transaction_version(&self, app_id: &str) -> Result<Option<i64>, LakeError> {
        let version = self.snapshot.transaction_version(self.log.as_ref(), app_id).await;
        version.map_err(|source| delta_error("read the loaded batches of", &self.name, source))
    }

    /// The attempt that the commit of an application's transaction names ([`WriteOptions::attempt`]); `None` if that
    /// commit names none, or is not in the log any more, or never was.
    ///
    /// [`WriteOptions::attempt`]: crate::WriteOptions::attempt
    pub async fn transaction_attempt(&self, app_id: &str, batch: i64) -> Result<Option<Uuid>, LakeError> {
        for version in (0..=self.snapshot.version()).rev() {
            let entry = self.log.read_commit_entry(version).await;
            let entry = entry.map_err(|source| delta_error("read the history of", &self.name, source))?;
            let Some(entry) = entry else { break };
            match transaction(&entry, app_id) {
                Some(found) if found == batch => {
                    let provenance = commit_info(&entry).as_ref().and_then(Provenance::from_commit_info);
                    return Ok(provenance.and_then(|provenance| provenance.attempt));
                }
                // Numbers only grow.
                Some(found) if found < batch => break,
                _ => {}
            }
        }
        Ok(None)
    }

    /// The columns whose values are folders.
    pub fn partition_by(&self) -> &[String] {
        self.snapshot.metadata().partition_columns()
    }

    /// Where its files lie below its folder.
    pub fn paths(&self) -> Vec<String> {
        self.snapshot.log_data().iter().map(|file| file.path().into_owned()).collect()
    }

    /// Its rows, for any DataFusion session, to which it makes the lake's store known. Prunes
    /// files by the log's statistics, pushes filters and projections into Parquet; text comes as `Utf8View`.
    pub async fn provider(&self) -> Result<Arc<dyn TableProvider>, LakeError> {
        let builder =
            DeltaScanNext::builder().with_log_store(self.log.clone()).with_eager_snapshot(self.snapshot.clone());
        let scan = builder.build().await.map_err(|source| {
            delta_error("scan", &self.name, DeltaTableError::GenericError { source: Box::new(source) })
        })?;
        Ok(Arc::new(scan))
    }
}
