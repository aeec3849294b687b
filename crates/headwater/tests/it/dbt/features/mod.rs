//! Each word of dbt's conventions: a small project, and all that its user sees of it. The README of the folder above says
//! which test shows which word.

mod contracts;
mod data_tests;
mod dispatch;
mod incremental;
mod jinja;
mod kept;
mod lineage;
mod manifest;
mod seeds;
mod selection;
mod settings;
mod snapshots;
mod sources;
mod spark;
mod unit_tests;

use crate::project::{Project, filters};

/// Rows of orders as a seed.
const ORDERS: &str = "id,customer,status,amount,ordered_on\n1,7,new,12.50,2024-01-02\n2,7,paid,20.00,2024-01-03\n3,8,new,5.25,2024-01-03\n";

/// A dbt project with the seed `orders` and these files.
fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::with(&[
        ("dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\n"),
        ("seeds/orders.csv", ORDERS),
    ]);
    for (path, text) in files {
        project.write(path, text);
    }
    project
}

/// What the binary says to each command, one after the other.
fn session(project: &Project, commands: &[&[&str]]) -> String {
    let once = |command: &&[&str]| {
        let mut arguments = command.to_vec();
        // One after the other, so that the report's lines have one order.
        if matches!(command[0], "build" | "run" | "seed" | "snapshot" | "test") {
            arguments.extend(["--threads", "1"]);
        }
        project.says(&arguments).replace(" --threads 1", "")
    };
    commands.iter().map(once).collect::<Vec<_>>().join("\n")
}

/// Takes the snapshot of what was said in a project.
fn keep(name: &str, project: &Project, said: &str) {
    let folder = project.path("");
    let folder = folder.to_str().unwrap().trim_end_matches('/').to_owned();
    insta::with_settings!({
        filters => filters(&folder),
        snapshot_path => "../snapshots/features",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, said) });
}

/// The snapshot of all that the binary says to these commands.
fn tell(name: &str, project: &Project, commands: &[&[&str]]) {
    keep(name, project, &session(project, commands));
}
