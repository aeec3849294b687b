//! What all changes of a table have in common: one version of it, what its queries read, and how its files are written.

use datafusion::logical_expr::LogicalPlan;
use headwater_lake::{
    ChangeOptions, Committed, DataFile, FILE_NUMBER, FinishedPart, Outcome, PartWriter, Removal, Table, TableChange,
};
use headwater_plan::{StepContext, TableName};
use headwater_sql::RelationSource;

use crate::change::{Asked, Rewritten, Touched, find, rewrite, target_rows};
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::session::{Execution, Manner};
use crate::spool::Spool;
use crate::{EmbeddedEngine, query, rows};

/// How many bytes a spooled byte becomes when it is hashed.
const HASHED: u64 = 3;

/// A change of one version of a table.
pub(crate) struct Rewriting<'a> {
    pub(crate) engine: &'a EmbeddedEngine,
    /// The version.
    pub(crate) base: &'a Table,
    /// What its queries read.
    pub(crate) inputs: Inputs,
    /// Whether what the table is joined with fits into memory.
    pub(crate) hash_joins: bool,
    /// The files in which all of its queries find what they look for; `None`: any.
    pub(crate) only: Option<Vec<DataFile>>,
    pub(crate) context: &'a StepContext,
}

/// The name under which the queries of a change read the rows that it is made with.
pub(crate) fn source_rows() -> TableName {
    TableName::new("_headwater", "source")
}

/// The column with the number of a row's file.
pub(crate) fn file_of(alias: &str) -> String {
    format!("{alias}.`{FILE_NUMBER}` AS `{FILE_NUMBER}`")
}

impl<'a> Rewriting<'a> {
    pub(crate) fn begin(&self, operation: &'static str) -> Result<TableChange, EmbeddedError> {
        let options = ChangeOptions::new(self.base, operation, self.context);
        Ok(self.engine.lake.begin_change(self.base, options)?)
    }

    /// Computes the rows of a query once, for all further queries to read under a name.
    pub(crate) async fn spool(&mut self, name: TableName, sql: &str) -> Result<Spool, EmbeddedError> {
        let session = self.engine.session()?;
        let mut inputs = self.with_table().await?;
        let typed = session.plan(&self.engine.lake, sql, &mut inputs).await?;
        let execution = session.lower(&typed, &inputs).await?;
        let spool = Spool::of(session, &self.engine.settings.spill_dir, execution, self.context).await?;
        let provider = spool.provider().map_err(|source| session.failed(source))?;
        self.inputs.place(name, RelationSource::Provider(provider));
        // Every group that is being written hashes the rows for itself.
        let hashed = spool.bytes().saturating_mul(HASHED).saturating_mul(self.engine.settings.threads as u64);
        self.hash_joins = hashed <= session.memory_limit / 2;
        Ok(spool)
    }

    /// The files that its queries read.
    pub(crate) fn files(&self) -> Vec<DataFile> {
        self.only.clone().unwrap_or_else(|| self.base.data_files())
    }

    /// The inputs with the rows of the table, or of the files in question, as [`target_rows`].
    async fn with_table(&self) -> Result<Inputs, EmbeddedError> {
        let mut inputs = self.inputs.clone();
        let rows = match &self.only {
            None => self.base.provider().await?,
            Some(files) => {
                let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
                self.base.rows_of(&paths).await?
            }
        };
        inputs.place(target_rows(), RelationSource::Provider(rows));
        Ok(inputs)
    }

    /// Plans a query that may read the table as [`target_rows`].
    pub(crate) async fn plan(&self, sql: &str) -> Result<LogicalPlan, EmbeddedError> {
        let session = self.engine.session()?;
        Ok(session.plan(&self.engine.lake, sql, &mut self.with_table().await?).await?.plan)
    }

    /// Asks which files hold a row that changes.
    pub(crate) async fn find(&self, sql: &str) -> Result<Touched, EmbeddedError> {
        let asked = Asked { sql, inputs: &self.inputs, hash_joins: self.hash_joins };
        find(self.engine, self.base, self.files(), asked, self.context).await
    }

    /// Writes what the rows of some files become.
    pub(crate) async fn rewrite(
        &self,
        change: &TableChange,
        files: &[DataFile],
        sql: &str,
    ) -> Result<Rewritten, EmbeddedError> {
        let asked = Asked { sql, inputs: &self.inputs, hash_joins: self.hash_joins };
        rewrite(self.engine, change, files, asked, self.context).await
    }

    /// Writes the rows of a query that may read the table as [`target_rows`].
    pub(crate) async fn add(&self, change: &TableChange, sql: &str) -> Result<(Vec<FinishedPart>, u64), EmbeddedError> {
        let manner = Manner { hash_joins: self.hash_joins, one_stream: false };
        let execution = self.engine.session()?.lower_so(&self.plan(sql).await?, manner).await?;
        self.write(change, execution).await
    }

    /// Writes the rows of a query.
    pub(crate) async fn write(
        &self,
        change: &TableChange,
        execution: Execution,
    ) -> Result<(Vec<FinishedPart>, u64), EmbeddedError> {
        let session = self.engine.session()?;
        let parts = rows::write(session, execution, &|| change.part(), self.context).await?;
        let rows = parts.iter().map(FinishedPart::rows).sum();
        Ok((parts, rows))
    }

    /// A number that a query over the table, as [`target_rows`], gives.
    pub(crate) async fn number(&self, sql: &str) -> Result<u64, EmbeddedError> {
        let mut inputs = self.with_table().await?;
        let rows = query::collect(self.engine, sql, &mut inputs, 1).await?.1;
        Ok(rows.first().and_then(|row| row.first()).and_then(serde_json::Value::as_u64).unwrap_or(0))
    }

    /// Makes the change visible.
    pub(crate) async fn commit(
        &self,
        change: TableChange,
        parts: Vec<FinishedPart>,
        files: &[DataFile],
        metrics: Vec<(&'static str, u64)>,
    ) -> Result<Committed, EmbeddedError> {
        if self.context.cancel.is_cancelled() {
            change.abort(parts).await;
            return Err(EmbeddedError::Cancelled);
        }
        let removal = Removal::Files(files.iter().map(|file| file.path.clone()).collect());
        Ok(change.commit(parts, &Outcome { removal, metrics }).await?)
    }
}

/// Ends the writers of a rewrite.
pub(crate) fn finished(parts: Vec<PartWriter>) -> Result<Vec<FinishedPart>, EmbeddedError> {
    Ok(parts.into_iter().map(PartWriter::finish).collect::<Result<_, _>>()?)
}

/// The rows of some files, as far as these say.
pub(crate) fn rows_in(files: &[DataFile]) -> u64 {
    files.iter().filter_map(|file| file.rows).sum()
}
