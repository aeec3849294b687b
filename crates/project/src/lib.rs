//! What the user wrote, turned into a [`headwater_plan::Plan`].
//!
//! ```text
//! find ─> Request ─> config: YAML, .env, lists of files ─> compile: pass by pass ─> Plan ─> select: which nodes
//!                                                              └ template: Jinja
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`config`] | `headwater.yml`, `dbt_project.yml`, `.env`, the YAML of models, sources and all else: read, checked, located |
//! | [`packages`] | `packages.yml`, its lock, and which version of each package it comes to |
//! | `template` | Jinja as dbt users know it; from a place in rendered SQL back to the template |
//! | [`compile`](mod@compile) | the passes from files to a plan, one file each |
//! | [`select`] | dbt's selection syntax on a plan |
//! | [`generate`] | the hints for generated data |
//! | [`invocation`] | the command that a project is compiled for |
//! | `parallel` | the same work for many things, side by side |
//! | [`schemas`] | the JSON Schemas of the YAML files |
//! | [`world`] | what the compiler asks of the lake: columns, relations, rows |
//!
//! Does not belong here: anything that touches data (but for seeds, which are a part of the project), anything that one
//! engine alone knows. The lake is asked about columns through [`headwater_sql::Relations`], and for nothing else.
//! Files on disk: reads the project's folder; writes what checks found to the folder of a [`Keep`], if it is given one.

pub mod compile;
pub mod config;
pub mod generate;
pub mod invocation;
pub mod packages;
mod parallel;
pub mod schemas;
pub mod select;
mod template;
pub mod world;

pub use compile::{Checked, Compiled, Keep, check, compile, environment, project};
pub use config::{Environ, Request, find};
pub use invocation::Invocation;
pub use world::{Answer, Outside, RelationKind, Rows};
