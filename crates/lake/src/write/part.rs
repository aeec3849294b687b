//! One thread's share of a write: batches to Parquet files of the table.
//!
//! Memory stays bounded: a row group is flushed to the file at [`ROW_GROUP_BYTES`], and a new file begins at
//! [`FILE_BYTES`], however many rows come. A partition has its own file; all open files of a part share
//! [`OPEN_BYTES`] of memory, beyond which the largest is flushed, and only [`OPEN_FILES`] are open at once. Nothing
//! passes between threads.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use headwater_plan::{Schema, TableName};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use uuid::Uuid;

use super::batch::{NanColumns, conform};
use super::partition::{Partitioning, Values};
use super::staged::{Place, StagedFile, Uncommitted};
use super::stats;
use crate::durable::sync_folder;
use crate::types::to_arrow;
use crate::{Lake, LakeError};

/// The encoded size at which a row group is flushed.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// The rows at which a row group is flushed.
const ROW_GROUP_ROWS: usize = 1 << 20;
/// The size at which a new file begins.
const FILE_BYTES: usize = 128 << 20;
/// The memory of all open files of a part.
const OPEN_BYTES: usize = 96 << 20;
/// How many files of a part are open at once.
const OPEN_FILES: usize = 64;

/// What the parts of a write share.
#[derive(Debug)]
pub(super) struct PartOptions {
    pub(super) table: TableName,
    pub(super) place: Arc<Place>,
    /// The columns of batches.
    pub(super) arrow_schema: SchemaRef,
    /// The columns of files: without those of the partition.
    pub(super) file_schema: SchemaRef,
    pub(super) schema: Schema,
    pub(super) partitioning: Partitioning,
}

impl PartOptions {
    pub(super) fn new(
        lake: &Lake,
        table: &TableName,
        schema: &Schema,
        partitioning: Partitioning,
    ) -> Result<Self, LakeError> {
        let table = table.clone();
        let arrow_schema = to_arrow(schema);
        let mismatch = |error: ArrowError| LakeError::BatchMismatch { table: table.clone(), why: error.to_string() };
        let file_schema =
            Arc::new(arrow_schema.project(&partitioning.kept(arrow_schema.fields().len())).map_err(mismatch)?);
        let place = Arc::new(Place::of(lake, &table)?);
        Ok(Self { place, arrow_schema, file_schema, schema: schema.clone(), partitioning, table })
    }
}

/// A whole Parquet file, on the disk or on its way into the bucket.
#[derive(Debug)]
pub(super) struct DataFile {
    pub(super) guard: Uncommitted,
    pub(super) file: StagedFile,
}

/// What a part wrote. Its files are removed when it is dropped uncommitted.
#[derive(Debug)]
#[must_use = "its files are removed unless it is committed"]
pub struct FinishedPart {
    pub(super) files: Vec<DataFile>,
    /// The table's folder; `None` in a bucket.
    folder: Option<PathBuf>,
}

impl FinishedPart {
    /// How many rows it holds.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.file.rows).sum()
    }

    /// Leaves the files where they are, durably, for a commit to come ([`TableWriter::commit_staged`]), perhaps by
    /// another process. From then on only [`Lake::discard`] and a vacuum remove them.
    ///
    /// [`TableWriter::commit_staged`]: super::TableWriter::commit_staged
    pub async fn into_staged(self) -> Result<Vec<StagedFile>, LakeError> {
        let folders = self.folder.clone();
        let (files, mut guards) = settle(vec![self]).await?;
        if let Some(table) = folders {
            sync(&table, &files)?;
        }
        guards.iter_mut().for_each(Uncommitted::keep);
        Ok(files)
    }
}

/// Waits until all files are durably in their places.
pub(super) async fn settle(parts: Vec<FinishedPart>) -> Result<(Vec<StagedFile>, Vec<Uncommitted>), LakeError> {
    let (mut files, mut guards) = (Vec::new(), Vec::new());
    for DataFile { file, guard } in parts.into_iter().flat_map(|part| part.files) {
        files.push(file);
        guards.push(guard);
    }
    for guard in &mut guards {
        guard.settle().await?;
    }
    Ok((files, guards))
}

/// Removes files that no version names.
pub(super) async fn remove(guards: Vec<Uncommitted>) {
    for guard in guards {
        guard.remove().await;
    }
}

/// Makes the names of files durable, in the folders in which they lie.
pub(super) fn sync(table: &Path, files: &[StagedFile]) -> Result<(), LakeError> {
    let folders: BTreeSet<PathBuf> =
        files.iter().filter_map(|file| table.join(&file.path).parent().map(Path::to_path_buf)).collect();
    for folder in folders {
        sync_folder(&folder).map_err(|source| LakeError::Io { doing: "flush", path: folder.clone(), source })?;
    }
    Ok(())
}

/// Writes one thread's batches. Dropped without [`PartWriter::finish`], it removes its files.
#[derive(Debug)]
pub struct PartWriter {
    options: Arc<PartOptions>,
    // Before `files` and the guard inside, so that a file is closed before it is removed.
    open: HashMap<Values, OpenFile>,
    files: Vec<DataFile>,
    rows: u64,
    batches: u64,
}

#[derive(Debug)]
struct OpenFile {
    writer: ArrowWriter<File>,
    nans: NanColumns,
    /// The same file, for what comes after the writer.
    file: File,
    path: String,
    guard: Uncommitted,
    /// The batch that was written last, by number.
    used: u64,
}

impl PartWriter {
    pub(super) fn new(options: Arc<PartOptions>) -> Self {
        Self { options, open: HashMap::new(), files: Vec::new(), rows: 0, batches: 0 }
    }

    /// Writes a batch; its columns are those of the table, by name and in order.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let options = self.options.clone();
        let mismatch = |why| LakeError::BatchMismatch { table: options.table.clone(), why };
        let batch = conform(batch, &options.arrow_schema).map_err(mismatch)?;
        let parts = options.partitioning.split(&batch).map_err(|error| mismatch(error.to_string()))?;
        self.batches += 1;
        for (values, rows) in parts {
            self.write_rows(values, &rows)?;
        }
        self.rows += batch.num_rows() as u64;
        self.keep_bounds()
    }

    /// Writes a batch to the parts of one write, the rows of a partition to the part that has a file of it open, so that
    /// no further files begin.
    pub fn write_beside(parts: &mut [Self], batch: &RecordBatch) -> Result<(), LakeError> {
        let Some(options) = parts.first().map(|part| part.options.clone()) else { return Ok(()) };
        let mismatch = |why| LakeError::BatchMismatch { table: options.table.clone(), why };
        let batch = conform(batch, &options.arrow_schema).map_err(mismatch)?;
        for (values, rows) in options.partitioning.split(&batch).map_err(|error| mismatch(error.to_string()))? {
            let open = parts.iter().position(|part| part.open.contains_key(&values));
            if let Some(part) = parts.get_mut(open.unwrap_or(0)) {
                part.batches += 1;
                part.rows += rows.num_rows() as u64;
                part.write_rows(values, &rows)?;
                part.keep_bounds()?;
            }
        }
        Ok(())
    }

    fn write_rows(&mut self, values: Values, rows: &RecordBatch) -> Result<(), LakeError> {
        let open = match self.open.get_mut(&values) {
            Some(open) => open,
            None => {
                let file = OpenFile::create(&self.options, &values)?;
                self.open.entry(values.clone()).or_insert(file)
            }
        };
        open.used = self.batches;
        open.nans.look_at(rows);
        open.writer.write(rows).map_err(|source| open.error(source))?;
        if open.writer.bytes_written() + open.writer.in_progress_size() >= FILE_BYTES {
            self.close_file(&values)?;
        }
        Ok(())
    }

    /// Flushes and closes files while there are too many, or too much of them is in memory.
    fn keep_bounds(&mut self) -> Result<(), LakeError> {
        while self.open.len() > OPEN_FILES {
            let Some(oldest) = self.open.iter().min_by_key(|(_, open)| open.used).map(|(values, _)| values.clone())
            else {
                break;
            };
            self.close_file(&oldest)?;
        }
        if self.open.len() < 2 {
            return Ok(());
        }
        while self.open.values().map(|open| open.writer.memory_size()).sum::<usize>() > OPEN_BYTES {
            let Some(largest) = self.open.values_mut().max_by_key(|open| open.writer.memory_size()) else { break };
            largest.writer.flush().map_err(|source| largest.error(source))?;
        }
        Ok(())
    }

    /// The rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Closes the files that have become so large, in bytes, so that what comes next lies in others.
    pub fn cut(&mut self, at_least: usize) -> Result<(), LakeError> {
        let is_large = |open: &OpenFile| open.writer.bytes_written() + open.writer.in_progress_size() >= at_least;
        let mut large: Vec<Values> =
            self.open.iter().filter(|(_, open)| is_large(open)).map(|(values, _)| values.clone()).collect();
        large.sort();
        large.iter().try_for_each(|values| self.close_file(values))
    }

    /// Closes the files and flushes them to the disk, or sends them on their way into the bucket.
    pub fn finish(mut self) -> Result<FinishedPart, LakeError> {
        let mut open: Vec<Values> = self.open.keys().cloned().collect();
        open.sort();
        for values in open {
            self.close_file(&values)?;
        }
        Ok(FinishedPart { files: std::mem::take(&mut self.files), folder: self.options.place.folder() })
    }

    fn close_file(&mut self, values: &Values) -> Result<(), LakeError> {
        if let Some(open) = self.open.remove(values) {
            self.files.push(open.close(&self.options, values)?);
        }
        Ok(())
    }
}

impl OpenFile {
    fn create(options: &PartOptions, values: &Values) -> Result<Self, LakeError> {
        let path = format!("{}part-{}.snappy.parquet", options.partitioning.folder(values), Uuid::new_v4());
        let (file, guard) = options.place.create(&path)?;
        let failed = |source| LakeError::Io { doing: "create the file", path: guard.shown(), source };
        let written = file.try_clone().map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .build();
        // Without Arrow's own schema in the footer, every reader reads the same types from it.
        let writer_options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(written, options.file_schema.clone(), writer_options)
            .map_err(|source| LakeError::Parquet { path: guard.shown(), source })?;
        Ok(Self { writer, nans: NanColumns::new(&options.file_schema), file, path, guard, used: 0 })
    }

    fn error(&self, source: ParquetError) -> LakeError {
        LakeError::Parquet { path: self.guard.shown(), source }
    }

    fn close(mut self, options: &PartOptions, values: &Values) -> Result<DataFile, LakeError> {
        let footer = self.writer.finish().map_err(|source| self.error(source))?;
        drop(self.writer);
        let failed = |source| LakeError::Io { doing: "flush", path: self.guard.shown(), source };
        let metadata = self.file.metadata().map_err(failed)?;
        let modified = metadata.modified().map_err(failed)?;
        let file = StagedFile {
            path: self.path,
            stats: stats::delta_stats(&footer, &options.schema, &self.nans),
            rows: u64::try_from(footer.file_metadata().num_rows()).unwrap_or(0),
            size: metadata.len(),
            modified: modified.into(),
            partition: options.partitioning.names().into_iter().zip(values.iter().cloned()).collect(),
        };
        self.guard.finish(self.file, file.size)?;
        Ok(DataFile { file, guard: self.guard })
    }
}

/// Whether a file bears the name of a data file of ours.
pub(super) fn is_part_name(name: &str) -> bool {
    name.starts_with("part-") && name.ends_with(".parquet")
}
