//! `packages.yml`, its lock and what comes of both. What dbt's own deps answers was asked of dbt 1.10.15.

#![expect(clippy::unwrap_used, reason = "a test fails loudly; clippy sees that only inside `#[test]`")]

use std::fs;
use std::path::Path;

use headwater_plan::{Code, Diagnostics, Location, Secret};
use headwater_project::Environ;
use headwater_project::packages::{
    self, Contents, Facts, Index, Lock, Need, PackageSource, Pinned, PinnedSource, Requirement, Resolution, Spec,
    Version,
};
use serde_json::json;

use crate::config::show;

fn environ() -> Environ {
    Environ::new([("TOKEN".to_owned(), "s3cret".to_owned())])
}

fn read(text: &str) -> Result<Vec<Spec>, Diagnostics> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("packages.yml"), text).unwrap();
    packages::read(dir.path(), &environ())
}

const ALL_KINDS: &str = r#"
packages:
  - package: dbt-labs/dbt_utils
    version: [">=1.1.0", "<2.0.0"]
  - package: calogica/dbt_date
    version: 0.10.0
    install_prerelease: true
  - git: "https://{{ env_var('TOKEN') }}@example.com/a/b.git"
    revision: 1.0
    subdirectory: sub
    warn-unpinned: false
  - git: https://example.com/ü/c.git
  - local: ../neighbour
  - tarball: https://example.com/d.tar.gz
    name: d
"#;

#[test]
fn versions_are_ordered_as_dbt_orders_them() {
    let mut versions = ["1.0.0", "1.0.0-rc.10", "0.9.9", "1.0.0-rc.2", "1.0.0-a", "1.0.0-2", "10.0.0", "1.0.0-rc.2.1"]
        .map(|text| Version::parse(text).unwrap());
    versions.sort();
    let sorted = versions.map(|version| version.to_string()).join(" ");
    assert_eq!(sorted, "0.9.9 1.0.0-2 1.0.0-a 1.0.0-rc.2 1.0.0-rc.2.1 1.0.0-rc.10 1.0.0 10.0.0");
    for wrong in ["1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.", "", "1.0.0-", "x.y.z"] {
        assert_eq!(Version::parse(wrong), None, "{wrong}");
    }
    assert_eq!(Version::parse("1.0.0rc1+build.5").unwrap().to_string(), "1.0.0-rc1");
}

#[test]
fn ranges_hold_all_their_bounds() {
    let allows =
        |range: &str, version: &str| Requirement::parse_all([range]).unwrap().allows(&Version::parse(version).unwrap());
    for (range, version, answer) in [
        (">=1.0.0,<2.0.0", "1.9.9", true),
        (">=1.0.0, <2.0.0", "2.0.0", false),
        ("<2.0.0", "2.0.0-rc1", false),
        ("<2.0.0-rc2", "2.0.0-rc1", true),
        ("<=2.0.0", "2.0.0-rc1", true),
        (">1.0.0", "1.0.0", false),
        ("1.2.3", "1.2.3", true),
        ("=1.2.3", "1.2.4", false),
    ] {
        assert_eq!(allows(range, version), answer, "{range} {version}");
    }
    assert_eq!(Requirement::parse_all([">=1.0.0", "~1.2"]).unwrap_err(), "~1.2");
    assert_eq!(Requirement::parse_all([">=1.0.0,<2.0.0"]).unwrap().to_string(), ">=1.0.0, <2.0.0");
}

#[test]
fn all_kinds_of_packages_are_read_and_no_token_is_shown() {
    let specs = read(ALL_KINDS).unwrap();
    assert!(!format!("{specs:?}").contains("s3cret"));
    let shown: Vec<String> = specs.iter().map(Spec::shown).collect();
    assert_eq!(
        shown,
        [
            "dbt-labs/dbt_utils",
            "calogica/dbt_date",
            "https://{{ env_var('TOKEN') }}@example.com/a/b.git",
            "https://example.com/ü/c.git",
            "../neighbour",
            "https://example.com/d.tar.gz"
        ]
    );
    let PackageSource::Git { url, revision, subdirectory, warn_unpinned } = &specs[2].source else { panic!() };
    assert_eq!(url.expose(), "https://s3cret@example.com/a/b.git");
    assert_eq!((revision.as_deref(), subdirectory.as_deref(), *warn_unpinned), (Some("1.0"), Some("sub"), false));
}

#[test]
fn the_lock_has_the_hash_that_dbt_has() {
    let hash = |text: &str| Lock::new(&read(text).unwrap(), Vec::new()).sha1_hash.unwrap();
    assert_eq!(hash("packages:\n    - local: ../\n"), "de2deba3d66ce03d8c02949013650cc9b94f6030");
    assert_eq!(hash(ALL_KINDS), "9f5d39a7b99d6ce7aa87bf85c3959000482c8a55");
}

#[test]
fn a_lock_is_written_and_read() {
    let pinned = |name: &str, source| Pinned { name: Some(name.into()), source };
    let url = "https://{{ env_var('TOKEN') }}@example.com/a/b.git";
    let git = |url: &str, written: &str, revision: &str, folder: Option<&str>| PinnedSource::Git {
        url: Secret::new(url),
        written: written.into(),
        revision: revision.into(),
        subdirectory: folder.map(str::to_owned),
    };
    let version = Version::parse("1.3.0").unwrap();
    let tarball = "https://example.com/d.tar.gz";
    let all = vec![
        pinned("dbt_utils", PinnedSource::Hub { package: "dbt-labs/dbt_utils".into(), version }),
        pinned("b", git("https://s3cret@example.com/a/b.git", url, "1.0", Some("sub"))),
        pinned("y", git("https://example.com/c.git", "https://example.com/c.git", "12345678", None)),
        pinned("n", PinnedSource::Local { path: "../neighbour".into() }),
        pinned("d", PinnedSource::Tarball { url: Secret::new(tarball), written: tarball.into() }),
    ];
    let asked = read(ALL_KINDS).unwrap();
    let lock = Lock::new(&asked, all);
    insta::assert_snapshot!("lock", lock.text());
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Lock::read(dir.path(), &environ()), Ok(None));
    fs::write(dir.path().join("package-lock.yml"), lock.text()).unwrap();
    let again = Lock::read(dir.path(), &environ()).unwrap().unwrap();
    assert_eq!(again, lock);
    assert!(again.is_of(&asked));
    assert!(!again.is_of(&asked[1..]));

    fs::write(dir.path().join("package-lock.yml"), "packages:\n- package: a/b\n  version: \">=1.0.0\"\n").unwrap();
    insta::assert_snapshot!("wrong-lock", show(&Lock::read(dir.path(), &environ()).unwrap_err()));
}

#[test]
fn wrong_packages_are_told_all_at_once() {
    let wrong = r#"
packages:
  - package: dbt_utils
    version: 1.3.0
  - package: dbt-labs/dbt_utils
  - package: dbt-labs/codegen
    version: [">=0.9", "<1.0.0"]
  - git: https://example.com/a.git
    version: 1.0.0
  - local: a
    git: b
  - {}
  - tarball: https://example.com/d.tar.gz
  - local: "{{ env_var('NOT_SET') }}"
  - private: dbt-labs/secret
  - packge: a/b
projects: []
"#;
    insta::assert_snapshot!("wrong-packages", show(&read(wrong).unwrap_err()));

    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("packages.yml"), "packages: [{ local: a }]\n").unwrap();
    fs::write(dir.path().join("dependencies.yml"), "packages: [{ local: b }]\nprojects: [{ name: other }]\n").unwrap();
    insta::assert_snapshot!("wrong-dependencies", show(&packages::read(dir.path(), &environ()).unwrap_err()));
    assert_eq!(packages::read(Path::new("/nowhere"), &environ()), Ok(Vec::new()));
}

fn index(name: &str, versions: &[(&str, serde_json::Value, &str)]) -> Index {
    let versions: serde_json::Map<String, serde_json::Value> = versions
        .iter()
        .map(|(version, packages, dbt)| {
            let tarball = format!("https://hub.test/{name}/{version}");
            let dbt: Vec<&str> = dbt.split_whitespace().collect();
            let downloads = json!({ "tarball": tarball, "format": "tgz", "sha1": "x" });
            let release = json!({
                "id": name, "name": name, "version": version, "packages": packages, "downloads": downloads,
                "require_dbt_version": dbt,
            });
            (version.to_string(), release)
        })
        .collect();
    Index::parse(&json!({ "name": name, "namespace": "x", "versions": versions })).unwrap()
}

fn hub() -> Facts {
    let utils = |range: &str| json!([{ "package": "x/utils", "version": range.split(',').collect::<Vec<_>>() }]);
    let mut facts = Facts::default();
    facts.indexes.insert(
        "x/utils".into(),
        index(
            "utils",
            &[
                ("1.0.0", json!([]), ">=1.3.0 <2.0.0"),
                ("1.2.0", json!([]), ">=1.3.0 <2.0.0"),
                ("1.10.0", json!([]), ""),
                ("2.0.0", json!([]), ""),
                ("2.1.0-rc1", json!([]), ""),
                ("3.0.0", json!([]), ">=2.0.0"),
            ],
        ),
    );
    facts.indexes.insert("x/dates".into(), index("dates", &[("0.5.0", utils(">=1.0.0,<2.0.0"), "")]));
    facts
        .indexes
        .insert("x/old".into(), index("old", &[("0.1.0", utils("1.2.0"), ""), ("0.2.0", utils("<1.0.0"), "")]));
    facts
}

fn resolved(text: &str, facts: &Facts) -> String {
    match packages::resolve("mine", &read(text).unwrap(), facts) {
        Err(wrong) => show(&wrong),
        Ok(Resolution::Pinned(pinned)) => Lock { packages: pinned, sha1_hash: None }.text(),
        Ok(Resolution::Needs(needs)) => {
            let line = |need: &Need| match need {
                Need::Index { package, .. } => format!("index of {package}\n"),
                Need::Contents(spec) => format!("contents of {}\n", spec.shown()),
            };
            needs.iter().map(line).collect()
        }
    }
}

#[test]
fn the_newest_version_that_all_take_is_picked() {
    let hub = hub();
    let one = |package: &str, version: &str| format!("packages: [{{ package: {package}, version: {version} }}]\n");
    let picked = |package: &str, version: &str| resolved(&one(package, version), &hub);
    assert_eq!(picked("x/unknown", "1.0.0"), "index of x/unknown\n");
    insta::assert_snapshot!("resolve-newest", picked("x/utils", "\">=1.0.0\""));
    insta::assert_snapshot!("resolve-prerelease", picked("x/utils", "\">=2.1.0-a\""));
    insta::assert_snapshot!(
        "resolve-shared",
        resolved(
            "packages: [{ package: x/utils, version: \">=1.0.0\" }, { package: x/dates, version: 0.5.0 }, { package: x/old, version: 0.1.0 }]\n",
            &hub,
        )
    );
    let wrong: Vec<String> = [
        picked("x/utils", "9.9.9"),
        picked("x/utils", "3.0.0"),
        picked("x/utils", "[\">2.0.0\", \"<3.0.0\"]"),
        resolved("packages: [{ package: x/dates, version: 0.5.0 }, { package: x/old, version: 0.2.0 }]\n", &hub),
    ]
    .into();
    insta::assert_snapshot!("resolve-conflicts", wrong.join("\n"));
}

#[test]
fn fetched_packages_bring_their_own() {
    let mut facts = hub();
    let text = "packages: [{ local: ../near }, { git: \"https://example.com/a.git\", revision: main }]\n";
    assert_eq!(resolved(text, &facts), "contents of ../near\ncontents of https://example.com/a.git\n");
    let packages = read("packages: [{ package: x/utils, version: 1.2.0 }]").unwrap();
    facts.contents.insert("../near".into(), Contents { name: "near".into(), packages, revision: None });
    let again = read("packages: [{ git: \"https://example.com/a\" }]").unwrap();
    let contents = Contents { name: "a".into(), packages: again, revision: Some("0123abc".into()) };
    facts.contents.insert("https://example.com/a".into(), contents.clone());
    insta::assert_snapshot!("resolve-fetched", resolved(text, &facts));

    facts.contents.insert("https://example.com/a".into(), Contents { name: "near".into(), ..contents.clone() });
    let mut wrong = resolved(text, &facts);
    facts.contents.insert("https://example.com/a".into(), Contents { name: "mine".into(), ..contents });
    wrong += &resolved(text, &facts);
    let other = "packages: [{ git: \"https://example.com/a.git\", revision: a }, { git: \"https://example.com/a\", revision: b }]\n";
    wrong += &resolved(other, &facts);
    insta::assert_snapshot!("resolve-wrong-names", wrong);
}

#[test]
fn a_fetched_package_says_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(packages::contents(dir.path(), &environ()).unwrap_err().0[0].code, Code::UnreadableFile);
    fs::write(dir.path().join("dbt_project.yml"), "name: far\n").unwrap();
    fs::write(dir.path().join("packages.yml"), "packages: [{ local: x }]\n").unwrap();
    let contents = packages::contents(dir.path(), &environ()).unwrap();
    assert_eq!((contents.name.as_str(), contents.packages.len()), ("far", 1));
    assert_eq!(contents.packages[0].location.file, Location::line("packages.yml", 1).file);
}
