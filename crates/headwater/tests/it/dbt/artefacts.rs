//! `manifest.json` and `run_results.json`, by what the tools that read them look for.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shop::{built, shop};
use crate::project::Project;

fn artefact(project: &Project, name: &str) -> Value {
    let path = project.path("target").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The keys that the schema of dbt requires of each kind.
const REQUIRED: &[(&str, &[&str])] = &[
    (
        "model",
        &[
            "database",
            "schema",
            "name",
            "resource_type",
            "package_name",
            "path",
            "original_file_path",
            "unique_id",
            "fqn",
            "alias",
            "checksum",
            "depends_on",
            "refs",
            "sources",
            "raw_code",
            "config",
            "columns",
        ],
    ),
    (
        "seed",
        &[
            "database",
            "schema",
            "name",
            "resource_type",
            "package_name",
            "path",
            "original_file_path",
            "unique_id",
            "fqn",
            "alias",
            "checksum",
        ],
    ),
    (
        "test",
        &[
            "database",
            "schema",
            "name",
            "resource_type",
            "package_name",
            "path",
            "original_file_path",
            "unique_id",
            "fqn",
            "alias",
            "checksum",
            "depends_on",
        ],
    ),
];

#[test]
fn the_manifest_has_what_dbt_s_has() {
    let project = shop();
    project.output(&["compile"]);
    let manifest = artefact(&project, "manifest.json");
    assert_eq!(manifest["metadata"]["dbt_schema_version"], "https://schemas.getdbt.com/dbt/manifest/v12.json");
    assert_eq!(manifest["metadata"]["project_name"], "jaffle");
    assert_eq!(manifest["metadata"]["adapter_type"], "spark");
    let nodes = manifest["nodes"].as_object().unwrap();
    for (id, node) in nodes {
        let kind = node["resource_type"].as_str().unwrap();
        assert_eq!(node["unique_id"], id.as_str());
        for (_, keys) in REQUIRED.iter().filter(|(required, _)| *required == kind) {
            for key in *keys {
                assert!(node.get(*key).is_some(), "{id} has no {key}");
            }
        }
    }
    let customers = &nodes["model.jaffle.customers"];
    assert_eq!(
        customers["depends_on"]["nodes"],
        serde_json::json!(["model.jaffle.stg_customers", "model.jaffle.stg_orders"])
    );
    assert_eq!(customers["config"]["materialized"], "table");
    assert_eq!(customers["path"], "marts/customers.sql");
    assert_eq!(customers["relation_name"], "`main`.`customers`");
    assert_eq!(customers["meta"]["owner"], "ada");
    assert_eq!(customers["description"], "Customers, with what <they> ordered.");
    assert_eq!(customers["compiled"], true);
    assert!(
        nodes["model.jaffle.stg_orders"]["depends_on"]["macros"]
            .as_array()
            .unwrap()
            .contains(&"macro.jaffle.cents_to_euros".into())
    );
    assert_eq!(manifest["unit_tests"].as_object().unwrap().len(), 1);
    assert_eq!(
        manifest["exposures"]["exposure.jaffle.weekly_report"]["depends_on"]["nodes"][0],
        "model.jaffle.top_customers"
    );
    assert!(manifest["macros"]["macro.jaffle.cents_to_euros"]["macro_sql"].as_str().unwrap().contains("decimal(16"));
    // The maps say of every node who reads whom.
    let ids: BTreeSet<&String> = ["nodes", "sources", "unit_tests", "exposures"]
        .iter()
        .flat_map(|section| manifest[*section].as_object().unwrap().keys())
        .collect();
    for map in ["parent_map", "child_map"] {
        assert_eq!(manifest[map].as_object().unwrap().keys().collect::<BTreeSet<_>>(), ids, "{map}");
    }
}

#[test]
fn the_results_say_how_each_node_ended() {
    let project = built();
    let results = artefact(&project, "run_results.json");
    assert_eq!(results["metadata"]["dbt_schema_version"], "https://schemas.getdbt.com/dbt/run-results/v6.json");
    let status = |results: &Value, id: &str| {
        let all = results["results"].as_array().unwrap();
        all.iter().find(|result| result["unique_id"] == id).unwrap_or_else(|| panic!("{id}"))["status"].clone()
    };
    assert_eq!(status(&results, "model.jaffle.customers"), "success");
    assert_eq!(status(&results, "seed.jaffle.raw_orders"), "success");
    assert_eq!(status(&results, "unit_test.jaffle.customers.returned_orders_do_not_count"), "pass");
    // A run that has nothing to do says of each node that it is well.
    project.output(&["build"]);
    let again = artefact(&project, "run_results.json");
    assert_eq!(again["results"].as_array().unwrap().len(), results["results"].as_array().unwrap().len());
    assert_eq!(status(&again, "model.jaffle.customers"), "success");
    project.replace("models/marts/customers.sql", "o.total\n", "o.total / (o.total - o.total) as total\n");
    assert!(!project.command(&["build"]).output().unwrap().status.success());
    let failed = artefact(&project, "run_results.json");
    assert_eq!(status(&failed, "model.jaffle.top_customers"), "skipped");
}
