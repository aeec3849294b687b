//! The whole project: its own files, then every file below its folders, then those of the packages that it uses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use headwater_plan::{Code, Diagnostic, Diagnostics, Location};
use serde_json::Map;

use super::at::At;
use super::check::{Check, Checked, Jinja};
use super::dbt_project::{self, DbtFile, DbtProject};
use super::described::{self, Fixtures};
use super::discover::{self, Files, Place};
use super::file::sources::PropertiesFile;
use super::overrides::{self, Override};
use super::source::Source;
use super::sources::{self, Around};
use super::walk::Walk;
use super::{DBT_PROJECT_FILE, Folders, PROJECT_FILE, hints, project, properties, unused, yaml};
use super::{HookDecl, Loaded, Package, Project, Render, Request, Scope, SeedPath, SqlFile};
use crate::packages::{self, Installed, PackageSource};
use crate::parallel;

/// Reads and checks all files of a project. Without project files that can be used there is nothing to go on with
/// (`None`), but the other files are checked all the same.
pub fn load(request: &Request, render: &Render<'_>) -> (Option<Loaded>, Diagnostics) {
    load_walking(request, render, &Walk::Fresh)
}

/// The same, of the files that a walk finds.
pub(crate) fn load_walking(request: &Request, render: &Render<'_>, walk: &Walk<'_>) -> (Option<Loaded>, Diagnostics) {
    walk.begin();
    let (project, mut found) = project::project(request, render);
    if found.0.iter().any(|wrong| wrong.code == Code::NoProject) {
        return (None, found);
    }
    let has_dbt = request.dir.join(DBT_PROJECT_FILE).is_file();
    if request.dir.join(PROJECT_FILE).is_file() {
        discover::refuse(&request.dir, &mut found);
    }
    let dbt = project.as_ref().and_then(|project| project.dbt.as_ref());
    let folders = dbt.map(|dbt| dbt.folders.clone()).unwrap_or_default();
    let own = Reading {
        dir: &request.dir,
        package: Path::new(""),
        name: project.as_ref().map(|project| project.name.as_str()).unwrap_or_default(),
        dbt: has_dbt,
        folders: &folders,
        jinja: Jinja::LeaveOut,
        walk,
    };
    let Some(project) = &project else {
        own.package(&mut found);
        return (None, found);
    };
    let Project { name, vars, target, .. } = project;
    let scope = Scope { project: name, vars, environ: &request.environ, target };
    let expand = |text: &str, at: &Location| render(&scope, text, at);
    let mut read = Reading { jinja: Jinja::Expand(&expand), ..own }.package(&mut found);
    read.package.vars = vars.clone();
    read.package.settings = dbt.map(|dbt| dbt.settings.clone()).unwrap_or_default();
    let mut complete = read.whole;
    let mut all = vec![read.package];
    // As in dbt, those of packages run before the project's own, by the packages' names.
    let mut hooks: BTreeMap<&str, Hooks> = BTreeMap::new();
    let used = Used { request, render, project, walk };
    let installed = used.installed(&folders, &mut found);
    for installed in &installed {
        match used.load(installed, &mut found) {
            Some(other) => {
                complete &= other.whole;
                read.overrides.extend(other.overrides);
                hooks.insert(&installed.name, other.hooks);
                all.push(other.package);
            }
            None => complete = false,
        }
    }
    complete &= !found.0.iter().any(|wrong| wrong.code == Code::PackageNotInstalled);
    overrides::apply(read.overrides, &mut all[1..], &mut found);
    unused::warn(&all, &mut found);
    for package in &all {
        hints::check_references(&package.sources, &mut found);
    }
    let own_hooks = dbt.map(Hooks::of).unwrap_or_default();
    let (mut on_run_start, mut on_run_end) = (Vec::new(), Vec::new());
    for Hooks { start, end } in hooks.into_values().chain([own_hooks]) {
        on_run_start.extend(start);
        on_run_end.extend(end);
    }
    let loaded = Loaded {
        name: name.clone(),
        vars: vars.clone(),
        environment: project.environment.clone(),
        target: target.clone(),
        connections: project.connections.clone(),
        dbt: has_dbt,
        folders,
        packages: all,
        dispatch: dbt.map(|dbt| dbt.dispatch.clone()).unwrap_or_default(),
        on_run_start,
        on_run_end,
        complete,
    };
    (Some(loaded), found)
}

/// The packages that a project uses.
struct Used<'a> {
    request: &'a Request,
    render: &'a Render<'a>,
    project: &'a Project,
    walk: &'a Walk<'a>,
}

impl Used<'_> {
    /// Those that are there; one that should be and is not is told.
    fn installed(&self, folders: &Folders, found: &mut Diagnostics) -> Vec<Installed> {
        let Request { dir, environ, .. } = self.request;
        let asked = packages::read_with(dir, environ, self.render).unwrap_or_else(|wrong| {
            found.extend(wrong.0);
            Vec::new()
        });
        let local = asked.iter().filter_map(|spec| match &spec.source {
            PackageSource::Local { path } => Some(PathBuf::from(path)),
            _ => None,
        });
        self.walk.packages(dir, &folders.packages, local.collect());
        packages::installed(dir, &folders.packages, &asked, environ, found)
    }

    /// A package with everything that is below its folders.
    fn load(&self, installed: &Installed, found: &mut Diagnostics) -> Option<Read> {
        let Request { dir, environ, vars: told, .. } = self.request;
        let target = &self.project.target;
        if installed.name == self.project.name {
            let place = Location::line(installed.dir.join(DBT_PROJECT_FILE), 1);
            let message = format!("a package is called `{}`, as the project itself", installed.name);
            found.push(Diagnostic::error(Code::DuplicateName, message).at(place));
            return None;
        }
        let file = DbtFile::open(dir, &installed.dir, found)?;
        let scope = Scope { project: &installed.name, vars: told, environ, target };
        let expand = |text: &str, at: &Location| (self.render)(&scope, text, at);
        let dbt = file.read(Jinja::Expand(&expand), found)?;
        let nothing = Map::new();
        let of_project = self.project.dbt.as_ref().map_or(&nothing, |dbt| &dbt.vars);
        let layers = [&dbt.vars, of_project, &self.project.headwater_vars, told];
        let vars = dbt_project::merged_vars(&layers, &installed.name);
        let scope = Scope { project: &installed.name, vars: &vars, environ, target };
        let expand = |text: &str, at: &Location| (self.render)(&scope, text, at);
        let reading = Reading {
            dir,
            package: &installed.dir,
            name: &installed.name,
            dbt: true,
            folders: &dbt.folders,
            jinja: Jinja::Expand(&expand),
            walk: self.walk,
        };
        let read = reading.package(found);
        let hooks = Hooks::of(&dbt);
        Some(Read { package: Package { vars: vars.clone(), settings: dbt.settings, ..read.package }, hooks, ..read })
    }
}

/// What runs before and after everything else.
#[derive(Default)]
struct Hooks {
    start: Vec<HookDecl>,
    end: Vec<HookDecl>,
}

impl Hooks {
    fn of(dbt: &DbtProject) -> Self {
        Self { start: dbt.on_run_start.clone(), end: dbt.on_run_end.clone() }
    }
}

/// What the files of the project itself or of a package say.
#[derive(Default)]
struct Read {
    package: Package,
    /// What is said of other packages' tables.
    overrides: Vec<Override>,
    hooks: Hooks,
    /// Whether nothing with a name was lost.
    whole: bool,
}

impl Read {
    /// Takes up what one file more says.
    fn take(&mut self, one: Self) {
        self.whole &= one.whole;
        self.overrides.extend(one.overrides);
        let (package, one) = (&mut self.package, one.package);
        package.sources.extend(one.sources);
        package.models.extend(one.models);
        package.seeds.extend(one.seeds);
        package.snapshots.extend(one.snapshots);
        package.analyses.extend(one.analyses);
        package.singular_tests.extend(one.singular_tests);
        package.unit_tests.extend(one.unit_tests);
        package.exposures.extend(one.exposures);
        package.groups.extend(one.groups);
        package.macros.extend(one.macros);
    }
}

/// The reading of the files of the project itself or of a package.
struct Reading<'a> {
    /// The project's folder, absolute.
    dir: &'a Path,
    /// The package's folder in it; empty for the project itself.
    package: &'a Path,
    name: &'a str,
    /// Whether a `dbt_project.yml` governs: then dbt's rules hold.
    dbt: bool,
    folders: &'a Folders,
    jinja: Jinja<'a>,
    walk: &'a Walk<'a>,
}

impl Reading<'_> {
    /// All that the files say.
    fn package(&self, found: &mut Diagnostics) -> Read {
        let files = self.walk.files(self.dir, self.package, self.folders, found);
        let package = Package { name: self.name.to_owned(), dir: self.package.to_path_buf(), ..Package::default() };
        let mut all = Read { package, whole: true, ..Read::default() };
        let Self { dir, name, dbt, jinja, .. } = *self;
        let yaml = YamlFiles { dir, name, dbt, jinja, files: &files };
        for (one, told) in parallel::map(&files.properties, |place| yaml.read(place)) {
            all.take(one);
            found.extend(told);
        }
        let before = found.0.len();
        let mut read = |places: Vec<Place>| -> Vec<SqlFile> {
            let texts = parallel::map(&places, |place| Source::text(dir, &place.path));
            let mut read = Vec::with_capacity(places.len());
            for (Place { path, folders }, text) in places.into_iter().zip(texts) {
                match text {
                    Ok(text) => read.push(SqlFile { path, text, folders }),
                    Err(wrong) => found.push(wrong),
                }
            }
            read
        };
        let package = &mut all.package;
        package.model_files = read(files.models);
        package.macro_files = read(files.macros);
        package.test_files = read(files.tests);
        package.snapshot_files = read(files.snapshots);
        package.analysis_files = read(files.analyses);
        package.doc_files = read(files.docs);
        package.seed_files =
            files.seeds.into_iter().map(|Place { path, folders }| SeedPath { path, folders }).collect();
        all.whole &= found.0.len() == before;
        all
    }
}

/// The YAML files of a project or package, which do not depend on each other.
struct YamlFiles<'a> {
    /// The project's folder, absolute.
    dir: &'a Path,
    name: &'a str,
    dbt: bool,
    jinja: Jinja<'a>,
    files: &'a Files,
}

impl YamlFiles<'_> {
    fn read(&self, place: &Place) -> (Read, Diagnostics) {
        let (mut read, mut found) = (Read::default(), Diagnostics::default());
        read.whole = self.properties(place, &mut read, &mut found).unwrap_or(false);
        (read, found)
    }

    /// Takes up what a YAML file says; whether nothing with a name was lost in it.
    fn properties(&self, place: &Place, all: &mut Read, found: &mut Diagnostics) -> Option<bool> {
        let source = Source::read(self.dir, &place.path).map_err(|wrong| found.push(wrong)).ok()?;
        let root = yaml::parse(&source, found)?;
        let schema = crate::schemas::of_properties();
        let mut check = Check { lenient: self.dbt, ..Check::new(&source, schema, self.jinja, found) };
        let checked = check.check(&root, "PropertiesFile", &format!("`{}`", place.path.display()));
        let whole = !check.lost;
        let Checked::Sound(clean) = checked else { return None };
        let file: PropertiesFile = project::typed(&clean, found)?;
        let at = At::new(&source, &clean);
        let around = Around { dir: self.dir, package: self.name, dbt: self.dbt, folders: &place.folders };
        let fixtures = Fixtures { dir: self.dir, files: &self.files.fixtures };
        let sources = sources::resolve(at, file.sources, around, found);
        all.overrides.extend(sources.overrides);
        let package = &mut all.package;
        package.sources.extend(sources.tables);
        package.models.extend(properties::models(at, file.models, self.dbt, found));
        package.seeds.extend(properties::seeds(at, file.seeds, found));
        package.snapshots.extend(properties::snapshots(at, file.snapshots, self.dbt, found));
        package.analyses.extend(properties::analyses(at, file.analyses, found));
        package.singular_tests.extend(properties::singular_tests(at, "data_tests", file.data_tests));
        package.singular_tests.extend(properties::singular_tests(at, "tests", file.tests));
        package.unit_tests.extend(described::unit_tests(at, file.unit_tests, &fixtures, found));
        package.exposures.extend(described::exposures(at, file.exposures, &place.folders));
        package.groups.extend(described::groups(at, file.groups));
        package.macros.extend(described::macros(at, file.macros));
        Some(whole)
    }
}
