//! A source, seed, model or snapshot on its way to a node: what every pass knows of it so far.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use headwater_plan::{
    Code, Diagnostic, Diagnostics, Hooks, Ingest, Lineage, Location, NodeId, NodeKind, Query, Schema, Seed, Strategy,
    TableName,
};

use super::layers::Layers;
use super::settings::{Materialized, Settings};
use super::sources::QUARANTINE;
use crate::config::{ColumnDecl, TestDecl};
use crate::template::{Call, Rendered};

/// The number of an item among all of a project.
pub(super) type Index = usize;

/// A source, seed, model or snapshot.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) id: NodeId,
    /// `vehicles`, or `rental.vehicles` for a source.
    pub(super) name: String,
    /// The package that it belongs to.
    pub(super) package: &'a str,
    /// dbt's fully qualified name: package, folders, name.
    pub(super) fqn: Vec<String>,
    pub(super) kind: NodeKind,
    pub(super) location: Location,
    pub(super) relation: TableName,
    /// The settings as the user gave them.
    pub(super) layers: Layers,
    pub(super) settings: Settings,
    /// As written: `{{ doc('x') }}` is not expanded yet.
    pub(super) description: Option<Cow<'a, str>>,
    pub(super) columns: &'a [ColumnDecl],
    pub(super) tests: &'a [TestDecl],
    /// Where YAML describes it, if it stands in a file of its own.
    pub(super) patch: Option<&'a Path>,
    pub(super) enabled: bool,
    pub(super) body: Body<'a>,
    /// What it reads, sorted, each once.
    pub(super) reads: Vec<Index>,
    /// `None` until it is typed, and for good when an error has been told about it or what it reads: whatever follows
    /// from that is not worth a message.
    pub(super) schema: Option<Schema>,
    /// The relations whose rows it waits for, if it cannot be compiled before they are there.
    pub(super) late: Option<Vec<TableName>>,
    /// The relations whose rows its template asked for.
    pub(super) asks: Vec<TableName>,
    pub(super) macros: BTreeSet<String>,
    pub(super) lineage: Lineage,
    pub(super) hooks: Hooks,
    /// What its hooks name.
    pub(super) hook_calls: Vec<Call>,
    /// What is wrong with a source of dbt's, to be told if anything reads it: many are declared and never read.
    pub(super) untold: Vec<Diagnostic>,
}

/// What an item's step will be.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Ingest(Box<Ingest>),
    External,
    /// What an ingest sets aside. A node only if something reads it.
    Quarantine,
    Seed(Box<SeedBody>),
    /// A model or a snapshot.
    Model(Box<ModelBody<'a>>),
    /// What an earlier check knew, and is not looked at again.
    Kept(Kept),
}

/// What an item was that is not looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Ingest,
    External,
    Quarantine,
    Seed,
    Model,
}

impl Body<'_> {
    /// What it is, told in a word.
    pub(super) fn kept(&self) -> Kept {
        match self {
            Self::Ingest(_) => Kept::Ingest,
            Self::External => Kept::External,
            Self::Quarantine => Kept::Quarantine,
            Self::Seed(_) => Kept::Seed,
            Self::Model(_) => Kept::Model,
            Self::Kept(kept) => *kept,
        }
    }
}

/// A seed and a hash of its file, whose change makes its table another.
#[derive(Debug)]
pub(super) struct SeedBody {
    pub(super) seed: Seed,
    pub(super) content: String,
}

/// A model or a snapshot.
#[derive(Debug)]
pub(super) struct ModelBody<'a> {
    pub(super) path: &'a Path,
    /// Its template; what of the file does not belong to it is blank, so that places hold.
    pub(super) text: Cow<'a, str>,
    /// The folders between `models/` and the file.
    pub(super) folders: &'a [String],
    /// The relation by file and YAML alone.
    pub(super) expected: TableName,
    /// What parsing rendered; `None` if it did not.
    pub(super) parsed: Option<Rendered>,
    /// What it comes to, once it is typed.
    pub(super) code: Option<ModelCode>,
}

/// The compiled queries of a model.
#[derive(Debug, Clone)]
pub(super) struct ModelCode {
    /// All rows.
    pub(super) full: Query,
    /// For an incremental model: the rows of a later run.
    pub(super) increment: Option<Query>,
    /// For an incremental model: how they go into the table.
    pub(super) strategy: Option<Strategy>,
}

impl<'a> Item<'a> {
    /// A thing of a package, of which no more is known yet.
    pub(super) fn new(kind: NodeKind, package: &'a str, name: &str, location: Location, body: Body<'a>) -> Self {
        Self {
            id: NodeId(format!("{}.{package}.{name}", kind.word())),
            name: name.to_owned(),
            fqn: vec![package.to_owned(), name.to_owned()],
            relation: TableName::new("", name),
            ..Self::nameless(kind, package, location, body)
        }
    }

    /// The same without a name.
    pub(super) fn nameless(kind: NodeKind, package: &'a str, location: Location, body: Body<'a>) -> Self {
        Self {
            id: NodeId(String::new()),
            name: String::new(),
            package,
            fqn: Vec::new(),
            kind,
            location,
            relation: TableName { schema: String::new(), name: String::new() },
            layers: Layers::default(),
            settings: Settings::default(),
            description: None,
            columns: &[],
            tests: &[],
            patch: None,
            enabled: true,
            body,
            reads: Vec::new(),
            schema: None,
            late: None,
            asks: Vec::new(),
            macros: BTreeSet::new(),
            lineage: Lineage::default(),
            hooks: Hooks::default(),
            hook_calls: Vec::new(),
            untold: Vec::new(),
        }
    }

    /// The word and name for messages: ``model `x` ``.
    pub(super) fn called(&self) -> String {
        match self.body.kept() {
            Kept::Ingest | Kept::External => format!("source `{}`", self.name),
            Kept::Quarantine => {
                format!("the quarantine of source `{}`", self.name.trim_end_matches(QUARANTINE))
            }
            _ => format!("{} `{}`", self.kind.word(), self.name),
        }
    }

    /// Takes settings over.
    pub(super) fn configure(&mut self, settings: Settings) {
        self.enabled = settings.enabled;
        self.settings = settings;
    }

    /// Whether it is kept as a view.
    pub(super) fn is_view(&self) -> bool {
        self.is(&Materialized::View)
    }

    /// Whether it is put into what reads it.
    pub(super) fn is_ephemeral(&self) -> bool {
        self.is(&Materialized::Ephemeral)
    }

    fn is(&self, materialized: &Materialized) -> bool {
        self.body.kept() == Kept::Model && self.settings.materialized == *materialized
    }

    /// The column as YAML declares it.
    pub(super) fn declared(&self, column: &str) -> Option<&ColumnDecl> {
        self.columns.iter().find(|declared| declared.name.eq_ignore_ascii_case(column))
    }
}

/// Which item makes which relation, of those that are enabled; a relation that two would make is told.
pub(super) fn by_relation(items: &[Item<'_>], diagnostics: &mut Diagnostics) -> HashMap<TableName, Index> {
    let mut makers: HashMap<TableName, Index> = HashMap::new();
    for (index, item) in items.iter().enumerate().filter(|(_, item)| item.enabled && !item.is_ephemeral()) {
        if let Some(first) = makers.get(&item.relation) {
            let first = &items[*first];
            match (first.body.kept(), item.body.kept()) {
                // A source under two names, and one whose table is a seed: nothing is made twice.
                (Kept::External, Kept::External) | (Kept::Seed, Kept::External) => continue,
                (Kept::External, Kept::Seed) => {
                    makers.insert(item.relation.clone(), index);
                    continue;
                }
                _ => {}
            }
            let set_aside = [first, item].into_iter().any(|item| item.body.kept() == Kept::Quarantine);
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

/// The ephemeral models by what others read them as.
pub(super) fn ephemerals(items: &[Item<'_>]) -> HashMap<TableName, Index> {
    let found = items.iter().enumerate().filter(|(_, item)| item.enabled && item.is_ephemeral());
    found.map(|(index, item)| (item.relation.clone(), index)).collect()
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
