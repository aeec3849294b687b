//! `tables`: what the lake holds.

pub use headwater_lake::{HistoryEntry, RelationKind, RelationSummary};
use headwater_lake::{Lake, Relation};
use headwater_plan::{Built, Diagnostics, Schema, TableName, TableVersion};
use serde::Serialize;

use crate::{Context, OpsError, wiring};

/// All tables and views of a lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableList {
    /// The lake, as the user wrote it.
    pub lake: String,
    /// The tables and views, sorted.
    pub tables: Vec<RelationSummary>,
}

/// One table or view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableDetails {
    /// Its name.
    pub name: TableName,
    /// Its columns.
    pub schema: Schema,
    /// How it was built; `None` if not by Headwater.
    pub built: Option<Built>,
    /// What a table or view has of its own.
    #[serde(flatten)]
    pub kind: DetailsKind,
}

/// What a table or view has of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DetailsKind {
    /// A Delta table.
    Table {
        /// Its present version.
        version: TableVersion,
        /// Its rows, if its files tell.
        rows: Option<u64>,
        /// Its size, as stored.
        bytes: u64,
        /// Its data files.
        files: usize,
        /// Where it lies.
        path: String,
    },
    /// A query with a name.
    View {
        /// The query.
        sql: String,
        /// What it reads.
        reads: Vec<TableName>,
    },
}

/// The versions of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableHistory {
    /// The table.
    pub name: TableName,
    /// Its versions, newest first.
    pub versions: Vec<HistoryEntry>,
}

/// Lists the tables and views.
///
/// # Errors
/// No project, or a lake that cannot be read.
pub async fn list(context: &Context) -> Result<TableList, Diagnostics> {
    let lake = open(context).await?;
    let tables = lake.relations().await.map_err(|error| error.diagnostic())?;
    Ok(TableList { lake: lake.written().to_owned(), tables })
}

/// One table or view.
///
/// # Errors
/// As [`list`], and a table that is not there.
pub async fn show(context: &Context, name: &str) -> Result<TableDetails, Diagnostics> {
    let lake = open(context).await?;
    let (name, relation) = find(&lake, name).await?;
    Ok(match relation {
        Relation::Table(table) => TableDetails {
            schema: table.schema().clone(),
            built: table.built().cloned(),
            kind: DetailsKind::Table {
                version: table.version(),
                rows: table.rows(),
                bytes: table.bytes(),
                files: table.files(),
                path: lake.table_uri(&name),
            },
            name,
        },
        Relation::View(view) => TableDetails {
            name,
            schema: view.schema,
            built: Some(view.built),
            kind: DetailsKind::View { sql: view.sql, reads: view.reads },
        },
    })
}

/// The versions of a table.
///
/// # Errors
/// As [`show`], and a view, which has none.
pub async fn history(context: &Context, name: &str) -> Result<TableHistory, Diagnostics> {
    let lake = open(context).await?;
    let (name, relation) = find(&lake, name).await?;
    if let Relation::View(_) = relation {
        return Err(OpsError::NoHistory { view: name.to_string() }.into());
    }
    let versions = lake.history(&name).await.map_err(|error| error.diagnostic())?;
    Ok(TableHistory { name, versions })
}

pub(crate) async fn open(context: &Context) -> Result<Lake, Diagnostics> {
    let request = context.request()?;
    let environment = headwater_project::environment(&request)?;
    Ok(wiring::lake(&environment, &request.environ).await?)
}

/// The relation of that name; a bare name will do when only one schema has it.
pub(crate) async fn find(lake: &Lake, asked: &str) -> Result<(TableName, Relation), Diagnostics> {
    let relations = lake.relations().await.map_err(|error| error.diagnostic())?;
    let names: Vec<TableName> = relations.into_iter().map(|relation| relation.name).collect();
    let lower = asked.to_lowercase().replace('`', "");
    let mut matching = names.iter().filter(|name| name.to_string() == lower || name.name == lower);
    if let (Some(name), None) = (matching.next(), matching.next())
        && let Some(relation) = lake.relation(name).await.map_err(|error| error.diagnostic())?
    {
        return Ok((name.clone(), relation));
    }
    let texts: Vec<String> = names.iter().map(TableName::to_string).collect();
    let meant = headwater_plan::diagnostic::did_you_mean(&lower, texts.iter().map(String::as_str)).or_else(|| {
        let same_name = |name: &&TableName| name.name == lower;
        names.iter().position(|name| same_name(&name)).and_then(|position| texts.get(position)).map(String::as_str)
    });
    Err(OpsError::UnknownTable {
        asked: asked.to_owned(),
        lake: lake.written().to_owned(),
        meant: meant.map(str::to_owned),
        any: !names.is_empty(),
    }
    .into())
}
