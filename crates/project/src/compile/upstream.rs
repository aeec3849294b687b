//! What a query may read while it is typed: the relations that its template got from `ref` and `source`, and no others.

use std::cell::RefCell;
use std::collections::HashMap;

use headwater_plan::{Schema, TableName};
use headwater_sql::RelationSource;

use super::item::{Index, Item, Kept};
use super::typing::Typing;
use super::world::Facts;

/// What a query may read: the relations that it got from `ref` and `source`.
pub(super) struct Upstream<'a> {
    items: &'a [Item<'a>],
    makers: &'a HashMap<TableName, Index>,
    reads: &'a [Index],
    /// The table that earlier runs made of the query itself.
    this: Option<(&'a TableName, &'a Schema)>,
    facts: &'a Facts,
    /// Items of the project that the query names without `ref` or `source`.
    unasked: RefCell<Vec<Index>>,
}

impl<'a> Upstream<'a> {
    pub(super) fn new(items: &'a [Item<'a>], typing: &'a Typing<'a>, reads: &'a [Index]) -> Self {
        let Typing { makers, facts, .. } = typing;
        Self { items, makers, reads, this: None, facts, unasked: RefCell::default() }
    }

    pub(super) fn with(self, this: &'a TableName, schema: &'a Schema) -> Self {
        Self { this: Some((this, schema)), ..self }
    }

    /// The same, with one relation more, which is not the project's.
    pub(super) fn only<'b>(&'b self, name: &'b TableName, schema: &'b Schema) -> Upstream<'b> {
        Upstream { this: Some((name, schema)), unasked: RefCell::default(), ..*self }
    }

    /// Whether the columns of all that is read are known.
    pub(super) fn is_typed(&self) -> bool {
        self.reads.iter().all(|read| self.items[*read].schema.is_some())
    }

    /// How a relation of the project is written that the query names in plain SQL and the message tells of.
    pub(super) fn help(&self, message: &str) -> Option<String> {
        let unasked = self.unasked.borrow();
        let named = |index: &&Index| message.contains(&format!("`{}`", self.items[**index].relation));
        let item = &self.items[*unasked.iter().find(named)?];
        let call = match item.name.split_once('.') {
            Some((source, table)) if matches!(item.body.kept(), Kept::Ingest | Kept::External | Kept::Quarantine) => {
                format!("source('{source}', '{table}')")
            }
            _ => format!("ref('{}')", item.name),
        };
        Some(format!("it is the {}: write `{{{{ {call} }}}}`, so that it is built first", item.called()))
    }
}

impl headwater_sql::Relations for Upstream<'_> {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        if let Some((_, schema)) = self.this.filter(|(this, _)| *this == name) {
            return Some(RelationSource::Schema(schema.clone()));
        }
        // By what is read and not by who makes it, so that two makers of one relation do not hide each other.
        if let Some(read) = self.reads.iter().find(|read| self.items[**read].relation == *name) {
            return self.items[*read].schema.clone().map(RelationSource::Schema);
        }
        match self.makers.get(name) {
            Some(maker) => {
                self.unasked.borrow_mut().push(*maker);
                None
            }
            // What a macro found in the lake.
            None => self.facts.in_lake(name),
        }
    }

    fn names(&self) -> Vec<TableName> {
        self.reads.iter().map(|read| self.items[*read].relation.clone()).collect()
    }
}
