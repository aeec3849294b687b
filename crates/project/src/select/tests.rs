use std::path::PathBuf;

use headwater_plan::{
    Contract, CsvOptions, Diagnostics, EngineKind, Environment, FileFormat, FileSet, Ingest, Location, Node, NodeId,
    NodeKind, Plan, Query, Schema, Severity, Step, TableName, Test,
};
use indexmap::IndexMap;

use super::{Selection, select};

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
    Plan { project: "p".into(), environment, nodes }
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
    }
}

fn query() -> Query {
    Query { sql: "select 1".into(), reads: Vec::new() }
}

fn table() -> Step {
    Step::Table(query())
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
    let step = Step::Test(Test { query: query(), severity: Severity::Error, tested, column: None });
    Node { location: Location::line(PathBuf::from(file), 1), ..node("test", name, file, reads, step) }
}

fn selected(select_: &[&str], exclude: &[&str]) -> Result<String, Diagnostics> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect();
    let plan = plan();
    let chosen = select(&plan, &Selection { select: texts(select_), exclude: texts(exclude) })?;
    // In the order of the plan, by name.
    let names = plan.nodes.values().filter(|node| chosen.contains(&node.id)).map(|node| node.name.as_str());
    Ok(names.collect::<Vec<_>>().join(" "))
}

const ALL: &str = "rental.vehicles rental.trips stg_trips not_null_stg_trips_id trips_daily trips_hourly brands \
                   relationships_brands totals_agree";

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
            &["source:rental.trips+"],
            &[],
            "rental.trips stg_trips not_null_stg_trips_id trips_daily trips_hourly brands relationships_brands totals_agree",
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
        (&[], &["gold", "source:rental"], "stg_trips not_null_stg_trips_id"),
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
        (&["config.meta:x"], &[]),
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
