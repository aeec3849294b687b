//! What Spark SQL means: text to a typed plan, or to located errors. Knows schemas, never data.
//!
//! One function, [`SparkSql::plan`], serves checking (tables are schemas) and execution (tables are providers). A query
//! goes through five passes:
//!
//! | module | pass |
//! |---|---|
//! | `parse` | text to syntax tree, in Spark's dialect |
//! | `resolve` | every name looked up, every construct that is not done refused, all errors at once |
//! | `context`, `marker` | DataFusion plans the relations; operators and functions stay markers |
//! | `typing` | Spark's type rules decide what each marker is |
//! | [`functions`] | the functions by family: an explicit list |
//! | `kernels` | Spark's answers where DataFusion gives others |
//! | `planner` | the passes one after the other |
//! | `lineage` | which columns a column is made of |
//! | [`statement`] | statements that change a table |
//! | `condition` | a condition over one row, for the rules of a contract |
//! | [`relation`] | what names stand for: the caller's side |
//! | [`types`] | Spark's types and Arrow's |
//! | [`error`] | what can be wrong, and where |
//!
//! What cannot be answered as Spark 4 answers it under ANSI is refused by name, never answered differently.
//! Does not belong here: reading data, tables' files, templates. Files on disk: none.

mod condition;
mod context;
pub mod error;
pub mod functions;
mod kernels;
mod lineage;
mod marker;
mod parse;
mod planner;
pub mod relation;
mod resolve;
mod session;
mod single_distinct;
pub mod statement;
pub mod types;
mod typing;

pub use error::{Position, SqlError};
pub use relation::{RelationSource, Relations};
pub use session::{STACK, SparkSql, TypedQuery};
pub use statement::{MergeAction, MergeClause, MergeStatement, TypedStatement};
