use std::path::Path;
use std::sync::{Arc, Mutex};

use headwater_plan::{DataType, Diagnostic, Diagnostics, Field, Location, Schema, TableName};
use serde_json::{Map, Value, json};

use super::map::Place;
use super::*;
use crate::config::{Dispatch, Environ, Scope, SqlFile, Target as EnvironmentTarget};
use crate::world::{Answer, RelationKind, Rows};

mod adapter;
mod calls;
mod context;
mod errors;
mod modules;
mod origins;
mod packages;
mod speed;
mod values;

/// A world that the tests write down.
#[derive(Debug, Default)]
struct TestWorld {
    models: Vec<(&'static str, TableName, Option<&'static str>)>,
    sources: Vec<(&'static str, &'static str, TableName)>,
    columns: Vec<(TableName, Schema)>,
    answers: Vec<(&'static str, Answer)>,
    incremental: bool,
    existing: Vec<(TableName, RelationKind)>,
    model: Value,
    graph: Value,
    run: RunFacts,
    asked: Mutex<Vec<String>>,
}

impl World for TestWorld {
    fn reference(&self, _from: &str, _package: Option<&str>, name: &str, _version: Option<&str>) -> Option<Target> {
        let (_, table, inline) = self.models.iter().find(|(known, ..)| *known == name)?;
        let kind = if inline.is_some() { RelationKind::Cte } else { RelationKind::Table };
        Some(Target { table: table.clone(), inline: inline.map(str::to_string), kind })
    }

    fn source(&self, _from: &str, source: &str, table: &str) -> Option<Target> {
        let found = self.sources.iter().find(|(known, name, _)| *known == source && *name == table)?;
        Some(Target { table: found.2.clone(), inline: None, kind: RelationKind::Table })
    }

    fn columns(&self, relation: &TableName) -> Option<Schema> {
        self.columns.iter().find(|(table, _)| table == relation).map(|(_, schema)| schema.clone())
    }

    fn existing(&self, relation: &TableName) -> Option<RelationKind> {
        self.existing.iter().find(|(table, _)| table == relation).map(|(_, kind)| *kind)
    }

    fn relations_in(&self, schema: &str) -> Vec<(TableName, RelationKind)> {
        self.existing.iter().filter(|(table, _)| table.schema == schema).cloned().collect()
    }

    fn rows(&self, sql: &str) -> Result<Answer, Diagnostic> {
        let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = self.answers.iter().find(|(part, _)| sql.contains(part)).map(|(_, answer)| answer.clone());
        self.asked.lock().unwrap().push(sql);
        Ok(found.unwrap_or(Answer::Rows(Rows::default())))
    }

    fn incremental(&self) -> bool {
        self.incremental
    }

    fn model(&self) -> Value {
        self.model.clone()
    }

    fn graph(&self) -> Value {
        self.graph.clone()
    }

    fn run(&self) -> RunFacts {
        self.run.clone()
    }
}

fn schema(columns: &[(&str, &str)]) -> Schema {
    Schema::new(columns.iter().map(|(name, kind)| Field::new(*name, DataType::parse(kind).unwrap())).collect())
}

fn rows(columns: &[(&str, &str)], rows: Value) -> Answer {
    let rows = serde_json::from_value(rows).unwrap();
    Answer::Rows(Rows { schema: schema(columns), rows, reads: vec![TableName::new("silver", "users")] })
}

/// The models `users`, `trips` and the ephemeral `places`, the source table `rental.vehicles`.
fn world() -> TestWorld {
    let users = TableName::new("silver", "users");
    let trips = TableName::new("gold", "trips");
    TestWorld {
        models: vec![
            ("users", users.clone(), None),
            ("trips", trips.clone(), None),
            ("places", TableName::new("gold", "places"), Some("__dbt__cte__places")),
        ],
        sources: vec![("rental", "vehicles", TableName::new("bronze", "vehicles"))],
        columns: vec![
            (users.clone(), schema(&[("user_id", "bigint"), ("Name", "string"), ("score", "decimal(10,2)")])),
            (trips.clone(), schema(&[("user_id", "bigint"), ("started_at", "timestamp"), ("speed", "double")])),
        ],
        existing: vec![(users, RelationKind::Table), (trips, RelationKind::View)],
        answers: vec![(
            "select status",
            rows(&[("status", "string"), ("n", "bigint")], json!([["paid", 3], ["open", 1], [null, 0]])),
        )],
        model: json!({
            "name": "x", "package_name": "rental", "unique_id": "model.rental.x",
            "config": {"materialized": "table", "meta": {"owner": "me"}, "where": null},
        }),
        graph: json!({"nodes": {"model.rental.x": {"name": "x", "tags": ["daily"]}}, "sources": {}}),
        ..TestWorld::default()
    }
}

/// A project with macros, and perhaps packages.
struct Project {
    templates: Templates,
    diagnostics: Diagnostics,
    world: Arc<dyn World>,
    phase: Phase,
}

fn file(path: &str, text: &str) -> SqlFile {
    SqlFile { path: path.into(), text: text.to_string(), ..SqlFile::default() }
}

fn project(macros: &[(&str, &str)]) -> Project {
    project_with(macros, &[], &[])
}

type Files<'a> = &'a [(&'a str, &'a str)];

fn project_with(macros: Files<'_>, packages: &[(&str, Files<'_>)], dispatch: &[Dispatch]) -> Project {
    let files = |macros: Files<'_>| macros.iter().map(|(path, text)| file(path, text)).collect::<Vec<_>>();
    let own = files(macros);
    let others: Vec<(&str, Vec<SqlFile>)> = packages.iter().map(|(name, macros)| (*name, files(macros))).collect();
    let vars = |vars: Value| vars.as_object().unwrap().clone();
    let own_vars = vars(json!({"limit": 10, "states": ["CA", "NY"], "scoped": "yes"}));
    let package_vars = vars(json!({"limit": 10, "states": ["CA", "NY"], "only_here": 2}));
    let mut all = vec![MacroFiles { package: "rental", files: &own, vars: &own_vars }];
    all.extend(others.iter().map(|(package, files)| MacroFiles { package, files, vars: &package_vars }));
    let mut diagnostics = Diagnostics::default();
    let templates = with_scope(|scope| Templates::new(scope, &all, dispatch, &mut diagnostics));
    Project { templates, diagnostics, world: Arc::new(world()), phase: Phase::Compile }
}

fn with_scope<T>(run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let vars = Map::new();
    let environ = Environ::new([("REGION".to_string(), "eu".to_string())]);
    let target = EnvironmentTarget { name: "local".into(), schema: "main".into(), threads: 4 };
    run(&Scope { project: "rental", vars: &vars, environ: &environ, target: &target })
}

fn template(text: &str) -> Template<'_> {
    Template { path: Path::new("models/x.sql"), text, package: "rental", this: None }
}

impl Project {
    fn in_world(self, world: TestWorld) -> Self {
        Self { world: Arc::new(world), ..self }
    }

    fn parsing(self) -> Self {
        Self { phase: Phase::Parse, ..self }
    }

    fn rendered(&self, text: &str) -> Result<Rendered, Unrendered> {
        self.templates.render(template(text), &self.world, self.phase)
    }

    fn text(&self, text: &str) -> String {
        self.rendered(text).unwrap_or_else(|wrong| panic!("{text}\n{wrong:#?}")).text
    }

    /// The text, its blanks made one each.
    fn line(&self, text: &str) -> String {
        self.text(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn error(&self, text: &str) -> Diagnostic {
        match self.rendered(text) {
            Err(Unrendered::Wrong(diagnostic)) => *diagnostic,
            other => panic!("{text}\n{other:?}"),
        }
    }

    /// The error as a reader sees it, in a line each.
    fn told(&self, text: &str) -> String {
        told(&self.error(text))
    }

    fn check(&self, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(self.text(text), *expected, "{text}");
        }
    }
}

fn told(error: &Diagnostic) -> String {
    let mut told = format!("{} {}: {}", error.location.as_ref().unwrap(), error.code, error.message);
    for cause in &error.causes {
        told.push_str(&format!("\n  {cause}"));
    }
    if let Some(help) = &error.help {
        told.push_str(&format!("\n  help: {help}"));
    }
    told
}
