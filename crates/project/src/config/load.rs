//! The whole project: `headwater.yml`, then every file below its folders.

use std::path::{Path, PathBuf};

use headwater_plan::{Diagnostics, Location};
use serde_json::Value;

use super::at::At;
use super::check::{Check, Checked, Jinja};
use super::discover::{self, Files};
use super::file::sources::PropertiesFile;
use super::source::Source;
use super::{Loaded, Project, Properties, Render, Request, Scope, SourceTable, SqlFile};
use super::{hints, project, properties, sources, yaml};

/// Reads and checks all files of a project. Without a usable `headwater.yml` there is nothing to go on with (`None`),
/// but the other files are checked all the same.
pub fn load(request: &Request, render: &Render<'_>) -> (Option<Loaded>, Diagnostics) {
    let (project, mut found) = project::project(request, render);
    if found.0.iter().any(|wrong| wrong.code == headwater_plan::Code::NoProject) {
        return (None, found);
    }
    let files = discover::files(&request.dir, &mut found);
    let schema = crate::schemas::of::<PropertiesFile>();
    let mut reading = Reading { dir: &request.dir, schema: &schema, found: &mut found, declared: Declared::default() };
    match &project {
        Some(project) => {
            let Project { name, vars, target, .. } = project;
            let scope = Scope { project: name, vars, environ: &request.environ, target };
            let expand = |text: &str, at: &Location| render(&scope, text, at);
            reading.properties(&files, Jinja::Expand(&expand));
        }
        None => reading.properties(&files, Jinja::LeaveOut),
    }
    let declared = reading.declared;
    hints::check_references(&declared.sources, &mut found);
    let loaded = project.map(|project| declared.with(project, files, &request.dir, &mut found));
    (loaded, found)
}

/// What the YAML files declare.
#[derive(Default)]
struct Declared {
    sources: Vec<SourceTable>,
    models: Vec<Properties>,
    seeds: Vec<Properties>,
    lost: bool,
}

impl Declared {
    fn with(self, project: Project, files: Files, dir: &Path, found: &mut Diagnostics) -> Loaded {
        let before = found.0.len();
        let mut read = |paths: Vec<PathBuf>| -> Vec<SqlFile> {
            let text = |path: PathBuf| match Source::read(dir, &path) {
                Ok(source) => Some(SqlFile { path, text: source.text }),
                Err(wrong) => {
                    found.push(wrong);
                    None
                }
            };
            paths.into_iter().filter_map(text).collect()
        };
        let (model_files, macro_files, test_files) = (read(files.models), read(files.macros), read(files.tests));
        Loaded {
            name: project.name,
            vars: project.vars,
            environment: project.environment,
            target: project.target,
            connections: project.connections,
            sources: self.sources,
            models: self.models,
            seeds: self.seeds,
            model_files,
            macro_files,
            test_files,
            seed_files: files.seeds,
            complete: !self.lost && found.0.len() == before,
        }
    }
}

struct Reading<'a> {
    dir: &'a Path,
    schema: &'a Value,
    found: &'a mut Diagnostics,
    declared: Declared,
}

impl Reading<'_> {
    fn properties(&mut self, files: &Files, jinja: Jinja<'_>) {
        for path in &files.properties {
            if self.file(path, jinja).is_none() {
                self.declared.lost = true;
            }
        }
    }

    fn file(&mut self, path: &Path, jinja: Jinja<'_>) -> Option<()> {
        let source = Source::read(self.dir, path).map_err(|wrong| self.found.push(wrong)).ok()?;
        let root = yaml::parse(&source, self.found)?;
        let mut check = Check { source: &source, schema: self.schema, jinja, found: self.found, lost: false };
        let checked = check.check(&root, "PropertiesFile", &format!("`{}`", path.display()));
        self.declared.lost |= check.lost;
        let Checked::Sound(clean) = checked else { return None };
        let file: PropertiesFile = project::typed(&clean, self.found)?;
        let at = At::new(&source, &clean);
        self.declared.sources.extend(sources::resolve(at, file.sources, self.dir, self.found));
        self.declared.models.extend(properties::models(at, file.models, self.found));
        self.declared.seeds.extend(properties::seeds(at, file.seeds, self.found));
        Some(())
    }
}
