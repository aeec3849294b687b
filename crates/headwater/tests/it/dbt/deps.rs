//! `deps`: from a folder, from git, from an archive, and from a hub that is a stand-in of this test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use super::shop::shop;
use crate::project::{Project, assert_says};

/// Answers `GET`s with what it has; it lives as long as the test's process.
fn stand_in(answers: impl FnOnce(&str) -> BTreeMap<String, Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answers = answers(&address);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            for line in lines {
                if line.unwrap().is_empty() {
                    break;
                }
            }
            let path = request.split(' ').nth(1).unwrap();
            let (status, body) = match answers.get(path) {
                Some(body) => ("200 OK", body.clone()),
                None => ("404 Not Found", Vec::new()),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
        }
    });
    address
}

/// A package as an archive: made by the `tar` of the system, which is not ours.
fn archive(name: &str, files: &[(&str, String)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(format!("{name}-1")).join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let tar = Command::new("tar")
        .args(["-cz", "-C", folder.path().to_str().unwrap(), &format!("{name}-1")])
        .output()
        .unwrap();
    assert!(tar.status.success());
    tar.stdout
}

fn package(name: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut files = vec![
        ("dbt_project.yml", format!("name: {name}\nversion: '1'\nconfig-version: 2\n")),
        ("macros/m.sql", format!("{{% macro {name}_one() %}}1{{% endmacro %}}\n")),
    ];
    files.extend(more.iter().map(|(path, text)| (*path, (*text).to_owned())));
    archive(name, &files)
}

fn index(address: &str, organisation: &str, name: &str, versions: &[(&str, &str)]) -> Vec<u8> {
    let versions: serde_json::Map<String, serde_json::Value> = versions
        .iter()
        .map(|(version, packages)| {
            let packages: serde_json::Value = serde_json::from_str(packages).unwrap();
            let release = serde_json::json!({
                "id": format!("{organisation}/{name}/{version}"), "name": name, "version": version, "packages": packages,
                "require_dbt_version": [">=1.3.0", "<2.0.0"],
                "downloads": { "format": "tgz", "tarball": format!("{address}/{name}-{version}.tar.gz") },
            });
            ((*version).to_owned(), release)
        })
        .collect();
    serde_json::json!({ "name": name, "namespace": organisation, "versions": versions }).to_string().into_bytes()
}

fn hub() -> String {
    stand_in(|address| {
        BTreeMap::from([
            (
                "/api/v1/acme/tools.json".to_owned(),
                index(
                    address,
                    "acme",
                    "tools",
                    &[
                        ("1.0.0", "[]"),
                        ("1.1.0", r#"[{"package": "acme/base", "version": [">=0.2.0", "<0.4.0"]}]"#),
                        ("2.0.0-rc1", "[]"),
                    ],
                ),
            ),
            (
                "/api/v1/acme/base.json".to_owned(),
                index(address, "acme", "base", &[("0.1.0", "[]"), ("0.3.0", "[]"), ("0.4.0", "[]")]),
            ),
            ("/tools-1.1.0.tar.gz".to_owned(), package("tools", &[])),
            ("/tools-1.0.0.tar.gz".to_owned(), package("tools", &[])),
            ("/base-0.3.0.tar.gz".to_owned(), package("base", &[])),
            ("/extra.tar.gz".to_owned(), package("extra", &[])),
        ])
    })
}

fn says(project: &Project, hub: &str, arguments: &[&str]) -> String {
    let output = project.command(arguments).env("DBT_PACKAGE_HUB_URL", hub).output().unwrap();
    let text = format!(
        "$ headwater {}\n{}{}--- exit code {}\n",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap()
    );
    text.replace(hub, "http://hub").replace(project.path("").to_str().unwrap().trim_end_matches('/'), "[DIR]")
}

fn has(project: &Project, path: &str) -> bool {
    project.path(path).exists()
}

#[test]
fn from_the_hub() {
    let (project, hub) = (shop(), hub());
    project.write("packages.yml", "packages:\n  - package: acme/tools\n    version: ['>=1.0.0', '<2.0.0']\n");
    let mut told = says(&project, &hub, &["check"]);
    told += &says(&project, &hub, &["deps"]);
    told += &std::fs::read_to_string(project.path("package-lock.yml")).unwrap();
    assert!(has(&project, "dbt_packages/tools/macros/m.sql") && has(&project, "dbt_packages/base/dbt_project.yml"));
    told += &says(&project, &hub, &["compile", "--inline", "select {{ tools.tools_one() }} as x"]);
    // The lock holds until it is asked to look again.
    told += &says(&project, &hub, &["deps"]);
    project.write("packages.yml", "packages:\n  - package: acme/tools\n    version: 1.0.0\n");
    told += &says(&project, &hub, &["deps"]);
    told += &says(&project, &hub, &["deps", "--add-package", "acme/base@0.1.0", "--lock"]);
    insta::assert_snapshot!(told);
}

#[test]
fn from_a_folder_an_archive_and_git() {
    let (project, hub) = (shop(), hub());
    let outside = tempfile::tempdir().unwrap();
    let repository = outside.path().join("repository");
    let write = |path: &Path, text: &str| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(&repository.join("inner/dbt_project.yml"), "name: versioned\nversion: '1'\nconfig-version: 2\n");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(&repository).args(["-c", "user.name=Ada", "-c", "user.email=a@b.c"]);
        assert!(git.args(arguments).output().unwrap().status.success());
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    git(&["tag", "v1"]);
    let local = project.path("nearby");
    write(&local.join("dbt_project.yml"), "name: nearby\nversion: '1'\nconfig-version: 2\n");
    project.write(
        "packages.yml",
        &format!(
            "packages:\n  - local: nearby\n  - tarball: {hub}/extra.tar.gz\n    name: extra\n  - git: {}\n    revision: v1\n    subdirectory: inner\n",
            repository.display()
        ),
    );
    let told = says(&project, &hub, &["deps"]).replace(repository.to_str().unwrap(), "[REPOSITORY]");
    for package in ["nearby", "extra", "versioned"] {
        assert!(has(&project, &format!("dbt_packages/{package}/dbt_project.yml")), "{package}: {told}");
    }
    insta::with_settings!({ filters => vec![(r"\b[0-9a-f]{12}\b", "0123456789ab")] }, { insta::assert_snapshot!(told) });
    let lock = std::fs::read_to_string(project.path("package-lock.yml")).unwrap();
    assert!(lock.contains("revision:") && !lock.contains("revision: v1"), "{lock}");
    project.output(&["check"]);
}

#[test]
fn what_cannot_be_fetched_is_told_and_nothing_changes() {
    let (project, hub) = (shop(), hub());
    project.write("packages.yml", "packages:\n  - package: acme/base\n    version: 0.3.0\n");
    let mut told = says(&project, &hub, &["deps", "--lock"]);
    assert!(!has(&project, "dbt_packages"));
    told += &says(&project, &hub, &["deps"]);
    for packages in [
        "packages:\n  - package: acme/nothing\n    version: 1.0.0\n",
        "packages:\n  - package: acme/base\n    version: '>=9.0.0'\n",
        "packages:\n  - tarball: HUB/nothing.tar.gz\n    name: nothing\n",
        "packages:\n  - git: /no/such/repository\n    revision: main\n",
        "packages:\n  - local: no/such/folder\n",
    ] {
        project.write("packages.yml", &packages.replace("HUB", &hub));
        told += &says(&project, &hub, &["deps"]);
        assert!(has(&project, "dbt_packages/base"), "what was there stays: {packages}");
    }
    told += &says(&project, "http://127.0.0.1:1", &["deps", "--add-package", "acme/tools@1.0.0"]);
    told += &says(&project, &hub, &["deps", "--add-package", "tools"]);
    insta::assert_snapshot!(told);
}

#[test]
fn a_project_without_packages() {
    assert_says!(shop(), ["deps"], @"
    $ headwater deps
    --- stdout
    the project uses no packages
    --- exit code 0
    ");
}
