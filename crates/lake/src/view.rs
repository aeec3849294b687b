//! Views: a query by name, kept as a file.
//!
//! Risk: a moment in which a name stands for nothing, or for two things. The view's file is the switch: while it is
//! there it hides a table of the same name. A view takes a table's place when its file appears, in one atomic put, and
//! the table's folder goes after; a table takes a view's place when it has been committed and the view's file goes.

use std::fs;
use std::io;
use std::path::PathBuf;

use futures::TryStreamExt;
use headwater_plan::{Schema, TableName, TableVersion, engine::Built};
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::durable::sync_folder;
use crate::{Lake, LakeError};

/// A query by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its name.
    pub name: TableName,
    /// Spark SQL, after Jinja.
    pub sql: String,
    /// Its columns.
    pub schema: Schema,
    /// The tables and views that it reads.
    pub reads: Vec<TableName>,
    /// From what it was built.
    pub built: Built,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "version")]
enum Stored {
    #[serde(rename = "1")]
    V1(View),
}

impl View {
    /// Its version: it changes with its fingerprint.
    pub fn version(&self) -> TableVersion {
        TableVersion { id: self.built.fingerprint.clone(), version: 0 }
    }
}

impl Lake {
    fn view_file(&self, name: &TableName) -> PathBuf {
        self.own(&["views", &name.schema, &format!("{}.json", name.name)])
    }

    /// The view of that name.
    pub(crate) async fn view(&self, name: &TableName) -> Result<Option<View>, LakeError> {
        let path = self.view_file(name);
        let file = path.display().to_string();
        let failed = |source| LakeError::Store { doing: "read the view", path: file.clone(), source };
        let found = match self.store().get(&Self::location(&path)?).await {
            Ok(found) => found,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let bytes = found.bytes().await.map_err(failed)?;
        match serde_json::from_slice(&bytes) {
            Ok(Stored::V1(view)) => Ok(Some(view)),
            Err(why) => Err(LakeError::DamagedView { why: why.to_string(), file }),
        }
    }

    /// The names of all views.
    pub(crate) async fn view_names(&self) -> Result<Vec<TableName>, LakeError> {
        let folder = Self::location(&self.own(&["views"]))?;
        let failed = |source| LakeError::Store { doing: "list the views in", path: folder.to_string(), source };
        let files: Vec<_> = self.store().list(Some(&folder)).try_collect().await.map_err(failed)?;
        let name = |file: &object_store::ObjectMeta| {
            let mut parts: Vec<_> = file.location.prefix_match(&folder)?.collect();
            let (name, schema) = (parts.pop()?, parts.pop()?);
            let name = name.as_ref().strip_suffix(".json")?;
            (parts.is_empty() && !name.starts_with('.')).then(|| TableName::new(schema.as_ref(), name))
        };
        Ok(files.iter().filter_map(name).collect())
    }

    /// Puts a view in place, in place of a table of that name too, which is then dropped with its history. A table that
    /// Headwater did not write is not touched.
    pub async fn replace_view(&self, view: View) -> Result<TableVersion, LakeError> {
        Self::check_name(&view.name)?;
        let hidden = self.table(&view.name).await?;
        if hidden.as_ref().is_some_and(|table| table.run_id().is_none()) {
            return Err(LakeError::ForeignTable { table: view.name });
        }
        let (name, version, path) = (view.name.clone(), view.version(), self.view_file(&view.name));
        let bytes = serde_json::to_vec_pretty(&Stored::V1(view))
            .map_err(|source| LakeError::Json { what: "a view", source })?;
        let put = self.store().put(&Self::location(&path)?, PutPayload::from(bytes)).await;
        put.map_err(|source| LakeError::Store { doing: "write the view", path: path.display().to_string(), source })?;
        if hidden.is_some() {
            self.drop_table(&name)?;
        }
        Ok(version)
    }

    /// Removes the view of that name, which uncovers the table of that name.
    pub(crate) fn drop_view(&self, name: &TableName) -> Result<(), LakeError> {
        let path = self.view_file(name);
        let failed = |source| LakeError::Io { doing: "remove the view", path: path.clone(), source };
        match fs::remove_file(&path) {
            Ok(()) => path.parent().map_or(Ok(()), sync_folder).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes the folder of a table that a view hides: first from its place, in one step, then from the disk. What a
    /// process does not get to before it dies, the next one that locks the lake removes.
    fn drop_table(&self, name: &TableName) -> Result<(), LakeError> {
        let folder = self.table_folder(name);
        let failed = |source| LakeError::Io { doing: "remove the table in", path: folder.clone(), source };
        let aside = self.own(&["dropped", &format!("{name}.{}", Uuid::new_v4().simple())]);
        fs::create_dir_all(self.own(&["dropped"])).map_err(failed)?;
        fs::rename(&folder, &aside).map_err(failed)?;
        folder.parent().map_or(Ok(()), sync_folder).map_err(failed)?;
        fs::remove_dir_all(&aside).map_err(failed)
    }
}
