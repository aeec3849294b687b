//! An increment's rows, computed once, beside the files of the table that they may touch.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use headwater_lake::{DataFile, PartWriter, TableChange, fault};
use headwater_sql::RelationSource;

use super::{Increment, relation};
use crate::change::{Asked, Rewritten, Touched, find, rewrite};
use crate::error::EmbeddedError;
use crate::incremental::quoted;
use crate::inputs::Inputs;
use crate::rows::{next, side_by_side};
use crate::spool::{RowSet, Spool, spooled_rows};
use headwater_plan::refusal::IncrementalError;

/// How many bytes a spooled byte becomes when it is hashed.
const HASHED: u64 = 3;
/// How many rows of a key there are.
const COUNT: &str = "__headwater_count";

pub(super) struct Ready {
    pub(super) spool: Spool,
    inputs: Inputs,
    /// The files that may hold a row with a key of the increment.
    candidates: Vec<DataFile>,
    hash_joins: bool,
}

impl Ready {
    pub(super) async fn of(increment: &Increment<'_>, keys: &[String]) -> Result<Self, EmbeddedError> {
        let (engine, context) = (increment.step.engine, increment.step.context);
        let session = engine.session()?;
        let manner = session.manner(&increment.inputs);
        let execution = session.lower_so(&increment.planned.rows, manner).await?;
        let spool = Spool::of(session, &engine.settings.spill_dir, execution, context).await?;
        fault::point("increment-computed");
        let mut inputs = increment.inputs.clone();
        let provider = spool.provider().map_err(|source| session.failed(source))?;
        inputs.place(spooled_rows(), RelationSource::Provider(provider));
        // Every group that is being written hashes the rows for itself.
        let hashed = spool.bytes().saturating_mul(HASHED).saturating_mul(engine.settings.threads as u64);
        let hash_joins = hashed <= session.memory_limit / 2;
        let candidates = candidates(increment, &spool, keys)?;
        Ok(Self { spool, inputs, candidates, hash_joins })
    }

    /// Refuses rows that share a key.
    pub(super) async fn check_keys(&self, increment: &Increment<'_>, keys: &[String]) -> Result<(), EmbeddedError> {
        let (engine, context) = (increment.step.engine, increment.step.context);
        let session = engine.session()?;
        let columns: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
        let not_null: Vec<String> = columns.iter().map(|key| format!("{key} IS NOT NULL")).collect();
        let columns = columns.join(", ");
        let sql = format!(
            "SELECT {columns}, count(*) AS `{COUNT}` FROM {} WHERE {} GROUP BY {columns} HAVING count(*) > 1",
            relation(&spooled_rows()),
            not_null.join(" AND "),
        );
        let typed = session.plan(&engine.lake, &sql, &mut self.inputs.clone()).await?;
        let execution = session.lower_so(&typed.plan, session.manner_of(self.hash_joins)).await?;
        let memory_limit = session.memory_limit;
        let found = side_by_side(session, execution, |mut stream| {
            let cancel = context.cancel.clone();
            async move {
                let mut shared = SharedKeys::default();
                while let Some(batch) = next(&mut stream, &cancel, memory_limit).await? {
                    shared.add(&batch).map_err(|source| EmbeddedError::Rows { source })?;
                }
                Ok(shared)
            }
        })
        .await?;
        let number = found.iter().map(|shared| shared.keys).sum();
        let first = found.into_iter().filter_map(|shared| shared.first).min_by_key(|(rows, key)| {
            // Most rows first; then by the key, so that the message is the same each time.
            (std::cmp::Reverse(*rows), key.clone())
        });
        match first {
            None => Ok(()),
            Some((rows, key)) => {
                Err(IncrementalError::DuplicateKeys { key, rows, keys: number, columns: keys.to_vec() }.into())
            }
        }
    }

    pub(super) async fn find(&self, increment: &Increment<'_>, sql: &str) -> Result<Touched, EmbeddedError> {
        let query = Asked { sql, inputs: &self.inputs, hash_joins: self.hash_joins };
        let step = increment.step;
        find(step.engine, increment.base, self.candidates.clone(), query, step.context).await
    }

    pub(super) async fn rewrite(
        &self,
        increment: &Increment<'_>,
        change: &TableChange,
        files: &[DataFile],
        sql: &str,
    ) -> Result<Rewritten, EmbeddedError> {
        let query = Asked { sql, inputs: &self.inputs, hash_joins: self.hash_joins };
        let step = increment.step;
        rewrite(step.engine, change, files, query, step.context).await
    }

    /// Adds the increment's rows, but for some, to what is written.
    pub(super) fn insert(
        &self,
        increment: &Increment<'_>,
        parts: &mut [PartWriter],
        without: &RowSet,
    ) -> Result<(), EmbeddedError> {
        let add = |batch| Ok(PartWriter::write_beside(parts, &batch)?);
        self.spool.each_batch(without, &increment.step.context.cancel, add)
    }
}

/// The files that may hold a row with a key of the increment, as the log tells.
fn candidates(increment: &Increment<'_>, spool: &Spool, keys: &[String]) -> Result<Vec<DataFile>, EmbeddedError> {
    let mut values = Vec::with_capacity(keys.len());
    for key in keys {
        match spool.values(key).map_err(|source| EmbeddedError::Rows { source })? {
            Some(found) => values.push((key.clone(), found)),
            // No row has a whole key.
            None => return Ok(Vec::new()),
        }
    }
    let may_match: std::collections::HashSet<String> = increment.base.files_with(&values)?.into_iter().collect();
    let mut files = increment.base.data_files();
    files.retain(|file| may_match.contains(&file.path));
    Ok(files)
}

/// Keys that several rows have.
#[derive(Default)]
struct SharedKeys {
    keys: u64,
    /// The one that has the most rows, and how many.
    first: Option<(u64, String)>,
}

impl SharedKeys {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.keys += batch.num_rows() as u64;
        for row in 0..batch.num_rows() {
            let mut cells = BTreeMap::new();
            for (position, (field, column)) in batch.schema().fields().iter().zip(batch.columns()).enumerate() {
                cells.insert(position, (field.name().clone(), array_value_to_string(column, row)?));
            }
            let Some((_, (_, count))) = cells.pop_last() else { continue };
            let count = count.parse().unwrap_or(0);
            let key: Vec<String> = cells.into_values().map(|(name, value)| format!("`{name}` = {value}")).collect();
            let key = key.join(", ");
            let is_first =
                self.first.as_ref().is_none_or(|(most, other)| count > *most || count == *most && key < *other);
            if is_first {
                self.first = Some((count, key));
            }
        }
        Ok(())
    }
}
