//! dbt_utils as it is published: its own integration tests, run as they are. The checkout is not a part of this
//! repository: `HEADWATER_DBT_UTILS` names its folder.

use std::path::PathBuf;

use super::corner_shop::copy;
use crate::project::Project;

#[test]
fn every_node_of_its_integration_tests_passes() {
    let Some(checkout) = std::env::var_os("HEADWATER_DBT_UTILS").map(PathBuf::from) else {
        eprintln!("HEADWATER_DBT_UTILS names no checkout of dbt-labs/dbt-utils: its 237 nodes are NOT tested");
        return;
    };
    let project = Project::nothing();
    copy(&checkout, &project.path("."));
    let folder = ["--project-dir", "integration_tests"];
    project.output(&[&["deps"][..], &folder].concat());
    let report = project.output(&[&["build", "--format", "json"][..], &folder].concat());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let nodes = report["report"]["nodes"].as_array().unwrap();
    let failed: Vec<&str> =
        nodes.iter().filter(|node| node["status"] != "success").filter_map(|node| node["id"].as_str()).collect();
    assert_eq!((nodes.len(), failed), (237, Vec::new()));
}
