//! A commit that changes no row: files in the place of those that they were made from.

use std::collections::{HashMap, HashSet};

use deltalake_core::kernel::{Add, EagerSnapshot, Remove};
use headwater_plan::{TableName, TableVersion};
use serde_json::Value;

use super::actions::{Draft, LogEntry};
use super::commit::{Ended, Found, Next, Watch, commit};
use super::{FinishedPart, StagedFile, TableWriter, check, part};
use crate::LakeError;

/// Files in the place of others.
#[derive(Debug)]
pub(crate) struct Rewrite {
    /// The paths of those that go.
    pub(crate) replaced: Vec<String>,
    /// The tag of those that come.
    pub(crate) tag: Option<(&'static str, String)>,
}

impl TableWriter {
    /// Puts rewritten files in the place of those that they were made from, all at once; no row changes by it.
    pub(crate) async fn commit_rewrite(
        self,
        parts: Vec<FinishedPart>,
        rewrite: &Rewrite,
    ) -> Result<(TableVersion, Vec<StagedFile>), LakeError> {
        let (files, mut guards) = part::settle(parts).await?;
        if let Some(table) = self.part.place.folder() {
            part::sync(&table, &files)?;
        }
        let target = &self.options.target;
        let mut next = |found: Found<'_>| match found.snapshot {
            Some(snapshot) => self.rewritten(snapshot, &files, rewrite).map(Next::Put),
            None => Err(LakeError::NoTable { table: target.clone() }),
        };
        let ended = commit(&self.lake, target, Watch::default(), &mut guards, &mut next).await;
        match ended {
            Ok(Ended::Committed(version) | Ended::Already(version)) => Ok((version, files)),
            Err(error) => {
                part::remove(guards).await;
                Err(error)
            }
        }
    }

    fn rewritten(
        &self,
        snapshot: &EagerSnapshot,
        files: &[StagedFile],
        rewrite: &Rewrite,
    ) -> Result<LogEntry, LakeError> {
        check::check_protocol(&self.options.target, snapshot)?;
        let tags = rewrite.tag.iter().map(|(key, value)| ((*key).to_string(), Some(value.clone())));
        let tags: Option<HashMap<_, _>> = rewrite.tag.is_some().then(|| tags.collect());
        let removes = removals(&self.options.target, snapshot, &rewrite.replaced, false)?;
        let columns = snapshot.schema();
        let draft = Draft {
            schema: columns.as_ref(),
            partition_by: snapshot.metadata().partition_columns(),
            configuration: None,
            transactions: Vec::new(),
            metrics: vec![
                ("numRemovedFiles", removes.len() as u64),
                ("numAddedFiles", files.len() as u64),
                ("numAddedBytes", files.iter().map(|file| file.size).sum()),
            ],
            removes,
            adds: files.iter().map(|file| Add { tags: tags.clone(), ..file.add(false) }).collect(),
            operation: &self.options.operation,
            parameters: rewrite.tag.iter().map(|(_, columns)| ("clusterBy", Value::from(columns.clone()))).collect(),
            provenance: self.provenance(),
            blind: false,
            at: self.options.at,
        };
        draft.entry(Some(snapshot))
    }
}

/// The actions that take files out of a table; refused if one is not in it.
pub(super) fn removals(
    table: &TableName,
    snapshot: &EagerSnapshot,
    paths: &[String],
    data_change: bool,
) -> Result<Vec<Remove>, LakeError> {
    let mut wanted: HashSet<&str> = paths.iter().map(String::as_str).collect();
    let mut removes = Vec::with_capacity(paths.len());
    for file in snapshot.log_data().iter() {
        if wanted.remove(file.path().as_ref()) {
            removes.push(file.remove_action(data_change));
        }
    }
    match wanted.into_iter().min() {
        None => Ok(removes),
        Some(file) => Err(LakeError::FilesReplaced { table: table.clone(), file: file.to_string() }),
    }
}
