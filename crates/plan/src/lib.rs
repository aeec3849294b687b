//! The vocabulary of Headwater: what a project compiles to, what an engine executes, what a run reports.
//!
//! | module | owns |
//! |---|---|
//! | [`types`] | Spark's data types, fields and schemas |
//! | [`name`] | identifiers: tables, nodes, runs |
//! | [`node`] | [`Plan`], [`Node`] and the [`Step`] kinds that an engine executes |
//! | [`model`] | what is executed for SQL: tables, incremental models, snapshots, tests, hooks |
//! | [`lineage`] | which columns a column is made of |
//! | [`beside`] | exposures, macros, doc blocks: what a project has beside its nodes |
//! | [`ingest`] | what an ingest step loads: files, their format, the contract of their columns |
//! | [`spark`] | where and how Spark runs, as the environment says it |
//! | [`engine`] | the [`Engine`] trait: the only thing that a scheduler knows of an engine |
//! | [`report`] | rows in, rows out, set aside: the one report format of every engine |
//! | [`found`] | what tests found, in words |
//! | [`refusal`] | rows and columns that do not go into a table, in words |
//! | [`diagnostic`] | every error or warning a user can see, and its [`Code`] |
//! | [`secret`] | text that cannot be printed |
//! | [`clock`] | time, passed in |
//!
//! Does not belong here: input and output, tokio, DataFusion, anything that one engine or one connector alone knows.
//! Files on disk: none.

pub mod beside;
pub mod clock;
pub mod code;
pub mod diagnostic;
pub mod engine;
pub mod found;
pub mod ingest;
pub mod lineage;
pub mod model;
pub mod name;
pub mod node;
pub mod refusal;
pub mod report;
pub mod secret;
pub mod spark;
pub mod types;

pub use beside::{Beside, DocBlock, Exposure, Group, MacroAbout};
pub use clock::Clock;
pub use code::Code;
pub use diagnostic::{Diagnostic, Diagnostics, Fault, Location, Severity};
pub use engine::{Agenda, AgendaNode, Built, Cancel, Engine, NodeState, Pending, Progress, StepContext, TableVersion};
pub use ingest::{
    AfterLoad, BadRowLimit, BatchLimits, Compression, Constraint, Contract, ContractColumn, CsvOptions, FileFormat,
    FileSet, Ingest, JsonOptions, OnBadRow, OnFileChange, OnSchemaChange, Quotes, Ragged, TableLayout,
};
pub use lineage::{ColumnInput, ColumnLineage, InputKind, Lineage};
pub use model::{
    BatchSize, Comparison, HardDeletes, Hooks, Incremental, Late, Microbatch, OnModelSchemaChange, Query, Snapshot,
    SnapshotColumns, SnapshotStrategy, Statement, Strategy, Table, Test, Threshold, UnitTest,
};
pub use name::{NodeId, RunId, TableName};
pub use node::{About, ColumnAbout, EngineKind, Environment, Node, NodeKind, Plan, Seed, Step, TestAbout};
pub use report::{NodeReport, NodeStatus, RowCounts, RunReport, RunStatus, Skipped, Spans, StepReport};
pub use secret::Secret;
pub use spark::{Auto, Spark, SparkOn};
pub use types::{DataType, Field, Schema};
