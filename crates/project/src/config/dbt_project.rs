//! `dbt_project.yml`, of the project or of a package, resolved.

use std::path::Path;

use headwater_plan::{Code, Diagnostic, Diagnostics, Location};
use serde_json::{Map, Value};

use super::at::At;
use super::check::{Check, Checked, Jinja};
use super::file::OneOrMany;
use super::file::dbt_project::DbtProjectFile;
use super::project::typed;
use super::settings::Branch;
use super::source::Source;
use super::yaml::{self, Data, Entry, Node};
use super::{DBT_PROJECT_FILE, Dispatch, Folders, HookDecl, Layer, SettingsKind, SettingsTree, paths, settings};
use crate::packages::{DBT_VERSION, Requirement};

/// What a `dbt_project.yml` says.
#[derive(Debug, Clone, PartialEq)]
pub struct DbtProject {
    /// The name.
    pub name: String,
    /// Its variables, as they are written.
    pub vars: Map<String, Value>,
    /// Its folders.
    pub folders: Folders,
    /// Its settings by folder.
    pub settings: SettingsTree,
    /// Where macros of a namespace are looked for.
    pub dispatch: Vec<Dispatch>,
    /// What runs before everything else.
    pub on_run_start: Vec<HookDecl>,
    /// What runs after everything else.
    pub on_run_end: Vec<HookDecl>,
    /// Where the name stands.
    pub location: Location,
}

/// The keys of settings by folder.
const TREES: [(&str, SettingsKind); 8] = [
    ("models", SettingsKind::Models),
    ("seeds", SettingsKind::Seeds),
    ("snapshots", SettingsKind::Snapshots),
    ("tests", SettingsKind::Tests),
    ("data_tests", SettingsKind::Tests),
    ("sources", SettingsKind::Sources),
    ("unit_tests", SettingsKind::UnitTests),
    ("exposures", SettingsKind::Exposures),
];

/// A file that is YAML.
pub(super) struct DbtFile {
    source: Source,
    root: Node,
}

impl DbtFile {
    /// Reads the file of the project itself (`""`) or of a package.
    pub(super) fn open(dir: &Path, package: &Path, found: &mut Diagnostics) -> Option<Self> {
        let path = package.join(DBT_PROJECT_FILE);
        let source = Source::read(dir, &path).map_err(|wrong| found.push(wrong)).ok()?;
        let root = yaml::parse(&source, found)?;
        Some(Self { source, root })
    }

    pub(super) fn at(&self) -> At<'_> {
        At::new(&self.source, &self.root)
    }

    /// The name, if it is one.
    pub(super) fn name(&self) -> Option<&str> {
        self.root.get("name").and_then(Node::text).filter(|name| paths::is_identifier(name))
    }

    pub(super) fn name_location(&self) -> Location {
        self.at().at("name").location()
    }

    /// What it says; `None` when there is nothing to go on with.
    pub(super) fn read(&self, jinja: Jinja<'_>, found: &mut Diagnostics) -> Option<DbtProject> {
        let schema = crate::schemas::of::<DbtProjectFile>();
        let mut check = Check { lenient: true, ..Check::new(&self.source, &schema, jinja, found) };
        let label = format!("`{}`", self.source.path.display());
        let checked = check.check(&self.root, "DbtProjectFile", &label);
        let Checked::Sound(clean) = checked else {
            if matches!(checked, Checked::LeftOut) || self.root.get("name").is_some_and(has_jinja) {
                let message = "`name` must be written out: it cannot be a template";
                found.push(Diagnostic::error(Code::InvalidValue, message).at(self.at().key_location("name")));
            }
            return None;
        };
        let file: DbtProjectFile = typed(&clean, found)?;
        let at = At::new(&self.source, &clean);
        found.extend(paths::check_identifier(at.at("name"), "the project", &file.name));
        self.check_version(at, &file, found);
        let is_own = self.source.path == Path::new(DBT_PROJECT_FILE);
        if let Some(other) =
            file.target_path.as_deref().filter(|path| is_own && path.trim_matches(['.', '/']) != "target")
        {
            let message =
                format!("`target-path` is not supported: what is made goes into `target`, not into `{other}`");
            let told = Diagnostic::warning(Code::Unsupported, message).at(at.at("target-path").location());
            found.push(told.help("point what reads it to `target/`, and leave the key out"));
        }
        if let (Some(_), Some(tests)) = (at.get("tests"), at.get("data_tests")) {
            let message = "`data_tests` beside `tests`, which is its older name";
            let wrong = Diagnostic::error(Code::DuplicateName, message).at(tests.location());
            found.push(wrong.help("put all settings under `data_tests`"));
        }
        let mut trees = SettingsTree::default();
        let mut tree = Tree { file: self, jinja, found };
        for (key, kind) in TREES {
            if let Some(at) = at.get(key) {
                trees.set(kind, tree.branch(at.node, kind));
            }
        }
        let package = file.name.clone();
        Some(DbtProject {
            folders: Folders::new(Some(&file)),
            name: file.name,
            vars: file.vars,
            settings: trees,
            dispatch: (file.dispatch.into_iter())
                .map(|entry| Dispatch { macro_namespace: entry.macro_namespace, search_order: entry.search_order })
                .collect(),
            on_run_start: hooks(at, &package, "on-run-start", file.on_run_start),
            on_run_end: hooks(at, &package, "on-run-end", file.on_run_end),
            location: at.at("name").location(),
        })
    }

    /// Tells of a project that was written for another dbt.
    fn check_version(&self, at: At<'_>, file: &DbtProjectFile, found: &mut Diagnostics) {
        let written = file.require_dbt_version.clone().map(OneOrMany::into_vec).unwrap_or_default();
        let at = at.at("require-dbt-version");
        match Requirement::parse_all(written.iter().map(String::as_str)) {
            Ok(requirement) if requirement.allows(&DBT_VERSION) => {}
            Ok(requirement) => {
                let message = format!("`{}` is for dbt {requirement}", file.name);
                let help = format!("projects are read as dbt {DBT_VERSION} does: use a version that is for it");
                found.push(at.error(Code::Unsupported, message).help(help));
            }
            Err(wrong) => {
                let message = format!("`{wrong}` is not a version");
                found.push(at.error(Code::InvalidValue, message).help("such as `[\">=1.8.0\", \"<2.0.0\"]`"));
            }
        }
    }
}

fn has_jinja(node: &Node) -> bool {
    node.text().is_some_and(super::check::has_jinja)
}

fn hooks(at: At<'_>, package: &str, key: &str, written: Option<OneOrMany>) -> Vec<HookDecl> {
    let places: Vec<Location> = match at.get(key).map(|at| &at.node.data) {
        Some(Data::List(_)) => at.items(key).map(At::location).collect(),
        _ => vec![at.at(key).location()],
    };
    let statements = written.map(OneOrMany::into_vec).unwrap_or_default();
    let hook = |(sql, location)| HookDecl { package: package.to_owned(), sql, location };
    statements.into_iter().zip(places).map(hook).filter(|hook| !hook.sql.trim().is_empty()).collect()
}

/// The walk of one tree of settings.
struct Tree<'a> {
    file: &'a DbtFile,
    jinja: Jinja<'a>,
    found: &'a mut Diagnostics,
}

impl Tree<'_> {
    fn branch(&mut self, node: &Node, kind: SettingsKind) -> Branch {
        let mut branch = Branch::default();
        let mut own = Vec::new();
        for entry in node.entries() {
            let setting = entry.key.strip_prefix('+').map(str::trim);
            match (setting, &entry.value.data) {
                (Some(key), _) => own.push(Entry { key: key.to_owned(), ..entry.clone() }),
                (None, Data::Map(_)) => {
                    self.warn_of_folder(entry, kind);
                    branch.below.insert(entry.key.clone(), self.branch(&entry.value, kind));
                }
                // A folder about which nothing is said.
                (None, _) if entry.value.is_null() => {}
                (None, _) => own.push(entry.clone()),
            }
        }
        if let [first, ..] = own.as_slice() {
            let location = self.file.source.location(first.span);
            let node = Node::new(first.span, Data::Map(own));
            branch.own = self.checked(&node, kind).map(|settings| Layer { settings, location });
        }
        branch
    }

    fn checked(&mut self, node: &Node, kind: SettingsKind) -> Option<Map<String, Value>> {
        let schema = crate::schemas::of_properties();
        let mut check = Check { lenient: true, ..Check::new(&self.file.source, schema, self.jinja, self.found) };
        match check.check(node, kind.definition(), "the settings") {
            Checked::Sound(clean) => Some(settings::normal(clean.to_json())),
            Checked::LeftOut | Checked::Wrong => None,
        }
    }

    /// `meta: { a: b }` without a `+` is a folder that is called `meta`, as dbt reads it.
    fn warn_of_folder(&mut self, entry: &Entry, kind: SettingsKind) {
        if settings::takes_mapping(kind, &entry.key) {
            let message = format!("`{}` is the name of a folder here, since its value is a mapping", entry.key);
            let wrong = Diagnostic::warning(Code::InvalidValue, message).at(self.file.source.location(entry.span));
            self.found.push(wrong.help(format!("if the setting is meant, write `+{}`", entry.key)));
        }
    }
}

/// The variables of several files as the templates of a package see them: a later file wins, and in each what stands below
/// the package's own name.
pub(super) fn merged_vars(files: &[&Map<String, Value>], package: &str) -> Map<String, Value> {
    let mut merged = Map::new();
    for file in files {
        merged.extend((*file).clone());
        if let Some(Value::Object(own)) = file.get(package) {
            merged.extend(own.clone());
        }
    }
    merged
}
