//! Views: a query by name, kept as a file.
//!
//! Risk: a moment in which a name stands for nothing, or for two things. The view's file is the switch: while it is
//! there it hides a table of the same name. A view takes a table's place when its file appears, in one atomic put, and
//! the table's folder goes after; a table takes a view's place when it has been committed and the view's file goes.

use std::fs;
use std::path::Path;

use headwater_plan::{Schema, TableName, TableVersion, engine::Built};
use object_store::path::Path as StorePath;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::durable::sync_folder;
use crate::lake::below;
use crate::lock::DROPPED;
use crate::relation::LOG_FOLDER;
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
    fn view_file(&self, name: &TableName) -> Result<StorePath, LakeError> {
        self.own(&["views", &name.schema, &format!("{}.json", name.name)])
    }

    /// The view of that name.
    pub(crate) async fn view(&self, name: &TableName) -> Result<Option<View>, LakeError> {
        let path = self.view_file(name)?;
        let Some(bytes) = self.get("read the view", &path).await? else { return Ok(None) };
        match serde_json::from_slice(&bytes) {
            Ok(Stored::V1(view)) => Ok(Some(view)),
            Err(why) => Err(LakeError::DamagedView { why: why.to_string(), file: self.shown(&path) }),
        }
    }

    /// The names of all views.
    pub(crate) async fn view_names(&self) -> Result<Vec<TableName>, LakeError> {
        let folder = self.own(&["views"])?;
        let files = self.list("list the views in", &folder).await?;
        let name = |file: &object_store::ObjectMeta| {
            let mut parts: Vec<_> = file.location.prefix_match(&folder)?.collect();
            let (name, schema) = (parts.pop()?, parts.pop()?);
            let name = name.as_ref().strip_suffix(".json")?;
            parts.is_empty().then(|| TableName::new(schema.as_ref(), name))
        };
        Ok(files.iter().filter_map(name).collect())
    }

    /// All views, by their names.
    pub async fn views(&self) -> Result<Vec<View>, LakeError> {
        let mut names = self.view_names().await?;
        names.sort();
        let mut views = Vec::with_capacity(names.len());
        for name in names {
            // One may have been dropped by another process since it was listed.
            views.extend(self.view(&name).await?);
        }
        Ok(views)
    }

    /// Puts a view in place, in place of a table of that name too, which is then dropped with its history. A table that
    /// Headwater did not write is not touched.
    pub async fn replace_view(&self, view: View) -> Result<TableVersion, LakeError> {
        Self::check_name(&view.name)?;
        let hidden = self.table(&view.name).await?;
        if hidden.as_ref().is_some_and(|table| table.run_id().is_none()) {
            return Err(LakeError::ForeignTable { table: view.name });
        }
        let (name, version, path) = (view.name.clone(), view.version(), self.view_file(&view.name)?);
        let bytes = serde_json::to_vec_pretty(&Stored::V1(view))
            .map_err(|source| LakeError::Json { what: "a view", source })?;
        self.put("write the view", &path, bytes).await?;
        if hidden.is_some() {
            self.drop_table(&name).await?;
        }
        Ok(version)
    }

    /// Removes the view of that name, which uncovers the table of that name.
    pub(crate) async fn drop_view(&self, name: &TableName) -> Result<(), LakeError> {
        self.delete("remove the view", &self.view_file(name)?).await
    }

    /// Removes the table or view of that name, and a table that the view hides. What is not there is fine.
    pub async fn drop_relation(&self, name: &TableName) -> Result<(), LakeError> {
        Self::check_name(name)?;
        self.drop_view(name).await?;
        match self.table(name).await? {
            Some(_) => self.drop_table(name).await,
            None => Ok(()),
        }
    }

    /// Removes a table that a view hides.
    async fn drop_table(&self, name: &TableName) -> Result<(), LakeError> {
        let table = self.table_path(name)?;
        match self.local(&table).zip(self.local(&self.own(&[DROPPED])?)) {
            Some((folder, dropped)) => drop_folder(&folder, &dropped, name),
            None => self.drop_objects(&table).await,
        }
    }

    /// Removes a table's objects: its log first, from the newest entry on, so that a table of which a process leaves a
    /// part behind when it dies is an earlier version of it, whole, or none.
    async fn drop_objects(&self, table: &StorePath) -> Result<(), LakeError> {
        let doing = "remove the table in";
        let log = below(table, LOG_FOLDER)?;
        self.delete(doing, &below(&log, "_last_checkpoint")?).await?;
        let mut entries: Vec<StorePath> = self.list(doing, &log).await?.into_iter().map(|file| file.location).collect();
        entries.sort();
        for entry in entries.iter().rev() {
            self.delete(doing, entry).await?;
        }
        let rest = self.list(doing, table).await?.into_iter().map(|file| file.location).collect();
        self.delete_all(doing, rest).await
    }
}

/// Removes a table's folder: first from its place, in one step, then from the disk. What a process does not get to
/// before it dies, the next one that locks the lake removes.
fn drop_folder(folder: &Path, dropped: &Path, name: &TableName) -> Result<(), LakeError> {
    let failed = |source| LakeError::Io { doing: "remove the table in", path: folder.to_path_buf(), source };
    let aside = dropped.join(format!("{name}.{}", Uuid::new_v4().simple()));
    fs::create_dir_all(dropped).map_err(failed)?;
    fs::rename(folder, &aside).map_err(failed)?;
    folder.parent().map_or(Ok(()), sync_folder).map_err(failed)?;
    fs::remove_dir_all(&aside).map_err(failed)
}
