//! OpenLineage: what a node reads and makes, column by column, as events that catalogs understand.
//!
//! <https://openlineage.io/spec/2-0-2/OpenLineage.json>, with the facets `schema`, `columnLineage`, `parent`,
//! `errorMessage` and `outputStatistics`. A file gets an event a line, each written whole the moment that it happens.

use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use headwater_plan::{Clock, InputKind, Node, NodeReport, NodeStatus, Plan, RunId, RunStatus, Schema, TableName};
use headwater_run::{Event, Observer};
use serde_json::{Map, Value, json};

use crate::OpsError;
use crate::artefacts::instant;
use crate::run::{Beginning, RunObserver};

const PRODUCER: &str = concat!("https://github.com/headwater-data/headwater/", env!("CARGO_PKG_VERSION"));
const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/definitions";
const FACETS: &str = "https://openlineage.io/spec/facets";

/// A job of its own for each node that makes a table or view: what the project says, without any run.
pub fn jobs(plan: &Plan, at: DateTime<Utc>) -> Vec<Value> {
    let nodes = plan.nodes.values().filter(|node| node.relation.is_some());
    nodes
        .map(|node| {
            json!({
                "eventTime": instant(at),
                "producer": PRODUCER,
                "schemaURL": format!("{SCHEMA}/JobEvent"),
                "job": job(plan, node),
                "inputs": inputs(plan, node),
                "outputs": outputs(plan, node, None),
            })
        })
        .collect()
}

fn namespace(plan: &Plan) -> String {
    format!("headwater://{}", plan.project)
}

/// Where the tables are: the lake.
fn lake(plan: &Plan) -> String {
    let lake = &plan.environment.lake;
    if lake.contains("://") { lake.clone() } else { format!("file://{lake}") }
}

fn job(plan: &Plan, node: &Node) -> Value {
    let mut facets = Map::new();
    if let Some(sql) = crate::artefacts::compiled(node) {
        facets.insert(
            "sql".into(),
            facet("1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet", json!({ "query": sql, "dialect": "spark" })),
        );
    }
    if let Some(description) = &node.description {
        let path = "1-1-0/DocumentationJobFacet.json#/$defs/DocumentationJobFacet";
        facets.insert("documentation".into(), facet(path, json!({ "description": description })));
    }
    json!({ "namespace": namespace(plan), "name": node.id, "facets": facets })
}

fn facet(path: &str, content: Value) -> Value {
    let mut facet = Map::from_iter([
        ("_producer".to_owned(), json!(PRODUCER)),
        ("_schemaURL".to_owned(), json!(format!("{FACETS}/{path}"))),
    ]);
    if let Value::Object(content) = content {
        facet.extend(content);
    }
    Value::Object(facet)
}

fn dataset(plan: &Plan, name: &TableName) -> (String, String) {
    (lake(plan), name.to_string())
}

fn inputs(plan: &Plan, node: &Node) -> Vec<Value> {
    let read = node.step.reads().iter().map(|name| {
        let (namespace, table) = dataset(plan, name);
        let schema = plan.maker(name).map(|maker| schema_facet(&maker.schema));
        json!({ "namespace": namespace, "name": table, "facets": schema.map(|it| json!({ "schema": it })).unwrap_or_else(|| json!({})) })
    });
    read.collect()
}

fn schema_facet(schema: &Schema) -> Value {
    let fields: Vec<Value> =
        schema.fields.iter().map(|field| json!({ "name": field.name, "type": field.data_type.to_string() })).collect();
    facet("1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet", json!({ "fields": fields }))
}

fn outputs(plan: &Plan, node: &Node, report: Option<&NodeReport>) -> Vec<Value> {
    let Some(relation) = &node.relation else { return Vec::new() };
    let (namespace, name) = dataset(plan, relation);
    let mut facets = Map::from_iter([("schema".to_owned(), schema_facet(&node.schema))]);
    if !node.about.lineage.columns.is_empty() {
        facets.insert("columnLineage".into(), column_lineage(plan, node));
    }
    let mut output = json!({ "namespace": namespace, "name": name, "facets": facets });
    if let (Some(report), Value::Object(map)) = (report, &mut output) {
        let path = "1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet";
        let rows = facet(path, json!({ "rowCount": report.step_report.rows.written }));
        map.insert("outputFacets".into(), json!({ "outputStatistics": rows }));
    }
    vec![output]
}

fn column_lineage(plan: &Plan, node: &Node) -> Value {
    let field = |input: &headwater_plan::ColumnInput| {
        let (namespace, name) = dataset(plan, &input.relation);
        let (kind, subtype) = match input.kind {
            InputKind::Identity => ("DIRECT", "IDENTITY"),
            InputKind::Transformation => ("DIRECT", "TRANSFORMATION"),
            InputKind::Aggregation => ("DIRECT", "AGGREGATION"),
            InputKind::Indirect => ("INDIRECT", "FILTER"),
        };
        json!({
            "namespace": namespace, "name": name, "field": input.column,
            "transformations": [{ "type": kind, "subtype": subtype, "description": "", "masking": false }],
        })
    };
    let lineage = &node.about.lineage;
    let fields = lineage.columns.iter().map(|column| {
        let inputs: Vec<Value> = column.inputs.iter().map(field).collect();
        (column.name.clone(), json!({ "inputFields": inputs }))
    });
    let rows: Vec<Value> = lineage.rows.iter().map(field).collect();
    let content = json!({ "fields": fields.collect::<Map<_, _>>(), "dataset": rows });
    facet("1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet", content)
}

/// Writes the events of a run to a file, and passes them on.
pub struct EventFile {
    inner: Arc<dyn RunObserver>,
    clock: Arc<dyn Clock>,
    file: Mutex<File>,
    run: Mutex<Option<(Arc<Plan>, RunId)>>,
}

impl EventFile {
    /// Opens the file; events are added to what it holds.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, inner: Arc<dyn RunObserver>) -> Result<Self, OpsError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|source| OpsError::Unwritable { path: path.to_owned(), source })?;
        Ok(Self { inner, clock, file: Mutex::new(file), run: Mutex::new(None) })
    }

    /// A run goes on when its events cannot be written: the disk that is full will stop it soon enough.
    fn write(&self, event: &Value) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.write_all(format!("{event}\n").as_bytes());
    }

    fn with_run(&self, tell: impl FnOnce(&Plan, &RunId)) {
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((plan, run_id)) = run.as_ref() {
            tell(plan, run_id);
        }
    }

    fn run_event(&self, plan: &Plan, run_id: &RunId, kind: &str) {
        self.write(&json!({
            "eventType": kind, "eventTime": instant(self.clock.now()), "producer": PRODUCER,
            "schemaURL": format!("{SCHEMA}/RunEvent"),
            "run": { "runId": uuid_of(&run_id.0), "facets": {} },
            "job": { "namespace": namespace(plan), "name": plan.project, "facets": {} },
            "inputs": [], "outputs": [],
        }));
    }

    fn node_event(&self, plan: &Plan, run_id: &RunId, (node, kind): (&Node, &str), report: Option<&NodeReport>) {
        let ended = report.and_then(|report| {
            Some(report.started_at? + Duration::milliseconds(i64::try_from(report.duration_ms).ok()?))
        });
        let parent = json!({
            "run": { "runId": uuid_of(&run_id.0) },
            "job": { "namespace": namespace(plan), "name": plan.project },
        });
        let mut facets =
            Map::from_iter([("parent".to_owned(), facet("1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet", parent))]);
        if let Some(error) = report.filter(|_| kind == "FAIL").and_then(|it| it.step_report.diagnostics.first()) {
            let path = "1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet";
            let content = json!({ "message": error.message, "programmingLanguage": "SQL" });
            facets.insert("errorMessage".into(), facet(path, content));
        }
        self.write(&json!({
            "eventType": kind, "eventTime": instant(ended.unwrap_or_else(|| self.clock.now())), "producer": PRODUCER,
            "schemaURL": format!("{SCHEMA}/RunEvent"),
            "run": { "runId": node_run(run_id, node), "facets": facets },
            "job": job(plan, node), "inputs": inputs(plan, node), "outputs": outputs(plan, node, report),
        }));
    }
}

/// A run's id with the hyphens of a UUID.
fn uuid_of(id: &str) -> String {
    uuid::Uuid::parse_str(id).map_or_else(|_| id.to_owned(), |id| id.hyphenated().to_string())
}

/// A node's own run: the same for the same run and node.
fn node_run(run_id: &RunId, node: &Node) -> String {
    let run = uuid::Uuid::parse_str(&run_id.0).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    node.id.hash(&mut hasher);
    run.hash(&mut hasher);
    // The time in front stays, so that the runs of nodes sort beside their run; the variant's bits stay too.
    let (time, own) = (run.as_u128() & !u128::from(u64::MAX >> 2), u128::from(hasher.finish() >> 2));
    uuid::Uuid::from_u128(time | own).hyphenated().to_string()
}

impl RunObserver for EventFile {
    fn begins(&self, beginning: &Beginning) {
        *self.run.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Arc::clone(&beginning.plan), beginning.run_id.clone()));
        self.with_run(|plan, run_id| self.run_event(plan, run_id, "START"));
        self.inner.begins(beginning);
    }

    fn waits(&self, why: &str) {
        self.inner.waits(why);
    }
}

impl Observer for EventFile {
    fn event(&self, event: &Event) {
        match event {
            Event::NodeStarted { node, .. } => self.with_run(|plan, run_id| {
                if let Some(node) = plan.nodes.get(node) {
                    self.node_event(plan, run_id, (node, "START"), None);
                }
            }),
            Event::NodeFinished { report } if report.started_at.is_some() => self.with_run(|plan, run_id| {
                let kind = match report.status {
                    NodeStatus::Failed => "FAIL",
                    NodeStatus::Cancelled | NodeStatus::Skipped => "ABORT",
                    _ => "COMPLETE",
                };
                if let Some(node) = plan.nodes.get(&report.id) {
                    self.node_event(plan, run_id, (node, kind), Some(report));
                }
            }),
            Event::RunFinished { report } => self.with_run(|plan, run_id| {
                let kind = match report.status {
                    RunStatus::Failed => "FAIL",
                    RunStatus::Cancelled => "ABORT",
                    _ => "COMPLETE",
                };
                self.run_event(plan, run_id, kind);
            }),
            _ => {}
        }
        self.inner.event(event);
    }
}
