//! What templates may ask while they render: names, columns, and the rows of what is built.
//!
//! The risk is an answer that is not true any more when the node runs. So what was asked of rows is kept with the node
//! ([`headwater_plan::Node::asks`]), and a run compiles it again once one of those relations has been built anew.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use headwater_plan::{Diagnostic, Schema, TableName};
use headwater_sql::{RelationSource, Relations, SparkSql};
use serde_json::Value;

use super::asked::AskedFor;
use super::information_schema::{self, Entry};
use crate::config::Overrides;
use crate::template::{RunFacts, Target, World};
use crate::world::{Answer, Outside, RelationKind, Rows};

/// A candidate for a name: the package that it belongs to, and what it is.
type Candidate = (String, Target);

/// What all templates of a project may ask.
pub(super) struct Facts {
    /// The project's own name.
    pub(super) project: String,
    refs: RwLock<HashMap<String, Vec<Candidate>>>,
    sources: HashMap<(String, String), Vec<Candidate>>,
    /// The columns of all that is typed.
    schemas: RwLock<HashMap<TableName, Schema>>,
    kinds: RwLock<HashMap<TableName, RelationKind>>,
    /// What cannot be compiled yet.
    late: RwLock<HashSet<TableName>>,
    outside: Arc<dyn Outside>,
    sql: SparkSql,
    graph: OnceLock<Value>,
    /// What reaches beyond what a node reads.
    pub(super) asked: AskedFor,
    /// The blocks of documentation, by package and name.
    docs: HashMap<(String, String), String>,
    run: RunFacts,
    /// Whether SQL may name relations that are neither the project's nor declared as sources, as dbt allows.
    finds_others: bool,
}

/// The names of a project.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) refs: HashMap<String, Vec<Candidate>>,
    pub(super) sources: HashMap<(String, String), Vec<Candidate>>,
    pub(super) docs: HashMap<(String, String), String>,
    /// Whether SQL may name relations that are neither the project's nor declared as sources.
    pub(super) finds_others: bool,
}

impl Facts {
    pub(super) fn new(project: &str, named: Named, outside: Arc<dyn Outside>, sql: SparkSql, run: RunFacts) -> Self {
        let facts = Self {
            project: project.to_owned(),
            refs: RwLock::default(),
            sources: named.sources,
            schemas: RwLock::default(),
            kinds: RwLock::default(),
            late: RwLock::default(),
            outside,
            sql,
            graph: OnceLock::new(),
            asked: AskedFor::default(),
            docs: named.docs,
            run,
            finds_others: named.finds_others,
        };
        let sources = facts.sources.values().flatten();
        let kinds = sources.map(|(_, target)| (target.table.clone(), target.kind)).collect();
        facts.put_kinds(kinds);
        facts.name_refs(named.refs);
        facts
    }

    /// Gives models, seeds and snapshots the relations that they have after all.
    pub(super) fn name_refs(&self, refs: HashMap<String, Vec<Candidate>>) {
        self.put_kinds(refs.values().flatten().map(|(_, target)| (target.table.clone(), target.kind)).collect());
        *self.refs.write().unwrap_or_else(PoisonError::into_inner) = refs;
    }

    /// The same of some of them alone.
    pub(super) fn name_some(&self, refs: Vec<(String, Vec<Candidate>)>) {
        self.put_kinds(refs.iter().flat_map(|(_, named)| named).map(|(_, to)| (to.table.clone(), to.kind)).collect());
        self.refs.write().unwrap_or_else(PoisonError::into_inner).extend(refs);
    }

    fn put_kinds(&self, kinds: Vec<(TableName, RelationKind)>) {
        self.kinds.write().unwrap_or_else(PoisonError::into_inner).extend(kinds);
    }

    pub(super) fn typed(&self, relation: &TableName, schema: &Schema) {
        self.schemas.write().unwrap_or_else(PoisonError::into_inner).insert(relation.clone(), schema.clone());
    }

    pub(super) fn waits(&self, relation: &TableName) {
        self.late.write().unwrap_or_else(PoisonError::into_inner).insert(relation.clone());
    }

    pub(super) fn give_graph(&self, graph: Value) {
        // The first one stays: there is one.
        let _ = self.graph.set(graph);
    }

    /// The relations that a query of a template reads, those that this project makes typed as they will be.
    fn reads(&self, sql: &str) -> Option<Vec<TableName>> {
        let query = self.sql.plan(sql, &Seen(self)).ok()?;
        Some(query.reads)
    }

    /// A relation of the lake that the project does not make, where templates may find such ones.
    pub(super) fn in_lake(&self, name: &TableName) -> Option<RelationSource> {
        if self.finds_others { self.outside.relation(name) } else { None }
    }

    /// Whether tests keep the rows that fail them unless they say otherwise: `--store-failures`.
    pub(super) fn stores_failures(&self) -> bool {
        self.run.store_failures
    }

    /// A relation that is dropped as soon as it is made.
    pub(super) fn gone(&self, relation: &TableName) {
        self.asked.whole();
        self.kinds.write().unwrap_or_else(PoisonError::into_inner).remove(relation);
    }

    /// All relations that the project makes or the lake holds.
    fn entries(&self) -> Vec<Entry> {
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner).clone();
        let others = self.outside.names().into_iter().filter(|name| !kinds.contains_key(name));
        let others = others.filter_map(|name| Some((name.clone(), self.outside.kind(&name)?)));
        let mut entries: Vec<Entry> = kinds
            .iter()
            .map(|(name, kind)| (name.clone(), *kind))
            .chain(others)
            .map(|(name, kind)| (name.clone(), kind, self.schema(&name)))
            .collect();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries
    }

    fn is_late(&self, relation: &TableName) -> bool {
        self.late.read().unwrap_or_else(PoisonError::into_inner).contains(relation)
    }

    fn makes(&self, relation: &TableName) -> bool {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner).contains_key(relation)
    }

    fn schema(&self, relation: &TableName) -> Option<Schema> {
        self.schemas.read().unwrap_or_else(PoisonError::into_inner).get(relation).cloned()
    }

    fn outside_schema(&self, relation: &TableName) -> Option<Schema> {
        let star = format!("select * from {}", relation.quoted());
        self.sql.plan(&star, &LakeOnly(self.outside.as_ref())).ok().map(|query| query.schema)
    }
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Facts").field("project", &self.project).finish_non_exhaustive()
    }
}

/// What a query of a template may name: what the project makes, then what is in the lake.
struct Seen<'a>(&'a Facts);

impl Relations for Seen<'_> {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        self.0.schema(name).map(RelationSource::Schema).or_else(|| self.0.outside.relation(name))
    }

    fn names(&self) -> Vec<TableName> {
        self.0.outside.names()
    }
}

struct LakeOnly<'a>(&'a dyn Outside);

impl Relations for LakeOnly<'_> {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        self.0.relation(name)
    }

    fn names(&self) -> Vec<TableName> {
        self.0.names()
    }
}

/// Picks what a name means, asked for in a package: its own first, then the project's, then the only one there is.
pub(super) fn pick<'a, T>(
    candidates: &'a [(String, T)],
    asked: Option<&str>,
    from: &str,
    project: &str,
) -> Option<&'a T> {
    let of = |package: &str| candidates.iter().find(|(own, _)| own == package).map(|(_, target)| target);
    match asked {
        Some(package) => of(package),
        None => of(from).or_else(|| of(project)).or_else(|| candidates.first().map(|(_, target)| target)),
    }
}

/// What the template of one node may ask.
#[derive(Debug)]
pub(super) struct NodeWorld {
    pub(super) facts: Arc<Facts>,
    /// Whether it is rendered as an increment.
    pub(super) incremental: bool,
    /// dbt's `model`.
    pub(super) model: Value,
    /// Whether a hook of the node is rendered.
    pub(super) hook: bool,
    /// What a unit test says instead of the truth.
    pub(super) overrides: Option<Overrides>,
}

impl NodeWorld {
    pub(super) fn shared(facts: &Arc<Facts>, model: Value) -> Arc<dyn World> {
        Arc::new(Self { facts: Arc::clone(facts), incremental: false, model, hook: false, overrides: None })
    }

    pub(super) fn of_hook(facts: &Arc<Facts>, model: Value) -> Arc<dyn World> {
        Arc::new(Self { facts: Arc::clone(facts), incremental: false, model, hook: true, overrides: None })
    }
}

impl World for NodeWorld {
    fn reference(&self, from: &str, package: Option<&str>, name: &str, _: Option<&str>) -> Option<Target> {
        let refs = self.facts.refs.read().unwrap_or_else(PoisonError::into_inner);
        pick(refs.get(name)?, package, from, &self.facts.project).cloned()
    }

    fn source(&self, from: &str, source: &str, table: &str) -> Option<Target> {
        let candidates = self.facts.sources.get(&(source.to_owned(), table.to_owned()))?;
        pick(candidates, None, from, &self.facts.project).cloned()
    }

    fn columns(&self, relation: &TableName) -> Option<Schema> {
        self.facts.asked.columns(&self.model, relation);
        self.facts.schema(relation).or_else(|| self.facts.outside_schema(relation))
    }

    fn existing(&self, relation: &TableName) -> Option<RelationKind> {
        self.facts.asked.columns(&self.model, relation);
        let kinds = self.facts.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.get(relation).copied().or_else(|| self.facts.outside.kind(relation))
    }

    fn relations_in(&self, schema: &str) -> Vec<(TableName, RelationKind)> {
        self.facts.asked.whole();
        let kinds = self.facts.kinds.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: HashMap<TableName, RelationKind> = kinds
            .iter()
            .filter(|(name, _)| name.schema.eq_ignore_ascii_case(schema))
            .map(|(name, kind)| (name.clone(), *kind))
            .collect();
        for name in self.facts.outside.names() {
            if name.schema.eq_ignore_ascii_case(schema)
                && !found.contains_key(&name)
                && let Some(kind) = self.facts.outside.kind(&name)
            {
                found.insert(name, kind);
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    fn rows(&self, sql: &str) -> Result<Answer, Diagnostic> {
        self.facts.asked.once();
        let written_out = information_schema::written_out(sql, || self.facts.entries());
        let sql = written_out.as_deref().unwrap_or(sql);
        let reads = self.facts.reads(sql).unwrap_or_default();
        let late: Vec<TableName> = reads.iter().filter(|read| self.facts.is_late(read)).cloned().collect();
        if !late.is_empty() {
            return Ok(Answer::Later(late));
        }
        match self.facts.outside.rows(sql) {
            // What this project makes may lie in the lake as an earlier version of the project made it.
            Err(_) if reads.iter().any(|read| self.facts.makes(read)) => Ok(Answer::Later(reads)),
            Ok(Answer::Rows(rows)) => Ok(Answer::Rows(Rows { reads, ..rows })),
            other => other,
        }
    }

    fn incremental(&self) -> bool {
        self.incremental
    }

    fn model(&self) -> Value {
        self.model.clone()
    }

    fn tells_call(&self) {
        self.facts.asked.once();
    }

    fn graph(&self) -> Value {
        self.facts.asked.whole();
        self.facts.graph.get().cloned().unwrap_or_else(|| serde_json::json!({ "nodes": {}, "sources": {} }))
    }

    fn run(&self) -> RunFacts {
        self.facts.run.clone()
    }

    fn is_hook(&self) -> bool {
        self.hook
    }

    fn overrides(&self) -> Option<&Overrides> {
        self.overrides.as_ref()
    }

    fn doc(&self, from: &str, package: Option<&str>, name: &str) -> Option<String> {
        let of = |package: &str| self.facts.docs.get(&(package.to_owned(), name.to_owned())).cloned();
        match package {
            Some(package) => of(package),
            None => of(from).or_else(|| of(&self.facts.project)),
        }
    }
}
