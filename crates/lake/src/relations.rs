//! Everything in the lake.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use headwater_plan::{TableName, TableVersion};
use serde::{Deserialize, Serialize};

use crate::relation::has_commits;
use crate::{Lake, LakeError, Relation};

/// How many tables' logs are read at once.
const AT_ONCE: usize = 8;

/// A line of the lake's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationSummary {
    /// Its name.
    pub name: TableName,
    /// Table or view.
    pub kind: RelationKind,
    /// Its version.
    pub version: TableVersion,
    /// How many columns it has.
    pub columns: usize,
    /// How many rows a table has, if its files say.
    pub rows: Option<u64>,
    /// The size of a table's files, in bytes.
    pub bytes: u64,
    /// How many files a table has.
    pub files: usize,
    /// When it was last written, by its log; `None` for a view.
    pub written_at: Option<DateTime<Utc>>,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// A Delta table.
    Table,
    /// A query by name.
    View,
}

impl Lake {
    /// All tables and views, sorted by name, tables by any engine included.
    pub async fn relations(&self) -> Result<Vec<RelationSummary>, LakeError> {
        let mut names = self.view_names().await?;
        names.extend(self.table_names()?);
        names.sort();
        names.dedup();
        let summaries = futures::stream::iter(names).map(|name| self.summary(name)).buffered(AT_ONCE);
        Ok(summaries.try_collect::<Vec<_>>().await?.into_iter().flatten().collect())
    }

    async fn summary(&self, name: TableName) -> Result<Option<RelationSummary>, LakeError> {
        let summary = match self.relation(&name).await? {
            // Dropped by another process since it was listed.
            None => return Ok(None),
            Some(Relation::View(view)) => RelationSummary {
                version: view.version(),
                columns: view.schema.fields.len(),
                kind: RelationKind::View,
                rows: None,
                bytes: 0,
                files: 0,
                written_at: None,
                name,
            },
            Some(Relation::Table(table)) => RelationSummary {
                written_at: self.entry(&name, table.version().version).await?.map(|entry| entry.timestamp),
                version: table.version(),
                columns: table.schema().fields.len(),
                kind: RelationKind::Table,
                rows: table.rows(),
                bytes: table.bytes(),
                files: table.files(),
                name,
            },
        };
        Ok(Some(summary))
    }

    fn table_names(&self) -> Result<Vec<TableName>, LakeError> {
        let mut names = Vec::new();
        for (schema, folder) in folders(self.path())? {
            for (table, folder) in folders(&folder)? {
                let name = TableName::new(&schema, &table);
                // A folder that no name leads to (another case, a hidden one) is not in the lake.
                let reachable = Self::check_name(&name).is_ok() && name.schema == schema && name.name == table;
                if reachable && has_commits(&folder)? {
                    names.push(name);
                }
            }
        }
        Ok(names)
    }
}

/// The folders in a folder, by name; none if it is not there.
fn folders(path: &Path) -> Result<Vec<(String, PathBuf)>, LakeError> {
    let failed = |source| LakeError::Io { doing: "list the folder", path: path.to_path_buf(), source };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && path.is_dir()
        {
            found.push((name.to_string(), path.clone()));
        }
    }
    Ok(found)
}
