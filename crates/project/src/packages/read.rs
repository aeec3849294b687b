//! `packages.yml` and the `packages:` of `dependencies.yml`.

use std::path::Path;

use headwater_plan::{Code, Diagnostic, Diagnostics, Location, Secret};
use serde_json::{Map, Value};

use super::{Contents, PackageSource, Requirement, Spec, lock};
use crate::config::at::At;
use crate::config::check::{Check, Checked, Jinja};
use crate::config::file::packages::{PackageFile, PackagesFile, VersionFile};
use crate::config::source::Source;
use crate::config::yaml::{self, Node};
use crate::config::{DBT_PROJECT_FILE, Environ, Render, Scope, Target, project};

/// dbt's file of packages.
pub const PACKAGES_FILE: &str = "packages.yml";
/// dbt's file of packages and projects.
pub const DEPENDENCIES_FILE: &str = "dependencies.yml";

/// The packages that the project in a folder asks for; none if it has neither file.
///
/// # Errors
/// All that is wrong with the files.
pub fn read(dir: &Path, environ: &Environ) -> Result<Vec<Spec>, Diagnostics> {
    read_with(dir, environ, &crate::template::yaml)
}

/// What a package that was fetched to a folder says of itself.
///
/// # Errors
/// All that is wrong with its files; there must be a `dbt_project.yml`.
pub fn contents(dir: &Path, environ: &Environ) -> Result<Contents, Diagnostics> {
    let mut found = Diagnostics::default();
    let name = project::package_name(dir, Path::new(""), &mut found);
    match (name, read(dir, environ)) {
        (Some(name), Ok(packages)) if !found.has_errors() => Ok(Contents { name, packages, revision: None }),
        (_, packages) => {
            found.extend(packages.err().unwrap_or_default().0);
            if !found.has_errors() {
                found.push(Diagnostic::error(Code::MissingKey, format!("`{DBT_PROJECT_FILE}` names no project")));
            }
            Err(found)
        }
    }
}

pub(crate) fn read_with(dir: &Path, environ: &Environ, render: &Render<'_>) -> Result<Vec<Spec>, Diagnostics> {
    let mut found = Diagnostics::default();
    let mut specs = Vec::new();
    let has = |file: &str| dir.join(file).is_file();
    if has(PACKAGES_FILE) {
        specs = file(dir, PACKAGES_FILE, environ, Some(render), &mut found);
    }
    if has(DEPENDENCIES_FILE) {
        // dbt does not expand this one.
        let more = file(dir, DEPENDENCIES_FILE, environ, None, &mut found);
        if let (Some(first), false) = (more.first(), specs.is_empty()) {
            let message = format!("`{DEPENDENCIES_FILE}` has `packages:` beside a `{PACKAGES_FILE}`");
            let wrong = Diagnostic::error(Code::DuplicateName, message).at(first.location.clone());
            found.push(wrong.help("keep all packages in one of the two files"));
        }
        specs.extend(more);
    }
    if found.has_errors() { Err(found) } else { Ok(specs) }
}

fn file(dir: &Path, name: &str, environ: &Environ, render: Option<&Render<'_>>, found: &mut Diagnostics) -> Vec<Spec> {
    let Some(tree) = Tree::open(dir, name, found) else { return Vec::new() };
    tree.specs::<PackagesFile>("PackagesFile", environ, render, found).unwrap_or_default()
}

/// A file that is YAML.
pub(super) struct Tree {
    source: Source,
    root: Node,
}

/// A file with packages in it.
pub(super) trait HasPackages: serde::de::DeserializeOwned + schemars::JsonSchema {
    fn packages(self) -> Vec<PackageFile>;
}

impl HasPackages for PackagesFile {
    fn packages(self) -> Vec<PackageFile> {
        self.packages
    }
}

impl Tree {
    pub(super) fn open(dir: &Path, name: &str, found: &mut Diagnostics) -> Option<Self> {
        let source = Source::read(dir, name.as_ref()).map_err(|wrong| found.push(wrong)).ok()?;
        let root = yaml::parse(&source, found)?;
        Some(Self { source, root })
    }

    /// The text of a key.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.root.get(key).and_then(Node::text).map(str::to_owned)
    }

    pub(super) fn specs<F: HasPackages>(
        &self,
        definition: &str,
        environ: &Environ,
        render: Option<&Render<'_>>,
        found: &mut Diagnostics,
    ) -> Option<Vec<Spec>> {
        let schema = crate::schemas::of::<F>();
        let target = Target { name: "local".into(), schema: "main".into(), threads: 1 };
        let nothing = Map::new();
        let scope = Scope { project: "", vars: &nothing, environ, target: &target };
        let expand = |text: &str, at: &Location| match render {
            Some(render) => render(&scope, text, at),
            None => Ok(text.to_owned()),
        };
        let mut check = Check::new(&self.source, &schema, Jinja::Expand(&expand), found);
        let label = format!("`{}`", self.source.path.display());
        let Checked::Sound(clean) = check.check(&self.root, definition, &label) else { return None };
        let file: F = project::typed(&clean, found)?;
        let at = At::new(&self.source, &clean);
        let raw = At::new(&self.source, &self.root);
        let mut specs = Vec::new();
        for (number, (at, file)) in at.items("packages").zip(file.packages()).enumerate() {
            // Where one was left out the two lists are not in step; then there is an error, and nobody reads on.
            let written = raw.items("packages").nth(number).map(|at| at.node.to_json());
            let written = written.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
            specs.extend(spec(at, file, written, found));
        }
        Some(specs)
    }
}

fn spec(at: At<'_>, file: PackageFile, written: Map<String, Value>, found: &mut Diagnostics) -> Option<Spec> {
    let kinds: Vec<&str> =
        ["package", "git", "local", "tarball"].into_iter().filter(|key| at.get(key).is_some()).collect();
    let [kind] = kinds.as_slice() else {
        if at.node.told.is_empty() {
            let have = if kinds.is_empty() { "none".to_owned() } else { format!("`{}`", kinds.join("`, `")) };
            let message = format!("a package comes from exactly one place, not {have}");
            found.push(at.error(Code::InvalidValue, message).help("one of `package`, `git`, `local` and `tarball`"));
        }
        return None;
    };
    let before = found.0.len();
    misplaced(at, kind, found);
    let hashed = Secret::new(lock::hashed(kind, at, &written));
    let source = match *kind {
        "package" => hub(at, file.package?, file.version, file.install_prerelease.unwrap_or(false), found)?,
        "git" => PackageSource::Git {
            url: Secret::new(file.git?),
            revision: at.get("revision").map(|at| at.text().to_owned()),
            subdirectory: file.subdirectory,
            warn_unpinned: file.warn_unpinned.unwrap_or(true),
        },
        "local" => PackageSource::Local { path: file.local? },
        _ => {
            if file.name.is_none() {
                let wrong = at.error(Code::MissingKey, "a `tarball` needs the key `name`");
                found.push(wrong.help("the name in the `dbt_project.yml` of the package"));
            }
            PackageSource::Tarball { url: Secret::new(file.tarball?) }
        }
    };
    // The line of a URL may hold a token.
    let location = at.at(kind).location();
    (found.0.len() == before).then_some(Spec { source, name: file.name, written, hashed, location })
}

/// Tells of keys that the kind of package has not.
fn misplaced(at: At<'_>, kind: &str, found: &mut Diagnostics) {
    for (key, owner) in [
        ("version", "package"),
        ("install_prerelease", "package"),
        ("revision", "git"),
        ("subdirectory", "git"),
        ("warn-unpinned", "git"),
    ] {
        if owner != kind && at.get(key).is_some() {
            let message = format!("`{key}` is for `{owner}:`, and this is a `{kind}:`");
            found.push(Diagnostic::error(Code::InvalidValue, message).at(at.key_location(key)));
        }
    }
}

fn hub(
    at: At<'_>,
    package: String,
    version: Option<VersionFile>,
    prerelease: bool,
    found: &mut Diagnostics,
) -> Option<PackageSource> {
    if package.split('/').filter(|part| !part.is_empty()).count() != 2 {
        let message = format!("`{package}` is not the name of a package of dbt's hub");
        found.push(at.at("package").error(Code::InvalidValue, message).help("such as `dbt-labs/dbt_utils`"));
    }
    if version.is_none() {
        let wrong =
            at.at("package").error(Code::MissingKey, format!("the package `{package}` needs the key `version`"));
        found.push(wrong.help("such as `version: [\">=1.1.0\", \"<2.0.0\"]`"));
        return None;
    }
    // As it is written: `1.10` stays `1.10`.
    let version = at.at("version");
    let texts: Vec<&str> = match version.node.text() {
        Some(text) => vec![text],
        None => version.node.items().iter().filter_map(Node::text).collect(),
    };
    match Requirement::parse_all(texts) {
        Ok(version) => Some(PackageSource::Hub { package, version, prerelease }),
        Err(wrong) => {
            let wrong = version.error(Code::InvalidValue, format!("`{wrong}` is not a version"));
            found.push(wrong.help("such as `1.3.0`, or `[\">=1.1.0\", \"<2.0.0\"]`"));
            None
        }
    }
}
