//! A source, seed or model on its way to a node: what every pass knows of it so far.

use std::collections::HashMap;

use headwater_plan::{Code, Diagnostic, Diagnostics, Ingest, Location, NodeId, NodeKind, Schema, Seed, TableName};

use super::settings::{Materialized, Settings};
use super::sources::QUARANTINE;
use crate::config::{ColumnDecl, SqlFile, TestDecl};
use crate::template::Rendered;

/// The number of an item among all of a project.
pub(super) type Index = usize;

/// A source, seed or model.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) id: NodeId,
    /// `vehicles`, or `rental.vehicles` for a source.
    pub(super) name: String,
    pub(super) kind: NodeKind,
    pub(super) location: Location,
    pub(super) relation: TableName,
    pub(super) tags: Vec<String>,
    pub(super) description: Option<&'a str>,
    pub(super) columns: &'a [ColumnDecl],
    pub(super) tests: &'a [TestDecl],
    pub(super) enabled: bool,
    pub(super) body: Body<'a>,
    /// What it reads, sorted, each once.
    pub(super) reads: Vec<Index>,
    /// `None` until it is typed, and for good when an error has been told about it or what it reads: whatever follows
    /// from that is not worth a message.
    pub(super) schema: Option<Schema>,
}

/// What an item's step will be.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Ingest(Box<Ingest>),
    External,
    /// What an ingest sets aside. A node only if something reads it.
    Quarantine,
    Seed(Box<SeedBody>),
    Model(Box<ModelBody<'a>>),
}

/// A seed and a hash of its file, whose change makes its table another.
#[derive(Debug)]
pub(super) struct SeedBody {
    pub(super) seed: Seed,
    pub(super) content: String,
}

/// A model.
#[derive(Debug)]
pub(super) struct ModelBody<'a> {
    pub(super) file: &'a SqlFile,
    /// The relation by file and YAML alone.
    pub(super) expected: TableName,
    pub(super) settings: Settings,
    /// `None` if it did not render.
    pub(super) rendered: Option<Rendered>,
    /// The tables and views that its SQL reads; known once it is typed.
    pub(super) query_reads: Vec<TableName>,
}

impl Item<'_> {
    /// The word and name for messages: ``model `x` ``.
    pub(super) fn called(&self) -> String {
        match self.body {
            Body::Ingest(_) | Body::External => format!("source `{}`", self.name),
            Body::Quarantine => {
                format!("the quarantine of source `{}`", self.name.trim_end_matches(QUARANTINE))
            }
            _ => format!("{} `{}`", self.kind.word(), self.name),
        }
    }

    /// Whether it is kept as a view.
    pub(super) fn is_view(&self) -> bool {
        matches!(&self.body, Body::Model(model) if model.settings.materialized == Materialized::View)
    }

    /// The column as YAML declares it.
    pub(super) fn declared(&self, column: &str) -> Option<&ColumnDecl> {
        self.columns.iter().find(|declared| declared.name.eq_ignore_ascii_case(column))
    }
}

/// Which item makes which relation, of those that are enabled; a relation that two would make is told.
pub(super) fn by_relation(items: &[Item<'_>], diagnostics: &mut Diagnostics) -> HashMap<TableName, Index> {
    let mut makers: HashMap<TableName, Index> = HashMap::new();
    for (index, item) in items.iter().enumerate().filter(|(_, item)| item.enabled) {
        if let Some(first) = makers.get(&item.relation) {
            let first = &items[*first];
            let set_aside = [first, item].into_iter().any(|item| matches!(item.body, Body::Quarantine));
            let help = match set_aside {
                true => "rows that are set aside are kept under that name: give the other one another",
                false => "give one of them another `schema` or `alias`",
            };
            let message = format!(
                "{} and {} would both be `{}`: the other one is at {}",
                first.called(),
                item.called(),
                item.relation,
                first.location
            );
            diagnostics.push(
                Diagnostic::error(Code::DuplicateName, message)
                    .at(item.location.clone())
                    .node(item.id.clone())
                    .help(help),
            );
            continue;
        }
        makers.insert(item.relation.clone(), index);
    }
    makers
}

/// What is wrong with a relation's name as a folder of the lake.
pub(super) fn check_relation(relation: &TableName, location: &Location) -> Option<Diagnostic> {
    let wrong = [&relation.schema, &relation.name].into_iter().find(|part| {
        // Readers of Delta and Spark take what begins with `_` or `.` for hidden.
        let begins = part.starts_with(|c: char| c.is_alphanumeric());
        !begins || !part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    })?;
    Some(
        Diagnostic::error(Code::InvalidValue, format!("`{wrong}` cannot name a schema or table"))
            .at(location.clone())
            .help("a name begins with a letter or digit and goes on with letters, digits, `_` and `-`"),
    )
}
