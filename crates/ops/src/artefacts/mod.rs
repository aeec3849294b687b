//! dbt's artefacts: `manifest.json`, `run_results.json` and `catalog.json` under `target/`, in dbt's own JSON schemas, so
//! that the tools that read them work.
//!
//! The risk is half a file under the eyes of a tool that reads it. Each is written beside its place and moved there.
//! They are filled from the plan and the report alone; what dbt has and a plan has not is what dbt writes for nothing:
//! null, an empty list, its default.
//!
//! | file | schema |
//! |---|---|
//! | [`manifest`] | <https://schemas.getdbt.com/dbt/manifest/v12.json> |
//! | [`results`] | <https://schemas.getdbt.com/dbt/run-results/v6.json> |
//! | [`catalog`] | <https://schemas.getdbt.com/dbt/catalog/v1.json> |

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use headwater_project::{Invocation, Request};
use serde_json::{Value, json};

use crate::{Context, OpsError};

pub(crate) mod catalog;
mod config;
pub(crate) mod manifest;
mod node;
pub(crate) mod results;

pub(crate) use node::{compiled, compiled_anew, compiled_path, package};

/// The version of dbt whose conventions hold.
pub(crate) const DBT_VERSION: &str = "1.10.13";
/// dbt's folder of what it makes.
pub(crate) const TARGET: &str = "target";

/// What every artefact says of the call that wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Writer<'a> {
    /// The call.
    pub(crate) invocation: &'a Invocation,
    /// The project's folder.
    pub(crate) dir: &'a Path,
    /// The time.
    pub(crate) now: DateTime<Utc>,
}

impl<'a> Writer<'a> {
    /// For a call of the program.
    pub(crate) fn new(request: &'a Request, context: &Context) -> Self {
        Self { invocation: &request.invocation, dir: &request.dir, now: context.clock.now() }
    }

    /// The `metadata` that all artefacts share.
    fn metadata(&self, schema: &str) -> Value {
        json!({
            "dbt_schema_version": format!("https://schemas.getdbt.com/dbt/{schema}.json"),
            "dbt_version": DBT_VERSION,
            "generated_at": instant(self.now),
            "invocation_id": self.invocation.id,
            "invocation_started_at": instant(self.invocation.started_at),
            "env": {},
        })
    }

    /// Writes a file below `target/`, whole or not at all.
    ///
    /// # Errors
    /// A folder or file that cannot be written.
    pub(crate) fn write(&self, name: &str, artefact: &Value) -> Result<PathBuf, OpsError> {
        let mut text = serde_json::to_string(artefact)
            .map_err(|error| OpsError::RowsNotWritten { format: "JSON", source: Box::new(error) })?;
        text.push('\n');
        let path = self.dir.join(TARGET).join(name);
        write_whole(&path, text.as_bytes())?;
        Ok(path)
    }
}

/// Writes a file beside its place and moves it there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), OpsError> {
    let unwritable = |source| OpsError::Unwritable { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path)).map_err(unwritable)
}

/// An instant as dbt writes it.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
