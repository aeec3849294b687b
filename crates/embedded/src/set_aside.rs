//! The quarantine of a table from which no row was set aside yet: there to be read, and empty. So whoever watches the bad
//! rows of a source can do so from the first load on.

use std::sync::Arc;

use datafusion::datasource::empty::EmptyTable;
use headwater_lake::{Lake, Relation};
use headwater_plan::ingest::SOURCE_FILE;
use headwater_plan::{Ingest, TableName, TableVersion};
use headwater_sql::RelationSource;
use headwater_sql::types::to_arrow;

use crate::error::EmbeddedError;

/// Whether a relation that the lake has not is the quarantine of a table that it has, loaded from files.
pub(crate) async fn is_empty_quarantine(lake: &Lake, name: &TableName) -> Result<bool, EmbeddedError> {
    let Some(loaded) = name.name.strip_suffix("_quarantine") else { return Ok(false) };
    let loaded = lake.relation(&TableName::new(&name.schema, loaded)).await?;
    Ok(matches!(loaded, Some(Relation::Table(table)) if table.schema().field(SOURCE_FILE).is_some()))
}

/// It, to be read.
pub(crate) fn empty_quarantine() -> RelationSource {
    RelationSource::Provider(Arc::new(EmptyTable::new(Arc::new(to_arrow(&Ingest::quarantine_schema())))))
}

/// Its version, until there is a table with one.
pub(crate) fn empty_version() -> TableVersion {
    TableVersion { id: "empty".to_owned(), version: 0 }
}
