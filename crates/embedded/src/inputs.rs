//! The tables and views that a query reads. Planning cannot wait for the lake, so they are looked up before it; what
//! only planning shows to be needed (a query that the user typed) is noted while it fails, looked up, and it is planned
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use headwater_lake::{Lake, Relation, Table};
use headwater_plan::{TableName, TableVersion};
use headwater_sql::{RelationSource, Relations};

use crate::error::EmbeddedError;
use crate::set_aside::{empty_quarantine, empty_version, is_empty_quarantine};

/// What a query may name, as it lies in the lake at one moment.
#[derive(Default)]
pub(crate) struct Inputs {
    sources: BTreeMap<TableName, RelationSource>,
    versions: BTreeMap<TableName, TableVersion>,
    sizes: Vec<Size>,
    /// Looked for and not there.
    absent: BTreeSet<TableName>,
    /// Asked for by the last planning and not looked for yet.
    asked: Mutex<BTreeSet<TableName>>,
    /// Everything in the lake, once a name was wrong.
    known: Vec<TableName>,
}

#[derive(Debug, Clone, Copy)]
struct Size {
    rows: u64,
    bytes: u64,
}

impl Inputs {
    /// Looks up what a node reads, and what the views among it read.
    pub(crate) async fn of(lake: &Lake, reads: &[TableName]) -> Result<Self, EmbeddedError> {
        let mut inputs = Self::default();
        inputs.look_up(lake, reads.to_vec()).await?;
        match inputs.absent.pop_first() {
            Some(missing) => Err(EmbeddedError::MissingInput { missing }),
            None => Ok(inputs),
        }
    }

    /// Looks up what the last planning asked for in vain; false if there is nothing more to find.
    pub(crate) async fn look_up_what_was_asked_for(&mut self, lake: &Lake) -> Result<bool, EmbeddedError> {
        let asked = std::mem::take(self.asked.get_mut().unwrap_or_else(PoisonError::into_inner));
        let found_before = self.sources.len();
        let wrong_name = !asked.is_empty() || !self.absent.is_empty();
        self.look_up(lake, asked.into_iter().collect()).await?;
        if self.sources.len() > found_before {
            return Ok(true);
        }
        // Planned once more, so that the message can say which name was meant.
        let first = wrong_name && self.known.is_empty();
        if first {
            self.known = lake.relations().await?.into_iter().map(|relation| relation.name).collect();
        }
        Ok(first && !self.known.is_empty())
    }

    async fn look_up(&mut self, lake: &Lake, mut open: Vec<TableName>) -> Result<(), EmbeddedError> {
        while let Some(name) = open.pop() {
            if self.sources.contains_key(&name) || self.absent.contains(&name) {
                continue;
            }
            match lake.relation(&name).await? {
                Some(relation) => {
                    self.versions.insert(name.clone(), relation.version());
                    let source = match relation {
                        Relation::Table(table) => {
                            self.sizes.push(Size::of(&table));
                            RelationSource::Provider(table.provider().await?)
                        }
                        Relation::View(view) => {
                            open.extend(view.reads);
                            RelationSource::View { sql: view.sql }
                        }
                    };
                    self.sources.insert(name, source);
                }
                None if is_empty_quarantine(lake, &name).await? => {
                    self.versions.insert(name.clone(), empty_version());
                    self.sources.insert(name, empty_quarantine());
                }
                None => {
                    self.absent.insert(name);
                }
            }
        }
        Ok(())
    }

    /// Lets a name stand for something else, or for what is not in the lake at all. It is no input: neither its version
    /// nor its size is told.
    pub(crate) fn place(&mut self, name: TableName, source: RelationSource) {
        self.absent.remove(&name);
        self.sources.insert(name, source);
    }

    /// What a name stands for, if it was looked up.
    pub(crate) fn source(&self, name: &TableName) -> Option<&RelationSource> {
        self.sources.get(name)
    }

    /// The version of everything that was looked up.
    pub(crate) fn versions(&self) -> BTreeMap<TableName, TableVersion> {
        self.versions.clone()
    }

    /// The rows of the tables, each counted once, as their logs tell it; a file by another engine that does not tell
    /// counts none.
    pub(crate) fn rows(&self) -> u64 {
        self.sizes.iter().map(|size| size.rows).sum()
    }

    /// The stored bytes of the tables, each counted once.
    pub(crate) fn bytes(&self) -> u64 {
        self.sizes.iter().map(|size| size.bytes).sum()
    }

    /// The stored bytes of the second largest table; 0 if there are not two.
    pub(crate) fn second_largest_bytes(&self) -> u64 {
        let mut bytes: Vec<u64> = self.sizes.iter().map(|size| size.bytes).collect();
        bytes.sort_unstable();
        bytes.iter().rev().nth(1).copied().unwrap_or(0)
    }
}

impl Size {
    fn of(table: &Table) -> Self {
        Self { rows: table.rows().unwrap_or(0), bytes: table.bytes() }
    }
}

impl Clone for Inputs {
    fn clone(&self) -> Self {
        Self {
            sources: self.sources.clone(),
            versions: self.versions.clone(),
            sizes: self.sizes.clone(),
            absent: self.absent.clone(),
            asked: Mutex::default(),
            known: self.known.clone(),
        }
    }
}

impl Relations for Inputs {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        let source = self.sources.get(name).cloned();
        if source.is_none() && !self.absent.contains(name) {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        }
        source
    }

    fn names(&self) -> Vec<TableName> {
        self.sources.keys().chain(&self.known).cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }
}
