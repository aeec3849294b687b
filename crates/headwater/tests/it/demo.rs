//! `headwater demo`, the first thing that a newcomer sees: once, and again in the same folder.

use std::fs;

use crate::project::Project;

#[test]
fn once_and_again() {
    let project = Project::nothing();
    let first = project.output(&["demo", "shown"]);
    for line in ["generated its source files", "gold.location_metrics", "200,000 rows", "total_revenue by brand", "█"]
    {
        assert!(first.contains(line), "no `{line}` in:\n{first}");
    }
    let rows = first.lines().find(|line| line.starts_with("  files: ")).unwrap();
    assert!(rows.ends_with("out + 0 set aside"), "{rows}");

    // The user's own change stays.
    fs::write(project.path("shown/README.md"), "mine\n").unwrap();
    let second = project.output(&["demo", "shown"]);
    assert!(second.contains("found the project shown of an earlier demo"), "{second}");
    assert!(second.contains("nothing to do: 4 sources"), "{second}");
    assert_eq!(fs::read_to_string(project.path("shown/README.md")).unwrap(), "mine\n");
    let answers = |text: &str| text[text.find("which vehicle types").unwrap()..].to_owned();
    assert_eq!(answers(&first), answers(&second));
}
