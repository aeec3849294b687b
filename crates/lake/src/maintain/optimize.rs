//! Fewer and larger files: the small files of each partition become one or more of full size, sorted if asked for.
//!
//! Risk: rows lost or doubled when others write at the same time. The commit takes out exactly the files that were read
//! and puts in those that were written from them; if another commit was faster and took one of those out, this one is
//! refused and its files are removed. Appends in between do not matter. The entry says that no row changed
//! (`dataChange: false`), and the table's transactions stay, so that no batch is loaded again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use datafusion::common::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::ident;
use datafusion::prelude::{SessionConfig, SessionContext};
use deltalake_core::DeltaTableError;
use futures::StreamExt;
use headwater_plan::{RunId, TableName, TableVersion};
use serde::{Deserialize, Serialize};

use crate::relation::delta_error;
use crate::write::rewrite::Rewrite;
use crate::write::{WriteMode, WriteOptions};
use crate::{Lake, LakeError, Table};

/// The key of a data file's tag that says by which columns its rows are sorted.
const CLUSTERED_BY: &str = "headwater.clusteredBy";

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptimizeOptions {
    /// The columns by which rows are sorted. Files that are not sorted by these are rewritten whatever their size.
    pub cluster_by: Vec<String>,
    /// A file smaller than this is small, in bytes.
    pub small_bytes: u64,
    /// How many files of a partition there must be to rewrite; 1: whatever becomes better by it.
    pub at_least: usize,
    /// The memory of a sort, in bytes; beyond it rows spill.
    pub memory_limit: u64,
    /// Where rows spill to; `None`: the machine's folder for temporary files.
    pub spill_dir: Option<PathBuf>,
    /// The run.
    pub run_id: RunId,
    /// When.
    pub at: DateTime<Utc>,
}

impl OptimizeOptions {
    /// What is small when a user asks for it: less than three quarters of a full file.
    pub const SMALL_BYTES: u64 = 96 << 20;
    /// What is small when a load compacts by itself.
    pub const SMALL_BYTES_OF_A_LOAD: u64 = 16 << 20;
}

/// Files that become one, or as few as their size needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewriteGroup {
    /// The partition.
    pub partition: BTreeMap<String, Option<String>>,
    /// The files, below the table's folder.
    pub files: Vec<String>,
    /// Their size in bytes.
    pub bytes: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Optimized {
    /// The table's version after it; that before it if there was nothing to do.
    pub version: TableVersion,
    /// Partitions that were rewritten; 1 for a table without.
    pub partitions: u64,
    /// Files that were read.
    pub files_removed: u64,
    /// Files that were written.
    pub files_added: u64,
    /// The size of those that were read, in bytes.
    pub bytes_removed: u64,
    /// The size of those that were written, in bytes.
    pub bytes_added: u64,
}

impl Table {
    /// What an optimize of this version would rewrite. Nothing, right after one.
    pub fn to_optimize(&self, options: &OptimizeOptions) -> Vec<RewriteGroup> {
        let wanted = clustering(&options.cluster_by);
        let mut groups: BTreeMap<BTreeMap<_, _>, (RewriteGroup, bool)> = BTreeMap::new();
        for file in self.snapshot.log_data().iter() {
            #[expect(deprecated, reason = "nothing else of delta-rs tells a file's tags")]
            let tags = file.add_action().tags.unwrap_or_default();
            let sorted = tags.get(CLUSTERED_BY).cloned().flatten();
            let unsorted = wanted.is_some() && sorted != wanted;
            let bytes = u64::try_from(file.size()).unwrap_or(0);
            if !unsorted && bytes >= options.small_bytes {
                continue;
            }
            let partition: BTreeMap<_, _> = file.partition_values_map().into_iter().collect();
            let new = || (RewriteGroup { partition: partition.clone(), files: Vec::new(), bytes: 0 }, false);
            let (group, has_unsorted) = groups.entry(partition.clone()).or_insert_with(new);
            group.files.push(file.path().into_owned());
            group.bytes += bytes;
            *has_unsorted |= unsorted;
        }
        let is_worth_it = |(group, has_unsorted): &(RewriteGroup, bool)| {
            group.files.len() >= options.at_least.max(if *has_unsorted { 1 } else { 2 })
        };
        groups.into_values().filter(is_worth_it).map(|(group, _)| group).collect()
    }
}

impl Lake {
    /// Rewrites the small files of a table, and with [`OptimizeOptions::cluster_by`] those that are not sorted.
    /// [`LakeError::FilesReplaced`] if another commit replaced some of them meanwhile: nothing is changed then.
    pub async fn optimize(&self, name: &TableName, options: &OptimizeOptions) -> Result<Optimized, LakeError> {
        let table = self.maintained(name).await?;
        let groups = table.to_optimize(options);
        let mut report = Optimized {
            version: table.version(),
            partitions: groups.len() as u64,
            files_removed: groups.iter().map(|group| group.files.len() as u64).sum(),
            files_added: 0,
            bytes_removed: groups.iter().map(|group| group.bytes).sum(),
            bytes_added: 0,
        };
        if groups.is_empty() {
            return Ok(report);
        }
        if let Some(column) = options.cluster_by.iter().find(|column| table.schema().field(column).is_none()) {
            return Err(LakeError::NoColumn { table: name.clone(), column: column.clone() });
        }
        let writer = self.begin_write(rewrite_options(&table, options)).await?;
        let failed = |source| delta_error("optimize", name, source);
        let mut parts = Vec::with_capacity(groups.len());
        for group in &groups {
            // Each group has its own session: a sort gives all of its memory back.
            let context = session(options).map_err(|source| failed(boxed(source)))?;
            let rows = table.rows_of(&group.files).await?;
            let mut rows = context.read_table(rows).map_err(|source| failed(boxed(source)))?;
            if !options.cluster_by.is_empty() {
                let by = options.cluster_by.iter().filter_map(|column| table.schema().field(column));
                let by = by.map(|field| ident(&field.name).sort(true, true)).collect();
                rows = rows.sort(by).map_err(|source| failed(boxed(source)))?;
            }
            let mut stream = rows.execute_stream().await.map_err(|source| failed(boxed(source)))?;
            let mut part = writer.part();
            while let Some(batch) = stream.next().await {
                let batch = batch.and_then(|batch| plain(&batch, &writer.arrow_schema()));
                part.write(&batch.map_err(|source| failed(boxed(source)))?)?;
            }
            parts.push(part.finish()?);
        }
        let rewrite = Rewrite {
            replaced: groups.into_iter().flat_map(|group| group.files).collect(),
            tag: clustering(&options.cluster_by).map(|columns| (CLUSTERED_BY, columns)),
        };
        let (version, files) = writer.commit_rewrite(parts, &rewrite).await?;
        report.version = version;
        report.files_added = files.len() as u64;
        report.bytes_added = files.iter().map(|file| file.size).sum();
        Ok(report)
    }
}

fn clustering(columns: &[String]) -> Option<String> {
    (!columns.is_empty()).then(|| columns.join(",").to_lowercase())
}

fn rewrite_options(table: &Table, options: &OptimizeOptions) -> WriteOptions {
    WriteOptions {
        target: table.name().clone(),
        schema: table.schema().clone(),
        mode: WriteMode::Append,
        transaction: None,
        follows: None,
        retires: Vec::new(),
        sets: Vec::new(),
        attempt: None,
        // The columns are the table's own, whatever another engine says of them beside their types.
        merge_schema: true,
        partition_by: table.partition_by().to_vec(),
        // It is still what it was built from.
        built: table.built().cloned(),
        run_id: options.run_id.clone(),
        operation: "OPTIMIZE".to_string(),
        at: options.at,
    }
}

fn session(options: &OptimizeOptions) -> Result<SessionContext, DataFusionError> {
    let limit = usize::try_from(options.memory_limit).unwrap_or(usize::MAX);
    let mut runtime = RuntimeEnvBuilder::new().with_memory_limit(limit, 1.0);
    if let Some(folder) = &options.spill_dir {
        runtime = runtime.with_temp_file_path(folder.clone());
    }
    // One stream: what is read at once would only be written by one after the other.
    let config = SessionConfig::new().with_target_partitions(1);
    Ok(SessionContext::new_with_config_rt(config, runtime.build_arc()?))
}

/// A batch without dictionaries, in which a partition's values come.
fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
    let column = |(column, field): (&arrow::array::ArrayRef, &Arc<arrow::datatypes::Field>)| match column.data_type() {
        arrow::datatypes::DataType::Dictionary(..) => cast(column, field.data_type()),
        _ => Ok(column.clone()),
    };
    let columns = batch.columns().iter().zip(schema.fields()).map(column).collect::<Result<Vec<_>, _>>()?;
    let named = batch.schema_ref().fields().iter().zip(&columns);
    let fields: Vec<_> =
        named.map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone())).collect();
    Ok(RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns)?)
}

fn boxed(source: DataFusionError) -> DeltaTableError {
    DeltaTableError::GenericError { source: Box::new(source) }
}
