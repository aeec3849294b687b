//! From project files to a plan: fixture projects in `tests/fixtures/compile/`.
//!
//! `rental` is right and uses everything that a plan can hold; `wrong` has one of each mistake.

#![expect(clippy::unwrap_used, reason = "a test fails loudly; clippy sees that only inside `#[test]`")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_plan::{Code, DataType, Diagnostics, Field, Location, Node, NodeId, Plan, Schema, Step, TableName, Test};
use headwater_project::{Answer, Compiled, Environ, Outside, Request, compile};
use headwater_sql::{RelationSource, Relations};

/// A lake that holds these tables.
#[derive(Default, Clone)]
pub(crate) struct Lake(pub(crate) Vec<(TableName, Schema)>);

impl Relations for Lake {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        let table = self.0.iter().find(|(known, _)| known == name);
        table.map(|(_, schema)| RelationSource::Schema(schema.clone()))
    }

    fn names(&self) -> Vec<TableName> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }
}

impl Outside for Lake {
    fn rows(&self, _: &str) -> Result<Answer, headwater_plan::Diagnostic> {
        Ok(Answer::Later(Vec::new()))
    }
}

impl Lake {
    pub(crate) fn outside(&self) -> Arc<dyn Outside> {
        Arc::new(self.clone())
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/compile").join(name)
}

pub(crate) fn request(dir: &Path) -> Request {
    let environ = Environ::default();
    Request {
        dir: dir.to_path_buf(),
        environment: None,
        vars: serde_json::Map::new(),
        environ,
        threads: Some(2),
        invocation: Default::default(),
    }
}

fn compiled(name: &str) -> Compiled {
    compile(&request(&fixture(name)), &Lake::default().outside())
}

/// What a reader wants to know of a plan, without the absolute paths.
pub(crate) fn show(plan: &Plan) -> String {
    let mut shown = String::new();
    for node in plan.nodes.values() {
        show_node(&mut shown, node);
    }
    shown
}

fn show_node(shown: &mut String, node: &Node) {
    writeln!(shown, "{} ({}) at {}", node.id, node.step.word(), node.location).unwrap();
    let mut line = |what: &str, text: String| {
        if !text.is_empty() {
            writeln!(shown, "  {what}: {text}").unwrap();
        }
    };
    line("makes", node.relation.as_ref().map(ToString::to_string).unwrap_or_default());
    line("columns", columns(&node.schema));
    line("tags", node.tags.join(", "));
    line("description", node.description.clone().unwrap_or_default());
    line("needs", node.depends_on.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    line("reads", node.step.reads().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    match &node.step {
        Step::Ingest(ingest) => line("files", ingest.files.written.clone()),
        Step::Table(table) => line("sql", table.query.sql.replace('\n', "\n       ")),
        Step::View(query) | Step::Ephemeral(query) => line("sql", query.sql.replace('\n', "\n       ")),
        Step::Test(test) => {
            line("severity", format!("{:?}", test.severity));
            line("column", test.column.clone().unwrap_or_default());
            line("sql", test.query.sql.replace('\n', "\n       "));
            let plain = Test {
                severity: test.severity,
                tested: test.tested.clone(),
                column: test.column.clone(),
                ..Test::new(test.query.clone())
            };
            if plain != *test {
                line(
                    "settings",
                    format!(
                        "{} error {:?} warn {:?} limit {:?} stored in {:?}",
                        test.fail_calc, test.error_if, test.warn_if, test.limit, test.store_failures
                    ),
                );
            }
        }
        Step::Incremental(incremental) => {
            line("sql", incremental.full.sql.replace('\n', "\n       "));
            line("increment", incremental.increment.sql.replace('\n', "\n       "));
            line("strategy", format!("{:?}, {:?}", incremental.strategy, incremental.on_schema_change));
        }
        Step::Snapshot(snapshot) => {
            line("sql", snapshot.query.sql.replace('\n', "\n       "));
            line(
                "strategy",
                format!("{:?} of {:?}, {:?}", snapshot.strategy, snapshot.unique_key, snapshot.hard_deletes),
            );
        }
        Step::UnitTest(test) => {
            line("actual", test.actual.sql.replace('\n', "\n       "));
            line("expected", test.expected.sql.replace('\n', "\n       "));
        }
        Step::Statement(statement) => line("sql", statement.sql.clone()),
        Step::Late(late) => line(
            "waits",
            format!(
                "{} for {}",
                late.becomes,
                late.waits_for.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            ),
        ),
        Step::Seed(_) | Step::External => {}
    }
}

fn columns(schema: &Schema) -> String {
    schema.fields.iter().map(|field| format!("{} {}", field.name, field.data_type)).collect::<Vec<_>>().join(", ")
}

/// The messages as a user sees them, with the place marked.
pub(crate) fn tell(found: &Diagnostics) -> String {
    let mut told = String::new();
    for wrong in &found.0 {
        if let Some(at) = &wrong.location {
            write!(told, "{at} ").unwrap();
        }
        writeln!(told, "{:?} {}: {}", wrong.severity, wrong.code, wrong.message).unwrap();
        if let Some(Location { text: Some(text), column, length, .. }) = &wrong.location {
            let indent = " ".repeat(*column as usize - 1);
            writeln!(told, "  | {text}\n  | {indent}{}", "^".repeat(*length as usize)).unwrap();
        }
        for cause in &wrong.causes {
            writeln!(told, "  {cause}").unwrap();
        }
        if let Some(help) = &wrong.help {
            writeln!(told, "  help: {help}").unwrap();
        }
    }
    told
}

#[test]
fn a_project_becomes_a_plan() {
    let compiled = compiled("rental");
    assert_eq!(tell(&compiled.diagnostics), "");
    let plan = compiled.plan.unwrap();
    insta::assert_snapshot!(show(&plan));
}

#[test]
fn every_mistake_is_told_at_once() {
    let compiled = compiled("wrong");
    assert!(compiled.plan.is_none());
    insta::assert_snapshot!(tell(&compiled.diagnostics));
}

/// A project of these files.
pub(crate) fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("headwater.yml", "name: p\n")]);
    write(dir.path(), files);
    dir
}

pub(crate) fn write(dir: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

pub(crate) fn compile_in(dir: &tempfile::TempDir, lake: &Lake) -> Compiled {
    compile(&request(dir.path()), &lake.outside())
}

pub(crate) fn plan(dir: &tempfile::TempDir) -> Plan {
    let compiled = compile_in(dir, &Lake::default());
    assert_eq!(tell(&compiled.diagnostics), "");
    compiled.plan.unwrap()
}

#[test]
fn columns_of_a_source_come_from_the_lake_when_yaml_has_no_types() {
    let dir = project(&[
        (
            "models/sources.yml",
            "sources: [{ name: crm, tables: [{ name: users, columns: [{ name: id, data_type: int }, { name: nme }] }] }]",
        ),
        ("models/names.sql", "select name from {{ source('crm', 'users') }}"),
    ]);
    let fields = vec![Field::new("id", DataType::Long), Field::new("name", DataType::String)];
    let lake = Lake(vec![(TableName::new("crm", "users"), Schema::new(fields))]);
    let compiled = compile_in(&dir, &lake);
    insta::assert_snapshot!(tell(&compiled.diagnostics), @r"
    models/sources.yml:1:66 Error contract-mismatch: the column `id` is declared as `int`, and is `bigint`
      | sources: [{ name: crm, tables: [{ name: users, columns: [{ name: id, data_type: int }, { name: nme }] }] }]
      |                                                                  ^^
      help: declare it as `bigint`, or cast it: `cast(… as int)`
    models/sources.yml:1:96 Error unknown-column: `crm.users` has no column `nme`
      | sources: [{ name: crm, tables: [{ name: users, columns: [{ name: id, data_type: int }, { name: nme }] }] }]
      |                                                                                                ^^^
      help: did you mean `name`?
    ");

    write(
        dir.path(),
        &[("models/sources.yml", "sources: [{ name: crm, tables: [{ name: users, columns: [{ name: name }] }] }]")],
    );
    let plan = compile_in(&dir, &lake).plan.unwrap();
    insta::assert_snapshot!(show(&plan), @r"
    source.p.crm.users (external) at models/sources.yml:1:41
      makes: crm.users
      columns: id bigint, name string
    model.p.names (view) at models/names.sql:1:1
      makes: main.names
      columns: name string
      needs: source.p.crm.users
      reads: crm.users
      sql: select name from `crm`.`users`
    ");
}

#[test]
fn what_follows_from_broken_yaml_is_not_told_again() {
    let dir = project(&[
        ("models/sources.yml", "sources: [{ name: rental, tables: [{ nam: users }] }]"),
        ("models/a.sql", "select * from {{ source('rental', 'users') }}"),
        ("models/b.sql", "select nope from {{ ref('a') }}"),
        ("models/c.sql", "selec 1"),
    ]);
    insta::assert_snapshot!(tell(&compile_in(&dir, &Lake::default()).diagnostics), @r"
    models/c.sql:1:1 Error sql-syntax: expected a query, found `selec`
      | selec 1
      | ^^^^^
      help: did you mean `select`?
    models/sources.yml:1:38 Error unknown-key: there is no key `nam` in a table of a source
      | sources: [{ name: rental, tables: [{ nam: users }] }]
      |                                      ^^^
      help: did you mean `name`?
    ");
    let dir = project(&[("headwater.yml", "nam: p\n"), ("models/a.sql", "select * from {{ ref('x') }}")]);
    let compiled = compile_in(&dir, &Lake::default());
    assert!(compiled.plan.is_none() && compiled.environment.is_none());
    insta::assert_snapshot!(tell(&compiled.diagnostics), @r"
    headwater.yml:1:1 Error unknown-key: there is no key `nam` in a project
      | nam: p
      | ^^^
      help: did you mean `name`?
    ");
}

#[test]
fn a_broken_model_does_not_stop_the_generators() {
    let compiled = compiled("wrong");
    let names: Vec<&str> = compiled.generators.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(names, ["vehicles", "trips", "patterns"]);
}

#[test]
fn generators_carry_what_tests_promise() {
    let generators = compiled("rental").generators;
    let mut shown = String::new();
    for table in &generators {
        writeln!(shown, "{}.{} {:?}", table.source, table.table, table.rows).unwrap();
        for column in &table.columns {
            let name = &column.column.name;
            write!(shown, "  {name}: unique {}, not null {}", column.unique, column.not_null).unwrap();
            writeln!(shown, ", {:?}, {:?}", column.accepted, column.references).unwrap();
        }
    }
    insta::assert_snapshot!(shown, @r#"
    rental.vehicles GenerateRows { rows: 50, scale: false }
      vehicle_id: unique true, not null true, None, None
      vehicle_type: unique false, not null false, Some(["basic", "premium"]), None
      seats: unique false, not null false, Some(["2", "4", "5"]), None
    rental.trips GenerateRows { rows: 500, scale: true }
      trip_id: unique true, not null false, None, None
      vehicle_id: unique false, not null false, None, Some((TableName { schema: "bronze", name: "vehicles" }, "vehicle_id"))
      started_at: unique false, not null false, None, None
      amount: unique false, not null false, None, None
    "#);
}

#[test]
fn fingerprints_change_with_what_changes_the_result() {
    let dir = project(&[
        (
            "models/sources.yml",
            "sources: [{ name: s, schema: raw, tables: [{ name: t, ingest: { files: in/*.csv }, columns: [{ name: a, data_type: int }] }] }]",
        ),
        ("models/v.sql", "select a from {{ source('s', 't') }}"),
        ("models/t.sql", "{{ config(materialized='table') }}select a from {{ ref('v') }}"),
        ("models/u.sql", "{{ config(materialized='table') }}select a from {{ ref('t') }}"),
        ("models/m.yml", "models: [{ name: t, columns: [{ name: a, tests: [not_null] }] }]"),
        ("seeds/codes.csv", "code\na\n"),
    ]);
    let fingerprints = || -> Vec<(NodeId, String)> {
        plan(&dir).nodes.into_values().map(|node| (node.id, node.fingerprint)).collect()
    };
    let before = fingerprints();
    let changed = |files: &[(&str, &str)]| -> String {
        write(dir.path(), files);
        let after = fingerprints();
        let differ = before.iter().zip(&after).filter(|(before, after)| before != after).map(|(_, after)| &*after.0.0);
        differ.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(changed(&[]), "");
    // Words for people, and where the files lie.
    assert_eq!(
        changed(&[
            (
                "models/m.yml",
                "models: [{ name: t, description: x, columns: [{ name: a, tests: [{ not_null: { severity: warn } }] }] }]"
            ),
            (
                "models/sources.yml",
                "sources: [{ name: s, schema: raw, tables: [{ name: t, tags: x, ingest: { files: other/*.csv }, columns: [{ name: a, data_type: int }] }] }]"
            ),
        ]),
        ""
    );
    // A view is a part of what reads it, a table is not: its version tells.
    assert_eq!(changed(&[("models/v.sql", "select a + 1 as a from {{ source('s', 't') }}")]), "model.p.v model.p.t");
    assert_eq!(changed(&[("models/v.sql", "select a from {{ source('s', 't') }}")]), "");
    assert_eq!(
        changed(&[("models/t.sql", "{{ config(materialized='view') }}select a from {{ ref('v') }}")]),
        "model.p.t test.p.not_null_t_a model.p.u"
    );
    assert_eq!(changed(&[("models/t.sql", "{{ config(materialized='table') }}select a from {{ ref('v') }}")]), "");
    assert_eq!(changed(&[("seeds/codes.csv", "code\nb\n")]), "seed.p.codes");
}

#[test]
fn errors_of_the_environment_are_told_without_the_project() {
    let dir = project(&[("models/a.sql", "selec")]);
    let environment = headwater_project::environment(&request(dir.path())).unwrap();
    assert_eq!(environment.name, "local");
    let other = Request { environment: Some("prod".into()), ..request(dir.path()) };
    let wrong = headwater_project::environment(&other).unwrap_err();
    assert_eq!(wrong.0[0].code, Code::UnknownEnvironment);
}
