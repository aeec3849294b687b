//! Every way in which the lake can fail.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use deltalake_core::DeltaTableError;
use headwater_plan::{Code, Diagnostic, Fault, TableName};
use object_store::Error as StoreError;
use parquet::errors::ParquetError;

use crate::lock::LockHolder;
use crate::types::TypeError;

/// A failure of the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The lake's path, or a part of it, is a file.
    #[error("the lake `{written}` cannot be a folder: `{}` is a file", path.display())]
    LakeIsAFile {
        /// The lake as the user wrote it.
        written: String,
        /// The file.
        path: PathBuf,
    },
    /// A lake in a kind of storage that Headwater does not speak.
    #[error("the lake `{written}` lies in `{scheme}://`, which is not supported")]
    UnsupportedScheme {
        /// The lake as the user wrote it.
        written: String,
        /// The URL's scheme.
        scheme: String,
    },
    /// A lake by a relative path.
    #[error("the lake `{written}` is not an absolute path")]
    NotAbsolute {
        /// The lake as the user wrote it.
        written: String,
    },
    /// A folder that delta-kernel cannot list: it unescapes the names of what it lists a second time.
    #[error(
        "the lake `{written}` lies in a folder whose path holds `{escape}`, which Delta readers take for an escaped letter"
    )]
    EscapedPath {
        /// The lake as the user wrote it.
        written: String,
        /// The part of the path.
        escape: String,
    },
    /// Another run holds the lake.
    #[error("the lake `{written}` is in use by {}", holder_text(holder.as_deref()))]
    InUse {
        /// The lake as the user wrote it.
        written: String,
        /// Who holds it; `None` in the moment before it has written its name.
        holder: Option<Box<LockHolder>>,
    },
    /// A name that cannot be a folder.
    #[error(
        "`{table}` cannot be the name of a table: a lake's folders take no `/ \\ : * ? \" < > | # %`, no leading point, and a schema no leading `_`"
    )]
    InvalidName {
        /// The name.
        table: TableName,
    },
    /// Columns that a table cannot have.
    #[error("table `{table}`: {source}")]
    InvalidSchema {
        /// The table.
        table: TableName,
        /// Why.
        source: TypeError,
    },
    /// Rows that do not fit the table's columns.
    #[error("table `{table}` has other columns than what would be added to it: {}", differences.join(", "))]
    SchemaMismatch {
        /// The table.
        table: TableName,
        /// Each difference, in words.
        differences: Vec<String>,
    },
    /// A table by another engine, with a feature that Headwater does not write.
    #[error("table `{table}` cannot be written: {why}")]
    UnsupportedTable {
        /// The table.
        table: TableName,
        /// The feature.
        why: String,
    },
    /// Rows for a view.
    #[error("`{table}` is a view, and rows cannot be added to it")]
    IsAView {
        /// The view.
        table: TableName,
    },
    /// A folder that should become a table and holds something else.
    #[error("the folder of table `{table}` holds files that are not a table's: `{file}`")]
    ForeignFiles {
        /// The table.
        table: TableName,
        /// One of the files.
        file: String,
    },
    /// A table that should give way to a view and that Headwater did not make.
    #[error("view `{table}` would replace a table that headwater did not write")]
    ForeignTable {
        /// The table.
        table: TableName,
    },
    /// A batch of rows whose types are not those of the table: the engine's mistake.
    #[error("rows for table `{table}` do not fit it: {why}")]
    BatchMismatch {
        /// The table.
        table: TableName,
        /// How not.
        why: String,
    },
    /// Other writers were faster every time.
    #[error("table `{table}` was committed to by others {attempts} times while this run tried to")]
    Contended {
        /// The table.
        table: TableName,
        /// How often it tried.
        attempts: u32,
    },
    /// Another batch was committed where this one belongs, so that this one must be planned anew.
    #[error("batch {batch} of `{table}` should follow batch {follows}, and the table is at batch {found}")]
    OutOfTurn {
        /// The table.
        table: TableName,
        /// The batch.
        batch: i64,
        /// The batch that it was planned to follow; 0 for none.
        follows: i64,
        /// The newest batch in the table; 0 for none.
        found: i64,
    },
    /// A table that is not what a change was made from: others changed its rows or its columns meanwhile.
    #[error("table `{table}` was changed by another run after its version {version} was read")]
    Overtaken {
        /// The table.
        table: TableName,
        /// The version that the change was made from.
        version: u64,
    },
    /// A file that a commit should take out of the table, and that another commit took out before.
    #[error("the file `{file}` of table `{table}` was replaced by another run")]
    FilesReplaced {
        /// The table.
        table: TableName,
        /// The file.
        file: String,
    },
    /// A table to look after that is not there.
    #[error("there is no table `{table}` in the lake")]
    NoTable {
        /// The table.
        table: TableName,
    },
    /// A column to sort by that the table has not.
    #[error("table `{table}` has no column `{column}`")]
    NoColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
    },
    /// A version of a table that is not there.
    #[error("table `{table}` has no {wanted}: its newest version is {newest}")]
    NoVersion {
        /// The table.
        table: TableName,
        /// What was asked for.
        wanted: String,
        /// The newest version.
        newest: u64,
    },
    /// A version of a table whose files were vacuumed.
    #[error("version {version} of table `{table}` cannot be restored: {count} of its files are gone, as `{}`", files.join("`, `"))]
    FilesGone {
        /// The table.
        table: TableName,
        /// The version.
        version: u64,
        /// How many.
        count: usize,
        /// Some of them.
        files: Vec<String>,
    },
    /// A column that cannot be a partition column.
    #[error("table `{table}` cannot be partitioned by `{column}`: {why}")]
    PartitionColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// Why not.
        why: String,
    },
    /// A table whose partition columns are not those of the write.
    #[error("table `{table}` is partitioned by {}, not by {}", columns_text(there), columns_text(wanted))]
    OtherPartitions {
        /// The table.
        table: TableName,
        /// Its partition columns.
        there: Vec<String>,
        /// Those of the write.
        wanted: Vec<String>,
    },
    /// A ledger file that says nothing sensible.
    #[error("the ledger file `{file}` is damaged: {why}")]
    DamagedLedger {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A ledger file of a later format.
    #[error("the ledger file `{file}` has format {version}, and this headwater knows format {known}")]
    NewerLedger {
        /// The file.
        file: String,
        /// Its format.
        version: u64,
        /// The newest known one.
        known: u64,
    },
    /// Another process wrote the same batch first.
    #[error("batch {batch} of `{table}` was planned by another run at the same time")]
    BatchTaken {
        /// The table.
        table: TableName,
        /// The batch.
        batch: i64,
    },
    /// A view file that says nothing sensible, or of a later format.
    #[error("the view file `{file}` cannot be read: {why}")]
    DamagedView {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A file or folder that cannot be read or written.
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A lake in a bucket that cannot be read at all.
    #[error("cannot reach the lake `{written}`")]
    Unreachable {
        /// The lake as the user wrote it.
        written: String,
        /// What the store says.
        source: object_store::Error,
    },
    /// An object that cannot be read or written.
    #[error("cannot {doing} `{path}`")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: String,
        /// What the store says.
        source: object_store::Error,
    },
    /// A table's log or files that cannot be read or written.
    #[error("cannot {doing} table `{table}`")]
    Delta {
        /// What was being done.
        doing: &'static str,
        /// To which table.
        table: TableName,
        /// What delta-rs says.
        source: Box<DeltaTableError>,
    },
    /// A data file that cannot be written.
    #[error("cannot write `{}`", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the Parquet writer says.
        source: ParquetError,
    },
    /// Something of ours that does not turn into JSON.
    #[error("cannot write {what} as JSON")]
    Json {
        /// What.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

fn holder_text(holder: Option<&LockHolder>) -> String {
    holder.map_or_else(|| "a run that has just begun".to_string(), ToString::to_string)
}

fn columns_text(columns: &[String]) -> String {
    if columns.is_empty() { "no column".to_string() } else { format!("`{}`", columns.join("`, `")) }
}

impl LakeError {
    /// Whether a change came too late: made anew from the newest version of the table, it may be in time.
    pub fn is_overtaken(&self) -> bool {
        matches!(self, Self::Overtaken { .. } | Self::FilesReplaced { .. })
    }

    /// The message to the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let error = |code| Diagnostic::error(code, self.to_string());
        match self {
            Self::LakeIsAFile { .. } => error(Code::InvalidLake)
                .help("set `lake:` of this environment in headwater.yml to a folder; it need not be there yet"),
            Self::EscapedPath { .. } => error(Code::Unsupported).help("rename the folder, or choose another `lake:`"),
            Self::UnsupportedScheme { .. } => error(Code::Unsupported)
                .help("set `lake:` of this environment in headwater.yml to a local folder or to `s3://bucket/prefix`"),
            Self::NotAbsolute { .. } => error(Code::InvalidLake),
            Self::InUse { .. } => error(Code::LakeInUse).help("wait until it has ended, then try again").retryable(),
            Self::InvalidName { .. } => error(Code::InvalidValue).help("choose another name"),
            Self::InvalidSchema { source, .. } => invalid_schema(error, source),
            Self::SchemaMismatch { .. } => error(Code::SchemaMismatch)
                .help("run with `--full-refresh` to build the table anew, or give the columns back their old form"),
            Self::NoTable { .. } => error(Code::UnknownTable).help("`headwater tables` lists the tables of the lake"),
            Self::NoColumn { .. } => error(Code::UnknownColumn).help("change `cluster_by`"),
            Self::NoVersion { .. } | Self::FilesGone { .. } => {
                error(Code::InvalidArgument).help("`headwater tables history` lists the versions; choose a later one")
            }
            Self::OtherPartitions { .. } => error(Code::SchemaMismatch)
                .help("run with `--full-refresh` to build the table anew, or give `partition_by` back its old form"),
            Self::PartitionColumn { .. } => error(Code::InvalidValue).help("change `partition_by`"),
            Self::UnsupportedTable { .. } => {
                error(Code::Unsupported).help("give it another name, or let the engine that made it write it")
            }
            Self::IsAView { .. } => error(Code::SchemaMismatch).help("run with `--full-refresh` to make it a table"),
            Self::ForeignFiles { .. } => {
                error(Code::InvalidLake).help("move them elsewhere, or name the table otherwise")
            }
            Self::ForeignTable { .. } => {
                error(Code::InvalidLake).help("move or remove the table's folder, or name the view otherwise")
            }
            Self::BatchMismatch { .. } | Self::Json { .. } => {
                Diagnostic::internal(self.to_string()).caused_by_source(self)
            }
            Self::Contended { .. }
            | Self::BatchTaken { .. }
            | Self::OutOfTurn { .. }
            | Self::Overtaken { .. }
            | Self::FilesReplaced { .. } => {
                error(Code::LakeInUse).help("run again: what the other run did is not done twice").retryable()
            }
            Self::DamagedLedger { .. } => error(Code::InvalidLedger)
                .help("restore the file from a backup, or run with `--full-refresh` to load every file anew"),
            Self::NewerLedger { .. } => {
                error(Code::InvalidLedger).help("use the headwater that wrote it, or a newer one")
            }
            Self::DamagedView { .. } => {
                error(Code::InvalidLake).help("remove the file and run again: the view is made anew from the project")
            }
            Self::Io { .. }
            | Self::Unreachable { .. }
            | Self::Store { .. }
            | Self::Delta { .. }
            | Self::Parquet { .. } => self.unavailable(),
        }
    }

    /// The lake cannot be read or written: what to do depends on what the system says underneath.
    fn unavailable(&self) -> Diagnostic {
        if let Some(diagnostic) = self.bucket_unavailable() {
            return diagnostic;
        }
        let diagnostic = Diagnostic::error(Code::LakeUnavailable, self.to_string()).caused_by_source(self);
        match io_kind(self) {
            Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
                diagnostic.help("give this user the right to read and write it, or choose another `lake:`")
            }
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                diagnostic.help("free some space on the disk, then run again").fault(Fault::Outside).retryable()
            }
            Some(_) => diagnostic.fault(Fault::Outside).retryable(),
            None => diagnostic.fault(Fault::Outside),
        }
    }

    /// What a bucket says; `None` if it is no bucket that failed.
    fn bucket_unavailable(&self) -> Option<Diagnostic> {
        let diagnostic = |code| Diagnostic::error(code, self.to_string()).caused_by_source(self);
        match store_error(self)? {
            StoreError::Unauthenticated { .. } => {
                let help = "set `AWS_PROFILE`, or `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, in the environment or in \
                            `.env`";
                Some(diagnostic(Code::StorageDenied).help(help))
            }
            StoreError::PermissionDenied { .. } => {
                let help = "check the credentials, and that they may list, read, write and delete there";
                Some(diagnostic(Code::StorageDenied).help(help))
            }
            // Of an object this is no error, so it is the bucket that is not there.
            StoreError::NotFound { .. } if self.names_url() => {
                Some(diagnostic(Code::StorageDenied).help("create the bucket, or choose another `lake:`"))
            }
            StoreError::Generic { store, .. } if *store == "S3" => {
                let help = match self {
                    Self::Unreachable { .. } => "check that it is up, and the network to it, then run again",
                    _ => "run again: what was committed stays, and the rest is done then",
                };
                Some(diagnostic(Code::StorageUnavailable).help(help).fault(Fault::Outside).retryable())
            }
            _ => None,
        }
    }

    fn names_url(&self) -> bool {
        matches!(self, Self::Unreachable { .. }) || matches!(self, Self::Store { path, .. } if path.contains("://"))
    }
}

fn invalid_schema(error: impl Fn(Code) -> Diagnostic, source: &TypeError) -> Diagnostic {
    match source {
        TypeError::UnsupportedType { .. } => {
            error(Code::Unsupported).help("cast the column to another type: `timestamp` is the instant in UTC")
        }
        TypeError::ColumnName { .. } => error(Code::Unsupported).help("rename the column with `as`"),
        TypeError::DuplicateColumn { .. } => error(Code::DuplicateName).help("rename one of them with `as`"),
        TypeError::NoColumns => error(Code::ContractMismatch),
    }
}

/// The system's own word for a failure, from however deep below.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        // The Parquet writer keeps the cause and does not name it as its source.
        if let Some(ParquetError::External(inner)) = error.downcast_ref() {
            return io_kind(inner.as_ref());
        }
        cause = error.source();
    }
    None
}

/// What the object store says, from however deep below.
fn store_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a StoreError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(store) = error.downcast_ref::<StoreError>() {
            return Some(store);
        }
        cause = error.source();
    }
    None
}

trait CausedBySource {
    fn caused_by_source(self, error: &LakeError) -> Self;
}

impl CausedBySource for Diagnostic {
    /// The causes without the error itself, which is the message.
    fn caused_by_source(self, error: &LakeError) -> Self {
        match error.source() {
            Some(source) => self.caused_by(source),
            None => self,
        }
    }
}

impl From<&LakeError> for Diagnostic {
    fn from(error: &LakeError) -> Self {
        error.diagnostic()
    }
}

impl From<LakeError> for Diagnostic {
    fn from(error: LakeError) -> Self {
        error.diagnostic()
    }
}
