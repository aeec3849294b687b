//! The vocabulary of Headwater: what a project compiles to, what an engine executes, what a run reports.
//!
//! | module | owns |
//! |---|---|
//! | [`types`] | Spark's data types, fields and schemas |
//! | [`name`] | identifiers: tables, nodes, runs |
//! | [`node`] | [`Plan`], [`Node`] and the [`Step`] kinds that an engine executes |
//! | [`ingest`] | what an ingest step loads: files, their format, the contract of their columns |
//! | [`engine`] | the [`Engine`] trait: the only thing that a scheduler knows of an engine |
//! | [`report`] | rows in, rows out, set aside: the one report format of every engine |
//! | [`diagnostic`] | every error or warning a user can see, and its [`Code`] |
//! | [`secret`] | text that cannot be printed |
//! | [`clock`] | time, passed in |
//!
//! Does not belong here: input and output, tokio, DataFusion, anything that one engine or one connector alone knows.
//! Files on disk: none.

pub mod clock;
pub mod code;
pub mod diagnostic;
pub mod engine;
pub mod ingest;
pub mod name;
pub mod node;
pub mod report;
pub mod secret;
pub mod types;

pub use clock::Clock;
pub use code::Code;
pub use diagnostic::{Diagnostic, Diagnostics, Fault, Location, Severity};
pub use engine::{Built, Cancel, Engine, NodeState, Pending, Progress, StepContext, TableVersion};
pub use ingest::{
    AfterLoad, BadRowLimit, BatchLimits, Compression, Constraint, Contract, ContractColumn, CsvOptions, FileFormat,
    FileSet, Ingest, JsonOptions, OnBadRow, OnFileChange, OnSchemaChange, Quotes, Ragged, TableLayout,
};
pub use name::{NodeId, RunId, TableName};
pub use node::{EngineKind, Environment, Node, NodeKind, Plan, Query, Seed, Step, Test};
pub use report::{NodeReport, NodeStatus, RowCounts, RunReport, RunStatus, Skipped, StepReport};
pub use secret::Secret;
pub use types::{DataType, Field, Schema};
