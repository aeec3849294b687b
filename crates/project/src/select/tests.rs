use std::path::PathBuf;

use headwater_plan::{
    About, Beside as PlanBeside, Contract, CsvOptions, Diagnostics, EngineKind, Environment, Exposure, FileFormat,
    FileSet, Hooks, Ingest, Location, MacroAbout, Node, NodeId, NodeKind, Plan, Query, Schema, Step, Table,
    TableLayout, TableName, Test, TestAbout,
};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::selectors::Selectors;
use super::{Beside, Indirect, Selection, State, select};
use crate::config::source::Source;

/// Two sources, four models in three layers, a test of a column, a test of two tables, a singular test:
/// `vehicles`, `trips` → `stg_trips` → `trips_daily`, `trips_hourly`; `stg_trips`, `vehicles` → `brands`.
fn plan() -> Plan {
    let source = |table: &str| {
        node("source", &format!("rental.{table}"), "models/bronze/sources.yml", &[], ingest(table)).tagged(&["raw"])
    };
    let model = |name: &str, file: &str, reads: &[&str], step: Step| node("model", name, file, reads, step);
    let nodes = vec![
        source("vehicles"),
        source("trips"),
        model("stg_trips", "models/silver/stg_trips.sql", &["source.p.rental.trips"], view()),
        test("not_null_stg_trips_id", "models/silver/silver.yml", &["model.p.stg_trips"], Some("model.p.stg_trips")),
        model("trips_daily", "models/gold/metrics/trips_daily.sql", &["model.p.stg_trips"], table()).tagged(&["daily"]),
        model("trips_hourly", "models/gold/metrics/trips_hourly.sql", &["model.p.stg_trips"], table()),
        model("brands", "models/gold/brands.sql", &["model.p.stg_trips", "source.p.rental.vehicles"], table())
            .tagged(&["daily", "wide"]),
        test(
            "relationships_brands",
            "models/gold/gold.yml",
            &["model.p.brands", "source.p.rental.vehicles"],
            Some("model.p.brands"),
        ),
        test("totals_agree", "tests/totals_agree.sql", &["model.p.trips_daily", "model.p.trips_hourly"], None),
    ];
    let environment = Environment {
        name: "local".into(),
        lake: "/lake".into(),
        lake_written: "lake".into(),
        lake_location: Location::line("headwater.yml", 1),
        engine: EngineKind::Embedded,
        threads: 2,
        memory_limit: 0,
    };
    let nodes: IndexMap<NodeId, Node> = nodes.into_iter().map(|node| (node.id.clone(), node)).collect();
    let exposure = Exposure {
        id: NodeId("exposure.p.weekly".into()),
        name: "weekly".into(),
        package: "p".into(),
        fqn: vec!["p".into(), "weekly".into()],
        location: Location::line("models/exposures.yml", 2),
        kind: "dashboard".into(),
        depends_on: vec![NodeId("model.p.brands".into())],
        description: None,
        label: None,
        url: None,
        maturity: None,
        owner: serde_json::Map::new(),
        tags: Vec::new(),
        meta: serde_json::Map::new(),
    };
    let beside = PlanBeside { exposures: vec![exposure], ..PlanBeside::default() };
    Plan { project: "p".into(), environment, nodes, beside }
}

trait Tagged {
    fn tagged(self, tags: &[&str]) -> Self;
}

impl Tagged for Node {
    fn tagged(mut self, tags: &[&str]) -> Self {
        self.tags = tags.iter().map(|tag| tag.to_string()).collect();
        self
    }
}

fn node(kind: &str, name: &str, file: &str, reads: &[&str], step: Step) -> Node {
    let schema = if kind == "source" { "bronze" } else { file.split('/').nth(1).unwrap() };
    Node {
        id: NodeId(format!("{kind}.p.{name}")),
        name: name.into(),
        kind: match kind {
            "source" => NodeKind::Source,
            "model" => NodeKind::Model,
            _ => NodeKind::Test,
        },
        location: Location::line(file, 1),
        relation: (kind != "test").then(|| TableName::new(schema, name)),
        depends_on: reads.iter().map(|id| NodeId(id.to_string())).collect(),
        tags: Vec::new(),
        description: None,
        schema: Schema::default(),
        step,
        fingerprint: String::new(),
        hooks: Hooks::default(),
        asks: Vec::new(),
        about: Box::default(),
    }
}

fn query() -> Query {
    Query { sql: "select 1".into(), reads: Vec::new() }
}

fn table() -> Step {
    Step::Table(Table { query: query(), layout: TableLayout::default() })
}

fn view() -> Step {
    Step::View(query())
}

fn ingest(table: &str) -> Step {
    Step::Ingest(Ingest::new(
        TableName::new("bronze", table),
        FileSet { pattern: "/in/*".into(), written: "in/*".into(), location: Location::line("x.yml", 1) },
        FileFormat::Csv(CsvOptions::default()),
        Contract::default(),
    ))
}

fn test(name: &str, file: &str, reads: &[&str], tested: Option<&str>) -> Node {
    let tested = tested.map(|id| NodeId(id.to_string()));
    let step = Step::Test(Test { tested, ..Test::new(query()) });
    Node { location: Location::line(PathBuf::from(file), 1), ..node("test", name, file, reads, step) }
}

fn selected(select_: &[&str], exclude: &[&str]) -> Result<String, Diagnostics> {
    let selection = Selection { select: texts(select_), exclude: texts(exclude), ..Selection::default() };
    names(&plan(), &selection, Beside::default())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

/// In the order of the plan, by name; exposures after them.
fn names(plan: &Plan, selection: &Selection, beside: Beside<'_>) -> Result<String, Diagnostics> {
    let chosen = select(plan, selection, beside)?;
    let nodes = plan.nodes.values().filter(|node| chosen.contains(&node.id)).map(|node| node.name.as_str());
    let exposures = plan.beside.exposures.iter().filter(|it| chosen.contains(&it.id)).map(|it| it.name.as_str());
    Ok(nodes.chain(exposures).collect::<Vec<_>>().join(" "))
}

const ALL: &str = "rental.vehicles rental.trips stg_trips not_null_stg_trips_id trips_daily trips_hourly brands \
                   relationships_brands totals_agree weekly";

#[test]
fn selectors_mean_what_they_mean_in_dbt() {
    for (select, exclude, expected) in [
        (&[][..], &[][..], ALL),
        (&["stg_trips"], &[], "stg_trips not_null_stg_trips_id"),
        (&["brands"], &[], "brands relationships_brands"),
        (&["rental.vehicles"], &[], "rental.vehicles relationships_brands"),
        (&["+trips_daily"], &[], "rental.trips stg_trips not_null_stg_trips_id trips_daily totals_agree"),
        (&["1+trips_daily"], &[], "stg_trips not_null_stg_trips_id trips_daily totals_agree"),
        (
            &["stg_trips+1"],
            &[],
            "stg_trips not_null_stg_trips_id trips_daily trips_hourly brands relationships_brands totals_agree",
        ),
        (
            &["stg_trips+2"],
            &[],
            "stg_trips not_null_stg_trips_id trips_daily trips_hourly brands relationships_brands totals_agree weekly",
        ),
        (
            &["source:rental.trips+"],
            &[],
            "rental.trips stg_trips not_null_stg_trips_id trips_daily trips_hourly brands relationships_brands totals_agree weekly",
        ),
        (&["@trips_hourly"], &[], "rental.trips stg_trips not_null_stg_trips_id trips_daily trips_hourly totals_agree"),
        (&["trips_*"], &[], "trips_daily trips_hourly totals_agree"),
        (&["trips_?aily"], &[], "trips_daily totals_agree"),
        (&["gold"], &[], "trips_daily trips_hourly brands relationships_brands totals_agree"),
        (&["gold.metrics"], &[], "trips_daily trips_hourly totals_agree"),
        (&["p.gold.brands"], &[], "brands relationships_brands"),
        (&["fqn:gold.*.trips_daily"], &[], "trips_daily totals_agree"),
        (&["path:models/gold"], &[], "trips_daily trips_hourly brands relationships_brands totals_agree"),
        (&["models/gold/metrics/"], &[], "trips_daily trips_hourly totals_agree"),
        (&["./models/gold/brands.sql"], &[], "brands relationships_brands"),
        (&["brands.sql"], &[], "brands relationships_brands"),
        (&["tag:daily"], &[], "trips_daily brands relationships_brands totals_agree"),
        (&["config.tags:wide"], &[], "brands relationships_brands"),
        (&["source:rental"], &[], "rental.vehicles rental.trips relationships_brands"),
        (&["source:*"], &[], "rental.vehicles rental.trips relationships_brands"),
        (&["source:p.rental.trips"], &[], "rental.trips"),
        (&["resource_type:test"], &[], "not_null_stg_trips_id relationships_brands totals_agree"),
        (&["test_type:singular"], &[], "totals_agree"),
        (&["config.materialized:view"], &[], "stg_trips not_null_stg_trips_id"),
        (&["config.schema:silver"], &[], "stg_trips not_null_stg_trips_id"),
        (&["tag:daily,gold.metrics"], &[], "trips_daily totals_agree"),
        (&["stg_trips,resource_type:test"], &[], "not_null_stg_trips_id"),
        (&["brands stg_trips"], &[], "stg_trips not_null_stg_trips_id brands relationships_brands"),
        (&["brands", "trips_daily"], &[], "trips_daily brands relationships_brands totals_agree"),
        (&["gold"], &["brands"], "trips_daily trips_hourly totals_agree"),
        (&[], &["gold", "source:rental"], "stg_trips not_null_stg_trips_id weekly"),
        (&["exposure:weekly"], &[], "weekly"),
        (
            &["+exposure:*"],
            &[],
            "rental.vehicles rental.trips stg_trips not_null_stg_trips_id brands relationships_brands weekly",
        ),
        (&["package:p,gold.metrics"], &[], "trips_daily trips_hourly totals_agree"),
        (&["package:this,tag:wide"], &[], "brands relationships_brands"),
        (&["file:brands"], &[], "brands relationships_brands"),
        (&["access:protected,tag:wide"], &[], "brands relationships_brands"),
        (&["trips_daily"], &["resource_type:test"], "trips_daily"),
        (&["trips_daily"], &["tag:nobody"], "trips_daily totals_agree"),
    ] {
        assert_eq!(selected(select, exclude).unwrap(), expected, "--select {select:?} --exclude {exclude:?}");
    }
}

#[test]
fn what_selects_nothing_says_what_was_meant() {
    let told: Vec<String> = [
        (&["trips_dayly"][..], &[][..]),
        (&["vehicles"], &[]),
        (&["nothing_like_it"], &[]),
        (&["tag:dayli"], &[]),
        (&["tag:hourly"], &[]),
        (&["path:models/gould"], &[]),
        (&["source:rentl"], &[]),
        (&["config.materialized:tabel"], &[]),
        (&["stg_trips,tag:wide"], &[]),
        (&["brands"], &["brnds"]),
        (&["brands"], &["gold"]),
        (&["tga:daily"], &[]),
        (&["state:modified"], &[]),
        (&["state:changed"], &[]),
        (&["result:failed"], &[]),
        (&["metric:revenue"], &[]),
        (&["config.meta:x"], &[]),
        (&["exposure:weekli"], &[]),
        (&["selector:nightly"], &[]),
        (&["@brands+"], &[]),
        (&["tag:"], &[]),
        (&["wrong_one", "tag:wrong"], &[]),
    ]
    .iter()
    .map(|(select, exclude)| {
        let mut told = format!("--select {}", select.join(" "));
        if !exclude.is_empty() {
            told.push_str(&format!(" --exclude {}", exclude.join(" ")));
        }
        for error in selected(select, exclude).unwrap_err() {
            told.push_str(&format!("\n=> {}: {}", error.code, error.message));
            if let Some(help) = error.help {
                told.push_str(&format!("\n   help: {help}"));
            }
        }
        told
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn settings_are_selected_by_their_path() {
    let mut plan = plan();
    let brands = plan.nodes.get_mut(&NodeId("model.p.brands".into())).unwrap();
    *brands.about = About {
        package: "cars".into(),
        fqn: texts(&["cars", "gold", "brands"]),
        config: json!({ "meta": { "owner": "ada", "pii": true }, "unique_key": ["a", "b"], "group": "finance", "lookback": 3 })
            .as_object()
            .unwrap()
            .clone(),
        ..About::default()
    };
    brands.location = Location::line("dbt_packages/cars/models/gold/brands.sql", 1);
    for selector in [
        "config.meta.owner:ada",
        "config.meta.owner:a*",
        "config.meta.pii:true",
        "config.meta:pii",
        "config.unique_key:b",
        "config.lookback:3",
        "group:finance",
        "package:cars",
        "cars",
        "cars.gold",
        "path:models/gold/brands.sql",
        "path:dbt_packages/cars",
    ] {
        let selection = Selection { select: texts(&[selector]), indirect: Indirect::Empty, ..Selection::default() };
        assert_eq!(names(&plan, &selection, Beside::default()).unwrap(), "brands", "{selector}");
    }
}

#[test]
fn tests_come_along_as_they_are_asked_to() {
    let plan = plan();
    let with = |select: &[&str], indirect| {
        let selection = Selection { select: texts(select), indirect, ..Selection::default() };
        names(&plan, &selection, Beside::default()).unwrap()
    };
    assert_eq!(with(&["brands"], Indirect::Eager), "brands relationships_brands");
    assert_eq!(with(&["brands"], Indirect::Cautious), "brands");
    assert_eq!(
        with(&["brands", "source:rental.vehicles"], Indirect::Cautious),
        "rental.vehicles brands relationships_brands"
    );
    assert_eq!(with(&["brands"], Indirect::Buildable), "brands relationships_brands");
    assert_eq!(with(&["trips_daily"], Indirect::Buildable), "trips_daily");
    assert_eq!(with(&["brands"], Indirect::Empty), "brands");
    assert_eq!(with(&["brands", "resource_type:test"], Indirect::Empty).split(' ').count(), 4);
}

#[test]
fn kinds_are_kept_and_left_out() {
    let plan = plan();
    let kinds = |kinds: &[&str], without: &[&str]| {
        let selection = Selection { kinds: texts(kinds), without_kinds: texts(without), ..Selection::default() };
        names(&plan, &selection, Beside::default())
    };
    assert_eq!(kinds(&["source", "exposure"], &[]).unwrap(), "rental.vehicles rental.trips weekly");
    assert_eq!(kinds(&["all"], &["model", "test"]).unwrap(), "rental.vehicles rental.trips weekly");
    assert_eq!(kinds(&["modle"], &[]).unwrap_err().0[0].help.as_deref(), Some("did you mean `model`?"));
    assert!(kinds(&["snapshot"], &[]).is_err());
}

/// The plan as a manifest has it, as far as it is compared.
fn manifest(plan: &Plan) -> Value {
    let nodes = plan.nodes.values().map(|node| {
        let relation = node.relation.as_ref();
        let value = json!({
            "raw_code": node.about.raw_code, "checksum": { "name": "sha256", "checksum": node.about.checksum },
            "unrendered_config": node.about.config, "schema": relation.map(|it| it.schema.clone()),
            "alias": relation.map(|it| it.name.clone()), "description": node.description.clone().unwrap_or_default(),
        });
        (node.id.0.clone(), value)
    });
    let macros = plan.beside.macros.iter().map(|it| (it.id.clone(), json!({ "macro_sql": it.text })));
    json!({
        "nodes": nodes.collect::<serde_json::Map<_, _>>(), "macros": macros.collect::<serde_json::Map<_, _>>(),
        "exposures": { "exposure.p.weekly": { "depends_on": { "nodes": ["model.p.brands"] } } },
    })
}

#[test]
fn state_is_compared_with_an_earlier_manifest() {
    let mut plan = plan();
    plan.beside.macros.push(MacroAbout {
        id: "macro.p.cents".into(),
        name: "cents".into(),
        package: "p".into(),
        file: "macros/cents.sql".into(),
        text: "{% macro cents(x) %}{{ x }} / 100{% endmacro %}".into(),
        description: String::new(),
    });
    let node = |plan: &mut Plan, name: &str, change: &dyn Fn(&mut Node)| {
        change(plan.nodes.values_mut().find(|node| node.name == name).unwrap());
    };
    node(&mut plan, "brands", &|node| node.about.macros = texts(&["macro.p.cents"]));
    let before = manifest(&plan);
    let select_state = |plan: &Plan, selector: &str| {
        let results = json!({ "results": [
            { "unique_id": "model.p.brands", "status": "error" },
            { "unique_id": "test.p.totals_agree", "status": "fail" },
        ] });
        let state = State::new(plan, &before, Some(&results));
        let selection = Selection { select: texts(&[selector]), indirect: Indirect::Empty, ..Selection::default() };
        names(plan, &selection, Beside { state: Some(&state), selectors: None }).unwrap()
    };
    assert_eq!(select_state(&plan, "state:modified"), "");
    assert_eq!(select_state(&plan, "state:unmodified"), ALL);
    assert_eq!(select_state(&plan, "result:error"), "brands");
    assert_eq!(select_state(&plan, "result:fail+"), "totals_agree");

    node(&mut plan, "stg_trips", &|node| node.about.raw_code = "select 2".into());
    node(&mut plan, "trips_daily", &|node| {
        node.about.config = json!({ "materialized": "view", "tags": ["x"] }).as_object().unwrap().clone();
    });
    node(&mut plan, "trips_hourly", &|node| node.relation = Some(TableName::new("gold", "by_hour")));
    node(&mut plan, "brands", &|node| node.about.config = json!({ "tags": ["y"] }).as_object().unwrap().clone());
    plan.beside.macros[0].text = "{% macro cents(x) %}{{ x }} / 1000{% endmacro %}".into();
    let new = plan.nodes.values().find(|node| node.name == "brands").unwrap().clone();
    let new = Node { id: NodeId("model.p.fresh".into()), name: "fresh".into(), ..new };
    plan.nodes.insert(new.id.clone(), new);
    for (selector, expected) in [
        ("state:modified", "stg_trips trips_daily trips_hourly brands fresh"),
        ("state:new", "fresh"),
        ("state:modified.body", "stg_trips"),
        ("state:modified.configs", "trips_daily"),
        ("state:modified.relation", "trips_hourly"),
        ("state:modified.macros", "brands"),
        ("state:modified.contract", ""),
        ("state:modified,tag:daily", "trips_daily brands fresh"),
        ("state:modified.body+1", "stg_trips not_null_stg_trips_id trips_daily trips_hourly brands fresh"),
    ] {
        assert_eq!(select_state(&plan, selector), expected, "{selector}");
    }
}

const SELECTORS: &str = "\
selectors:
  - name: nightly
    default: true
    definition:
      union:
        - 'tag:daily'
        - { method: fqn, value: stg_trips, parents: true, parents_depth: 1 }
        - exclude: [{ tag: wide }]
  - name: both
    definition:
      intersection: [{ method: selector, value: nightly }, 'gold.metrics']
  - name: careful
    definition: { method: fqn, value: brands, indirect_selection: cautious }
";

#[test]
fn selectors_of_a_file() {
    let selectors = Selectors::parse(&Source::new("selectors.yml", SELECTORS)).unwrap();
    let plan = plan();
    let with = |name: Option<&str>, select: &[&str]| {
        let selection = Selection { selector: name.map(str::to_owned), select: texts(select), ..Selection::default() };
        names(&plan, &selection, Beside { state: None, selectors: Some(&selectors) })
    };
    let nightly = "rental.trips stg_trips not_null_stg_trips_id trips_daily totals_agree";
    assert_eq!(with(None, &[]).unwrap(), nightly);
    assert_eq!(with(Some("nightly"), &[]).unwrap(), nightly);
    assert_eq!(with(Some("both"), &[]).unwrap(), "trips_daily totals_agree");
    assert_eq!(with(Some("careful"), &[]).unwrap(), "brands");
    assert_eq!(with(None, &["selector:both"]).unwrap(), "trips_daily totals_agree");
    assert_eq!(with(Some("nightli"), &[]).unwrap_err().0[0].help.as_deref(), Some("did you mean `nightly`?"));
    assert!(with(Some("nightly"), &["brands"]).is_err());
}

#[test]
fn what_is_wrong_in_the_file_is_told_at_its_place() {
    let wrong = "\
selectors:
  - name: a
    definition: 'tga:x'
  - name: a
    definition: { method: resource_type, value: modle }
  - definition: 'tag:x'
  - name: c
  - name: d
    definition: { method: selector, value: e }
  - name: e
    definition: { x: y, z: w }
  - name: f
    definition: [a, b]
";
    let found = Selectors::parse(&Source::new("selectors.yml", wrong)).unwrap_err();
    let told: Vec<String> = found
        .into_iter()
        .map(|error| {
            format!(
                "{} {}: {} ({})",
                error.location.unwrap(),
                error.code,
                error.message,
                error.help.unwrap_or_default()
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn generic_tests_are_selected_by_their_name() {
    let mut plan = plan();
    let test = plan.nodes.values_mut().find(|node| node.name == "not_null_stg_trips_id").unwrap();
    test.about.test = Some(TestAbout { name: "not_null".into(), ..TestAbout::default() });
    let selection = Selection { select: texts(&["test_name:not_*"]), ..Selection::default() };
    assert_eq!(names(&plan, &selection, Beside::default()).unwrap(), "not_null_stg_trips_id");
}
