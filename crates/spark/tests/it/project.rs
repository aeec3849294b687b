//! Nodes and stages, made by hand: compiling a project is another crate's work.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use headwater_plan::{
    DataType, EngineKind, Environment, Field, Hooks, Location, Node, NodeId, NodeKind, Plan, Query, RunId, Schema,
    Statement, Step, TableName,
};
use headwater_spark::bundle::Bundle;
use headwater_spark::doctor::Version;
use headwater_spark::lower::{Stage, StageNode, lower};

/// A column of a Spark type.
pub(crate) fn column(name: &str, data_type: &str) -> Field {
    Field::new(name, DataType::parse(data_type).unwrap())
}

pub(crate) fn schema(columns: &[(&str, &str)]) -> Schema {
    Schema::new(columns.iter().map(|(name, data_type)| column(name, data_type)).collect())
}

pub(crate) fn query(sql: &str, reads: &[&str]) -> Query {
    Query { sql: sql.to_owned(), reads: reads.iter().map(|name| table(name)).collect() }
}

pub(crate) fn table(name: &str) -> TableName {
    name.to_owned().try_into().unwrap()
}

/// A model that makes a relation, or a test where `relation` is empty.
pub(crate) fn node(relation: &str, step: Step, columns: &[(&str, &str)]) -> Node {
    let name = relation.rsplit('.').next().unwrap_or_default().to_owned();
    Node {
        id: NodeId(format!("model.shop.{name}")),
        kind: if matches!(step, Step::Snapshot(_)) { NodeKind::Snapshot } else { NodeKind::Model },
        location: Location::line(format!("models/{name}.sql"), 1),
        relation: (!relation.is_empty()).then(|| table(relation)),
        depends_on: Vec::new(),
        tags: Vec::new(),
        description: None,
        schema: schema(columns),
        step,
        fingerprint: format!("fingerprint-of-{name}"),
        hooks: Hooks::default(),
        asks: Vec::new(),
        about: Box::default(),
        name,
    }
}

/// A test of that name.
pub(crate) fn test(name: &str, step: Step) -> Node {
    let kind = if matches!(step, Step::UnitTest(_)) { NodeKind::UnitTest } else { NodeKind::Test };
    let made = node("", step, &[]);
    let location = Location::line("models/schema.yml", 7);
    Node { id: NodeId(format!("test.shop.{name}")), name: name.to_owned(), kind, location, ..made }
}

pub(crate) fn statement(sql: &str, reads: &[&str], writes: Option<&str>) -> Statement {
    Statement { sql: sql.to_owned(), reads: reads.iter().map(|name| table(name)).collect(), writes: writes.map(table) }
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A run over nodes, each after the one that makes what it reads.
pub(crate) struct Run<'a> {
    pub(crate) lake: &'a Path,
    pub(crate) run_id: &'a str,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) full_refresh: bool,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) spark: Option<Version>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(lake: &'a Path, run_id: &'a str, started_at: &str) -> Self {
        Self { lake, run_id, started_at: at(started_at), full_refresh: false, settings: BTreeMap::new(), spark: None }
    }

    pub(crate) fn bundle(&self, nodes: &[Node]) -> Bundle {
        let plan = plan(self.lake, nodes);
        let stage_node = |node: &'_ Node| {
            let makes = |other: &&Node| {
                other.id != node.id && other.relation.as_ref().is_some_and(|made| node.step.reads().contains(made))
            };
            nodes.iter().filter(makes).map(|other| other.id.clone()).collect::<Vec<_>>()
        };
        let nodes = nodes.iter().map(|node| StageNode { node, after: stage_node(node), always: false }).collect();
        lower(&Stage {
            plan: &plan,
            nodes,
            views: &BTreeMap::new(),
            lake: self.lake.display().to_string(),
            run_id: RunId(self.run_id.to_owned()),
            started_at: self.started_at,
            attempt: 1,
            threads: 2,
            full_refresh: self.full_refresh,
            fail_fast: false,
            now: Some(self.started_at),
            settings: self.settings.clone(),
            native: Vec::new(),
            spark: self.spark,
        })
    }
}

fn plan(lake: &Path, nodes: &[Node]) -> Plan {
    let environment = Environment {
        name: "local".to_owned(),
        lake: lake.display().to_string(),
        lake_written: "lake".to_owned(),
        lake_location: Location::line("headwater.yml", 1),
        engine: EngineKind::Embedded,
        threads: 2,
        memory_limit: 1 << 30,
    };
    let nodes = nodes.iter().map(|node| (node.id.clone(), node.clone())).collect();
    Plan { project: "shop".to_owned(), environment, nodes, beside: headwater_plan::Beside::default() }
}
