//! Everything in the lake.

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use headwater_plan::{TableName, TableVersion};
use serde::{Deserialize, Serialize};

use crate::lake::below;
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
        names.extend(self.table_names().await?);
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

    async fn table_names(&self) -> Result<Vec<TableName>, LakeError> {
        let mut candidates = Vec::new();
        for schema in self.folders(self.root()).await? {
            for table in self.folders(&below(self.root(), &schema)?).await? {
                let name = TableName::new(&schema, &table);
                // A folder that no name leads to (another case, a hidden one) is not in the lake.
                if Self::check_name(&name).is_ok() && name.schema == schema && name.name == table {
                    candidates.push(name);
                }
            }
        }
        let looks = futures::stream::iter(candidates)
            .map(|name| async move { Ok(self.has_commits(&name).await?.then_some(name)) })
            .buffered(AT_ONCE);
        looks.try_filter_map(|name| async move { Ok(name) }).try_collect().await
    }
}
