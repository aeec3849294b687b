//! Rows to CSV, JSON or Parquet as they come: no more than a batch is held.
//!
//! The risk is half a file. One that is asked for by name is written beside its place and moved there when it is whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use futures::StreamExt;
use headwater_plan::{Cancel, Diagnostics};

use crate::OpsError;
use crate::query::Rows;

/// A form of rows for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsFormat {
    /// Comma-separated values, RFC 4180, with a header; null is the empty cell, instants are RFC 3339 in UTC.
    Csv,
    /// An array of objects; a null is written as `null`.
    Json,
    /// Apache Parquet, compressed with zstd.
    Parquet,
}

impl RowsFormat {
    fn word(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Parquet => "Parquet",
        }
    }

    /// The form that a file's ending names.
    pub fn of_file(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Writes the rows and says how many there were.
///
/// # Errors
/// A query that fails on its way, or a sink that takes no more.
pub async fn write(
    mut rows: Rows,
    format: RowsFormat,
    sink: impl Write + Send,
    cancel: &Cancel,
) -> Result<u64, Diagnostics> {
    let mut writer = Writer::new(format, &rows.arrow_schema, sink)?;
    let mut count = 0;
    while let Some(batch) = rows.stream.next().await {
        cancel.check()?;
        let batch = batch?;
        count += batch.num_rows() as u64;
        writer.write(&batch)?;
    }
    writer.finish()?;
    Ok(count)
}

/// Writes the rows to a file, whole or not at all, and says how many there were.
///
/// # Errors
/// As [`write`], and a file that cannot be written.
pub async fn write_file(rows: Rows, format: RowsFormat, path: &Path, cancel: &Cancel) -> Result<u64, Diagnostics> {
    let unwritable = |source| OpsError::Unwritable { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(unwritable(std::io::ErrorKind::IsADirectory.into()).into());
    }
    let part = Part::create(path).map_err(unwritable)?;
    let file = part.file.try_clone().map_err(unwritable)?;
    let count = write(rows, format, BufWriter::new(file), cancel).await?;
    part.publish(path).map_err(unwritable)?;
    Ok(count)
}

/// A file on its way to its place; removed if it does not get there.
struct Part {
    path: PathBuf,
    file: File,
    published: bool,
}

impl Part {
    fn create(target: &Path) -> std::io::Result<Self> {
        let mut name = std::ffi::OsString::from(".");
        name.push(target.file_name().ok_or(std::io::ErrorKind::InvalidInput)?);
        name.push(format!(".{}.part", std::process::id()));
        let path = target.with_file_name(name);
        let file = File::create(&path)?;
        Ok(Self { path, file, published: false })
    }

    fn publish(mut self, target: &Path) -> std::io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, target)?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.published {
            // Best effort: the error that brought us here is the one to tell.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

enum Writer<W: Write + Send> {
    Csv(Box<arrow::csv::Writer<W>>),
    Json(arrow::json::ArrayWriter<W>),
    Parquet(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Writer<W> {
    fn new(format: RowsFormat, schema: &SchemaRef, sink: W) -> Result<Self, OpsError> {
        Ok(match format {
            RowsFormat::Csv => {
                let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(sink);
                // The header comes with the first batch, and there may be none.
                writer.write(&RecordBatch::new_empty(schema.clone())).map_err(|error| not_written(format, error))?;
                Self::Csv(Box::new(writer))
            }
            RowsFormat::Json => {
                let writer = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
                Self::Json(writer.build::<_, arrow::json::writer::JsonArray>(sink))
            }
            RowsFormat::Parquet => {
                let properties = WriterProperties::builder().set_compression(Compression::ZSTD(Default::default()));
                let writer = ArrowWriter::try_new(sink, schema.clone(), Some(properties.build()));
                Self::Parquet(Box::new(writer.map_err(|error| not_written(format, error))?))
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), OpsError> {
        match self {
            Self::Csv(writer) => writer.write(batch).map_err(|error| not_written(RowsFormat::Csv, error)),
            Self::Json(writer) => writer.write(batch).map_err(|error| not_written(RowsFormat::Json, error)),
            Self::Parquet(writer) => writer.write(batch).map_err(|error| not_written(RowsFormat::Parquet, error)),
        }
    }

    fn finish(self) -> Result<(), OpsError> {
        match self {
            Self::Csv(writer) => flush(RowsFormat::Csv, writer.into_inner()),
            Self::Json(mut writer) => {
                writer.finish().map_err(|error| not_written(RowsFormat::Json, error))?;
                let mut sink = writer.into_inner();
                sink.write_all(b"\n").map_err(|error| not_written(RowsFormat::Json, error))?;
                flush(RowsFormat::Json, sink)
            }
            Self::Parquet(writer) => {
                let sink = writer.into_inner().map_err(|error| not_written(RowsFormat::Parquet, error))?;
                flush(RowsFormat::Parquet, sink)
            }
        }
    }
}

fn flush(format: RowsFormat, mut sink: impl Write) -> Result<(), OpsError> {
    sink.flush().map_err(|error| not_written(format, error))
}

fn not_written(format: RowsFormat, error: impl std::error::Error + Send + Sync + 'static) -> OpsError {
    OpsError::RowsNotWritten { format: format.word(), source: Box::new(error) }
}

#[cfg(test)]
mod tests;
