//! One thread's share of a write: batches to Parquet files in the table's folder.
//!
//! Memory stays bounded: a row group is flushed to the file at [`ROW_GROUP_BYTES`], and a new file begins at
//! [`FILE_BYTES`], however many rows come. Nothing passes between threads.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use headwater_plan::{Schema, TableName};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use uuid::Uuid;

use super::batch::{NanColumns, conform};
use super::stats;
use crate::LakeError;
use crate::durable::create_folder;

/// The encoded size at which a row group is flushed.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// The rows at which a row group is flushed.
const ROW_GROUP_ROWS: usize = 1 << 20;
/// The size at which a new file begins.
const FILE_BYTES: usize = 128 << 20;

/// What the parts of a write share.
#[derive(Debug)]
pub(super) struct PartOptions {
    pub(super) table: TableName,
    pub(super) folder: PathBuf,
    pub(super) arrow_schema: SchemaRef,
    pub(super) schema: Schema,
}

/// A file of the table's folder that no version of the table names yet; removed when dropped, unless it was kept.
#[derive(Debug)]
pub(super) struct Uncommitted {
    pub(super) path: PathBuf,
    kept: bool,
}

impl Uncommitted {
    /// The file has become the table's, or may have.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// The file has surely not become the table's.
    pub(super) fn give_up(&mut self) {
        self.kept = false;
    }
}

impl Drop for Uncommitted {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            // Nobody reads it; it only takes room until the table is vacuumed.
            tracing::warn!(path = %self.path.display(), %error, "cannot remove an uncommitted file");
        }
    }
}

/// A whole Parquet file, on the disk, ready to be committed.
#[derive(Debug)]
pub(super) struct DataFile {
    pub(super) guard: Uncommitted,
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) rows: u64,
    pub(super) modified: DateTime<Utc>,
    pub(super) stats: String,
}

/// What a part wrote. Its files are removed when it is dropped uncommitted.
#[derive(Debug)]
#[must_use = "its files are removed unless it is committed"]
pub struct FinishedPart {
    pub(super) files: Vec<DataFile>,
}

impl FinishedPart {
    /// How many rows it holds.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }
}

/// Writes one thread's batches. Dropped without [`PartWriter::finish`], it removes its files.
#[derive(Debug)]
pub struct PartWriter {
    options: Arc<PartOptions>,
    // Before `files` and the guard inside, so that a file is closed before it is removed.
    open: Option<OpenFile>,
    files: Vec<DataFile>,
    rows: u64,
}

#[derive(Debug)]
struct OpenFile {
    writer: ArrowWriter<File>,
    nans: NanColumns,
    name: String,
    guard: Uncommitted,
}

impl PartWriter {
    pub(super) fn new(options: Arc<PartOptions>) -> Self {
        Self { options, open: None, files: Vec::new(), rows: 0 }
    }

    /// Writes a batch; its columns are those of the table, by name and in order.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let options = self.options.clone();
        let batch = conform(batch, &options.arrow_schema)
            .map_err(|why| LakeError::BatchMismatch { table: options.table.clone(), why })?;
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(OpenFile::create(&options)?),
        };
        open.nans.look_at(&batch);
        open.writer.write(&batch).map_err(|source| open.error(source))?;
        self.rows += batch.num_rows() as u64;
        if open.writer.bytes_written() + open.writer.in_progress_size() >= FILE_BYTES {
            self.close_file()?;
        }
        Ok(())
    }

    /// The rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Closes the files and flushes them to the disk.
    pub fn finish(mut self) -> Result<FinishedPart, LakeError> {
        self.close_file()?;
        Ok(FinishedPart { files: self.files })
    }

    fn close_file(&mut self) -> Result<(), LakeError> {
        if let Some(open) = self.open.take() {
            self.files.push(open.close(&self.options.schema)?);
        }
        Ok(())
    }
}

impl OpenFile {
    fn create(options: &PartOptions) -> Result<Self, LakeError> {
        let name = format!("part-{}.snappy.parquet", Uuid::new_v4());
        let path = options.folder.join(&name);
        let failed = |source| LakeError::Io { doing: "create the file", path: path.clone(), source };
        create_folder(&options.folder).map_err(failed)?;
        let file = File::create_new(&path).map_err(failed)?;
        let guard = Uncommitted { path: path.clone(), kept: false };
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .build();
        // Without Arrow's own schema in the footer, every reader reads the same types from it.
        let writer_options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, options.arrow_schema.clone(), writer_options)
            .map_err(|source| LakeError::Parquet { path, source })?;
        Ok(Self { writer, nans: NanColumns::new(&options.arrow_schema), name, guard })
    }

    fn error(&self, source: parquet::errors::ParquetError) -> LakeError {
        LakeError::Parquet { path: self.guard.path.clone(), source }
    }

    fn close(mut self, schema: &Schema) -> Result<DataFile, LakeError> {
        let footer = self.writer.finish().map_err(|source| self.error(source))?;
        let failed = |source| LakeError::Io { doing: "flush", path: self.guard.path.clone(), source };
        let file = self.writer.inner();
        file.sync_all().map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let modified = metadata.modified().map_err(failed)?;
        Ok(DataFile {
            stats: stats::delta_stats(&footer, schema, &self.nans),
            rows: u64::try_from(footer.file_metadata().num_rows()).unwrap_or(0),
            size: metadata.len(),
            modified: modified.into(),
            name: self.name,
            guard: self.guard,
        })
    }
}

/// Whether a file bears the name of a data file of ours.
pub(super) fn is_part_name(name: &str) -> bool {
    name.starts_with("part-") && name.ends_with(".parquet")
}
