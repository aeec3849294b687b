//! The stable codes of every message: a line per situation. A test holds a fixture for each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of situation a message tells of. The text form (`unknown-model`) is stable: scripts may match it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    // the project and its files
    /// No `headwater.yml` here or above.
    NoProject,
    /// A file of the project cannot be read.
    UnreadableFile,
    /// A YAML file that is not YAML.
    InvalidYaml,
    /// A key that no one knows.
    UnknownKey,
    /// A required key is absent.
    MissingKey,
    /// A value of the wrong kind.
    InvalidValue,
    /// A data type that Spark does not have.
    UnknownType,
    /// A feature that Headwater knows and does not do: refused by name.
    Unsupported,
    /// Two things with one name.
    DuplicateName,
    /// A package that `packages.yml` asks for and that is not there.
    PackageNotInstalled,
    /// No version of a package will do for all who ask for it.
    PackageConflict,
    /// `--env` names no environment.
    UnknownEnvironment,
    /// `init --template` names no template.
    UnknownTemplate,
    /// The folder that `init` or `demo` should fill is not empty.
    FolderNotEmpty,
    /// A flag's value is not what it should be.
    InvalidArgument,
    // templates and the graph
    /// A Jinja template that does not parse or render.
    InvalidTemplate,
    /// `env_var` of a variable that is not set.
    MissingEnvironmentVariable,
    /// `var` without a value.
    MissingVariable,
    /// `ref` of no model or seed.
    UnknownModel,
    /// `source` of no source.
    UnknownSource,
    /// Models that read each other in a circle.
    Cycle,
    /// A selection that matches no node.
    EmptySelection,
    /// A selector that is not one.
    InvalidSelector,
    // SQL
    /// SQL that does not parse.
    SqlSyntax,
    /// A column that is not there.
    UnknownColumn,
    /// A column that two relations have.
    AmbiguousColumn,
    /// A table that is not there.
    UnknownTable,
    /// A function that Spark does not have, or this engine does not.
    UnknownFunction,
    /// Types that do not go together.
    TypeMismatch,
    /// A SQL construct that this engine refuses by name.
    UnsupportedSql,
    /// A model whose columns are not those of its contract.
    ContractMismatch,
    // files
    /// No file matches a source's pattern.
    NoFiles,
    /// A folder or file that cannot be read.
    UnreadableInput,
    /// The header lacks a column of the contract.
    MissingColumn,
    /// The header has a column that the contract has not.
    UnexpectedColumn,
    /// The header names no column of the contract: most likely another delimiter.
    WrongDelimiter,
    /// A value that does not parse as its type.
    InvalidCell,
    /// A record with too few or too many cells.
    RaggedRecord,
    /// A cell that never closes its quote.
    UnclosedQuote,
    /// A record without an end, or nearly.
    RecordTooLong,
    /// Bytes that are not text in the stated encoding.
    InvalidEncoding,
    /// A null in a column that must not have one.
    NullValue,
    /// A row for which a rule of the contract does not hold.
    ConstraintViolated,
    /// A record that is not JSON, or no object.
    InvalidJson,
    /// A file that is not what its format says, or is damaged: Parquet, Avro, gzip, zstd, bzip2, zip.
    DamagedFile,
    /// More rows break the contract than the source allows.
    TooManyBadRows,
    /// A file that changed after it was loaded.
    FileChanged,
    /// A loaded file that cannot be archived or deleted.
    AfterLoadFailed,
    /// `sources forget` of a file that was never loaded.
    UnknownFile,
    // stores of objects
    /// A bucket or an object that is not there, or that this user may not read or write.
    StorageDenied,
    /// An object store that does not answer as it should, after retries.
    StorageUnavailable,
    // packages
    /// A package that cannot be fetched: from its address, from the hub, or by git.
    PackageUnavailable,
    // the lake
    /// The lake's path cannot be a lake.
    InvalidLake,
    /// Another process holds the lake.
    LakeInUse,
    /// The lake cannot be read or written.
    LakeUnavailable,
    /// A ledger that a newer Headwater wrote, or that is damaged.
    InvalidLedger,
    /// An existing table's columns do not fit what would be written.
    SchemaMismatch,
    // the engine
    /// A program or library that the engine needs is not there: Spark, Java, Python, Delta Lake.
    EngineMissing,
    /// Parts of an engine whose versions do not go together.
    EngineVersion,
    /// A setting with which the engine cannot work.
    EngineSetting,
    /// A job of the engine that ended without a result.
    EngineFailed,
    // the run
    /// A query failed while it ran.
    ExecutionFailed,
    /// A test found rows.
    TestFailed,
    /// A node was left out, because one that it needs failed.
    UpstreamFailed,
    /// The user stopped the run.
    Cancelled,
    /// `runs show` of a run that is not there.
    UnknownRun,
    /// The run store cannot be read or written.
    RunStoreUnavailable,
    /// Output that cannot be written.
    UnwritableOutput,
    /// `generate` hints that cannot be met.
    InvalidGenerator,
    // ours
    /// A fault in Headwater.
    Internal,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The one spelling is serde's, so that the text and the JSON form cannot drift apart.
        let json = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(json.trim_matches('"'))
    }
}
