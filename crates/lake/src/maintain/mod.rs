//! Looking after tables: fewer and larger files, no litter, an earlier version back. None of it changes a row that the
//! newest version holds but [`Lake::restore`], which is asked to.
//!
//! [`Lake::restore`]: crate::Lake::restore

pub(crate) mod optimize;
pub(crate) mod restore;
pub(crate) mod vacuum;

use headwater_plan::TableName;

use crate::write::check::check_protocol;
use crate::{Lake, LakeError, Table};

impl Lake {
    /// The table to look after: one that is there, is not hidden by a view, and has no feature that is not written.
    async fn maintained(&self, name: &TableName) -> Result<Table, LakeError> {
        Self::check_name(name)?;
        let table = match self.view(name).await? {
            Some(_) => None,
            None => self.table(name).await?,
        };
        let table = table.ok_or_else(|| LakeError::NoTable { table: name.clone() })?;
        check_protocol(name, &table.snapshot)?;
        Ok(table)
    }
}
